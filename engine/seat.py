"""Where one part is worked: its active task and, beside it, the one that is being rebuilt."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from time import monotonic, perf_counter
from typing import Final
from uuid import uuid4

import structlog

from engine.metrics import Meter
from engine.pace import Made, Pace, most
from engine.processor import Part
from engine.store import Changes, Lease, Parked, Store, Task
from engine.work import Batch, advance, begin, finish, go_on, retry
from schemas.errors import Conflict, Refused
from schemas.event import Envelope

POLL_S_MAX: Final = 0.5  # A request from another process (redrive, rebuild) is seen within this time.
IDLE_S_MAX: Final = (
    5.0  # Where others share the log, a heart beside it tells of requests: who waits for no alarm rests.
)
LEASE: Final = timedelta(seconds=6)
AT_ONCE: Final = 4  # Times as much as others, a rebuild writes in one go: nobody waits for it, and rows are the same.

log = structlog.get_logger("engine")

Clock = Callable[[], datetime]


class Seat:
    """All versions of one part, under one name."""

    def __init__(  # noqa: PLR0913, PLR0917  # What the engine has, handed on.
        self,
        store: Store,
        parts: Sequence[Part],
        partition: str,
        clock: Clock,
        meter: Meter,
        pace: Pace,
        batch_max: int,
    ) -> None:
        self.name = parts[0].name
        self.parts = {part.version: part for part in parts}
        self.newest = max(parts, key=lambda part: part.version)
        self.partition = partition
        self.holder = uuid4().hex
        self.tasks: list[Task] = []
        self.next_due: datetime | None = None
        self._rests_until = 0.0  # It failed: until then it leaves the others alone.
        self._look_at = 0.0  # By then it looks whether somebody asked for something.
        self._careful_until = 0  # Up to here the database refused something: one event at a time.
        self._most = batch_max  # As many events as its steps have been quick.
        self._store, self._clock, self._meter, self._pace, self._batch_max = store, clock, meter, pace, batch_max

    def lease(self, *, ends: bool = False) -> Lease:
        now = self._clock()
        return Lease(self.holder, now, now if ends else now + LEASE)

    async def passes(self) -> bool:
        """Go past what is surely not for it; false if it has to look. Every so often it looks all the same."""
        if len(self.tasks) != 1 or monotonic() > self._look_at or self.wait_s() <= 0:
            return False
        [task] = self.tasks
        part = self.parts.get(task.version)
        clear = self._store.clear(part, task) if part else 0
        if part and clear > task.position:
            self.tasks = [await self._store.push(part, task, Changes(clear))]
        return clear > 0

    async def turn(self) -> bool:
        """Do what there is to do, one batch at most per task; false if there was nothing."""
        if not self._store.is_ours(self.name, self.partition):
            await self.let_go()
            await self._store.leave(self.name, self.partition)
            return False
        if not self.tasks:
            self.tasks = await self._store.claim(self.newest, self.partition, self.lease())
            if not self.tasks:  # Whoever worked here has not let go yet.
                return False
        try:
            return await self._work()
        except Conflict:  # Another has taken over, or a rebuild was asked for or is done: look who works here now.
            self.tasks = []
            return True

    async def _work(self) -> bool:
        active, *rebuilt = self.tasks
        progress = False
        if rebuilt:
            rebuilt[0], progress = await self.advance(rebuilt[0], redrive=False)
            switched = await self._switched(active, rebuilt[0])
            if switched == active:  # The others are near.
                self.tasks = [active, *rebuilt]
                return progress
            if switched:
                self.tasks = [switched]
                log.info("engine.switched", part=self.name, version=rebuilt[0].version, position=active.position)
                return True
        if active.version in self.parts:  # Else its code is gone: it stands still until it is replaced.
            active, moved = await self.advance(active, redrive=not rebuilt)
            progress = progress or moved
        self.tasks = [active, *rebuilt]
        return progress

    async def _switched(self, active: Task, rebuilt: Task) -> Task | None:
        return await self._store.switch(active, rebuilt) if active.position == rebuilt.position else None

    async def advance(self, task: Task, *, redrive: bool) -> tuple[Task, bool]:
        """One batch of one task. Parked events are not tried again during a rebuild: it has copied them."""
        part, now = self.parts[task.version], self._clock()
        limit = 1 if task.position < self._careful_until else min(self._most, self._batch_max)
        if limit > 1 and not task.active:
            limit *= AT_ONCE
        self._look_at = monotonic() + self._idle_s
        pull = await self._store.pull(part, task, limit=limit, now=now)
        self.next_due = pull.next_due
        if redrive and pull.redrive:
            tried, whole = pull.redrive, partial(retry, part, task, pull)
            changes = await self._paced(whole, len(tried))
        elif pull.upto > task.position or pull.due:
            tried, whole = pull.records, partial(advance, part, task, pull, now)
            changes = await self._stepped(begin(part, task, pull), now)
        elif pull.tasks != len(self.tasks):
            raise Conflict("somebody asked for a rebuild")
        else:
            return task, False
        assert not self._store.unkind or changes == whole(), "a step must be pure"
        if changes.timers or changes.fired:
            self._look_at = 0.0  # For when the next one is due.
        return await self.write(part, task, tried, changes), True

    async def _stepped(self, batch: Batch, now: datetime) -> Changes:
        """Stretch by stretch: between two of them others have their turn."""
        left = batch.pull.records
        while left:
            some, left = left[: self._most], left[self._most :]
            await self._paced(partial(go_on, batch, some), len(some))
        return finish(batch, now)

    async def _paced(self, make: Callable[[], Made], events: int) -> Made:
        def timed() -> Made:
            began = perf_counter()
            made = make()
            took_s = perf_counter() - began
            self._meter.stepped(self.name, events, took_s)
            self._most = most(events, took_s)
            return made

        return await self._pace.step(timed)

    async def write(self, part: Part, task: Task, tried: Sequence[Envelope], changes: Changes) -> Task:
        """Push it; where the database will not have it, find the poison by going one event at a time."""
        try:
            task = await self._store.push(part, task, changes)
        except Refused as error:
            if len(tried) > 1:
                self._careful_until = max(changes.position, task.position + 1)
                return task
            [poison] = tried
            changes = Changes(changes.position, parked=[Parked(poison.position, poison.subject, str(error))])
            changes.redriven = poison.subject
            task = await self._store.push(part, task, changes)
        for parked in changes.parked:
            log.warning("engine.parked", part=self.name, subject=parked.subject, reason=parked.reason)
        self._meter.parked(self.name, len(changes.parked))
        return task

    @property
    def _idle_s(self) -> float:
        """How long it needs no look, if nothing is written and nothing is due."""
        return IDLE_S_MAX if self._store.shared and len(self.tasks) == 1 else POLL_S_MAX

    def wait_s(self) -> float:
        """How long there is surely nothing to do, if nothing is written."""
        if self.rests():
            return self._rests_until - monotonic()
        if self.next_due is None:
            return self._idle_s
        return min(POLL_S_MAX, max(0.0, (self.next_due - self._clock()).total_seconds()))

    def rest(self, span_s: float) -> None:
        """Begin anew after a while."""
        self.tasks = []
        self._rests_until = monotonic() + span_s

    def rests(self) -> bool:
        return monotonic() < self._rests_until

    async def hold(self) -> None:
        await self._store.lease(self.tasks, self.lease())

    async def let_go(self) -> None:
        tasks, self.tasks = self.tasks, []
        if tasks:
            await self._store.lease(tasks, self.lease(ends=True))
