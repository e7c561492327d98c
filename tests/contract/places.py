"""Where the contract is tried: each engine, how to open it, and how it looks to whoever comes after a crash."""

import asyncio
import atexit
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from threading import Lock
from typing import ClassVar, Final, NamedTuple
from uuid import uuid4

import asyncpg
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from engine.cluster import Cluster
from engine.engine import BATCH_MAX, Engine
from engine.kafka import KafkaStore
from engine.memory import Disk, MemoryStore
from engine.metrics import Meter
from engine.postgres import migrate
from engine.sqlite import SqliteStore
from engine.store import Store
from infra.servers import Kafka, Postgres

MONDAY: Final = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
THREAD_S_MAX: Final = 10


class Clock:
    """Time, which passes only when we say so."""

    def __init__(self) -> None:
        self.now = MONDAY

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **span: float) -> datetime:
        self.now += timedelta(**span)
        return self.now


class Place(ABC):
    """One engine's bytes, through any number of openings."""

    def __init__(self) -> None:
        self.clock = Clock()

    async def open(self, batch_max: int = BATCH_MAX) -> Engine:
        """The engine as a process finds it that has just started."""
        return Engine(await self.store(), clock=self.clock, meter=Meter(), batch_max=batch_max)

    async def crash(self, engine: Engine, batch_max: int = BATCH_MAX) -> Engine:
        """Drop it without a goodbye; another process opens what it left."""
        await self.abandon(engine.store)
        return await self.open(batch_max)

    @abstractmethod
    async def store(self) -> Store: ...

    @abstractmethod
    async def abandon(self, store: Store) -> None:
        """The process is dead: it writes no more, and the system takes back its locks."""

    async def close(self) -> None:  # noqa: B027  # Most leave nothing behind.
        """Take away what is left behind."""


class MemoryPlace(Place):
    def __init__(self, folder: Path, seed: int) -> None:
        super().__init__()
        self.disk, self.seed = Disk(), seed

    async def store(self) -> MemoryStore:
        self.seed += 1000  # Another process, other dice.
        return MemoryStore(self.disk, self.clock, self.seed)

    async def abandon(self, store: Store) -> None:
        assert isinstance(store, MemoryStore)
        store._disk = Disk()  # Whatever it still writes, it writes into the void.


class SqlitePlace(Place):
    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.path = folder / "draad.db"
        self._dead: list[SqliteStore] = []

    async def store(self) -> SqliteStore:
        return await SqliteStore.open(str(self.path), self.clock)

    async def abandon(self, store: Store) -> None:
        """Its connections stay open, as silent as the dead; only its lock is free."""
        assert isinstance(store, SqliteStore)
        assert store._lock is not None
        store._writer._closed = True
        store._writer._jobs.put(None)
        store._writer.join(THREAD_S_MAX)
        assert not store._writer.is_alive()
        store._lock.release()
        self._dead.append(store)

    async def close(self) -> None:
        for store in self._dead:
            await store.close()


class Servers(NamedTuple):
    kafka: Kafka
    postgres: Postgres


STARTING: Final = Lock()


def servers() -> Servers:
    """A broker and a database for all tests of this process, stopped with it: one of each, whoever asks meanwhile."""
    with STARTING:
        return started()


@cache
def started() -> Servers:
    kept = ExitStack()
    atexit.register(kept.close)
    found = Servers(kept.enter_context(Kafka()), kept.enter_context(Postgres()))
    asyncio.run(make_pattern(found.postgres))
    return found


async def make_pattern(postgres: Postgres) -> None:
    """A database with our tables, to be copied: faster than making them each time."""
    await make_database(postgres, "pattern", "template1")
    await migrate(postgres.url("pattern"))


async def make_database(postgres: Postgres, name: str, pattern: str) -> None:
    db = await asyncpg.connect(postgres.url())
    try:
        await db.execute(f'CREATE DATABASE "{name}" TEMPLATE "{pattern}"')
    finally:
        await db.close()


async def make_topics(
    address: str, names: Iterable[str], partitions: int, copies: int = 1, settings: Mapping[str, str] | None = None
) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    try:
        await admin.create_topics(
            [NewTopic(name, partitions, copies, topic_configs=dict(settings or {})) for name in names]
        )
    finally:
        await admin.close()


class KafkaPlace(Place):
    """Topics and a database of its own, on servers that all tests share."""

    TOPICS: ClassVar[tuple[str, ...]] = ("bed", "book", "echo", "jar", "room")

    def __init__(self, folder: Path, partitions: int) -> None:
        super().__init__()
        self.name, self.partitions = f"t{uuid4().hex[:12]}", partitions
        self._made = False
        self._opened: list[KafkaStore] = []

    async def store(self) -> KafkaStore:
        here = await asyncio.to_thread(servers)
        if not self._made:
            self._made = True
            topics = [f"{self.name}.{topic}" for topic in self.TOPICS]
            await asyncio.gather(
                make_topics(here.kafka.address, topics, self.partitions),
                make_database(here.postgres, self.name, "pattern"),
            )
        url = here.postgres.url(self.name)
        cluster = Cluster(here.kafka.address, url, self.TOPICS, prefix=f"{self.name}.")
        self._opened.append(await KafkaStore.open(cluster, self.clock))
        return self._opened[-1]

    async def abandon(self, store: Store) -> None:
        """It says no more to anybody, and the others have noticed."""
        assert isinstance(store, KafkaStore)
        for work in store.road._at_work:
            work.cancel()
        await asyncio.gather(*store.road._at_work, return_exceptions=True)
        await store._heart.stop()
        for watch in store._watches.values():
            await watch.reader.close()
        store._watches.clear()

    async def close(self) -> None:
        """Also what a test that failed has left open, or another test would be blamed. Closing again does nothing."""
        for store in self._opened:
            store.road._at_work.clear()
            await store.close()


# The contract holds for every one of these. Another engine is another line.
ENGINES: Final[Mapping[str, Callable[[Path], Place]]] = {
    "memory-1": partial(MemoryPlace, seed=1),
    "memory-2": partial(MemoryPlace, seed=2),
    "memory-3": partial(MemoryPlace, seed=3),
    "sqlite": SqlitePlace,
    "kafka-1": partial(KafkaPlace, partitions=1),
    "kafka-3": partial(KafkaPlace, partitions=3),
}
