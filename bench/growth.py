"""What an event costs when little and when much is stored, and what memory that takes."""

from time import perf_counter

import psutil

from bench.figures import head, say
from bench.load import BATCH, contacts, counting, engine_on, folder
from engine.engine import Engine

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
                costs = [await cost(engine, size + SAMPLE * n) for n in range(RUNS)]
                stored = size + SAMPLE * RUNS
                first = first or costs
                say(f"cost at {size:,}", costs, "µs/event", digits=1)
                ratios = [now / then for now, then in zip(costs, first, strict=True)]
                say(f"cost at {size:,}, against the first", ratios, "times", digits=2)
                memory = psutil.Process().memory_info().rss / 2**20
                say(f"memory at {size:,}", [memory], "MB", digits=0)


async def cost(engine: Engine, start: int) -> float:
    """Microseconds per event for a sample, appended by the batch and stepped."""
    batches = list(contacts(start, SAMPLE))
    began = perf_counter()
    for batch in batches:
        await engine.append(*batch)
    await engine.settle(counting)
    assert len(batches) * BATCH == SAMPLE
    return (perf_counter() - began) / SAMPLE * 1e6
