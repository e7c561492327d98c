"""One processor with state and one outcome, and durable append, against bare loops on the same broker."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import count
from time import perf_counter
from typing import Final

from bench.figures import PAIRS, head, say
from bench.many.append import Appends
from bench.many.bare import copy_each
from bench.many.load import SOURCE, TARGET, counting, cut
from bench.many.stage import Measure, Stage, at_work, in_turn, stage
from bench.rivals.bare import copy

EVENTS: Final = 100_000
BATCHES: Final = (500, 1_000, 3_000)
DRAAD, BARE = "Draad", "bare loop"


async def run(events: int = EVENTS) -> None:
    events = cut(events)
    async with stage() as here:
        await here.fill(0, events)
        head(f"Many machines: state + one outcome, {events:,} events of about 600 bytes, one worker")
        await compare(here, events)
        appends = Appends(here, events)
        await appends.batches()
        await appends.ones()


async def compare(here: Stage, events: int) -> None:
    names = count()
    measures: dict[str, Measure[float]] = {
        f"{DRAAD}, {batch:,} at once": partial(process, here, names, events, batch) for batch in BATCHES
    }
    measures[f"{BARE}, event by event"] = partial(copy_each, here.kafka.address, events)
    measures[f"{BARE}, whole batches"] = partial(copy, here.kafka.address, SOURCE, TARGET, events)
    tell(await in_turn(measures, PAIRS))


def tell(found: Mapping[str, Sequence[float]]) -> None:
    """Ratios first, ours to each that is bare, pair by pair."""
    for ours in (name for name in found if name.startswith(DRAAD)):
        for bare in (name for name in found if name.startswith(BARE)):
            ratios = [a / b for a, b in zip(found[ours], found[bare], strict=True)]
            say(f"{ours}: ratio to the {bare}", ratios, "times", 2)
    for name, rates in found.items():
        say(name, rates, "events/s")


async def process(here: Stage, names: Iterator[int], events: int, batch_max: int) -> float:
    """From the start of its work until all is answered. A new name reads all again."""
    async with here.engine(batch_max) as engine:
        goal = await here.told() + events
        began = perf_counter()
        async with at_work(engine, counting(next(names))):
            return events / (await here.until_told(goal) - began)
