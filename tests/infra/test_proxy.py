"""A bad network on demand: each fault is what it says, and ends with `heal`."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from infra.proxy import HERE, Proxy, Way

LONG = b"draad" * 40_000
SOON_S = 0.3


class Echo:
    """It sends back what it hears, and remembers it."""

    def __init__(self) -> None:
        self.heard, self.was_reset = b"", asyncio.Event()
        self.left = asyncio.Event()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while chunk := await reader.read(65_536):
                self.heard += chunk
                writer.write(chunk)
                await writer.drain()
        except ConnectionError:
            self.was_reset.set()
        finally:
            self.left.set()
            writer.close()


class Caller:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def say(self, words: bytes) -> None:
        self.writer.write(words)
        await self.writer.drain()

    async def hear(self, count: int) -> bytes:
        return await self.reader.readexactly(count)

    async def hears_nothing(self) -> bool:
        try:
            async with asyncio.timeout(SOON_S):
                await self.reader.read(1)
        except TimeoutError:
            return True
        return False


@pytest.fixture
async def echo() -> AsyncIterator[tuple[Echo, int]]:
    echo = Echo()
    server = await asyncio.start_server(echo, HERE, 0)
    yield echo, server.sockets[0].getsockname()[1]
    server.close()


@pytest.fixture
async def proxy(echo: tuple[Echo, int]) -> AsyncIterator[Proxy]:
    async with Proxy(to=echo[1]) as proxy:
        yield proxy


@pytest.fixture
async def caller(proxy: Proxy) -> AsyncIterator[Caller]:
    caller = Caller(*await asyncio.open_connection(HERE, proxy.port))
    yield caller
    caller.writer.close()


async def test_all_passes_whole_and_in_order(caller: Caller, echo: tuple[Echo, int]) -> None:
    _, back = await asyncio.gather(caller.say(LONG), caller.hear(len(LONG)))
    assert back == LONG == echo[0].heard


async def test_whoever_is_done_speaking_may_still_listen(caller: Caller) -> None:
    await caller.say(b"that was all")
    caller.writer.write_eof()
    assert await caller.reader.read() == b"that was all"


async def test_slow_is_late_each_way_and_not_narrow(proxy: Proxy, caller: Caller) -> None:
    proxy.slow(latency_ms=100, jitter_ms=20)
    started = time.monotonic()
    _, back = await asyncio.gather(caller.say(LONG), caller.hear(len(LONG)))
    assert 0.2 <= time.monotonic() - started < 2  # Chunk by chunk it would take 2.6 s.
    assert back == LONG


async def test_narrow_takes_its_time(proxy: Proxy, caller: Caller) -> None:
    proxy.narrow(bytes_s=400_000)
    started = time.monotonic()
    await asyncio.gather(caller.say(LONG), caller.hear(len(LONG)))
    assert time.monotonic() - started >= 0.4


async def test_what_is_swallowed_comes_after_all(proxy: Proxy, caller: Caller, echo: tuple[Echo, int]) -> None:
    proxy.swallow()
    await caller.say(b"hello?")
    assert await caller.hears_nothing()
    assert echo[0].heard == b""
    await proxy.heal()
    assert await caller.hear(6) == b"hello?"


async def test_a_black_hole_does_not_tell_who_hung_up(proxy: Proxy, caller: Caller, echo: tuple[Echo, int]) -> None:
    await caller.say(b"hi")
    await caller.hear(2)
    proxy.swallow()
    caller.writer.transport.abort()
    await asyncio.sleep(SOON_S)
    assert not echo[0].left.is_set()
    await proxy.heal()
    await echo[0].left.wait()


@pytest.mark.parametrize(("way", "heard"), [(Way.UP, b""), (Way.DOWN, b"hello?")])
async def test_one_way_may_be_cut_alone(
    proxy: Proxy, caller: Caller, echo: tuple[Echo, int], way: Way, heard: bytes
) -> None:
    proxy.swallow(way)
    await caller.say(b"hello?")
    assert await caller.hears_nothing()
    assert echo[0].heard == heard


async def test_a_reset_is_heard_at_once_and_the_next_call_passes(
    proxy: Proxy, caller: Caller, echo: tuple[Echo, int]
) -> None:
    await caller.say(b"hi")
    await caller.hear(2)
    proxy.reset()
    with pytest.raises(ConnectionResetError):
        await caller.reader.read(1)
    await echo[0].was_reset.wait()
    again = Caller(*await asyncio.open_connection(HERE, proxy.port))
    await again.say(b"hi")
    assert await again.hear(2) == b"hi"
    again.writer.close()


async def test_a_cut_refuses_until_it_is_healed(proxy: Proxy, caller: Caller) -> None:
    await caller.say(b"hi")
    await caller.hear(2)
    port = proxy.port
    await proxy.cut()
    with pytest.raises(ConnectionResetError):
        await caller.reader.read(1)
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(HERE, port)
    await proxy.heal()
    again = Caller(*await asyncio.open_connection(HERE, port))
    await again.say(b"hi")
    assert await again.hear(2) == b"hi"
    again.writer.close()


async def test_with_nobody_behind_it_a_call_is_reset() -> None:
    async with Proxy(to=1) as proxy:
        reader, writer = await asyncio.open_connection(HERE, proxy.port)
        with pytest.raises(ConnectionResetError):
            await reader.read(1)
        writer.close()


async def test_a_server_behind_it_that_resets_resets_the_caller(proxy: Proxy) -> None:
    async def rude(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.transport.abort()

    server = await asyncio.start_server(rude, HERE, 0)
    proxy.to = server.sockets[0].getsockname()[1]
    caller = Caller(*await asyncio.open_connection(HERE, proxy.port))
    await caller.say(b"more than one byte")
    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        await caller.hear(1)
    caller.writer.close()
    server.close()
