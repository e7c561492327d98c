"""A token can be made by us only, and names what it was made for."""

from hypothesis import given
from hypothesis import strategies as st

from channels.token import named, token

KEY = b"k" * 32
NAME = "0f8fad5b-d9cb-469f-a165-70867728950e"


def test_what_we_made_names_what_it_was_made_for() -> None:
    assert named("conversation", token("conversation", NAME, KEY), KEY) == NAME


def test_a_token_for_one_kind_of_thing_is_none_for_another_nor_with_another_key() -> None:
    made = token("conversation", NAME, KEY)
    assert named("message", made, KEY) is None
    assert named("conversation", made, b"another") is None


@given(st.integers(0, 200), st.characters(codec="utf-8"))
def test_a_token_with_one_sign_changed_names_nothing(place: int, sign: str) -> None:
    made = token("conversation", NAME, KEY)
    at = place % len(made)
    changed = made[:at] + sign + made[at + 1 :]
    assert changed.strip() == made or named("conversation", changed, KEY) is None


@given(st.text(max_size=300))
def test_what_anybody_writes_names_nothing(text: str) -> None:
    assert named("conversation", text, KEY) is None
