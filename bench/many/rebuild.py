"""How fast a read model is made again from a long log, beside the running one, and how long that one stands still."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Final

import asyncpg

from bench.figures import PAIRS, head, say
from bench.many.load import cut
from bench.many.stage import Stage, at_work, feeding, stage
from bench.rebuild import view
from engine.engine import Engine
from engine.postgres import Db

EVENTS: Final = 1_000_000
RATE: Final = 200  # Contacts per second meanwhile.
LOOK_S: Final = 0.005
CALM_S: Final = 1.0  # After a switch, until every partition has surely gone on.
DONE_S_MAX: Final = 1_800

NOW: Final = "SELECT partition, position, number FROM task WHERE name = $1 AND active"
LEFT: Final = "SELECT count(*) FROM task WHERE name = $1 AND NOT active"


@dataclass
class Stillness:
    """When each partition of the active view moved last, and the longest it stood still: at a switch, and else."""

    moved: dict[str, float] = field(default_factory=dict)
    at: dict[str, tuple[int, int]] = field(default_factory=dict)
    switched: set[str] = field(default_factory=set)
    at_switch: float = 0.0
    else_: float = 0.0

    def see(self, partition: str, position: int, number: int) -> None:
        now, before = perf_counter(), self.at.get(partition, (position, number))
        if number != before[1]:
            self.switched.add(partition)
        if position != before[0]:
            still = (now - self.moved.get(partition, now)) * 1000
            if partition in self.switched:
                self.switched.remove(partition)
                self.at_switch = max(self.at_switch, still)
            else:
                self.else_ = max(self.else_, still)
            self.moved[partition] = now
        self.at[partition] = position, number


async def run(events: int = EVENTS) -> None:
    events = cut(events)
    async with stage() as here:
        head(f"Many machines: rebuild of a read model over {events:,} events, at {RATE} events/s meanwhile")
        await here.fill(0, events)
        async with here.engine() as engine, at_work(engine, view), feeding(engine, events, RATE), watching(here) as db:
            await caught_up(engine)
            rates, stills, elses = [], [], []
            for _ in range(PAIRS):
                stillness = Stillness()
                rates.append(events / await rebuilt(engine, db, stillness))
                stills.append(stillness.at_switch)
                elses.append(stillness.else_)
        say("rebuild, from the request to the switch", rates, "events/s")
        say("longest that a partition of the active view stood still, at the switch", stills, "ms")
        say("longest that a partition of the active view stood still, before", elses, "ms")


async def caught_up(engine: Engine) -> None:
    async with asyncio.timeout(DONE_S_MAX):
        while True:
            if any(one.task.name == view.name and one.behind < RATE for one in await engine.standings()):
                return
            await asyncio.sleep(CALM_S)


async def rebuilt(engine: Engine, db: Db, stillness: Stillness) -> float:
    """Ask for it, and tell after how many seconds the new one is the active one."""
    await engine.rebuild(view.name)
    began = perf_counter()
    async with asyncio.timeout(DONE_S_MAX):
        while await db.fetchval(LEFT, view.name):
            await look(db, stillness)
    took = perf_counter() - began
    while perf_counter() < began + took + CALM_S:
        await look(db, stillness)
    return took


async def look(db: Db, stillness: Stillness) -> None:
    for row in await db.fetch(NOW, view.name):
        stillness.see(*row)
    await asyncio.sleep(LOOK_S)


@asynccontextmanager
async def watching(here: Stage) -> AsyncIterator[Db]:
    db = await asyncpg.connect(here.cluster.database)
    try:
        yield db
    finally:
        await db.close()
