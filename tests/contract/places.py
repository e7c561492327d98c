"""Where the contract is tried: each engine, how to open it, and how it looks to whoever comes after a crash."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from engine.engine import BATCH_MAX, Engine
from engine.memory import Disk, MemoryStore
from engine.metrics import Meter
from engine.sqlite import SqliteStore
from engine.store import Store

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


# The contract holds for every one of these. Another engine is another line.
ENGINES: Final[Mapping[str, Callable[[Path], Place]]] = {
    "memory-1": partial(MemoryPlace, seed=1),
    "memory-2": partial(MemoryPlace, seed=2),
    "memory-3": partial(MemoryPlace, seed=3),
    "sqlite": SqlitePlace,
}
