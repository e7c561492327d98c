"""The workers of one test: hired, killed, held, let go; and waiting, within bounds, for what must come of it."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from random import Random
from time import perf_counter
from types import TracebackType
from typing import Final, Self

from tests.faults.diary import Diary
from tests.faults.forked import Forked
from tests.faults.many.facts import PARTITIONS, callers
from tests.faults.many.ground import Ground
from tests.faults.many.worker import Orders, live
from tests.faults.process import ROOT

SURELY_S: Final = 120.0  # What does not come in this time never comes: a wait's bound, not a promise.
LOOK_S: Final = 0.1
MORE: Final = 30  # Facts acknowledged beyond what there was, before somebody is said to go on.
WORDS_MAX: Final = 2_000
PAUSE_S: Final = Orders.pause_s


def faked(clock: Path) -> dict[str, str]:
    """What has a process take its time from this file, at each look anew. Clocks that nobody sets are left alone."""
    if not clock.exists():
        return {}
    [library] = Path("/usr/lib").glob("*/faketime/libfaketime.so.1")
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_FORCE_MONOTONIC_FIX": "0",  # With it a thread waits a second for its turn, not five milliseconds.
    }


async def run(orders: Orders, errors: Path, clock: Mapping[str, str]) -> asyncio.subprocess.Process:
    """A process that has its clock from its first moment on."""
    with errors.open("ab") as stderr:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.faults.many.worker", json.dumps(asdict(orders))),
            cwd=ROOT,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
            env=os.environ | clock,
        )


class Worker:
    """One life in a slot."""

    def __init__(self, slot: int, process: asyncio.subprocess.Process | Forked, errors: Path) -> None:
        self.slot, self.errors, self.holder = slot, errors, ""
        self._process, self._from = process, errors.stat().st_size

    @classmethod
    async def start(cls, orders: Orders, errors: Path, clock: Mapping[str, str]) -> "Worker":
        await asyncio.to_thread(errors.touch)
        return cls(
            orders.slot, await (run(orders, errors, clock) if clock else Forked.start(live, orders, errors)), errors
        )

    async def ready(self) -> "Worker":
        """Wait until it is at work."""
        assert self._process.stdout
        async with asyncio.timeout(SURELY_S):
            word, _, self.holder = (await self._process.stdout.readline()).decode().strip().partition(" ")
        assert word == "ready", f"the worker did not start: {self.said()}"
        return self

    def said(self) -> str:
        """Its log, of this life."""
        with self.errors.open() as log:
            log.seek(self._from)
            return log.read()

    @property
    def misses_kafka(self) -> bool:
        """Whether it has said that Kafka is away, and not yet that it is back."""
        said = self.said()
        return said.rfind("engine.kafka-away") > said.rfind("engine.kafka-back")

    @property
    def code(self) -> int | None:
        """How it ended, if it has."""
        return self._process.returncode

    def pause(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def halt(self) -> None:
        """Have it stand still by itself, before it writes the next batch of the counting."""
        self._process.send_signal(signal.SIGUSR1)

    async def stands_still(self) -> bool:
        stat = await asyncio.to_thread(Path(f"/proc/{self._process.pid}/stat").read_text)
        return stat.rpartition(")")[2].split()[0] in "Tt"

    def wake(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def ask_to_stop(self) -> None:
        self._process.terminate()

    async def ends_within(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._process.wait()
        return self.code is not None

    async def kill(self) -> None:
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.communicate()


class Crew:
    """At most one worker in each slot. They die with the block."""

    def __init__(self, ground: Ground, folder: Path, seed: int) -> None:
        self.ground, self.dice = ground, Random(seed)
        self.workers: dict[int, Worker] = {}
        self.diary, self.path = Diary(), folder / "diary"
        self._folder, self._read = folder, 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self.workers.values():
            await worker.kill()

    def set_clock(self, slot: int, ahead_s: int) -> None:
        """Set the clock of this one's machine so far ahead: from its start, and from then on also while it runs."""
        new = self._clock(slot).with_suffix(".new")
        new.write_text(f"{ahead_s:+}\n")
        new.rename(self._clock(slot))  # It never reads half of it.

    def _clock(self, slot: int) -> Path:
        return self._folder / f"clock-{slot}"

    async def begin(self, slot: int, *, servers: str = "", database: str = "", pause_s: float = PAUSE_S) -> Worker:
        """Start one, and wait for nothing."""
        assert slot not in self.workers
        here = self.ground.cluster
        orders = Orders(
            servers=servers or here.servers,
            database=database or here.database,
            prefix=here.prefix,
            diary=str(self.path),
            slot=slot,
            start=self.ground.start.isoformat(),
            seed=self.dice.getrandbits(32),
            pause_s=pause_s,
        )
        self.workers[slot] = await Worker.start(orders, self._folder / f"worker-{slot}.log", faked(self._clock(slot)))
        return self.workers[slot]

    async def hire(self, *slots: int, pause_s: float = PAUSE_S) -> None:
        """Start these, and wait until they are at work."""
        begun = [await self.begin(slot, pause_s=pause_s) for slot in slots]
        await asyncio.gather(*(worker.ready() for worker in begun))

    async def kill(self, slot: int) -> None:
        """`kill -9`. Fails if it ended by itself before."""
        worker = self.workers.pop(slot)
        assert worker.code is None, f"worker {slot} ended by itself with {worker.code}: {worker.said()}"
        await worker.kill()

    async def dismiss(self, *slots: int) -> None:
        """Ask these to stop, and wait until they have: in good order."""
        leaving = [self.workers.pop(slot) for slot in slots]
        for worker in leaving:
            worker.ask_to_stop()
        stopped = [await worker.ends_within(SURELY_S) for worker in leaving]
        for worker in leaving:
            await worker.kill()
        assert all(stopped), f"some of {slots} do not stop"
        for worker in leaving:
            assert worker.code == 0, f"{worker.code}: {worker.said()[-WORDS_MAX:]}"

    def look(self) -> Diary:
        """The diary so far."""
        if self.path.exists():
            with self.path.open("rb") as file:
                file.seek(self._read)
                whole = file.read().rpartition(b"\n")[0]
            self._read += len(whole) + 1 if whole else 0
            for line in whole.decode().splitlines():
                self.diary.take(line)
        return self.diary

    async def refused(self, slot: int) -> bool:
        """Whether something that this one wrote was refused."""
        return self.look().fenced[slot] > 0

    def kept(self, slot: int) -> int:
        """How much was acknowledged there."""
        diary = self.look()
        return sum(diary.kept[caller] for caller in callers(slot))

    def all_live(self) -> None:
        for worker in self.workers.values():
            assert worker.code is None, (
                f"worker {worker.slot} ended by itself with {worker.code}: {worker.said()[-WORDS_MAX:]}"
            )

    async def until(self, so: Callable[[], Awaitable[bool]], what: str) -> float:
        """Wait for this; says how many seconds it took. Nobody may die meanwhile."""
        began = perf_counter()
        while not await so():
            self.all_live()
            if perf_counter() > began + SURELY_S:
                standing = "\n".join(map(str, await self.ground.standing()))
                raise AssertionError(f"never: {what}. {self.last_words()}\n{standing}")
            await asyncio.sleep(LOOK_S)
        return perf_counter() - began

    async def lasts(self, seconds: float) -> None:
        """Let a fault last, or work be done, for so long."""
        until = perf_counter() + seconds
        while (left := until - perf_counter()) > 0:
            self.all_live()
            await asyncio.sleep(min(LOOK_S, left))

    async def all_miss_kafka(self) -> bool:
        return all(worker.misses_kafka for worker in self.workers.values())

    def last_words(self) -> str:
        return "\n".join(f"worker {slot}: {worker.said()[-WORDS_MAX:]}" for slot, worker in self.workers.items())

    async def accepts(self, *slots: int) -> float:
        """Wait until each of these, else everybody, has had more facts acknowledged."""
        goal = {slot: self.kept(slot) + MORE for slot in slots or self.workers}

        async def so() -> bool:
            return all(self.kept(slot) >= wanted for slot, wanted in goal.items())

        return await self.until(so, f"more facts acknowledged at {sorted(goal)}")

    async def steps(self, partitions: Iterable[str] = (), *, but: str = "") -> float:
        """Wait until these partitions, else all, are further than they are now: in the hands of another than `but`."""
        before = {held.partition: held.position for held in await self.ground.held()}
        wanted = set(partitions) or {f"jar-{number}" for number in range(PARTITIONS)}

        async def so() -> bool:
            for partition, position, holder in await self.ground.held():
                if position > before.get(partition, 0) and holder != but:
                    wanted.discard(partition)
            return not wanted

        return await self.until(so, "a step on every partition")

    async def goes_on(self) -> None:
        """Wait until everybody takes facts, and all of them are stepped."""
        await self.accepts()
        await self.steps()

    async def share(self) -> None:
        """Wait until the work is dealt out evenly."""

        async def so() -> bool:
            holders = [held.holder for held in await self.ground.held()]
            held = [holders.count(worker.holder) for worker in self.workers.values()]
            return sum(held) == PARTITIONS and max(held) - min(held) <= 1

        await self.until(so, "each its share")

    async def holds(self, slot: int) -> list[str]:
        """What this one works on."""
        holder = self.workers[slot].holder or "nobody yet"
        return [held.partition for held in await self.ground.held() if held.holder == holder]
