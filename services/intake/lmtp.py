"""Mail is handed to us: LMTP (RFC 2033). 250 means that it is durable, for each recipient by itself."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import structlog
from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import Envelope as Handed
from aiosmtpd.smtp import Session

from channels.channel import Inbound
from channels.email import Inbox
from channels.mime import RAW_BYTES_MAX
from engine.engine import Engine
from engine.work import reason
from schemas.errors import Unavailable
from services.intake.post import Post

SESSIONS_MAX: Final = 8  # Each may hold a mail in memory.
RECIPIENTS_MAX: Final = 50
LINE_BYTES_MAX: Final = 2**20  # What some clients write in one line is longer than they should.
SILENCE_S_MAX: Final = 120.0

TAKEN: Final = "250 2.0.0 Durable"
LATER: Final = "451 4.3.0 Not now: try again later"
BUSY: Final = "451 4.3.2 Too busy: try again later"
MANY: Final = "452 4.5.3 Too many recipients: send the rest by itself"
NOBODY: Final = "550 5.1.1 There is no such mailbox here"
NO_ADDRESS: Final = "553 5.1.7 That is no address"
OUR_SIZE: Final = f"552 5.3.4 This mail is larger than the {RAW_BYTES_MAX // 2**20} MB that we take: send files apart"

log = structlog.get_logger("lmtp")


class Inlet(LMTP):
    """After the last line each recipient has an answer of its own, also when the library has one for all."""

    line_length_limit = LINE_BYTES_MAX

    _each = 0  # Recipients that wait for an answer.

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802  # The library's name.
        await super().smtp_DATA(arg)
        self._each = 0

    async def push(self, status: Any) -> None:  # noqa: ANN401  # As the library has it.
        said = str(status)
        if self._each:
            times, self._each = self._each, 0
            said = OUR_SIZE if said.startswith("552") else said
            if "\r\n" not in said:
                said = "\r\n".join([said] * times)
        elif said.startswith("354") and self.envelope is not None:
            self._each = len(self.envelope.rcpt_tos)
        elif said.startswith("552"):
            said = OUR_SIZE
        await super().push(said)


class Taker:
    """Answers what the other end says. `inboxes` are all that are served at this door, by name."""

    def __init__(self, inboxes: Mapping[str, Inbox], post: Post, engine: Engine, clock: Callable[[], datetime]) -> None:
        self._names = {inbox.address.casefold(): name for name, inbox in inboxes.items()}
        self._post, self._engine, self._clock = post, engine, clock
        self._taking = set[int]()

    async def handle_MAIL(  # noqa: N802  # The library's name.
        self, server: LMTP, session: Session, envelope: Handed, address: str, options: list[str]
    ) -> str:
        del session
        if id(server) not in self._taking and len(self._taking) >= SESSIONS_MAX:
            return BUSY
        if "\r" in address or "\n" in address:
            return NO_ADDRESS
        self._taking.add(id(server))
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(  # noqa: N802  # As above.
        self, server: LMTP, session: Session, envelope: Handed, address: str, options: list[str]
    ) -> str:
        del server, session
        if self._inbox(address) is None:
            return NOBODY
        if len(envelope.rcpt_tos) >= RECIPIENTS_MAX:
            return MANY
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: LMTP, session: Session, envelope: Handed) -> str:  # noqa: N802
        del session
        raw = envelope.content
        assert isinstance(raw, bytes), "the library does not decode what we take"
        answers = [await self._took(raw, envelope.mail_from or "", to) for to in envelope.rcpt_tos]
        self._taking.discard(id(server))
        return "\r\n".join(answers)

    async def handle_exception(self, error: Exception) -> str:
        log.error("lmtp.failed", error=reason(error))
        return LATER

    def gone(self, server: LMTP) -> None:
        self._taking.discard(id(server))

    async def _took(self, raw: bytes, sender: str, recipient: str) -> str:
        name = self._inbox(recipient)
        assert name is not None, "asked at RCPT"
        sender = sender.strip("<>")  # The library leaves the empty one as <>.
        body = f"Return-Path: <{sender}>\r\nDelivered-To: {recipient}\r\n".encode() + raw
        try:
            await self._engine.append(*await self._post.facts(Inbound(name, "", {}, body, self._clock())))
        except Unavailable:
            return LATER
        return TAKEN

    def _inbox(self, address: str) -> str | None:
        """Whose it is: with or without a token behind a plus."""
        local, _, domain = address.casefold().rpartition("@")
        return self._names.get(f"{local.partition('+')[0]}@{domain}")


async def listen(host: str, port: int, taker: Taker) -> asyncio.Server:
    """Open the door. Whoever opens it closes it."""
    logging.getLogger("mail.log").setLevel(logging.CRITICAL)  # The library logs addresses and lines of mail.
    loop = asyncio.get_running_loop()

    def door() -> Inlet:
        return Kept(taker, loop)

    return await loop.create_server(door, host, port)


class Kept(Inlet):
    """An inlet of which the taker hears when it is gone."""

    def __init__(self, taker: Taker, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(taker, data_size_limit=RAW_BYTES_MAX, hostname="draad", timeout=SILENCE_S_MAX, loop=loop)
        self._taker = taker

    def connection_lost(self, error: Exception | None) -> None:
        self._taker.gone(self)
        super().connection_lost(error)


def doors(inboxes: Mapping[str, Inbox]) -> Mapping[tuple[str, int], Sequence[str]]:
    """Which inboxes are served where."""
    found: dict[tuple[str, int], list[str]] = {}
    for name, inbox in inboxes.items():
        if inbox.lmtp_listen:
            host, _, port = inbox.lmtp_listen.rpartition(":")
            found.setdefault((host, int(port)), []).append(name)
    return found
