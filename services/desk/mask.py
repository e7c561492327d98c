"""What looks like a BSN is not shown."""

from typing import Final

from channels.bsn import without_bsn

MASK: Final = "[nummer afgeschermd]"


def masked(text: str) -> str:
    """The text, with what may be a BSN made unreadable."""
    return without_bsn(text, MASK)
