"""An SMS is counted as carriers count it; Dutch letters decide how much fits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.gsm import Count, bare, counted, plain


@pytest.mark.parametrize("letter", "éèàäöüìòùñÇß")
def test_these_letters_are_in_the_small_alphabet(letter: str) -> None:
    assert counted(letter * 160) == Count(1, small=True)


@pytest.mark.parametrize("letter", "ëïáíóúçêâîôûĳ\N{RIGHT SINGLE QUOTATION MARK}\N{EN DASH}🌷")
def test_one_of_these_letters_more_than_halves_what_fits(letter: str) -> None:
    assert counted("a" * 69 + letter).small is False
    assert counted("a" * 80 + letter).segments == 2


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("a" * 152 + "€" + "a" * 152, 3),  # The euro would be torn apart, so that 307 places are not enough.
        ("ë" * 70, 1),
        ("ë" * 71, 2),
        ("ë" * 134, 2),
        ("ë" * 135, 3),
        ("🌷" * 35, 1),
        ("🌷" * 36, 2),
        ("ë" * 66 + "🌷" + "ë" * 66, 3),
    ],
)
def test_a_text_is_so_many_messages(text: str, segments: int) -> None:
    assert counted(text).segments == segments


def test_signs_of_a_writing_program_become_plain_and_letters_one_piece() -> None:
    written = "Beste\u00a0mevrouw,\r\n\u2018morgen\u2019 \u2013 \u201ctot dan\u201d\u2026 cafe\u0301"
    assert plain(written) == "Beste mevrouw,\n'morgen' - \"tot dan\"... café"
    assert counted(plain(written)).small


def test_a_name_keeps_its_own_letters() -> None:
    assert plain("Zoë") == "Zoë"


def test_what_is_not_in_the_alphabet_has_a_plain_letter_where_there_is_one() -> None:
    assert bare("Súdwest-Fryslân, Zoë: één 🌷, Łódź, ça") == "Sudwest-Fryslan, Zoe: één 🌷, Łodz, ca"
    assert bare("é\u2019s") == "é's"


@given(st.text())
def test_what_is_plain_stays_as_it_is(text: str) -> None:
    assert plain(plain(text)) == plain(text)


@given(st.text(max_size=700), st.text(max_size=50))
def test_more_text_is_never_fewer_messages(text: str, more: str) -> None:
    assert counted(text + more).segments >= counted(text).segments
