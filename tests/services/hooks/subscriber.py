"""A subscriber: a real server that answers as it is told to, badly too, and writes down what it heard."""

import asyncio
import json
import ssl
import struct
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from infra.server import HERE
from services.status.outside import Outside
from services.status.signing import read, signatures
from services.status.webhook import Way

OK: Final = "204 No Content"
RESET, SILENCE, DRIP, HUGE, NONSENSE, DRIP_HEAD = "reset", "silence", "drip", "huge", "nonsense", "drip-head"
LINGER_OFF: Final = struct.pack("ii", 1, 0)  # Closing says RST.


class Heard(NamedTuple):
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        return dict(json.loads(self.body))

    @property
    def type(self) -> str:
        return str(self.event["type"]).removeprefix("nl.klantcontacten.")

    def signed_with(self, secret: str) -> bool:
        name, moment = self.headers["webhook-id"], int(self.headers["webhook-timestamp"])
        mine = signatures([read(secret)], name, moment, self.body)
        return mine in self.headers["webhook-signature"].split(" ")


@dataclass
class Subscriber:
    """Answers what is next in `answers`, and then always `usual`."""

    answers: deque[str] = field(default_factory=deque)
    usual: str = OK
    more: str = ""  # Headers.
    heard: list[Heard] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://{HERE}:{self.port}/hook"

    @property
    def types(self) -> list[str]:
        return [one.type for one in self.heard]

    async def hears(self, count: int, seconds: float = 20.0) -> list[Heard]:
        async with asyncio.timeout(seconds):
            while len(self.heard) < count:
                self.changed.clear()
                await self.changed.wait()
        return self.heard

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                first, *lines = head.decode().splitlines()
                headers = {name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines if x)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                answer = self.answers.popleft() if self.answers else self.usual
                self.heard.append(Heard(first.split(" ")[1], headers, body))
                self.changed.set()
                if not await self.answered(answer, writer):
                    break
        writer.close()

    async def answered(self, answer: str, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection goes on."""
        match answer:
            case "reset":
                writer.get_extra_info("socket").setsockopt(1, 13, LINGER_OFF)
                writer.transport.abort()
                return False
            case "silence":
                await asyncio.sleep(60)
            case "nonsense":
                writer.write(b"this is no HTTP at all\r\n\r\n")
            case "huge":
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n")
                while not writer.is_closing():
                    writer.write(b"x" * 65_536)
                    await writer.drain()
            case "drip" | "drip-head":
                writer.write(b"HTTP/1.1 200 OK\r\n" + (b"content-length: 1000\r\n\r\n" if answer == "drip" else b""))
                while not writer.is_closing():
                    writer.write(b"x" if answer == "drip" else b"x-drop: 1\r\n")
                    await writer.drain()
                    await asyncio.sleep(0.05)
            case _:
                writer.write(f"HTTP/1.1 {answer}\r\ncontent-length: 0\r\n{self.more}\r\n".encode())
                await writer.drain()
                return True
        return False


@asynccontextmanager
async def listening(*answers: str, usual: str = OK, tls: ssl.SSLContext | None = None) -> AsyncIterator[Subscriber]:
    one = Subscriber(deque(answers), usual)
    open_now: set[asyncio.Task[Any]] = set()

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        open_now.add(task)
        try:
            await one.serve(reader, writer)
        except asyncio.CancelledError:
            writer.close()
        finally:
            open_now.discard(task)

    server = await asyncio.start_server(served, HERE, 0, ssl=tls)
    one.port = server.sockets[0].getsockname()[1]
    try:
        yield one
    finally:
        server.close()
        for task in [*open_now]:
            task.cancel()
        await asyncio.gather(*open_now, return_exceptions=True)


@asynccontextmanager
async def way(url: str, outside: Outside, trusting: ssl.SSLContext | None = None) -> AsyncIterator[Way]:
    opened = Way(outside, url, trusting or ssl.create_default_context())
    try:
        yield opened
    finally:
        await opened.close()
