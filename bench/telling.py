"""Telling residents: from a case's new status to a mail that a relay took, with every part of the house at work.

The relay is a process of its own that takes whatever it is handed; the log is a file, and all are on this machine.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from multiprocessing.connection import Connection
from time import perf_counter
from typing import Any, Final

from bench.figures import PAIRS, head, percentile, say
from bench.load import beside, engine_on, folder
from channels.channel import Secrets
from channels.email import Inbox, open_channel
from channels.link import Links
from draad.parts import EVERY
from engine.engine import Engine, utc_now
from infra.server import HERE
from schemas.case import CaseOpened, CaseStatusChanged
from schemas.event import Event, derived, fact
from schemas.notification import NotificationWithheld
from schemas.party import PartyAddressLinked
from services.intake.courier import Courier
from services.notify.settings import NotifySettings
from services.notify.texts import read_texts
from services.notify.writer import Letterhead, Writer

RATE: Final = 50
SECONDS: Final = 10
AT_ONCE: Final = 1_000
OLD: Final = timedelta(days=30)  # That the cases were opened, so that nobody is told of it now.
WAIT_S_MAX: Final = 120.0
TO: Final = re.compile(rb"RCPT TO:<([^@]+)@", re.IGNORECASE)


async def run() -> None:
    head(f"From a case's new status to a mail that the relay took, at {RATE}/s for {SECONDS} s, all parts at work")
    rounds = [await measure(RATE * SECONDS, RATE) for _ in range(PAIRS)]
    for name, share in (("p50", 0.5), ("p99", 0.99), ("highest", 1.0)):
        say(name, [percentile([*waits.values()], share) * 1000 for waits in rounds], "ms", digits=0)
    head(f"{AT_ONCE:,} new statuses at once, until the relay has taken the last mail")
    rates = [AT_ONCE / max((await measure(AT_ONCE, 0)).values()) for _ in range(PAIRS)]
    say("mails", rates, "mails/s")


async def measure(count: int, rate: int) -> dict[str, float]:
    """Seconds until the mail about each case was taken, each once."""
    with folder() as place, beside(take_mails) as ((port, _), took):
        async with engine_on(place / "log.db", batch_max=500) as engine:
            await engine.append(*(fact(event, key=str(nth)) for nth, event in enumerate(known(count))))
            await engine.settle(*EVERY)
            async with at_work(engine, port):
                await over(engine, count)
                asked: dict[str, float] = {}
                taking = asyncio.create_task(all_of(took, count))  # At once, or the relay would wait for us.
                began = perf_counter()
                async with asyncio.TaskGroup() as group:
                    for number in range(count):
                        if rate:
                            await asyncio.sleep(max(0.0, began + number / rate - perf_counter()))
                        asked[f"r{number}"] = perf_counter() if rate else began
                        status = CaseStatusChanged(at=utc_now(), case_id=f"k{number}", status="klaar")
                        group.create_task(engine.append(fact(status, key=f"status {number}")))
                taken = await taking
    return {name: at - asked[name] for name, at in taken.items()}


async def over(engine: Engine, count: int) -> None:
    """What is long over is looked at by the writer, and told to nobody."""
    withheld, after = 0, 0
    while withheld < count:
        mark = engine.store.mark()
        while batch := await engine.read(after, 5_000):
            withheld += sum(one.type == NotificationWithheld.type for one in batch)
            after = batch[-1].position
        await engine.store.moved(mark, 0.1)


def known(count: int) -> Iterator[Event]:
    then = utc_now() - OLD
    for number in range(count):
        said: dict[str, Any] = {"at": then, "party_id": f"p{number}"}
        name = derived(f"address {number}")
        address = f"r{number}@mail.example"
        yield PartyAddressLinked(**said, address_id=name, channel="email", address=address, certainty="certain")
        yield CaseOpened(**said, case_id=f"k{number}", kind="passport", title="Paspoort")


@asynccontextmanager
async def at_work(engine: Engine, port: int) -> AsyncIterator[None]:
    sender = "info@gemeente.example"
    inbox = Inbox(address=sender, smtp_host=HERE, smtp_port=port, smtp_security="none")
    channel = open_channel({"main": inbox}, Secrets(b"p" * 32, b"t" * 32), "")
    settings = NotifySettings(organisation="Gemeente Voorbeeld", phone="14 020")
    letterhead = Letterhead(settings, read_texts(), {}, {"main": sender}, Links(b"l" * 32, "https://draad.example"))
    courier = Courier(engine, {"email": channel}, utc_now, engine.meter.registry, {"email": ["main"]})
    running = [
        asyncio.create_task(work)
        for work in (engine.run(*EVERY), courier.run(), Writer(engine, letterhead, utc_now).run())
    ]
    try:
        yield
    finally:
        engine.stop()
        await asyncio.gather(*running)


async def all_of(took: Connection, count: int) -> dict[str, float]:
    taken: dict[str, float] = {}
    async with asyncio.timeout(WAIT_S_MAX):
        while len(taken) < count:
            while took.poll():
                name, at = took.recv()
                assert name not in taken, "each once"
                taken[name] = at
            await asyncio.sleep(0.01)
    return taken


def take_mails(told: Connection) -> None:
    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(lambda: Taking(told), HERE, 0)
        told.send((server.sockets[0].getsockname()[1], perf_counter()))
        await server.serve_forever()

    asyncio.run(serve())


class Taking(asyncio.Protocol):
    """As little of SMTP as a client needs that does all of it right."""

    def __init__(self, told: Connection) -> None:
        self._told, self._kept, self._to, self._mail = told, b"", "", False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(b"220 here\r\n")

    def data_received(self, data: bytes) -> None:
        self._kept += data
        end = b"\r\n.\r\n" if self._mail else b"\r\n"
        while end in self._kept:
            line, _, self._kept = self._kept.partition(end)
            if self._mail:
                self._told.send((self._to, perf_counter()))
                self._answer(b"250 queued", mail=False)
            elif line[:4].upper() == b"DATA":
                self._answer(b"354 go on", mail=True)
            else:
                found = TO.match(line)
                self._to = found[1].decode() if found else self._to
                self._answer(b"221 bye" if line[:4].upper() == b"QUIT" else b"250 here", mail=False)
            end = b"\r\n.\r\n" if self._mail else b"\r\n"

    def _answer(self, words: bytes, *, mail: bool) -> None:
        self._mail = mail
        self._transport.write(words + b"\r\n")
