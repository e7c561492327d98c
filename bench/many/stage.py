"""A broker, a database and topics for one bench, and engines opened on them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from time import perf_counter
from typing import Final, TypeVar

from bench.load import contact, contacts
from bench.many.load import SOURCE, TARGET
from bench.rivals.stage import Place, stage_at
from bench.rivals.stage import Stage as Topics
from engine.cluster import Cluster
from engine.engine import BATCH_MAX, Engine, utc_now
from engine.kafka import KafkaStore
from engine.processor import Part
from infra.servers import Kafka, Postgres

PARTITIONS: Final = 4
LOOK_S: Final = 0.02
STILL_S_MAX: Final = 60

Found = TypeVar("Found")
Name = TypeVar("Name")
Measure = Callable[[], Awaitable[Found]]


class Stuck(Exception):
    """A worker that runs and does nothing."""


@dataclass(frozen=True)
class Stage:
    """Servers, and topics that hold what was appended so far."""

    kafka: Kafka
    postgres: Postgres
    topics: Topics
    cluster: Cluster

    @asynccontextmanager
    async def engine(self, batch_max: int = BATCH_MAX) -> AsyncIterator[Engine]:
        """An engine as a worker opens it."""
        engine = Engine(await KafkaStore.open(self.cluster, utc_now), batch_max=batch_max)
        try:
            yield engine
        finally:
            engine.stop()
            await engine.close()

    async def fill(self, first: int, events: int) -> None:
        """Append contacts, a thousand at a time, and wait until they are on Kafka."""
        async with self.engine() as engine:
            for batch in contacts(first, events):
                await engine.append(*batch)
            await carried(engine)

    async def told(self) -> int:
        """How many outcomes are on Kafka."""
        return await self.topics.length(TARGET)

    async def until_told(self, upto: int) -> float:
        """Wait until so many outcomes are on Kafka, and say when that was seen."""
        before, since = -1, perf_counter()
        while (now := await self.told()) < upto:
            if now != before:
                before, since = now, perf_counter()
            elif perf_counter() > since + STILL_S_MAX:
                raise Stuck(f"no outcome for {STILL_S_MAX} s, at {now:,} of {upto:,}")
            await asyncio.sleep(LOOK_S)
        return perf_counter()


@asynccontextmanager
async def stage(partitions: int = PARTITIONS) -> AsyncIterator[Stage]:
    """Everything in its place, with empty topics; all of it is gone afterwards."""
    with Kafka(lasting=True) as kafka, Postgres() as postgres:
        async with stage_at(Place(kafka.address, partitions)) as topics:
            for topic in (SOURCE, TARGET):
                await topics.topic(topic)
            yield Stage(kafka, postgres, topics, Cluster(kafka.address, postgres.url(), (SOURCE, TARGET)))


async def carried(engine: Engine) -> None:
    """Wait until everything that was acknowledged is on Kafka too."""
    assert isinstance(engine.store, KafkaStore)
    await engine.store.road.idle()


@asynccontextmanager
async def at_work(engine: Engine, *parts: Part) -> AsyncIterator[None]:
    """Run these parts for as long as the block lasts."""
    running = asyncio.create_task(engine.run(*parts))
    try:
        yield
    finally:
        engine.stop()
        await running


@asynccontextmanager
async def feeding(engine: Engine, first: int, rate: int) -> AsyncIterator[None]:
    """New contacts, so many per second, for as long as the block lasts."""

    async def feed() -> None:
        began = perf_counter()
        async with asyncio.TaskGroup() as group:
            for number in count():
                group.create_task(engine.append(contact(first + number)))
                await asyncio.sleep(max(0.0, began + number / rate - perf_counter()))

    fed = asyncio.create_task(feed())
    try:
        yield
    finally:
        fed.cancel()
        await asyncio.wait([fed])


async def in_turn(measures: Mapping[Name, Measure[Found]], rounds: int) -> dict[Name, list[Found]]:
    """All in turn, A B C A B C …, so that a machine that drifts drifts for all."""
    found: dict[Name, list[Found]] = {name: [] for name in measures}
    for _ in range(rounds):
        for name, measure in measures.items():
            found[name].append(await measure())
    return found
