"""A subject is a path of pseudonyms: it may stand in a key, a header and a log line."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import Refused
from schemas.event import SUBJECT_CHARS_MAX, looks_like_bsn, subject_checked

words = st.from_regex(r"[a-z][a-z-]{0,8}", fullmatch=True)
parts = st.lists(st.from_regex(r"[A-Za-z][A-Za-z._~-]{0,12}", fullmatch=True), min_size=1, max_size=4)
bsns = st.integers(0, 99_999_999).map(lambda n: f"{n:08}").filter(lambda n: eleven(n) < 10)


def eleven(digits: str) -> int:
    return sum(weight * int(digit) for weight, digit in zip(range(9, 1, -1), digits, strict=True)) % 11


def whole(digits: str) -> str:
    """These eight digits and the ninth that makes them a BSN."""
    return digits + str(eleven(digits))


@given(words, parts)
def test_a_path_is_a_subject(first: str, rest: list[str]) -> None:
    subject = "/".join([first, *rest])
    assert subject_checked(subject) == subject


@given(words, parts, st.data(), st.characters())
def test_a_path_with_any_other_character_is_none(first: str, rest: list[str], data: st.DataObject, odd: str) -> None:
    subject = "/".join([first, *rest])
    place = data.draw(st.integers(0, len(subject)))
    if not re.fullmatch(r"[A-Za-z0-9._~/-]", odd):
        with pytest.raises(Refused):
            subject_checked(subject[:place] + odd + subject[place:])


@pytest.mark.parametrize("bad", ["", "case", "case/", "/case", "case//a", "Case/a", "case/.a", "case/a\n", "1/a"])
def test_what_is_no_path_is_refused(bad: str) -> None:
    with pytest.raises(Refused):
        subject_checked(bad)


def test_a_subject_at_the_limit_is_accepted_and_one_past_it_is_not() -> None:
    longest = "case/" + "a" * (SUBJECT_CHARS_MAX - 5)
    assert subject_checked(longest)
    with pytest.raises(Refused):
        subject_checked(longest + "a")


@given(bsns.map(whole), st.sampled_from(["case/{}", "party/x-{}", "party/{}.1", "a/b/{}/c", "a/{}~{}"]))
def test_a_subject_with_a_bsn_is_refused(bsn: str, form: str) -> None:
    assert looks_like_bsn(bsn)
    for spelled in (bsn, f"{bsn[:4]}.{bsn[4:6]}.{bsn[6:]}"):
        with pytest.raises(Refused) as caught:
            subject_checked(form.format(spelled, "x"))
        assert bsn not in str(caught.value)


@given(bsns.map(whole))
def test_nine_digits_inside_a_longer_id_are_no_bsn(bsn: str) -> None:
    assert subject_checked(f"case/{bsn}0")
    assert subject_checked(f"case/a{bsn}")


@given(bsns.map(whole), st.integers(0, 8), st.integers(1, 9))
def test_one_wrong_digit_makes_it_no_bsn(bsn: str, place: int, more: int) -> None:
    other = bsn[:place] + str((int(bsn[place]) + more) % 10) + bsn[place + 1 :]
    assert not looks_like_bsn(other)
    assert subject_checked(f"case/{other}")
