"""A link opens one thing (an appointment, a party's own page, a question) for whoever holds it; only we can make one.

What stands in it is the thing's id, turned by a cipher into 128 bits that tell nobody anything, and the hour in which
it was made. So whoever writes a message needs no look-up to make one, nobody can guess one, and it is short enough for
an SMS.
"""

import base64
import binascii
import hmac
import re
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import ECB

APPOINTMENT: Final = "a"
PARTY: Final = "m"  # Mijn zaken.
UNSUBSCRIBE: Final = "u"  # With a kind of message behind it: each has links of its own.
OPINION: Final = "o"  # A question what they think.
ID_BYTES: Final = 16
HOUR_BYTES: Final = 3
HOUR: Final = timedelta(hours=1)
BEGIN: Final = datetime(1970, 1, 1, tzinfo=UTC)
TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{26}")
ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Link(NamedTuple):
    """What it opens, and since when."""

    name: str
    made_at: datetime  # The hour in which it was made.


class Links:
    """Makes links, and reads them. One that is made for one kind of thing opens no other."""

    def __init__(self, key: bytes, public_url: str) -> None:
        self._key, self._public_url = key, public_url

    def to(self, kind: str, name: str, at: datetime) -> str:
        """The whole address. Empty where the world cannot reach us, and where the name is none that we gave."""
        made = self.token(kind, name, at) if self._public_url else ""
        return f"{self._public_url}/{kind}/{made}" if made else ""

    def token(self, kind: str, name: str, at: datetime) -> str:
        if not ID.fullmatch(name):
            return ""
        hour = ((at - BEGIN) // HOUR).to_bytes(HOUR_BYTES)
        block = self._cipher(kind, hour).encryptor().update(UUID(name).bytes)
        return base64.urlsafe_b64encode(block + hour).decode().rstrip("=")

    def read(self, kind: str, token: str) -> Link | None:
        """What it opens, if it is spelled as we spell them. Whether there is such a thing is seen when it is looked up.

        So a guess is worth as little as one among 2^128, and a wrong one takes as long as a right one.
        """
        if not TOKEN.fullmatch(token):
            return None
        try:
            said = base64.urlsafe_b64decode(f"{token}==")
        except binascii.Error:
            return None
        hour = said[ID_BYTES:]
        name = UUID(bytes=self._cipher(kind, hour).decryptor().update(said[:ID_BYTES]))
        made_at = BEGIN + int.from_bytes(hour) * HOUR
        return Link(str(name), made_at) if self.token(kind, str(name), made_at) == token else None

    def _cipher(self, kind: str, hour: bytes) -> Cipher[ECB]:
        """One key for each kind and hour. Exactly one block is turned by it: there is no second for a mode to chain."""
        key = hmac.digest(self._key, f"{kind}\0{hour.hex()}".encode(), "sha256")
        return Cipher(AES256(key), ECB())  # noqa: S305  # As said.
