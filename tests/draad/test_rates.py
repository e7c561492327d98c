"""How much anybody may ask for: one budget for all nodes while Redis is there, and each node's own while it is not."""

import asyncio
import hashlib
import math
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest
from limits import RateLimitItem, RateLimitItemPerSecond
from prometheus_client import CollectorRegistry
from redis import Redis as Client
from structlog.testing import capture_logs

from draad import rates
from draad.rates import (
    ALONE_S,
    CHAT_REMOTE,
    CHAT_SESSION,
    FORGER,
    GUESS,
    LIMITS,
    OPEN,
    PROGRAM,
    SESSION,
    SOCKET,
    STRANGER,
    VISITOR,
    Rates,
)
from infra.servers import Redis

KEY: Final = b"a key that all nodes of this test have"
WAIT_S_MAX: Final = 30.0
BUSY: Final = 20  # So much slower may a busy machine be; a silent Redis would answer never.
HOUR: Final = {  # So that no window ends while a slow machine counts.
    kind: RateLimitItemPerSecond(limit.amount, 3_600, namespace=kind) for kind, limit in LIMITS.items()
}
FEW: Final = {kind: RateLimitItemPerSecond(3, 3_600, namespace=kind) for kind in LIMITS}
HOSTILE: Final = (
    "",
    "x" * 1_000_000,
    "\x00\xff\n\r {}*?[/",
    "{a}/-1",
    "\ud800",
    "é",
    bytes(range(256)).decode("latin-1"),
)


class Time:
    def __init__(self) -> None:
        self.now = 1e7

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def server() -> Iterator[Redis]:
    with Redis() as server:
        yield server


@pytest.fixture
def redis(server: Redis) -> Iterator[Redis]:
    """Empty, and afterwards again as it was."""
    with Client.from_url(server.url) as client:
        client.flushall()
        yield server
        server.resume()
        if not server.running:
            server.start()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """For what is no matter of time: a busy machine is no Redis that is gone."""
    monkeypatch.setattr(rates, "ANSWER_S_MAX", WAIT_S_MAX)
    monkeypatch.setattr(rates, "LOOK_S_MAX", WAIT_S_MAX)


@asynccontextmanager
async def node(redis: Redis, key: bytes = KEY, **options: Any) -> AsyncIterator[Rates]:
    async with Rates(key, redis.url, **options) as opened:
        yield opened


async def granted(one: Rates, kind: str, who: str, asked: int) -> int:
    """How many of so many go ahead at once."""
    return (await asyncio.gather(*(one.take(kind, who) for _ in range(asked)))).count(None)


def test_each_limit_is_what_it_is_said_to_be() -> None:
    assert {kind: str(limit) for kind, limit in LIMITS.items()} == {
        PROGRAM: "6000 per 1 second",
        SESSION: "50 per 1 second",
        OPEN: "300 per 1 second",
        GUESS: "10 per 1 minute",
        STRANGER: "600 per 1 minute",
        VISITOR: "1200 per 1 minute",
        SOCKET: "600 per 1 minute",
        FORGER: "60 per 1 minute",
        CHAT_SESSION: "30 per 1 minute",
        CHAT_REMOTE: "1200 per 1 minute",
    }
    assert all(limit.namespace == kind for kind, limit in LIMITS.items())


@pytest.mark.parametrize(("kind", "limit"), LIMITS.items())
async def test_a_node_alone_grants_each_limit_and_not_one_more(kind: str, limit: RateLimitItem) -> None:
    time = Time()
    alone = Rates(clock=time)
    assert [await alone.take(kind, "a") for _ in range(limit.amount)] == [None] * limit.amount
    wait = await alone.take(kind, "a")
    assert wait
    assert 0 < wait <= limit.get_expiry()
    assert await alone.take(kind, "b") is None
    time.now += wait
    assert await alone.take(kind, "a") is None
    assert await alone.take(kind, "a")
    time.now += limit.get_expiry()
    assert await granted(alone, kind, "a", limit.amount + 1) == limit.amount


async def test_a_flood_of_addresses_is_forgotten_oldest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "WHO_MAX", 100)
    time = Time()
    alone = Rates(limits=FEW, clock=time)
    for n in range(1_000):
        await granted(alone, GUESS, f"{n}", 3)
        assert len(alone._buckets[GUESS]._full) <= 100
    assert await alone.take(GUESS, "999")
    time.now += 3_600
    await granted(alone, GUESS, "another", 200)
    assert await alone.take(PROGRAM, "999") is None


@pytest.mark.parametrize(("kind", "limit"), LIMITS.items())
async def test_two_nodes_share_each_limit_and_grant_not_one_more(
    redis: Redis, patient: None, kind: str, limit: RateLimitItem
) -> None:
    async with node(redis, limits=HOUR) as a, node(redis, limits=HOUR) as b:
        half = limit.amount // 2
        assert await granted(a, kind, "x", half) == half
        assert await granted(b, kind, "x", limit.amount - half) == limit.amount - half
        for each in (a, b):
            wait = await each.take(kind, "x")
            assert wait
            assert 0 < wait <= 3_600
        assert await b.take(kind, "y") is None
        assert (a.shared, b.shared) == (True, True)


async def test_who_asks_at_once_at_two_nodes_gets_one_budget(redis: Redis, patient: None) -> None:
    async with node(redis, limits=HOUR) as a, node(redis, limits=HOUR) as b:
        assert sum(await asyncio.gather(granted(a, SESSION, "x", 40), granted(b, SESSION, "x", 40))) == 50


async def test_the_wait_that_is_told_is_enough(redis: Redis, patient: None) -> None:
    limits = {**LIMITS, GUESS: RateLimitItemPerSecond(3, 2, namespace=GUESS)}
    async with asyncio.timeout(WAIT_S_MAX), node(redis, limits=limits) as a, node(redis, limits=limits) as b:
        while (await a.take(GUESS, "x")) is None or (wait := await b.take(GUESS, "x")) is None:
            pass
        while wait is not None:
            assert math.ceil(wait) <= 2
            await asyncio.sleep(math.ceil(wait))
            wait = await b.take(GUESS, "x")


async def test_without_redis_requests_pass_and_the_limits_of_the_node_hold(redis: Redis, patient: None) -> None:
    time, registry = Time(), CollectorRegistry()
    with capture_logs() as said:
        async with node(redis, limits=FEW, clock=time, registry=registry) as one:
            assert registry.get_sample_value("draad_rates_shared") == 1
            assert await granted(one, GUESS, "x", 2) == 2
            redis.kill()
            assert await granted(one, GUESS, "x", 5) == 1, "no new budget, and no way round it"
            assert (one.shared, registry.get_sample_value("draad_rates_shared")) == (False, 0)
            assert registry.get_sample_value("draad_rate_limited_total", {"limit": GUESS}) == 4
            time.now += ALONE_S
            await seen(one)
            assert not one.shared
            redis.start()
            time.now += ALONE_S
            await seen(one)
            assert (one.shared, registry.get_sample_value("draad_rates_shared")) == (True, 1)
            async with node(redis, limits=FEW) as other:
                assert await granted(one, GUESS, "fresh", 2) + await granted(other, GUESS, "fresh", 2) == 3
    assert [(line["event"], line["log_level"]) for line in said][:3] == [
        ("rates.shared", "info"),
        ("rates.alone", "warning"),
        ("rates.shared", "info"),
    ]
    assert redis.password not in str(said)
    assert str(redis.port) not in str(said)


async def seen(one: Rates) -> None:
    """A request makes the node look again, and does not wait for it."""
    at_once(one, PROGRAM, "whoever")
    assert one._looking
    await one._looking


def at_once(one: Rates, kind: str, who: str) -> float | None:
    """What it says without waiting for anything at all."""
    taking = one.take(kind, who)
    with pytest.raises(StopIteration) as end:
        taking.send(None)
    wait: float | None = end.value.value
    return wait


async def test_redis_that_is_silent_holds_up_nobody(redis: Redis) -> None:
    time = Time()
    async with asyncio.timeout(WAIT_S_MAX), node(redis, limits=HOUR, clock=time) as one:
        for _ in range(5):
            await one.look()
            redis.pause()
            one.shared = True  # Also where a busy machine made it look away before.
            async with asyncio.timeout(BUSY * 2 * rates.ANSWER_S_MAX):
                assert await granted(one, SESSION, "x", 5) == 5
                assert not one.shared
            assert [at_once(one, PROGRAM, "x") for _ in range(100)] == [None] * 100
            assert one._looking is None, "it is left alone for a while"
            redis.resume()
            while not one.shared:
                await one.look()
        assert one._there
        assert len(one._there._pool._in_use_connections) == 0
        assert not one._there._waiting


async def test_after_a_silence_nobody_gets_the_answer_of_another(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    async with node(redis, limits=HOUR) as one:
        redis.pause()
        await asyncio.gather(*(one.take(SESSION, f"{n}") for n in range(40)))
        redis.resume()
        monkeypatch.setattr(rates, "ANSWER_S_MAX", WAIT_S_MAX)
        async with asyncio.timeout(WAIT_S_MAX), node(redis, limits=HOUR) as other:
            while not one.shared:
                await one.look()
            for n in range(20):
                assert await granted(one, GUESS, f"{n}", 4) + await granted(other, GUESS, f"{n}", 8) == 10


async def test_redis_that_answers_and_does_not_count_is_away_too(redis: Redis, patient: None) -> None:
    with capture_logs() as said, Client.from_url(redis.url) as client:
        async with node(redis, limits=FEW) as one:
            client.config_set("maxmemory", 1)
            try:
                assert await granted(one, GUESS, "x", 4) == 3
                await one.look()
            finally:
                client.config_set("maxmemory", 0)
            await one.look()
            assert one.shared
    assert [line["event"] for line in said] == ["rates.shared", "rates.alone", "rates.shared"]


async def test_a_wrong_password_is_told_once_and_not_shown(redis: Redis, patient: None) -> None:
    url = redis.url.replace(redis.password, "hunter2hunter2")
    with capture_logs() as said:
        async with Rates(KEY, url, limits=FEW) as one:
            await one.look()
            assert not one.shared
            assert await granted(one, GUESS, "x", 4) == 3
    assert said == [{"event": "rates.alone", "error": "AuthenticationError", "log_level": "warning"}]


async def test_what_lies_in_redis_tells_nobody_who_it_was_and_goes_away(redis: Redis, patient: None) -> None:
    whos = {PROGRAM: "a-token-of-a-program", SESSION: "00ab" * 15, GUESS: "203.0.113.7", STRANGER: "2001:db8::"}
    with Client.from_url(redis.url) as client:
        async with node(redis, limits=HOUR) as one:
            for kind, who in whos.items():
                assert await one.take(kind, who) is None
        keys = [bytes(key) for key in client.scan_iter()]
        text = b" ".join((*keys, *(client.get(key) or b"" for key in keys))).decode()
        assert len(keys) == len(whos) + 1
        for who in whos.values():
            assert who not in text
            assert who.encode().hex() not in text
            for digest in (hashlib.sha256, hashlib.sha1, hashlib.md5):
                assert digest(who.encode()).hexdigest() not in text, "no hash that anybody can make"
        assert all(re.fullmatch(rb"draad:rates:\{(\w+/[0-9a-f]{64}|trial)/\d+/\d+/second\}", key) for key in keys)
        assert all(0 < client.pttl(key) <= 2 * 3_600_000 for key in keys)
        async with node(redis, b"another key", limits=HOUR) as stranger:
            assert await stranger.take(PROGRAM, whos[PROGRAM]) is None
        assert len(list(client.scan_iter())) == len(keys) + 1


@pytest.mark.parametrize("alone", [True, False])
async def test_whatever_somebody_calls_himself_is_one_who(redis: Redis, patient: None, alone: bool) -> None:
    async with node(redis, limits=FEW) as one:
        each = Rates(limits=FEW) if alone else one
        for who in HOSTILE:
            assert await granted(each, GUESS, who, 4) == 3
            assert await granted(each, STRANGER, who, 1) == 1
        assert one.shared


async def test_who_stops_waiting_keeps_nobody_else_waiting(redis: Redis, patient: None) -> None:
    async with asyncio.timeout(WAIT_S_MAX), node(redis, limits=HOUR) as one:
        asking = [asyncio.create_task(one.take(SESSION, "x")) for _ in range(10)]
        await asyncio.sleep(0)
        for each in asking[::2]:
            each.cancel()
        assert [await each for each in asking[1::2]] == [None] * 5


async def test_a_node_that_closes_leaves_nobody_waiting(redis: Redis) -> None:
    async with asyncio.timeout(WAIT_S_MAX):
        async with node(redis, limits=HOUR) as one:
            redis.pause()
            asking = asyncio.create_task(one.take(SESSION, "x"))
            await asyncio.sleep(0)
        assert await asking is None
