"""How fast a rival works when nothing happens to it, beside a bare loop."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from time import perf_counter
from typing import Final

from bench.figures import head, say
from bench.rivals.bare import copy
from bench.rivals.jar import Orders
from bench.rivals.rival import Rival, Worker
from bench.rivals.stage import CHUNK, Stage

SESSION_S: Final = 10
LOOK_S: Final = 0.1
WINDOW_S_MAX: Final = 30  # So long is looked at one who is slow.
AT_WORK_S_MAX: Final = 240


class Stuck(Exception):
    """A worker that runs and does nothing."""


def orders_of(stage: Stage, rival: Rival, source: str, target: str) -> Orders:
    """Its folder is known once there is one. A target is used once, and so is the name of a group."""
    return Orders(
        servers=stage.servers,
        source=rival.topic(source),
        target=rival.topic(target) if target else "",
        name=f"{target}-group",
        folder="",
        partitions=stage.partitions,
        exact=rival.exact,
        session_s=SESSION_S,
        database=stage.database,
    )


async def put(stage: Stage, rival: Rival, orders: Orders, first: int, upto: int) -> None:
    for start in range(first, upto, CHUNK):
        await rival.fill(stage, orders, start, min(start + CHUNK, upto))


async def grown(length: Callable[[], Awaitable[int]], beyond: int, worker: Worker) -> int:
    """Wait until it has written more than it had. Who ends by itself is started again, as a supervisor would."""
    deadline = perf_counter() + AT_WORK_S_MAX
    while (now := await length()) <= beyond:
        if perf_counter() > deadline:
            raise Stuck(f"{worker.rival.name} wrote nothing for {AT_WORK_S_MAX} s:\n{worker.last_words()}")
        worker.revive()
        await asyncio.sleep(LOOK_S)
    return now


async def pace(stage: Stage, rival: Rival, orders: Orders, count: int) -> float:
    """Outcomes per second from the first one seen to the last, or for as long as is looked at it.

    So its start, and the time its group takes to form, count for nothing.
    """
    await stage.topic(orders.target)

    async def length() -> int:
        return await rival.length(stage, orders)

    with Worker(rival, orders) as worker:
        first = latest = await grown(length, 0, worker)
        began = seen = perf_counter()
        while latest < count and perf_counter() < began + WINDOW_S_MAX:
            await asyncio.sleep(LOOK_S)
            now = await length()
            if now > latest:
                latest, seen = now, perf_counter()
    assert seen > began, f"{rival.name} wrote all at once: give it more events"
    return (latest - first) / (seen - began)


async def race(stage: Stage, rivals: Sequence[Rival], count: int, runs: int) -> None:
    """All in turn, the bare loop first, so that a machine that drifts drifts for all."""
    sources = {rival: f"jar-{nth}" for nth, rival in enumerate(rivals)}
    filled = {rival: orders_of(stage, rival, source, "") for rival, source in sources.items()}
    for rival, orders in filled.items():
        await stage.topic(orders.source)
        await put(stage, rival, orders, 0, count)
    head(f"Side by side on one Kafka broker: {count:,} events of about 600 bytes, {stage.partitions} partitions")
    bare: list[float] = []
    rates: dict[Rival, list[float]] = {rival: [] for rival in rivals}
    for run in range(runs):
        await stage.topic(f"copied-{run}")
        bare.append(await copy(stage.servers, filled[rivals[0]].source, f"copied-{run}", count))
        for nth, (rival, source) in enumerate(sources.items()):
            orders = orders_of(stage, rival, source, f"paced-{run}-{nth}")
            rates[rival].append(await pace(stage, rival, orders, count))
    say("bare loop that only copies", bare, "events/s")
    for rival, values in rates.items():
        say(f"{rival.name}: state + one outcome", values, "events/s")
        say(f"{rival.name}: ratio to the bare loop", [a / b for a, b in zip(values, bare, strict=True)], "times", 3)
