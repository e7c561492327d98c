"""Who signed it, by the Standard Webhooks convention: three headers that any system can make with HMAC-SHA256.

`webhook-signature` holds one or more `v1,<base64>` over `<webhook-id>.<webhook-timestamp>.<body>`. The id is signed
too, so that nobody can send the same body again under another one.
"""

import base64
import binascii
import hmac
from collections.abc import Sequence
from typing import Final

from channels.channel import Inbound
from schemas.errors import Untrusted

TOLERANCE_S: Final = 300  # Standard Webhooks' own five minutes, to either side.
SIGNATURES_MAX: Final = 10
ID_CHARS_MAX: Final = 200
PREFIX: Final = "whsec_"


def secret(text: str) -> bytes:
    """The key in a secret: `whsec_` and base64, as the convention has it. Raises `ValueError`."""
    try:
        key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("a signing secret is whsec_ and base64") from None
    if not text.startswith(PREFIX) or len(key) < 24:  # noqa: PLR2004  # The convention's own least length.
        raise ValueError("a signing secret is whsec_ and base64 of at least 24 bytes")
    return key


def sign(key: bytes, name: str, timestamp: str, body: bytes) -> str:
    """The `webhook-signature` of this body."""
    digest = hmac.digest(key, f"{name}.{timestamp}.".encode() + body, "sha256")
    return f"v1,{base64.b64encode(digest).decode()}"


def trusted(keys: Sequence[bytes], inbound: Inbound) -> None:
    """Returns if one of the keys signed it just now. Raises `Untrusted`."""
    name, timestamp, signatures = (
        inbound.headers.get(f"webhook-{header}", "") for header in ("id", "timestamp", "signature")
    )
    if not name or len(name) > ID_CHARS_MAX or not (timestamp.isascii() and timestamp.isdigit() and signatures):
        raise Untrusted("there is no webhook-id, webhook-timestamp or webhook-signature")
    if len(timestamp) > len("9999999999") or abs(int(timestamp) - inbound.at.timestamp()) > TOLERANCE_S:
        raise Untrusted("the webhook-timestamp is more than five minutes from now")
    given = [text.encode(errors="replace") for text in signatures.split(" ")[:SIGNATURES_MAX]]
    known = [sign(key, name, timestamp, inbound.body).encode() for key in keys]
    if not any(hmac.compare_digest(ours, theirs) for ours in known for theirs in given):
        raise Untrusted("the webhook-signature is not right")
