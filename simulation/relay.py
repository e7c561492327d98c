"""A relay that takes our mail and may fail at any step, as relays do."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from ssl import SSLContext
from typing import Any, Final

from aiosmtpd.smtp import SMTP, Envelope, Session

HERE: Final = "127.0.0.1"


@dataclass
class Relay:
    """`fault` is the step at which it fails, `once` or always, and `answer` what it says; without one it hangs up."""

    fault: str = ""
    answer: str = ""
    pass_on: Callable[[bytes, str, str], None] | None = None
    port: int = 0
    once: bool = False
    nobody: frozenset[str] = frozenset()  # Mailboxes that are no more.
    turned_away: Callable[[str], None] | None = None  # Is told for which of them something came.
    connections: int = 0
    taken: list[bytes] = field(default_factory=list)
    envelopes: list[tuple[str, list[str]]] = field(default_factory=list)

    async def handle_EHLO(  # noqa: N802  # The library's names.
        self, server: Any, session: Session, envelope: Envelope, hostname: str, said: Any
    ) -> Any:
        session.host_name = hostname
        self.connections += 1
        return [self._at("ehlo", server) or "250 HELP"] if self.fault == "ehlo" else said

    async def handle_MAIL(  # noqa: N802
        self, server: Any, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        return self._at("mail", server) or "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: Any, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.nobody:
            if self.turned_away:
                self.turned_away(address)
            return "550 5.1.1 There is no such mailbox"
        envelope.rcpt_tos.append(address)
        return self._at("rcpt", server) or "250 OK"

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        self.taken.append(envelope.content)
        self.envelopes.append((envelope.mail_from or "", list(envelope.rcpt_tos)))
        if self.fault != "data" and self.pass_on:
            for to in envelope.rcpt_tos:
                await asyncio.to_thread(self.pass_on, envelope.content, envelope.mail_from or "", to)
        return self._at("data", server) or "250 2.0.0 queued"

    def _at(self, step: str, server: Any) -> str:
        if self.fault != step:
            return ""
        if self.once:
            self.fault = ""
        if not self.answer:
            server.transport.abort()
        return self.answer or "421 gone"


@asynccontextmanager
async def relaying(
    fault: str = "",
    answer: str = "",
    pass_on: Callable[[bytes, str, str], None] | None = None,
    tls: SSLContext | None = None,
    *,
    at_once: bool = False,
) -> AsyncIterator[Relay]:
    """With `tls`, only after STARTTLS; or `at_once`, from the first byte."""
    relay, loop = Relay(fault, answer, pass_on), asyncio.get_running_loop()
    begun = None if at_once else tls
    make = partial(SMTP, relay, hostname="relay", loop=loop, tls_context=begun, require_starttls=begun is not None)
    server = await loop.create_server(make, HERE, 0, ssl=tls if at_once else None)
    relay.port = server.sockets[0].getsockname()[1]
    try:
        yield relay
    finally:
        server.close()
