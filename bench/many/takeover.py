"""How long work stands still where a worker is killed: until another has taken over all that it held."""

import asyncio
from time import perf_counter
from typing import Final, NamedTuple

import asyncpg

from bench.figures import head, say
from bench.many.load import counting
from bench.many.stage import PARTITIONS, Stage, feeding, stage
from bench.many.worker import Worker, workers
from engine.postgres import Db

KILLS: Final = 10
RATE: Final = 200  # Events per second: little, and always something for every partition.
AT_WORK_S: Final = 2.0  # So long both work before one is killed.
LOOK_S: Final = 0.01
SHARED_S_MAX: Final = 60


class Held(NamedTuple):
    """A partition: how far its work is, and by whom."""

    partition: str
    position: int
    holder: str


async def run(kills: int = KILLS) -> None:
    async with stage() as here:
        db = await asyncpg.connect(here.cluster.database)
        try:
            await take_over(here, db, kills)
        finally:
            await db.close()


async def take_over(here: Stage, db: Db, kills: int) -> None:
    head(f"Many machines: one of two workers is killed, {kills} times in turn, at {RATE} events/s")
    async with workers(here.cluster, 0, 2) as both, here.engine() as third, feeding(third, 0, RATE):
        for worker in both:
            await worker.begin()
        waits = []
        for _ in range(kills):
            await shared(db, both)
            await asyncio.sleep(AT_WORK_S)
            waits.append(await fallen(db, both.pop(0)))
            both.append(await Worker.start(here.cluster, 0))
            await both[-1].begin()
        say("from the kill until all that it held moves again", waits, "s", 2)
        for worker in both:
            await worker.kill()


async def fallen(db: Db, victim: Worker) -> float:
    """Kill it, and tell after how many seconds each of its partitions has gone on in other hands."""
    began = perf_counter()
    await victim.kill()
    left = {held.partition: held.position for held in await look(db) if held.holder == victim.holder}
    assert left, "the one that was killed held nothing"
    while left:
        await asyncio.sleep(LOOK_S)
        for partition, position, holder in await look(db):
            if holder != victim.holder and position > left.get(partition, position):
                del left[partition]
    return perf_counter() - began


async def shared(db: Db, both: list[Worker]) -> None:
    """Wait until each of them holds its share."""
    async with asyncio.timeout(SHARED_S_MAX):
        while True:
            holders = [held.holder for held in await look(db)]
            if all(holders.count(worker.holder) == PARTITIONS // len(both) for worker in both):
                return
            await asyncio.sleep(LOOK_S)


async def look(db: Db) -> list[Held]:
    query = "SELECT partition, position, holder FROM task WHERE name = $1"
    return [Held(*row) for row in await db.fetch(query, counting().name)]
