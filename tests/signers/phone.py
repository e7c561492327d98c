"""As Twilio signs calls, and as any other exchange does."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from channels.signed import secret
from channels.signed import sign as standard
from simulation.twilio import ARRIVAL, TOKEN, signed_body

SETTINGS: Mapping[str, Any] = {
    "auth_tokens": [TOKEN],
    "targets": {"anna": {"client": "anna"}, "taxes": {"number": "+31207654321", "agent": "taxes"}},
    "connect": "anna",
}


def sign(settings: Mapping[str, Any], url: str, body: bytes, at: datetime = ARRIVAL) -> Mapping[str, str]:
    """The headers that its provider would send with this body to this address, at that time."""
    if "signing_secrets" not in settings:
        return signed_body(url, body)
    now = str(int(at.timestamp()))
    signature = standard(secret(settings["signing_secrets"][0]), "msg-1", now, body)
    return {"webhook-id": "msg-1", "webhook-timestamp": now, "webhook-signature": signature}
