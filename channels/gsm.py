"""How an SMS is counted: in the small GSM alphabet, or two bytes a sign as soon as one letter is not in it.

`é`, `è` and `ö` are in it; `ë`, `ï`, `á` and emoji are not, so that one Zoë more than halves what fits in.
"""

import unicodedata
from typing import Final, NamedTuple

BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED: Final = frozenset("^{}\\[~]|€\f")  # These take two places, and stay together.
# Signs that a writing program puts in, for which the alphabet has a plain one.
PLAIN: Final = str.maketrans(
    {
        "\N{LEFT SINGLE QUOTATION MARK}": "'",
        "\N{RIGHT SINGLE QUOTATION MARK}": "'",
        "\N{LEFT DOUBLE QUOTATION MARK}": '"',
        "\N{RIGHT DOUBLE QUOTATION MARK}": '"',
        "\N{EN DASH}": "-",
        "\N{EM DASH}": "-",
        "\N{HORIZONTAL ELLIPSIS}": "...",
        "\N{NO-BREAK SPACE}": " ",
    }
)
SIZES: Final = {True: (160, 153), False: (70, 67)}  # Of one that stands alone, and of each part of several.


class Count(NamedTuple):
    """How many messages a text becomes at the carrier, and whether it fits the small alphabet."""

    segments: int
    small: bool


def plain(text: str) -> str:
    """The same text for a telephone: letters in one piece, one sign per line end, plain quotes and dashes."""
    return unicodedata.normalize("NFC", text).replace("\r\n", "\n").translate(PLAIN)


def bare(text: str) -> str:
    """With the plain letter for each that is not in the alphabet: Sudwest-Fryslan. What has none stays as it is."""
    return "".join(sign if sign in BASIC or sign in EXTENDED else unaccented(sign) for sign in plain(text))


def unaccented(sign: str) -> str:
    letter = unicodedata.normalize("NFD", sign)[0]
    return letter if letter in BASIC else sign


def counted(text: str) -> Count:
    """Count the segments of a text as it stands."""
    small = all(sign in BASIC or sign in EXTENDED for sign in text)
    alone, part = SIZES[small]
    widths = [width(sign, small=small) for sign in text]
    if sum(widths) <= alone:
        return Count(1, small)
    segments, room = 1, part
    for wide in widths:
        if wide > room:  # Two places that belong together are never torn apart.
            segments, room = segments + 1, part
        room -= wide
    return Count(segments, small)


def width(sign: str, *, small: bool) -> int:
    if small:
        return 2 if sign in EXTENDED else 1
    return 2 if ord(sign) > 0xFFFF else 1  # noqa: PLR2004  # UTF-16 needs two units from there on.
