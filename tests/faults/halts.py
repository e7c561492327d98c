"""A relay and a Twilio that hold whoever sends to them, each at another step, until the one who sends is dead."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any, Final

from aiosmtpd.smtp import SMTP, Envelope, Session

from simulation.relay import HERE, Relay
from simulation.twilio import Twilio

QUEUED: Final = "250 2.0.0 queued"


class Halt:
    """Who comes next is held at the next of these steps. Who is held at `answered` is answered in the end."""

    def __init__(self, steps: Iterable[str] = ()) -> None:
        self.steps = deque(steps)
        self.held: list[str] = []
        self.answer = asyncio.Event()  # May be given now.
        self.answered = asyncio.Event()  # And has left.
        self.dead = asyncio.Event()

    def next(self) -> str:
        return self.steps.popleft() if self.steps else ""

    async def at(self, step: str, fate: str) -> None:
        if step == fate:
            self.held.append(step)
            await (self.answer if step == "answered" else self.dead).wait()


class HoldingRelay(Relay):
    """Each connection has a fate of its own."""

    def __init__(self, halt: Halt) -> None:
        super().__init__()
        self.halt = halt
        self.fates: dict[Session, str] = {}
        self.moves = 0  # Connections, and mails that were begun.

    async def handle_EHLO(  # noqa: N802  # The library's names.
        self, server: Any, session: Session, envelope: Envelope, hostname: str, said: Any
    ) -> Any:
        self.fates[session] = self.halt.next()
        self.moves += 1
        await self.halt.at("connected", self.fates[session])
        return await super().handle_EHLO(server, session, envelope, hostname, said)

    async def handle_MAIL(  # noqa: N802
        self, server: Any, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self.moves += 1
        await self.halt.at("sender", self.fates[session])
        return await super().handle_MAIL(server, session, envelope, address, options)

    async def handle_RCPT(  # noqa: N802
        self, server: Any, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        await self.halt.at("recipient", self.fates[session])
        return await super().handle_RCPT(server, session, envelope, address, options)

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:  # noqa: N802
        said = await super().handle_DATA(server, session, envelope)
        await self.halt.at("taken", self.fates[session])
        await self.halt.at("answered", self.fates[session])
        return said

    def recipients(self) -> list[str]:
        """Of each mail that was taken whole."""
        return [to for _, recipients in self.envelopes for to in recipients]


class Steps(SMTP):
    """Holds also before it asks for the mail, and tells when its answer has left."""

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        relay = self.event_handler
        await relay.halt.at("asked", relay.fates[self.session])
        await super().smtp_DATA(arg)

    async def push(self, status: Any) -> None:
        await super().push(status)
        relay = self.event_handler
        if status == QUEUED and relay.fates[self.session] == "answered":
            relay.halt.answered.set()


@asynccontextmanager
async def holding(halt: Halt) -> AsyncIterator[HoldingRelay]:
    relay, loop = HoldingRelay(halt), asyncio.get_running_loop()
    server = await loop.create_server(lambda: Steps(relay, hostname="relay", loop=loop), HERE, 0)
    relay.port = server.sockets[0].getsockname()[1]
    try:
        yield relay
    finally:
        server.close()


class HoldingTwilio(Twilio):
    """Each message that it is given has a fate of its own, and so has each look at its list."""

    def __init__(self, halt: Halt, looks: Halt) -> None:
        super().__init__()
        self.halt, self.looks = halt, looks

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        halt = self.halt if scope["method"] == "POST" else self.looks
        fate = halt.next()
        await halt.at("connected", fate)
        heard = [await receive()]
        while heard[-1].get("more_body"):
            heard.append(await receive())
        await halt.at("read", fate)
        if halt.dead.is_set() and fate in {"connected", "read"}:
            return  # Whoever asked is no more.
        rest = iter(heard)

        async def again() -> Any:
            return next(rest, None) or await receive()

        async def told(message: Any) -> None:
            if message["type"] == "http.response.start":
                await halt.at("taken", fate)
                await halt.at("answered", fate)
            await send(message)
            if fate == "answered" and message["type"] == "http.response.body":
                halt.answered.set()

        await super().__call__(scope, again, told)

    def numbers(self) -> list[str]:
        """Of each message that it took."""
        return [message["to"] for message in self.messages]
