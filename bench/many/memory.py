"""What memory a worker takes when little and when much is stored, and what an event costs then.

One process appends and steps, as each of many does. A machine that has just written gigabytes is slower at everything:
so each sample stands beside a bare loop of the same moment.
"""

from time import perf_counter
from typing import Final

import psutil

from bench.figures import PAIRS, head, say
from bench.load import BATCH, contacts
from bench.many.bare import copy_each
from bench.many.load import EVENTS_MAX, counting
from bench.many.stage import Stage, at_work, stage
from engine.engine import Engine

SIZES: Final = (10_000, 1_000_000, 5_000_000)
SAMPLE: Final = 20_000
AHEAD_MAX: Final = 100_000  # Contacts appended and not yet answered.


async def run(sizes: tuple[int, ...] = SIZES) -> None:
    head("Many machines: memory and cost of an event, by how many contacts are stored (as many outcomes beside them)")
    first: list[float] = []
    stored = 0
    async with stage() as here, here.engine() as engine, at_work(engine, counting()):
        for size in [size for size in sizes if size <= EVENTS_MAX] or [EVENTS_MAX]:
            await grow(here, engine, stored, size - stored)
            memory = psutil.Process().memory_info().rss / 2**20
            costs, bare = [], []
            for nth in range(PAIRS):
                bare.append(1e6 / await copy_each(here.kafka.address, min(size, SAMPLE)))
                costs.append(await grow(here, engine, size + SAMPLE * nth, SAMPLE))
            stored = size + SAMPLE * PAIRS
            against = [mine / its for mine, its in zip(costs, bare, strict=True)]
            first = first or against
            growth = [now / then for now, then in zip(sorted(against), sorted(first), strict=True)]
            say(f"at {size:,}: memory", [memory], "MB")
            say(f"at {size:,}: growth against the bare loop of the moment", growth, "times", 2)
            say(f"at {size:,}: Draad, append and step", costs, "µs/event", 1)
            say(f"at {size:,}: bare loop", bare, "µs/event", 1)


async def grow(here: Stage, engine: Engine, first: int, count: int) -> float:
    """Append so many contacts and wait for their outcomes; tell the microseconds per event."""
    told, began = await here.told(), perf_counter()
    for nth, batch in enumerate(contacts(first, count)):
        await engine.append(*batch)
        if nth * BATCH % AHEAD_MAX == 0:
            await here.until_told(told + (nth * BATCH) - AHEAD_MAX)
    return (await here.until_told(told + count) - began) / count * 1e6
