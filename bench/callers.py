"""Many callers, each of one fact, each durable before its answer."""

import asyncio
from time import perf_counter

from bench.figures import head, percentile, say
from bench.load import contacts, engine_on, folder
from engine.sqlite import SqliteStore
from schemas.event import Envelope

CALLERS = 64
EACH = 500
RUNS = 5


async def run(each: int = EACH) -> None:
    head(f"{CALLERS} concurrent callers, one fact at a time, durable before the answer")
    rates, middles, tails, shared = [], [], [], []
    facts = [fact for batch in contacts(0, CALLERS * each) for fact in batch]
    for _ in range(RUNS):
        with folder() as place:
            async with engine_on(place / "log.db") as engine:
                assert isinstance(engine.store, SqliteStore)
                waits: list[float] = []

                async def call(mine: list[Envelope], waits: list[float] = waits) -> None:
                    for fact in mine:
                        asked = perf_counter()
                        await engine.append(fact)  # Run to its end within this very turn of the loop.
                        waits.append((perf_counter() - asked) * 1000)

                commits = engine.store.commits
                began = perf_counter()
                await asyncio.gather(*(call(facts[n::CALLERS]) for n in range(CALLERS)))
                rates.append(len(facts) / (perf_counter() - began))
                shared.append(len(facts) / (engine.store.commits - commits))
        middles.append(percentile(waits, 0.5))
        tails.append(percentile(waits, 0.99))
    say("appends", rates, "appends/s")
    say("p50", middles, "ms", digits=2)
    say("p99", tails, "ms", digits=2)
    say("appends per fsync", shared, "", digits=1)
