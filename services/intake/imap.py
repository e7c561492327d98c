"""One visit to an IMAP server, in a thread of its own. It only looks: nothing there is marked, moved or deleted."""

import ssl
import threading
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import IMAPClientError, LoginError

from channels.email import Inbox
from channels.mime import HEADER_BYTES_MAX

CONNECT_S_MAX: Final = 10
READ_S_MAX: Final = 60
LISTEN_S: Final = 1.0  # Whoever stops us waits so long at most.
WINDOW: Final = 20_000  # Numbers asked for at once: an answer is one line, and a line has its limit.
NUMBERS: Final = 1 << 32  # Of a mailbox that does not say how far it has counted.

__all__ = ["LoginError", "Visit", "Waiting"]


class Waiting(NamedTuple):
    """A mail there, and when that server took it."""

    uid: int
    size_bytes: int
    at: datetime


class Visit:
    """Open from `__init__` to `close`. Raises `LoginError`, or whatever else breaks."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        secure = inbox.imap_security
        self._client = IMAPClient(
            inbox.imap_host,
            inbox.imap_port,
            ssl=secure == "tls",
            ssl_context=ssl.create_default_context() if secure == "tls" else None,
            timeout=SocketTimeout(CONNECT_S_MAX, READ_S_MAX),
        )
        try:
            self._client.normalise_times = False
            if secure == "starttls":
                self._client.starttls(ssl.create_default_context())
            self._client.login(inbox.imap_user, inbox.imap_password.get_secret_value())
            self._tells = self._client.has_capability("IDLE")
        except BaseException:
            self.close()
            raise
        self._next = NUMBERS

    def look(self) -> int:
        """The validity of its numbers, as it stands now. Read-only: looking marks nothing as seen."""
        chosen: dict[bytes, Any] = self._client.select_folder(self._inbox.imap_folder, readonly=True)
        self._next = int(chosen.get(b"UIDNEXT", NUMBERS))
        return int(chosen[b"UIDVALIDITY"])

    def after(self, uid: int) -> list[int]:
        """The next mails after this one, in order: not all of them, and none only where there are none."""
        low, width = uid + 1, WINDOW
        while low < self._next:
            high = min(low + width, self._next) - 1
            found = sorted(each for each in self._client.search(["UID", f"{low}:{high}"]) if each >= low)
            if found:
                return found
            low, width = high + 1, width * 2  # Nothing for long: numbers may lie far apart.
        return []

    def waiting(self, uids: Sequence[int]) -> list[Waiting]:
        found = self._client.fetch(uids, ["RFC822.SIZE", "INTERNALDATE"])
        return [
            Waiting(uid, int(said[b"RFC822.SIZE"]), said[b"INTERNALDATE"].astimezone(UTC))
            for uid, said in sorted(found.items())
            if b"RFC822.SIZE" in said
        ]

    def raw(self, uids: Sequence[int]) -> dict[int, bytes]:
        """The mails whole, as they came. One that is gone by now is left out."""
        found = self._client.fetch(uids, ["BODY.PEEK[]"])
        return {uid: said[b"BODY[]"] for uid, said in found.items() if said.get(b"BODY[]") is not None}

    def head(self, uid: int) -> bytes:
        """As much as we keep of a mail that is too large: who wrote, and about what."""
        said = self._client.fetch([uid], [f"BODY.PEEK[HEADER]<0.{HEADER_BYTES_MAX}>"]).get(uid, {})
        return next((data for name, data in said.items() if name.startswith(b"BODY[HEADER]")), b"")

    def listen(self, stop: threading.Event, seconds: float) -> None:
        """Wait for news, or so long; a server that cannot tell us of news is simply asked again after a while."""
        if not self._tells:
            stop.wait(min(seconds, self._inbox.poll_s))
            return
        until = time.monotonic() + seconds
        self._client.idle()
        while not stop.is_set() and (now := time.monotonic()) < until:
            said = self._client.idle_check(timeout=LISTEN_S)
            early = not said and time.monotonic() < now + LISTEN_S / 2  # The library's way to say that the line is cut.
            if early or any(b"EXISTS" in each for each in said):
                break
        self._client.idle_done()  # Which fails where the line is cut.

    def close(self) -> None:
        try:
            self._client.shutdown()
        except (IMAPClientError, OSError):  # It is gone already.
            return
