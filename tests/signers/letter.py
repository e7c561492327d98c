"""As a scanning system signs, after Standard Webhooks."""

from tests.signers.web import SETTINGS, sign

__all__ = ["SETTINGS", "sign"]
