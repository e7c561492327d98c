"""From append to its outcome, visible to a reader of the log, at a steady rate."""

import asyncio
from time import perf_counter
from typing import Final

from bench.figures import PAIRS, head, percentile, say
from bench.load import contact
from bench.many.load import TARGET, counting, cut
from bench.many.stage import Stage, at_work, stage
from engine.engine import Engine

RATE: Final = 500
SECONDS: Final = 10
WARM: Final = 500  # The first ones find nothing ready yet, and are not counted.
LAST_S_MAX: Final = 60


async def run(seconds: int = SECONDS) -> None:
    events = cut(RATE * seconds)
    async with stage() as here:
        head(f"Many machines: append → step → outcome visible, at {RATE} events/s for {events // RATE} s")
        rounds = [await measure(here, nth * (WARM + events), events) for nth in range(PAIRS)]
        for name, share in (("p50", 0.5), ("p99", 0.99), ("highest", 1.0)):
            say(name, [percentile(waits, share) for waits in rounds], "ms", 2)


async def measure(here: Stage, first: int, events: int) -> list[float]:
    """Milliseconds per event. One process appends, steps and reads, as each of many would."""
    async with here.engine() as engine, at_work(engine, counting()):
        await Load(engine, first, WARM).waits()
        return await Load(engine, first + WARM, events).waits()


class Load:
    """Contacts at a steady rate, and what becomes of them."""

    def __init__(self, engine: Engine, first: int, count: int) -> None:
        self._engine = engine
        self._facts = [contact(number) for number in range(first, first + count)]
        self._asked: dict[str, float] = {}
        self._waits: list[float] = []
        self._all_seen = asyncio.Event()

    async def waits(self) -> list[float]:
        ends = await self._engine.ends()
        targets = [where for where in await self._engine.partitions() if where.startswith(TARGET)]
        async with asyncio.TaskGroup() as group:
            seeing = [group.create_task(self._see(where, ends[where])) for where in targets]
            await self._append()
            await asyncio.wait_for(self._all_seen.wait(), LAST_S_MAX)
            for task in seeing:
                task.cancel()
        return self._waits

    async def _append(self) -> None:
        began = perf_counter()
        async with asyncio.TaskGroup() as group:
            for number, fact in enumerate(self._facts):
                await asyncio.sleep(max(0.0, began + number / RATE - perf_counter()))
                self._asked[fact.id] = perf_counter()
                group.create_task(self._engine.append(fact))

    async def _see(self, partition: str, position: int) -> None:
        """Read this partition as anybody would, and note when each outcome appears."""
        while True:
            mark = self._engine.store.mark(partition)
            found = await self._engine.read(position, 1_000, partition)
            for envelope in found:
                position = envelope.position
                self._waits.append((perf_counter() - self._asked[envelope.cause]) * 1000)
            if len(self._waits) == len(self._facts):
                self._all_seen.set()
            if not found:
                await self._engine.store.moved(mark, 1.0, partition)
