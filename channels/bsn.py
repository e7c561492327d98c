"""A BSN that somebody wrote where none is asked for: made unreadable before anything is kept, or where it is shown."""

import re
from typing import Final

from schemas.event import looks_like_bsn

MASK: Final = "[nummer weggehaald]"
# Nine digits in a row, or in groups as people write them: 1234.56.782, 123 456 782.
LIKE_BSN: Final = re.compile(
    r"(?<![A-Za-z0-9+])(?:\d{9}|\d{4}[ .-]\d{2}[ .-]\d{3}|\d{3}[ .-]\d{3}[ .-]\d{3})(?![A-Za-z0-9])", re.ASCII
)
NAMES: Final = re.compile(r"bsn|burger.?service.?num|sofi.?num|social.?security|citizen.?service.?num", re.IGNORECASE)


def without_bsn(text: str, mask: str = MASK) -> str:
    """The text, with a mask for every number that passes the eleven test. One in eleven of other numbers goes too."""
    return LIKE_BSN.sub(lambda found: mask if eleven(found[0]) else found[0], text)


def flagged(text: str) -> tuple[str, ...]:
    """The flag of what somebody wrote with such a number in it. The words themselves are kept, and masked in views."""
    return ("bsn",) if without_bsn(text) != text else ()


def eleven(written: str) -> bool:
    return looks_like_bsn(re.sub(r"\D", "", written))


def asks_for_bsn(name: str) -> bool:
    """Whether a field of this name holds a BSN, whatever is in it."""
    return NAMES.search(name) is not None
