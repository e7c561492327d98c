"""The way in of a worker that was thought dead."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import structlog

from engine.broker import Sent
from engine.kafka import KafkaStore
from engine.road import AWAY, BACK, KAFKA, POSTGRES
from schemas.errors import Unavailable
from tests.contract.parts import added
from tests.contract.places import MONDAY, KafkaPlace


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[KafkaStore]:
    opened = await KafkaPlace(tmp_path, partitions=1).store()
    yield opened
    await opened.close()


async def test_who_waits_for_an_origin_that_is_no_longer_ours_waits_no_longer(store: KafkaStore) -> None:
    store.road._box.written += 1  # It is on its way, and others bring it.
    waiting = asyncio.create_task(store.road.idle())
    await asyncio.sleep(0)
    assert not waiting.done()
    await store.road._begin()
    async with asyncio.timeout(5):
        await waiting


async def test_who_asks_while_it_closes_is_not_left_without_an_answer(store: KafkaStore) -> None:
    asking = asyncio.create_task(store.road.append([]))
    await asyncio.sleep(0)
    await asyncio.sleep(0)  # Once for whoever asks, and once for whoever takes it in.
    assert store.road._asking
    await store.road.close()
    async with asyncio.timeout(5):
        assert await asyncio.gather(asking, return_exceptions=True)


async def test_what_was_taken_while_kafka_was_away_stays_before_what_is_taken_after_being_thought_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = KafkaPlace(tmp_path, partitions=1)
    one, two = await place.store(), await place.store()
    first, second = (added(MONDAY, "jar/a", n, f"a{n}") for n in range(2))

    async def away(_: Sequence[Sent]) -> None:
        raise Unavailable("Kafka does not take it")

    with monkeypatch.context() as patched:
        patched.setattr(one._broker, "produce", away)
        await one.append([first])
        async with asyncio.timeout(5):
            while not one.road.away:  # noqa: ASYNC110  # Until it has noticed.
                await asyncio.sleep(0.05)
        # Another has it in hand, and is slow.
        theirs = "UPDATE task SET holder = $2 WHERE number = $1"
        await one._db.fetch(theirs, one.road._box.origin, two._heart.worker)
        with pytest.raises(Unavailable, match="thought dead"):
            await one.append([second])
        await one.append([second])
    async with asyncio.timeout(10):
        while one.road.waiting:  # noqa: ASYNC110  # Until Kafka has it.
            await asyncio.sleep(0.05)
    assert [envelope.id for envelope in await two.read(0, 10, "jar-0")] == [first.id, second.id]
    for store in (one, two):
        await store.close()


async def missing(_: object) -> None:
    raise Unavailable("it does not answer")


@pytest.mark.parametrize("server", [KAFKA, POSTGRES])
async def test_whoever_does_not_answer_is_named(
    store: KafkaStore, monkeypatch: pytest.MonkeyPatch, server: str
) -> None:
    with structlog.testing.capture_logs() as said:
        with monkeypatch.context() as patched:
            if server == KAFKA:
                patched.setattr(store._broker, "produce", missing)
            else:
                patched.setattr(store.road, "_carry_some", missing)
            await store.append([added(MONDAY, "jar/a", 0, "a0")])
            async with asyncio.timeout(5):
                await store.road.idle()  # Until it is on Kafka, or cannot get there.
            assert store.road.waiting
            assert store.waiting == (1 if server == KAFKA else None)
        async with asyncio.timeout(10):
            while store.road.waiting:  # noqa: ASYNC110  # Until Kafka has it.
                await asyncio.sleep(0.05)
    assert [line["event"] for line in said][:2] == [AWAY[server], BACK[server]]
