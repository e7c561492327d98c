"""The bell between machines, on a real Redis: it is heard, it never holds anybody up, and it heals."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

import pytest
from redis.asyncio import Redis as Client
from structlog.testing import capture_logs

from engine import bell as bells
from engine.bell import NAMES_MAX, Bell
from infra.servers import Redis
from schemas.errors import Refused

WAIT_S: Final = 30.0
OFTEN: Final = 1_000
MOMENTS: Final = 40  # Steps of the loop: by then it listens.


@pytest.fixture(scope="module")
def server() -> Iterator[Redis]:
    with Redis() as server:
        yield server


@pytest.fixture
def redis(server: Redis, monkeypatch: pytest.MonkeyPatch) -> Iterator[Redis]:
    """As it was, after each test. A machine that is only busy is no Redis that is gone."""
    monkeypatch.setattr(bells, "PULSE_S", WAIT_S)
    yield server
    server.resume()
    if not server.running:
        server.start()


@pytest.fixture
def impatient(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bells, "PULSE_S", 0.2)


class Told(Bell):
    """A bell that lets others wait until it is silent."""

    def __init__(self, redis: Redis, name: str, rang: Callable[[str], None], url: str = "") -> None:
        self.silent = asyncio.Event()
        super().__init__(url or redis.url, name, rang)

    def _gone(self, why: str) -> None:
        super()._gone(why)
        self.silent.set()

    def _back(self) -> None:
        super()._back()
        self.silent.clear()

    async def until_silent(self) -> None:
        await asyncio.wait_for(self.silent.wait(), WAIT_S)
        assert not self.heard
        self.silent.clear()


class Ear:
    """What one process heard, in order."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self._more = asyncio.Event()

    def __call__(self, partition: str) -> None:
        self.heard.append(partition)
        self._more.set()

    async def until(self, enough: Callable[[list[str]], bool]) -> list[str]:
        """What it heard, once that is enough; what comes after it is heard later."""
        async with asyncio.timeout(WAIT_S):
            while not enough(self.heard):
                self._more.clear()
                await self._more.wait()
        found, self.heard = self.heard, []
        return found


@asynccontextmanager
async def process(redis: Redis, name: str = "draad") -> AsyncIterator[tuple[Told, Ear]]:
    """One that listens already."""
    ear = Ear()
    bell = Told(redis, name, ear)
    try:
        assert await ear.until(bool) == [""]
        assert bell.heard
        yield bell, ear
    finally:
        await bell.close()


async def test_a_ring_is_heard_by_all_others_and_not_by_oneself(redis: Redis) -> None:
    async with process(redis) as (one, at_one), process(redis) as (_, at_two), process(redis) as (three, at_three):
        one.ring("address-0")
        assert await at_two.until(bool) == ["address-0"]
        assert await at_three.until(bool) == ["address-0"]
        three.ring("case-11")
        assert await at_one.until(bool) == ["case-11"]


async def test_deployments_on_one_redis_hear_only_their_own(redis: Redis) -> None:
    async with AsyncExitStack() as stack:
        ours, theirs = [
            [await stack.enter_async_context(process(redis, name)) for _ in "ab"] for name in ("draad", "other")
        ]
        ours[0][0].ring("address-0")
        await ours[1][1].until(bool)
        theirs[0][0].ring("address-1")
        assert await theirs[1][1].until(bool) == ["address-1"]


async def test_many_rings_are_one_message_of_names_and_nothing_else(redis: Redis) -> None:
    async with Client.from_url(redis.url) as client, client.pubsub() as line, process(redis) as (bell, _):
        await line.subscribe("draad")
        await line.get_message(timeout=WAIT_S)
        for n in range(OFTEN):
            bell.ring(f"address-{n % 3}")
        message = await line.get_message(timeout=WAIT_S)
        sender, *names = message["data"].decode().split(" ")
        assert names == ["address-0", "address-1", "address-2"]
        for n in range(2 * NAMES_MAX):
            bell.ring(f"case-{n}")
        message = await line.get_message(timeout=WAIT_S)
        assert message["data"].decode() == f"{sender} "  # Anywhere.


async def test_a_message_that_is_none_of_ours_rings_nothing(redis: Redis) -> None:
    async with Client.from_url(redis.url) as client, process(redis) as (_, ear):
        for data in (
            b"",
            b"x",
            b"x address/3f2a",
            b"x case-1;",
            b"\xff\xfe \x00",
            b"x " + b"a" * 100_000,
            b"x ADDRESS-1",
        ):
            await client.publish("draad", data)
        await client.publish("draad", b"x case-2")
        assert await ear.until(bool) == ["case-2"]


async def test_what_is_rung_while_redis_is_dead_is_heard_when_it_is_back(redis: Redis) -> None:
    with capture_logs() as said:
        async with process(redis) as (one, _), process(redis) as (_, at_two):
            for _ in range(2):
                redis.kill()
                await one.until_silent()
                for n in range(OFTEN):
                    one.ring(f"address-{n % 2}")
                redis.start()
                heard = await at_two.until(lambda found: "address-1" in found and "" in found)
                assert sorted(set(heard)) == ["", "address-0", "address-1"]
                assert heard.count("") == 1
    told = [line["event"] for line in said]
    assert told.count("engine.bell.silent") == told.count("engine.bell.heard") == 4


@pytest.mark.usefixtures("impatient")
async def test_a_redis_that_says_nothing_is_missed_and_holds_nobody_up(redis: Redis) -> None:
    async with process(redis) as (one, at_one), process(redis) as (_, at_two):
        redis.pause()
        for n in range(OFTEN):
            one.ring(f"address-{n % 2}")
        await one.until_silent()
        redis.resume()
        await at_one.until(lambda found: "" in found)
        await at_two.until(lambda found: "" in found or "address-1" in found)  # Rung before it came back, or after.
        one.ring("case-0")
        await at_two.until(lambda found: "case-0" in found)


async def test_it_is_closed_also_while_redis_says_nothing(redis: Redis) -> None:
    async with process(redis) as (one, _), process(redis) as (two, _):
        redis.pause()
        one.ring("address-0")
        await two.close()
    assert not one.heard
    assert not two.heard


async def test_it_is_closed_at_whatever_moment_of_its_beginning(redis: Redis) -> None:
    """redis-py keeps a cancellation to itself that meets it while it begins to listen."""
    for moment in range(MOMENTS):
        bell = Bell(redis.url, "draad", lambda _: None)
        for _ in range(moment):
            await asyncio.sleep(0)
        async with asyncio.timeout(WAIT_S):
            await bell.close()


async def test_who_comes_before_redis_hears_once_it_is_there(redis: Redis) -> None:
    redis.stop()
    with capture_logs() as said:
        ear = Ear()
        bell = Told(redis, "draad", ear)
        bell.ring("address-0")
        await bell.until_silent()
        redis.start()
        assert await ear.until(bool) == [""]
        await bell.close()
    assert [line["event"] for line in said] == ["engine.bell.silent", "engine.bell.heard"]


async def test_a_wrong_password_is_said_once_and_not_quoted(redis: Redis) -> None:
    with capture_logs() as said:
        bell = Told(redis, "draad", Ear(), redis.url.replace(redis.password, "guessed"))
        for _ in range(2):
            await bell.until_silent()
        await bell.close()
    assert said == [{"event": "engine.bell.silent", "error": "AuthenticationError", "log_level": "warning"}]


async def test_an_address_that_is_none_is_refused() -> None:
    for url in ("", "localhost:6379", "http://localhost"):
        with pytest.raises(Refused, match="redis://"):
            Bell(url, "draad", Ear())


@pytest.mark.parametrize("subject", ["address/3f2a", "123456782", "Jan", "address-0 case-1", "address-٣"])
async def test_a_subject_is_never_rung(redis: Redis, subject: str) -> None:
    async with process(redis) as (bell, _):
        with pytest.raises(AssertionError, match="partitions"):
            bell.ring(subject)


async def test_a_mistake_of_who_is_called_is_not_hushed_up(redis: Redis) -> None:
    def broken(_: str) -> None:
        raise KeyError

    bell = Bell(redis.url, "draad", broken)
    await asyncio.wait({bell._tasks[0]}, timeout=WAIT_S)
    with pytest.raises(KeyError):
        await bell.close()
