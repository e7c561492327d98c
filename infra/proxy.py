"""A bad network between two ports of this machine: slow, narrow, silent, silent one way, reset, gone.

    async with Proxy(to=broker.back, at=broker.front) as proxy:
        proxy.swallow(Way.DOWN)
        ...
        await proxy.heal()

Nothing is ever lost out of the middle of a stream: what is swallowed arrives after `heal`, as TCP sends it again.
"""

import asyncio
import random
import socket
import struct
from enum import StrEnum
from types import TracebackType
from typing import Final, Self

HERE: Final = "127.0.0.1"
CHUNK_BYTES_MAX: Final = 16 * 1024
CHUNKS_MAX: Final = 256  # Under way per direction; then the sender must wait, as before a full pipe.
AT_ONCE: Final = struct.pack("ii", 1, 0)  # Linger for zero seconds: the other side sees a reset.

Line = asyncio.Queue[tuple[float, bytes | OSError]]


class Way(StrEnum):
    """Up is from whoever connected to the server behind; down is back."""

    UP = "up"
    DOWN = "down"


class Proxy:
    """It listens at `at`, or at any free port, and passes all on to the port `to`."""

    def __init__(self, to: int, at: int = 0, seed: int = 0) -> None:
        self.to, self.port = to, at
        self._dice = random.Random(seed)  # noqa: S311  # Jitter that a test can repeat.
        self._latency_s = self._jitter_s = 0.0
        self._bytes_s = 0
        self._passes = {way: asyncio.Event() for way in Way}
        self._server: asyncio.Server | None = None
        self._ends: list[list[asyncio.StreamWriter]] = []
        self._calls: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self.heal()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.cut()

    def slow(self, latency_ms: float, jitter_ms: float = 0) -> None:
        """Let all that comes from now on arrive later, in order, by so much and at most so much more."""
        self._latency_s, self._jitter_s = latency_ms / 1000, jitter_ms / 1000

    def narrow(self, bytes_s: int) -> None:
        """Let no more through per second, each way of each connection."""
        self._bytes_s = bytes_s

    def swallow(self, *ways: Way) -> None:
        """Let nothing through, without telling anybody: a black hole, or a cable that is broken one way."""
        for way in ways or Way:
            self._passes[way].clear()

    def reset(self) -> None:
        """Break what is connected now, so that both sides hear of it. New connections are welcome."""
        for ends in self._ends:
            break_off(ends)

    async def cut(self) -> None:
        """Reset what is connected, and refuse what comes."""
        if self._server:
            self._server.close()
            self._server = None
        self.reset()
        for call in self._calls:
            call.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)

    async def heal(self) -> None:
        """Pass all on at once again, and what was swallowed first."""
        self._latency_s, self._jitter_s, self._bytes_s = 0.0, 0.0, 0
        for passes in self._passes.values():
            passes.set()
        if not self._server:
            self._server = await asyncio.start_server(self._accept, HERE, self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        call = asyncio.create_task(self._call(reader, writer))
        self._calls.add(call)
        call.add_done_callback(self._calls.discard)

    async def _call(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends = [writer]
        self._ends.append(ends)
        try:
            answers, asks = await asyncio.open_connection(HERE, self.to)
            ends.append(asks)
            async with asyncio.TaskGroup() as ways:
                ways.create_task(self._carry(Way.UP, reader, asks))
                ways.create_task(self._carry(Way.DOWN, answers, writer))
        except* OSError:  # Refused or reset on one side is a reset on the other.
            break_off(ends)
        finally:
            for end in ends:
                end.close()
            self._ends.remove(ends)

    async def _carry(self, way: Way, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        under_way = Line(CHUNKS_MAX)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._take(reader, under_way))
            tasks.create_task(self._give(way, under_way, writer))

    async def _take(self, reader: asyncio.StreamReader, under_way: Line) -> None:
        due, last = 0.0, False
        while not last:
            chunk: bytes | OSError
            try:
                chunk = await reader.read(CHUNK_BYTES_MAX)
            except OSError as error:
                chunk = error
            delay_s = self._latency_s + self._jitter_s * self._dice.random()
            due = max(due, asyncio.get_running_loop().time() + delay_s)
            last = not chunk or isinstance(chunk, OSError)
            await under_way.put((due, chunk))

    async def _give(self, way: Way, under_way: Line, writer: asyncio.StreamWriter) -> None:
        while True:
            due, chunk = await under_way.get()
            await asyncio.sleep(due - asyncio.get_running_loop().time())
            await self._passes[way].wait()
            if isinstance(chunk, OSError):
                raise chunk
            if not chunk:
                writer.write_eof()
                return
            writer.write(chunk)
            await writer.drain()
            if self._bytes_s:
                await asyncio.sleep(len(chunk) / self._bytes_s)


def break_off(ends: list[asyncio.StreamWriter]) -> None:
    for end in ends:
        if end.get_extra_info("socket").fileno() >= 0:  # Else it is gone already, and its call is about to say so.
            end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        end.transport.abort()
