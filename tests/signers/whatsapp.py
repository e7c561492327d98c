"""As Meta signs: the bytes, and nothing of the address."""

from collections.abc import Mapping
from typing import Any

from simulation import meta

SETTINGS: Mapping[str, Any] = meta.SETTINGS


def sign(settings: Mapping[str, Any], url: str, body: bytes) -> Mapping[str, str]:
    """The headers that its provider would send with this body to this address."""
    return {"x-hub-signature-256": meta.signature(body, settings["app_secret"])}
