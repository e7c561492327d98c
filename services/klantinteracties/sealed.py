"""A number of a register at rest: its keyed hash, to be found by, and itself, sealed for this deployment."""

import hashlib
import hmac
import re
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from channels.blind import blind
from schemas.errors import Refused
from services.klantinteracties.fields import Doc
from services.klantinteracties.numbers import NUMBER, SCHEMES

PREFIX: Final = "sealed:"
WRITTEN: Final = re.compile(r'"objectId":"sealed:[0-9a-f]{64}:([0-9a-f]{1,900})"')


class Sealer:
    """Seals and opens. The same number is sealed to the same text, so that a repeat is the same fact."""

    def __init__(self, pepper: bytes) -> None:
        self._pepper = pepper
        self._cipher = AESSIV(hmac.digest(pepper, b"klantinteracties sealed", hashlib.sha512))

    def seal(self, doc: Doc) -> Doc:
        """A partij-identificator as it is kept."""
        number = doc[NUMBER]
        if number["objectId"].startswith(PREFIX):
            return doc  # As it was.
        digest = blind(SCHEMES[number["codeSoortObjectId"]], number["objectId"], self._pepper)
        hidden = self._cipher.encrypt(number["objectId"].encode(), [b"objectId"]).hex()
        return doc | {NUMBER: number | {"objectId": f"{PREFIX}{digest}:{hidden}"}}

    def open(self, text: str) -> str:
        """An answer, with every number in it as it is."""
        return WRITTEN.sub(self._opened, text) if PREFIX in text else text

    def _opened(self, found: re.Match[str]) -> str:
        try:
            number = self._cipher.decrypt(bytes.fromhex(found[1]), [b"objectId"]).decode()
        except (InvalidTag, ValueError):
            return found[0]  # Somebody's own words, or sealed with another key.
        return f'"objectId":"{number}"'

    def hashes(self, number: str) -> dict[str, str]:
        """What it comes to in each register; nothing, where it can be none of its numbers."""
        found = {}
        for scheme in SCHEMES.values():
            try:
                found[scheme] = blind(scheme, number, self._pepper)
            except Refused:
                found[scheme] = ""
        return found
