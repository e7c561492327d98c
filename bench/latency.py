"""From append to its outcome, visible to a reader, at a steady rate."""

import asyncio
from time import perf_counter

from bench.figures import head, percentile, say
from bench.load import ContactNoted, contact, counting, engine_on, folder
from engine.engine import Engine

RATE = 500
SECONDS = 10
RUNS = 5


async def run(seconds: int = SECONDS) -> None:
    head(f"Latency: append → step → outcome visible, at {RATE} events/s for {seconds} s")
    rounds = [await measure(seconds) for _ in range(RUNS)]
    for name, share in (("p50", 0.5), ("p99", 0.99), ("highest", 1.0)):
        say(name, [percentile(waits, share) for waits in rounds], "ms", digits=2)


async def measure(seconds: int) -> list[float]:
    """Milliseconds per event."""
    asked: dict[str, float] = {}
    waits: list[float] = []
    facts = [contact(number) for number in range(RATE * seconds)]
    with folder() as place:
        async with engine_on(place / "log.db", batch_max=500) as engine:
            running = asyncio.create_task(engine.run(counting))
            seeing = asyncio.create_task(see(engine, asked, waits, len(facts)))
            began = perf_counter()
            async with asyncio.TaskGroup() as group:
                for number, fact in enumerate(facts):
                    await asyncio.sleep(max(0.0, began + number / RATE - perf_counter()))
                    asked[fact.id] = perf_counter()
                    group.create_task(engine.append(fact))
            await asyncio.wait_for(seeing, 60)
            engine.stop()
            await running
    return waits


async def see(engine: Engine, asked: dict[str, float], waits: list[float], expected: int) -> None:
    """Read the log as anybody would, and note when each outcome appears."""
    position = 0
    while len(waits) < expected:
        mark = engine.store.mark()
        for envelope in await engine.read(position, 1_000):
            position = envelope.position
            if envelope.type == ContactNoted.type:
                waits.append((perf_counter() - asked[envelope.cause]) * 1000)
        await engine.store.moved(mark, 1.0)
