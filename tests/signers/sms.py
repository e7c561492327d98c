"""As Twilio signs what it posts about messages."""

from collections.abc import Mapping
from typing import Any

from simulation.twilio import ACCOUNT, OURS, TOKEN, signed_body

SETTINGS: Mapping[str, Any] = {"account_sid": ACCOUNT, "auth_tokens": [TOKEN], "sender": OURS}


def sign(settings: Mapping[str, Any], url: str, body: bytes) -> Mapping[str, str]:
    """The headers that its provider would send with this body to this address."""
    del settings  # There is one Auth Token in all of these.
    return signed_body(url, body)
