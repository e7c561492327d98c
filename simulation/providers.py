"""Who carries what Draad sends: they take it, keep it for the outbox, and say later what became of it."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final

from simulation import meta, twilio
from simulation.meta import Meta
from simulation.outbox import Outbox, Sent
from simulation.people import GONE
from simulation.relay import Relay, relaying
from simulation.streets import Streets, steady
from simulation.twilio import Twilio

LOST: Final = 0.06  # How many SMS no telephone takes.
NO_TELEPHONE: Final = "30003"  # Twilio's number for that.
UNDERWAY_S: Final = (0.5, 2.5)  # From taken to delivered.

# Who hears of each message that arrived: over which channel, at which address, and what it says.
Arrived = Callable[[str, str, str], Awaitable[None]]


class Providers:
    """All of them, on ports of this machine."""

    def __init__(self, outbox: Outbox, dice: random.Random) -> None:
        self.outbox, self._dice = outbox, dice
        self.twilio, self.meta, self.relay = Twilio(), Meta(), Relay()
        self.twilio_url = ""
        self._streets: Streets | None = None
        self._arrived: Arrived | None = None
        self._loop = asyncio.get_running_loop()
        self._underway = set[asyncio.Task[None]]()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        async with AsyncExitStack() as opened:
            self.twilio.heard, self.meta.heard = self.texted, self.whatsapped
            self.twilio_url = await opened.enter_async_context(twilio.serving(self.twilio))
            opened.enter_context(self.meta.running())
            self.relay = await opened.enter_async_context(relaying(pass_on=self.mailed))
            self.relay.nobody, self.relay.turned_away = frozenset({GONE}), self.returned
            try:
                yield
            finally:
                await self.rest()

    async def rest(self) -> None:
        """Whatever they were about to say is said no more."""
        for task in self._underway:
            task.cancel()
        await asyncio.gather(*self._underway, return_exceptions=True)

    def tell(self, streets: Streets, arrived: Arrived) -> None:
        """From now on they say what became of a message, and whoever got it hears of it."""
        self._streets, self._arrived = streets, arrived

    def mailed(self, raw: bytes, sender: str, to: str) -> None:
        """A relay says no more than that it took it. This is called in a thread."""
        del sender

        def kept() -> None:
            sent = self.outbox.mail(raw, to, "aangenomen door de mailserver")
            self.follow(self.arrives(sent))

        self._loop.call_soon_threadsafe(kept)

    def returned(self, to: str) -> None:
        """The relay knows at once that nobody is there, and takes no mail for them."""
        self.outbox.put("email", to, "", "geweigerd: deze mailbox bestaat niet meer", well=False)

    def texted(self, message: Mapping[str, Any]) -> None:
        sent = self.outbox.put("sms", message["to"], message["body"], "aangenomen door Twilio (nagebootst)")
        self.follow(self.texts(sent, message["sid"]))

    def whatsapped(self, message: Mapping[str, Any]) -> None:
        """This is called in a thread."""

        def kept() -> None:
            sent = self.outbox.put("whatsapp", f"+{message['to']}", read(message), "aangenomen door Meta (nagebootst)")
            self.follow(self.chats(sent, message))

        self._loop.call_soon_threadsafe(kept)

    async def texts(self, sent: Sent, sid: str) -> None:
        """The receipts of one SMS."""
        lost = self._dice.random() < LOST
        end = ("undelivered", "niet aangekomen") if lost else ("delivered", "afgeleverd")
        for word, said in (("sent", "onderweg"), end):
            await self.pauses()
            code = NO_TELEPHONE if word == "undelivered" else ""
            for callback in self.twilio.receipts(sid, word, code=code):
                if self._streets:
                    await self._streets.twilio(callback)
            sent.said.append(said)
        sent.well = not lost
        if not lost:
            await self.arrives(sent)

    async def chats(self, sent: Sent, message: Mapping[str, Any]) -> None:
        """The receipts of one message on WhatsApp, which tells too that it was read."""
        for word, said in (("sent", "onderweg"), ("delivered", "afgeleverd"), ("read", "gelezen")):
            await self.pauses()
            now = str(int(datetime.now(UTC).timestamp()))
            token = message.get("biz_opaque_callback_data", "")
            status = meta.status(message["wamid"], word, token, message["to"], timestamp=now)
            if self._streets:
                await self._streets.meta(meta.payload(statuses=[status]))
            sent.said.append(said)
        await self.arrives(sent)

    async def arrives(self, sent: Sent) -> None:
        if self._arrived:
            await self._arrived(sent.channel, sent.to, sent.text)

    async def pauses(self) -> None:
        await asyncio.sleep(self._dice.uniform(*UNDERWAY_S))

    def follow(self, what: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(steady("receipts", what))
        self._underway.add(task)
        task.add_done_callback(self._underway.discard)


def read(message: Mapping[str, Any]) -> str:
    """What a message on WhatsApp says: its text, or the name of its template and what stands in its gaps."""
    if "text" in message:
        return str(message["text"]["body"])
    template = message["template"]
    gaps = (gap.get("text", "") for part in template.get("components", ()) for gap in part.get("parameters", ()))
    return "\n".join([f"[{template['name']}]", *gaps])
