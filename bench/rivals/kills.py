"""`kill -9` at random moments under load, and what became of every coin."""

import asyncio
import sys
from collections.abc import Sequence
from random import Random
from time import perf_counter
from typing import Final, NamedTuple

from bench.figures import head, say
from bench.rivals.audit import Sums, audit
from bench.rivals.jar import Orders
from bench.rivals.race import LOOK_S, Stuck, grown, orders_of, put
from bench.rivals.rival import Rival, Worker
from bench.rivals.stage import Stage

AHEAD: Final = 20_000  # Coins that lie ready beyond what was said, so that every kill meets a worker at work.
WORK_S: Final = (0.2, 8.0)  # So long it is left at work before it is killed.
QUIET_S: Final = 5.0  # So long nothing is written by one who is done.
STILL_S_MAX: Final = 150  # So long nothing is written by one who will never be: broken transactions last a minute.
DONE_S_MAX: Final = 600


class Fate(NamedTuple):
    """What became of one rival."""

    coins: int
    moments: list[float]  # At work for so many seconds when it was killed.
    back: list[float]  # So many seconds later it wrote again.
    deaths: int  # So often it ended by itself beside.
    done_s: float  # From its last start until all was done and certain; 0 if it never came to that.
    certain: Sums
    written: Sums


class Play:
    """One rival, its load and its killer."""

    def __init__(self, stage: Stage, rival: Rival, orders: Orders) -> None:
        self._stage, self._rival, self._orders = stage, rival, orders
        self.put = 0

    async def length(self) -> int:
        return await self._rival.length(self._stage, self._orders)

    async def feed(self) -> None:
        """Keep enough ready: what was written is never less than what was read."""
        wanted = await self.length() + AHEAD
        if self.put < wanted:
            await put(self._stage, self._rival, self._orders, self.put, wanted)
            self.put = wanted

    async def let_work(self, worker: Worker, seconds: float) -> float:
        """Let it work for about as long, and say how long it was."""
        began = perf_counter()
        while (left := began + seconds - perf_counter()) > 0:
            worker.revive()
            await self.feed()
            await asyncio.sleep(min(LOOK_S, left))
        return perf_counter() - began

    async def finish(self, worker: Worker, began: float) -> float:
        """Wait until it says that it is done and writes no more; 0 if it never comes to that."""
        deadline = began + DONE_S_MAX
        length, since = -1, perf_counter()
        while perf_counter() < deadline:
            worker.revive()
            now = await self.length()
            if now != length:
                length, since = now, perf_counter()
            elif perf_counter() > since + QUIET_S and await self._rival.done(self._stage, self._orders):
                return perf_counter() - QUIET_S - began
            elif perf_counter() > since + STILL_S_MAX:
                break
            await asyncio.sleep(LOOK_S)
        return 0

    async def run(self, dice: Random, kills: int) -> Fate:
        moments, back = [], []
        await self.feed()
        with Worker(self._rival, self._orders) as worker:
            started = perf_counter()
            await grown(self.length, 0, worker)
            for _ in range(kills):
                moments.append(await self.let_work(worker, dice.uniform(*WORK_S)))
                worker.kill()
                worker.start()
                started, length = perf_counter(), await self.length()
                await grown(self.length, length, worker)
                back.append(perf_counter() - started)
            done = await self.finish(worker, started)
        certain, written = [
            await audit(self.put, self._rival.outcomes(self._stage, self._orders, committed=committed))
            for committed in (True, False)
        ]
        return Fate(self.put, moments, back, worker.deaths, done, certain, written)


async def kill_each(stage: Stage, rivals: Sequence[Rival], kills: int, seed: int) -> None:
    fates: dict[Rival, Fate] = {}
    for nth, rival in enumerate(rivals):
        orders = orders_of(stage, rival, f"killed-jar-{nth}", f"killed-{nth}")
        await stage.topic(orders.source)
        await stage.topic(orders.target)
        try:
            fates[rival] = await Play(stage, rival, orders).run(Random(f"{seed} {rival.name}"), kills)
        except Stuck as stuck:
            sys.stdout.write(f"\n{stuck}\n")
    head(f"`kill -9` at {kills} random moments under load, seed {seed}: from its restart to its next outcome")
    for rival, fate in fates.items():
        say(rival.name, fate.back, "s", 1)
    tell(fates)


def tell(fates: dict[Rival, Fate]) -> None:
    """One row per rival for who reads what is certain, and one for who reads all that was written."""
    sys.stdout.write("\n### What became of every event\n\n")
    titles = (
        "rival",
        "reader",
        "events",
        "outcomes",
        "lost",
        "doubled",
        "wrong total",
        "jars harmed",
        "jars wrong at the end",
    )
    sys.stdout.write(f"| {' | '.join(titles)} |\n|{'---|' * len(titles)}\n")
    for rival, fate in fates.items():
        for reader, sums in zip(rival.readers, (fate.certain, fate.written), strict=True):
            numbers = (fate.coins, sums.outcomes, sums.lost, sums.doubled, sums.wrong)
            jars = (f"{harmed:,} of {sums.jars:,}" for harmed in (sums.jars_harmed, sums.jars_wrong))
            cells = (rival.name, reader, *(f"{number:,}" for number in numbers), *jars)
            sys.stdout.write(f"| {' | '.join(cells)} |\n")
    sys.stdout.write("\n")
    for rival, fate in fates.items():
        moments = ", ".join(f"{moment:.2f}" for moment in fate.moments)
        end = (
            f"done and certain {fate.done_s:.0f} s after its last start"
            if fate.done_s
            else "never done by its own account"
        )
        sys.stdout.write(f"- {rival.name}: killed after {moments} s at work, ended by itself {fate.deaths} times; ")
        sys.stdout.write(f"{end}.\n")
    sys.stdout.flush()
