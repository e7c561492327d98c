"""As the loopback signs."""

from collections.abc import Mapping
from typing import Any

from channels.loopback import SIGNATURE, signed

SETTINGS: Mapping[str, Any] = {"secret": "a-secret-of-these-tests"}


def sign(settings: Mapping[str, Any], url: str, body: bytes) -> Mapping[str, str]:
    """The headers that its provider would send with this body to this address."""
    return {SIGNATURE: signed(body, settings["secret"].encode())}
