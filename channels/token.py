"""A token names one thing (a conversation, a message) to the world, and only we can make one.

It travels out in an address, a header or a link, and comes back with whatever belongs to it, so that nothing has to be
looked up and nothing can be guessed: 128 bits of a keyed hash stand beside the name.
"""

import base64
import hmac
import re
from typing import Final

SIGNATURE_CHARS: Final = 26  # Base32 of 130 bits.
TOKEN: Final = re.compile(r"([A-Za-z0-9][A-Za-z0-9._~-]{0,119})\.([a-z2-7]{26})")


def token(kind: str, name: str, key: bytes) -> str:
    """`name.signature`: letters, digits and dots, so that it may stand in an address, a link or a header."""
    return f"{name}.{signature(kind, name, key)}"


def named(kind: str, text: str, key: bytes) -> str | None:
    """What the token names, if we made it for this kind of thing."""
    found = TOKEN.fullmatch(text.strip())
    if found is None or not hmac.compare_digest(signature(kind, found[1], key), found[2]):
        return None
    return found[1]


def signature(kind: str, name: str, key: bytes) -> str:
    digest = hmac.digest(key, f"{kind}\0{name}".encode(), "sha256")
    return base64.b32encode(digest).decode().lower()[:SIGNATURE_CHARS]
