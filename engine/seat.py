"""Where one part is worked: its active task and, beside it, the one that is being rebuilt."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from time import perf_counter
from typing import Final
from uuid import uuid4

import structlog

from engine.metrics import Meter
from engine.processor import Part
from engine.store import Changes, Lease, Parked, Store, Task
from engine.work import advance, retry
from schemas.errors import Conflict, Refused
from schemas.event import Envelope

POLL_S_MAX: Final = 0.5  # A request from another process (redrive, rebuild) is seen within this time.
LEASE: Final = timedelta(seconds=10)

log = structlog.get_logger("engine")

Clock = Callable[[], datetime]


class Seat:
    """All versions of one part, under one name."""

    def __init__(self, store: Store, parts: Sequence[Part], clock: Clock, meter: Meter, batch_max: int) -> None:
        self.name = parts[0].name
        self.parts = {part.version: part for part in parts}
        self.newest = max(parts, key=lambda part: part.version)
        self.holder = uuid4().hex
        self.tasks: list[Task] = []
        self.next_due: datetime | None = None
        self._careful_until = 0  # Up to here the database refused something: one event at a time.
        self._store, self._clock, self._meter, self._batch_max = store, clock, meter, batch_max

    def lease(self, *, ends: bool = False) -> Lease:
        now = self._clock()
        return Lease(self.holder, now, now if ends else now + LEASE)

    async def turn(self) -> bool:
        """Do what there is to do, one batch at most per task; false if there was nothing."""
        if not self.tasks:
            self.tasks = await self._store.claim(self.newest, self.lease())
        active, *rebuilt = self.tasks
        progress = False
        if rebuilt:
            rebuilt[0], progress = await self.advance(rebuilt[0], redrive=False)
            if rebuilt[0].position == active.position:
                self.tasks = [await self._store.switch(active, rebuilt[0])]
                log.info("engine.switched", part=self.name, version=rebuilt[0].version, position=active.position)
                return True
        if active.version in self.parts:  # Else its code is gone: it stands still until it is replaced.
            active, moved = await self.advance(active, redrive=not rebuilt)
            progress = progress or moved
        self.tasks = [active, *rebuilt]
        return progress

    async def advance(self, task: Task, *, redrive: bool) -> tuple[Task, bool]:
        """One batch of one task. Parked events are not tried again during a rebuild: it has copied them."""
        part, now = self.parts[task.version], self._clock()
        limit = 1 if task.position < self._careful_until else self._batch_max
        pull = await self._store.pull(part, task, limit=limit, now=now)
        self.next_due = pull.next_due
        began = perf_counter()
        tried = pull.records
        if redrive and pull.redrive:
            tried, changes = pull.redrive, retry(part, task, pull)
        elif pull.upto > task.position or pull.due:
            changes = advance(part, task, pull, now)
            assert not self._store.unkind or changes == advance(part, task, pull, now), "a step must be pure"
        elif pull.tasks != len(self.tasks):
            raise Conflict("somebody asked for a rebuild")
        else:
            return task, False
        self._meter.stepped(self.name, len(tried), perf_counter() - began)
        return await self.write(part, task, tried, changes), True

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

    def wait_s(self) -> float:
        """How long there is surely nothing to do, if nothing is written."""
        if self.next_due is None:
            return POLL_S_MAX
        return min(POLL_S_MAX, max(0.0, (self.next_due - self._clock()).total_seconds()))

    async def hold(self) -> None:
        await self._store.lease(self.tasks, self.lease())

    async def let_go(self) -> None:
        tasks, self.tasks = self.tasks, []
        await self._store.lease(tasks, self.lease(ends=True))
