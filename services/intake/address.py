"""The pseudonym of an address: the same number always meets the same subject, and the log tells nobody whose it is."""

import hashlib
import hmac
import re
from typing import Final

PSEUDONYM_CHARS: Final = 40  # Of the 64 that HMAC-SHA256 gives: 160 bits.
COUNTRY: Final = "+31"


def pseudonym(kind: str, value: str, pepper: bytes) -> str:
    """The keyed hash of an address. Without the pepper nobody can try all telephone numbers."""
    name = f"{kind}\0{normalised(kind, value)}".encode()
    return hmac.new(pepper, name, hashlib.sha256).hexdigest()[:PSEUDONYM_CHARS]


def normalised(kind: str, value: str) -> str:
    """One spelling per address, so that 06-12 34 56 78 and +31612345678 are the same telephone."""
    if kind != "phone":
        return value.strip().casefold()
    bare = re.sub(r"[^\d+]", "", value)
    international = re.sub(r"^00", "+", bare)
    return re.sub(r"^0", COUNTRY, international)
