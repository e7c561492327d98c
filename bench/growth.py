"""What an event costs when little and when much is stored, and what memory that takes.

A machine that has just written gigabytes is slower at everything. So each sample stands beside a bare loop that writes
the same rows to a small new file at the same moment: what grows with the log is what grows against that.
"""

from contextlib import closing
from pathlib import Path
from time import perf_counter

import psutil

from bench.figures import head, say
from bench.load import BATCH, contacts, counting, engine_on, folder
from bench.throughput import bare_file, bare_write
from engine.engine import Engine
from schemas.event import Envelope

SIZES = (10_000, 1_000_000, 5_000_000)
SAMPLE = 20_000
RUNS = 5


async def run(sizes: tuple[int, ...] = SIZES) -> None:
    head("Growth: append and step one event, by how many contacts are stored (as many outcomes beside them)")
    first: list[float] = []
    stored = 0
    with folder() as place:
        async with engine_on(place / "log.db") as engine:
            for size in sizes:
                for batch in contacts(stored, size - stored):
                    await engine.append(*batch)
                await engine.settle(counting)
                costs, bare = [], []
                for nth in range(RUNS):
                    batches = list(contacts(size + SAMPLE * nth, SAMPLE))
                    bare.append(small(place / f"{size}-{nth}.db", batches))
                    costs.append(await cost(engine, batches))
                stored = size + SAMPLE * RUNS
                against = [mine / its for mine, its in zip(costs, bare, strict=True)]
                first = first or against
                growth = [now / then for now, then in zip(sorted(against), sorted(first), strict=True)]
                say(f"at {size:,}: growth against the bare loop of the moment", growth, "times", digits=2)
                say(f"at {size:,}: Draad", costs, "µs/event", digits=1)
                say(f"at {size:,}: bare loop on a small new file", bare, "µs/event", digits=1)
                memory = psutil.Process().memory_info().rss / 2**20
                say(f"at {size:,}: memory", [memory], "MB", digits=0)


async def cost(engine: Engine, batches: list[list[Envelope]]) -> float:
    """Microseconds per event, appended by the batch and stepped."""
    began = perf_counter()
    for batch in batches:
        await engine.append(*batch)
    await engine.settle(counting)
    assert len(batches) * BATCH == SAMPLE
    return (perf_counter() - began) / SAMPLE * 1e6


def small(path: Path, batches: list[list[Envelope]]) -> float:
    """Microseconds per event for the bare loop, on a file that is empty."""
    with closing(bare_file(path)) as db:
        began = perf_counter()
        for batch in batches:
            bare_write(db, batch)
        return (perf_counter() - began) / SAMPLE * 1e6
