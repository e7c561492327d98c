"""What a second worker process adds, where broker and database share the same two cores with both."""

import asyncio
from collections.abc import Iterator
from functools import partial
from itertools import count
from time import perf_counter
from typing import Final

from bench.figures import PAIRS, head, say
from bench.many.load import cut
from bench.many.stage import Stage, in_turn, stage
from bench.many.worker import workers

EVENTS: Final = 100_000
SEEN_S: Final = 1.0  # Within it every worker knows of the others.


async def run(events: int = EVENTS) -> None:
    events = cut(events)
    async with stage() as here:
        await here.fill(0, events)
        head(f"Many machines: state + one outcome, {events:,} events of about 600 bytes, one and two workers")
        names = count()
        found = await in_turn({n: partial(together, here, names, events, n) for n in (1, 2)}, PAIRS)
        say("two workers: ratio to one", [b / a for a, b in zip(found[1], found[2], strict=True)], "times", 2)
        say("one worker", found[1], "events/s")
        say("two workers", found[2], "events/s")


async def together(here: Stage, names: Iterator[int], events: int, many: int) -> float:
    """From the word to begin until all is answered. A new name reads all again."""
    async with workers(here.cluster, next(names), many) as started:
        await asyncio.sleep(SEEN_S)
        goal = await here.told() + events
        began = perf_counter()
        for worker in started:
            await worker.begin()
        return events / (await here.until_told(goal) - began)
