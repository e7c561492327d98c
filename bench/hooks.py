"""Telling other programs: from a case's new status to a subscriber's webhook, with every part of the house at work.

The subscriber is a process of its own that takes whatever it is handed; the log is a file, and all are on this machine.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from ipaddress import ip_network
from multiprocessing.connection import Connection
from time import perf_counter
from typing import Final

from bench.figures import PAIRS, head, percentile, say
from bench.load import beside, engine_on, folder
from draad.parts import PARTS
from engine.engine import Engine, utc_now
from infra.server import HERE
from schemas.case import CaseStatusChanged
from schemas.event import fact
from schemas.subscription import SubscriptionMade
from services.status.hooks import Hooks
from services.status.outside import Outside
from services.status.signing import Signer

RATE: Final = 200
SECONDS: Final = 10
AT_ONCE: Final = 500
WAIT_S_MAX: Final = 120.0
BEGIN_S: Final = 2.0  # Within which everybody has seen who listens.
ID: Final = "s1"
SOURCE: Final = "urn:nld:oin:00000000000000000000:systeem:draad"
ANSWER: Final = b"HTTP/1.1 204 No Content\r\n\r\n"


async def run() -> None:
    head(f"From a case's new status to a subscriber's webhook, at {RATE}/s for {SECONDS} s, all parts at work")
    rounds = [await measure(RATE * SECONDS, RATE) for _ in range(PAIRS)]
    for name, share in (("p50", 0.5), ("p99", 0.99), ("highest", 1.0)):
        say(name, [percentile([*waits.values()], share) * 1000 for waits in rounds], "ms", digits=0)
    head(f"{AT_ONCE:,} new statuses at once, until the subscriber has the last")
    rates = [AT_ONCE / max((await measure(AT_ONCE, 0)).values()) for _ in range(PAIRS)]
    say("webhooks", rates, "webhooks/s")


async def measure(count: int, rate: int) -> dict[str, float]:
    """Seconds until each status was told, each once."""
    with folder() as place, beside(take_hooks) as (port, there):
        async with engine_on(place / "log.db", batch_max=500) as engine, at_work(engine, port):
            asked: dict[str, float] = {}
            began = perf_counter()
            async with asyncio.TaskGroup() as group:
                for number in range(count):
                    if rate:
                        await asyncio.sleep(max(0.0, began + number / rate - perf_counter()))
                    asked[f"case/k{number}"] = perf_counter() if rate else began
                    status = CaseStatusChanged(at=utc_now(), case_id=f"k{number}", status="klaar")
                    group.create_task(engine.append(fact(status, key=f"status {number}")))
            taken = await all_of(there, count)
    assert len(taken) == len(asked), "each once"
    return {name: at - asked[name] for name, at in taken}


@asynccontextmanager
async def at_work(engine: Engine, port: int) -> AsyncIterator[None]:
    signer = Signer(b"k" * 32)
    made = SubscriptionMade(
        at=utc_now(),
        subscription_id=ID,
        name="bench",
        url=f"http://{HERE}:{port}/hook",
        types=("case.",),
        sealed=signer.seal(b"s" * 32, ID),
    )
    await engine.append(fact(made, key="made"))
    hooks = Hooks(engine, signer, Outside((ip_network("127.0.0.0/8"),)), SOURCE, utc_now, engine.meter.registry)
    running = [asyncio.create_task(work) for work in (engine.run(*PARTS), hooks.run())]
    try:
        await asyncio.sleep(BEGIN_S)
        yield
    finally:
        engine.stop()
        await asyncio.gather(*running)


async def all_of(there: Connection, count: int) -> Sequence[tuple[str, float]]:
    """It is asked seldom: each answer takes a turn of the loop that is measured."""
    taken: Sequence[tuple[str, float]] = []
    async with asyncio.timeout(WAIT_S_MAX):
        while len(taken) < count:
            await asyncio.sleep(0.2)
            there.send(None)
            taken = await asyncio.to_thread(there.recv)
    return taken


def take_hooks(told: Connection) -> None:
    async def serve() -> None:
        loop, took = asyncio.get_running_loop(), list[tuple[str, float]]()
        server = await loop.create_server(lambda: Taking(took), HERE, 0)
        told.send(server.sockets[0].getsockname()[1])

        def answer() -> None:
            told.recv()
            told.send(took)

        loop.add_reader(told.fileno(), answer)
        await server.serve_forever()

    asyncio.run(serve())


class Taking(asyncio.Protocol):
    """As little of HTTP as a client needs that does all of it right."""

    def __init__(self, took: list[tuple[str, float]]) -> None:
        self._took, self._kept = took, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._kept += data
        top, found, rest = self._kept.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(top.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(rest) < length:
            return
        body, self._kept = rest[:length], rest[length:]
        about = body.partition(b'"subject":"')[2].partition(b'"')[0].decode()
        self._took.append((about, perf_counter()))
        self._transport.write(ANSWER)
