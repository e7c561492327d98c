"""Durable append: each fact on the disk of the database before its answer, against a bare producer."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import count
from time import perf_counter
from typing import Final, NamedTuple

from bench.figures import PAIRS, head, percentile, say
from bench.load import BATCH, contact
from bench.many.bare import append_batch, append_one, producing
from bench.many.load import cut
from bench.many.stage import Stage, carried, in_turn
from schemas.event import Envelope

BATCHED: Final = 100_000
BATCHING: Final = 4  # Callers who append a thousand at a time.
ALONE: Final = 20_000
CALLERS: Final = 64  # Callers who append one at a time.

Append = Callable[[Sequence[Envelope]], Awaitable[None]]


class Paced(NamedTuple):
    """What a round of appends came to, per second and in milliseconds."""

    acknowledged: float
    carried: float  # Until it was on Kafka too.
    p50: float
    p99: float


class Appends:
    """Rounds of appends to one log: each fact is new, as it is to those who ask."""

    def __init__(self, here: Stage, first: int) -> None:
        self._here, self._numbers = here, count(first)

    async def batches(self) -> None:
        events = cut(BATCHED)
        head(f"Many machines: durable append, {BATCHING} callers with {BATCH:,} facts at a time, {events:,} in all")
        await self._compare(events, BATCHING, BATCH)

    async def ones(self) -> None:
        events = cut(ALONE)
        head(f"Many machines: durable append, {CALLERS} callers with one fact at a time, {events:,} in all")
        await self._compare(events, CALLERS, 1)

    async def _compare(self, events: int, callers: int, size: int) -> None:
        async def ours() -> Paced:
            async with self._here.engine() as engine:

                async def append(facts: Sequence[Envelope]) -> None:
                    await engine.append(*facts)

                return await self._pace(append, lambda: carried(engine), events, callers, size)

        async def theirs() -> Paced:
            async with producing(self._here.kafka.address) as producer:

                async def append(facts: Sequence[Envelope]) -> None:
                    await (append_batch(producer, facts) if size > 1 else append_one(producer, facts[0]))

                return await self._pace(append, producer.flush, events, callers, size)

        found = await in_turn({"Draad": ours, "bare": theirs}, PAIRS)
        tell(found["Draad"], found["bare"])

    async def _pace(
        self, append: Append, end: Callable[[], Awaitable[object]], events: int, callers: int, size: int
    ) -> Paced:
        facts = [contact(next(self._numbers)) for _ in range(events)]
        jobs = iter([facts[at : at + size] for at in range(0, events, size)])
        waits: list[float] = []

        async def call() -> None:
            for job in jobs:  # Whoever is free takes the next one.
                asked = perf_counter()
                await append(job)
                waits.append((perf_counter() - asked) * 1000)

        began = perf_counter()
        await asyncio.gather(*(call() for _ in range(callers)))
        acknowledged = events / (perf_counter() - began)
        await end()
        return Paced(acknowledged, events / (perf_counter() - began), percentile(waits, 0.5), percentile(waits, 0.99))


def tell(ours: Sequence[Paced], bare: Sequence[Paced]) -> None:
    ratios = [mine.acknowledged / its.acknowledged for mine, its in zip(ours, bare, strict=True)]
    say("ratio to the bare producer", ratios, "times", 2)
    for name, rounds in (("Draad", ours), ("bare producer", bare)):
        say(f"{name}: acknowledged", [one.acknowledged for one in rounds], "appends/s")
        if rounds is ours:
            say(f"{name}: on Kafka too", [one.carried for one in rounds], "appends/s")
        say(f"{name}: p50", [one.p50 for one in rounds], "ms", 2)
        say(f"{name}: p99", [one.p99 for one in rounds], "ms", 2)
