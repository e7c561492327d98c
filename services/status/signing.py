"""By what a subscriber knows that it is us: Standard Webhooks, with a secret that rests sealed."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from schemas.errors import Refused

PREFIX: Final = "whsec_"
BYTES_MIN: Final = 24
BYTES_MAX: Final = 64
WRONG: Final = f"a secret is {PREFIX} and {BYTES_MIN} to {BYTES_MAX} bytes in base64: leave it out, and we make one"


class Signer:
    """Makes secrets, seals and opens them. Who reads the log or the database reads none."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._cipher = AESSIV(hmac.digest(key, b"sealed", hashlib.sha512))

    def made(self, name: str) -> bytes:
        """A secret that nobody else can make. For the same request it is the same, so that a repeat gets it too."""
        return hmac.digest(self._key, f"secret {name}".encode(), hashlib.sha256)

    def seal(self, secret: bytes, subscription_id: str) -> str:
        """As it may rest. The same again gives the same, so that a repeat is the same fact."""
        return self._cipher.encrypt(secret, [subscription_id.encode()]).hex()

    def open(self, sealed: str, subscription_id: str) -> bytes:
        """Raises `Refused` where it was sealed with another key."""
        try:
            return self._cipher.decrypt(bytes.fromhex(sealed), [subscription_id.encode()])
        except InvalidTag:
            raise Refused("a secret was sealed with another pepper than DRAAD_PEPPER is now") from None


def read(secret: str) -> bytes:
    """The bytes of a secret as it is written. Raises `Refused`."""
    try:
        found = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise Refused(WRONG) from None
    if not secret.startswith(PREFIX) or not BYTES_MIN <= len(found) <= BYTES_MAX:
        raise Refused(WRONG)
    return found


def written(secret: bytes) -> str:
    return PREFIX + base64.b64encode(secret).decode()


def signatures(secrets: Iterable[bytes], event_id: str, moment_s: int, body: bytes) -> str:
    """One for each secret, as the header `webhook-signature` has them."""
    signed = f"{event_id}.{moment_s}.".encode() + body
    made = (base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode() for secret in secrets)
    return " ".join(f"v1,{signature}" for signature in made)
