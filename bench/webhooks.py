"""Signed webhooks through a real `draad run` in a process of its own: acknowledged, which means durable.

The load comes from this process, over connections that stay open. An empty answer of raw ASGI, from the same server
with the same settings, is measured in turn with it: what it costs to be asked at all.
"""

import asyncio
import os
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from itertools import count
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, Final, NamedTuple

import psutil
import uvicorn
import uvloop
from starlette.types import Receive, Scope, Send

from bench.figures import PAIRS, head, percentile, say
from bench.load import TEXT, folder
from channels.loopback import SIGNATURE, batch, signed
from draad import serve as serving
from draad.logs import configure
from draad.pace import collect_rarely
from draad.settings import Settings
from draad.wire import Wire

CONNECTIONS: Final = 64
REQUESTS: Final = 5_000
PACED_S: Final = 4.0
START_S_MAX: Final = 60.0
SECRET: Final = "a-secret-of-this-bench"  # It opens nothing.
TOKEN: Final = "a-token-for-this-bench-and-nothing-else"  # As above.
CHANNELS: Final = 'public_url = "https://contact.example.nl"\n[loopback.bench]\nsecret = { env = "LOOPBACK_SECRET" }\n'
EMPTY: Final = "empty"
ALONE: Final = "alone"
WHOLE: Final = ("-m", "draad", "run", "--port", "0")
ROAD: Final = ("-m", "bench.webhooks", ALONE)  # The same, but for the parts that read the log.


class Served(NamedTuple):
    port: int
    process: psutil.Process


class Load(NamedTuple):
    rate: float
    cpu_us: float
    waits: Sequence[float]


class Line(asyncio.Protocol):
    """One connection: a request, its answer, and the next."""

    def __init__(self) -> None:
        self._answered: asyncio.Future[bytes] | None = None
        self._read = b""
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._read += data
        head, found, body = self._read.partition(b"\r\n\r\n")
        if not found:
            return
        length = re.search(rb"content-length: (\d+)", head)
        if self._answered and (not length or len(body) >= int(length[1])):
            self._read = b""
            self._answered.set_result(head[:15])

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answered and not self._answered.done():
            self._answered.set_exception(exc or ConnectionResetError())

    async def ask(self, request: bytes) -> None:
        self._answered = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        status = await self._answered
        assert status.startswith(b"HTTP/1.1 200"), status

    def close(self) -> None:
        self._transport.close()


@asynccontextmanager
async def lines(port: int) -> AsyncIterator[list[Line]]:
    loop = asyncio.get_running_loop()
    made = [await loop.create_connection(Line, "127.0.0.1", port) for _ in range(CONNECTIONS)]
    try:
        yield [line for _, line in made]
    finally:
        for _, line in made:
            line.close()


def requests(numbers: Iterator[int], amount: int) -> list[bytes]:
    """Each is a contact that nobody has seen, from one of many addresses."""
    made = []
    for number in (next(numbers) for _ in range(amount)):
        body = batch(messages=[{"id": f"m{number}", "sender": f"resident-{number % 5_000}", "text": TEXT}])
        head = (
            f"POST /webhooks/loopback/bench HTTP/1.1\r\nhost: contact.example.nl\r\nuser-agent: bench\r\n"
            f"accept: */*\r\ncontent-type: application/json\r\n{SIGNATURE}: {signed(body, SECRET.encode())}\r\n"
            f"content-length: {len(body)}\r\n\r\n"
        )
        made.append(head.encode() + body)
    return made


async def full(served: Served, numbers: Iterator[int]) -> Load:
    """As fast as the connections go."""
    waiting = requests(numbers, REQUESTS)
    async with lines(served.port) as here:
        jobs, before, began = iter(waiting), sum(served.process.cpu_times()[:2]), perf_counter()
        waits: list[float] = []

        async def work(line: Line) -> None:
            for request in jobs:  # Whoever is free takes the next one.
                asked = perf_counter()
                await line.ask(request)
                waits.append((perf_counter() - asked) * 1000)

        await asyncio.gather(*(work(line) for line in here))
        took = perf_counter() - began
    return Load(REQUESTS / took, (sum(served.process.cpu_times()[:2]) - before) / REQUESTS * 1e6, waits)


async def paced(served: Served, numbers: Iterator[int], rate: float) -> list[float]:
    """At a steady rate, whoever is slow: each wait counts from when the request was due."""
    waiting = requests(numbers, int(rate * PACED_S))
    waits: list[float] = []
    async with lines(served.port) as here:
        began = perf_counter() + 0.1

        async def work(nth: int, line: Line) -> None:
            for place in range(nth, len(waiting), CONNECTIONS):
                due = began + place / rate
                await asyncio.sleep(due - perf_counter())
                await line.ask(waiting[place])
                waits.append((perf_counter() - due) * 1000)

        await asyncio.gather(*(work(nth, line) for nth, line in enumerate(here)))
    return waits


@contextmanager
def draad(place: Path, *words: str, **log: str) -> Iterator[Served]:
    """A real one, on a log of its own where no other is named."""
    place.mkdir()
    (place / "channels.toml").write_text(CHANNELS)
    clean = {name: value for name, value in os.environ.items() if not name.startswith("DRAAD_")}
    settings = {
        "DRAAD_LOG": f"sqlite:///{place}/log.db",
        "DRAAD_CHANNELS": str(place / "channels.toml"),
        "DRAAD_TOKEN": TOKEN,
        "LOOPBACK_SECRET": SECRET,
    }
    with started(
        [sys.executable, *words], clean | settings | log, r"(?:runs|tells how it is) at http://\S+:(\d+)/"
    ) as served:
        yield served


@contextmanager
def empty() -> Iterator[Served]:
    with started([sys.executable, "-m", "bench.webhooks", EMPTY], dict(os.environ), r"empty at (\d+)") as served:
        yield served


@contextmanager
def started(command: Sequence[str], environ: dict[str, str], pattern: str) -> Iterator[Served]:
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        assert process.stdout
        try:
            port = next(found[1] for line in process.stdout if (found := re.search(pattern, line)))
            yield Served(int(port), psutil.Process(process.pid))
        finally:
            process.kill()


async def nothing(_: Scope, receive: Receive, send: Send) -> None:
    """The least that can be answered."""
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"taken"})


def serve_nothing() -> None:
    door = socket.create_server(("127.0.0.1", 0))
    print(f"empty at {door.getsockname()[1]}", flush=True)
    config = uvicorn.Config(nothing, http=Wire, lifespan="off", access_log=False, log_config=None, ws="none")
    uvloop.run(uvicorn.Server(config).serve(sockets=[door]))


def serve_alone() -> None:
    """`draad run`, with nobody who reads the log: what the road itself costs."""
    vars(serving).update(parts_of=lambda _: (), couriers=lambda *_: ())
    configure("info")
    collect_rarely()
    settings = Settings.from_env({**os.environ, "DRAAD_PORT": "0"})
    uvloop.run(serving.serve(settings, lambda line: print(line, flush=True)))


async def run() -> None:
    size = len(requests(count(), 1)[0])
    numbers = count()
    with folder() as place, empty() as least:
        for nth, (what, words) in enumerate({"the road alone": ROAD, "with every part at work": WHOLE}.items()):
            head(f"Signed webhooks of {size} bytes, {CONNECTIONS} connections, {REQUESTS:,} each time: {what}")
            with draad(place / str(nth), *words) as served:
                await measured(served, least, numbers)


async def measured(served: Served, least: Served, numbers: Iterator[int]) -> None:
    ours, bare = list[Load](), list[Load]()
    for _ in range(PAIRS):
        ours.append(await full(served, numbers))
        bare.append(await full(least, numbers))
    ratios = [mine.rate / its.rate for mine, its in zip(ours, bare, strict=True)]
    say("ratio to an empty answer", ratios, "times", 2)
    say("acknowledged", [load.rate for load in ours], "webhooks/s")
    say("CPU of the server meanwhile", [load.cpu_us for load in ours], "µs/webhook")
    say("p99 at full load", [percentile(load.waits, 0.99) for load in ours], "ms", 1)
    say("empty answer", [load.rate for load in bare], "requests/s")
    say("CPU of the empty answer", [load.cpu_us for load in bare], "µs/request")
    half = median(load.rate for load in ours) / 2
    found = [await paced(served, numbers, half) for _ in range(PAIRS)]
    say(f"p50 at half load ({half:,.0f}/s)", [percentile(waits, 0.5) for waits in found], "ms", 2)
    say(f"p99 at half load ({half:,.0f}/s)", [percentile(waits, 0.99) for waits in found], "ms", 2)


if __name__ == "__main__":
    {EMPTY: serve_nothing, ALONE: serve_alone}[sys.argv[1]]()
