"""As a form tool signs, after Standard Webhooks."""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from channels import signed

SETTINGS: Mapping[str, Any] = {"signing": "whsec_" + base64.b64encode(b"a key of these tests, made up").decode()}
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def sign(settings: Mapping[str, Any], url: str, body: bytes, at: datetime = NOW) -> Mapping[str, str]:
    """The headers that it would send with this body, at that time."""
    stamp = str(int(at.timestamp()))
    key = signed.secret(settings["signing"])
    headers = {"webhook-id": "msg_2Zq", "webhook-timestamp": stamp}
    return headers | {"webhook-signature": signed.sign(key, "msg_2Zq", stamp, body)}
