"""The unkind engine, for tests: it forgets all but its journal, shuffles, deals out odd batches, and steps twice.

What is durable is one list, the journal: an entry is in it or not. Everything else is folded from it again whenever
a store is opened on the same disk, so a crash at any line can be played by dropping the store.
"""

import asyncio
import sqlite3
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any, Final

from sqlalchemy import Select, Table

from engine.processor import Change, Courier, Part, Projection, Put
from engine.rows import fold
from engine.statements import compiled, make_view, put, selected
from engine.store import NO_REBUILD, Active, Answer, Aside, Changes, Lease, Parked, Pull, Standing, Task, Timer
from engine.tables import view_of
from engine.work import stamp
from engine.writer import POISON, REFUSED
from schemas.errors import Conflict, Refused, Unavailable
from schemas.event import Envelope
from schemas.timer import TimerElapsed

ODD_BATCH_MAX: Final = 7
NEVER: Final = datetime.min.replace(tzinfo=UTC)

Entry = tuple[str, tuple[Any, ...]]


@dataclass(slots=True)
class Disk:
    """What outlives a crash."""

    journal: list[Entry] = field(default_factory=list)


@dataclass(slots=True)
class Kept:
    """What one task knows, folded from the journal."""

    task: Task
    kind: str
    table: Table | None
    holder: str = ""
    until: datetime = NEVER
    states: dict[str, str] = field(default_factory=dict)
    rows: dict[tuple[Any, ...], dict[str, Any]] = field(default_factory=dict)
    timers: dict[tuple[str, str], Timer] = field(default_factory=dict)
    fired: set[Timer] = field(default_factory=set)
    parked: dict[int, Parked] = field(default_factory=dict)
    redrive: list[str] = field(default_factory=list)
    lent: list[int] = field(default_factory=list)


class MemoryStore:
    """A store on a `Disk`. The seed decides every batch size, so that a failing history can be played again."""

    skew_s = 0.0
    shared = False
    unkind = True

    def __init__(self, disk: Disk, clock: Callable[[], datetime], seed: int = 0) -> None:
        self._disk, self.now, self._random = disk, clock, Random(seed)
        self._log: list[Envelope] = []
        self._ids: set[str] = set()
        self._kept: dict[int, Kept] = {}
        self._next = 1
        self._mark = 0
        self._woken = asyncio.Event()
        for entry in disk.journal:
            self._fold(entry)
        for kept in self._kept.values():  # Whoever held a task before this process is dead.
            kept.holder = ""

    async def append(self, facts: Sequence[Envelope]) -> None:
        await self._unhurried()
        known, new = set(self._ids), []
        for fact in facts:
            if fact.id not in known:
                known.add(fact.id)
                new.append(fact)
        if new:
            self._write("append", tuple(new), stamp(self.now()))

    async def partitions(self, parts: Sequence[Part]) -> Sequence[str]:
        return [""]

    def is_ours(self, part: str, partition: str) -> bool:
        return True

    async def claim(self, part: Part, partition: str, lease: Lease) -> list[Task]:
        await self._unhurried()
        kept = self._of(part.name)
        if any(k.until > lease.now and k.holder not in {"", lease.holder} for k in kept):
            raise Conflict(f"{part.name} is at work elsewhere")
        if gone := [k.task.number for k in kept if not k.task.active and k.task.version != part.version]:
            self._write("forget", tuple(gone))
        versions = {k.task.version for k in self._of(part.name)}
        if part.version > max(versions, default=0):
            table = part.table if isinstance(part, Projection) else None
            self._write("task", part.name, part.version, part.kind, table, not kept)
        numbers = tuple(k.task.number for k in self._of(part.name))
        self._write("claim", numbers, lease)
        return [k.task for k in self._of(part.name)]

    async def lease(self, tasks: Sequence[Task], lease: Lease) -> None:
        for task in tasks:
            self._held(task)
        self._write("lease", tuple(task.number for task in tasks), lease)

    async def leave(self, part: str, partition: str) -> None:
        """All of it is ours."""

    async def pull(self, part: Part, task: Task, *, limit: int, now: datetime) -> Pull:
        await self._unhurried()
        kept = self._kept[task.number]
        active = kept if task.active else self._of(task.name)[0]
        end = len(self._log) if task.active else active.task.position
        odd = min(limit, self._random.randint(1, ODD_BATCH_MAX))
        batch = self._log[task.position : min(end, task.position + odd)]
        upto = task.position + len(batch)
        records = [record for record in batch if record.type in part.reads]
        aside = {parked.subject for parked in kept.parked.values()}
        subject = kept.redrive[0] if kept.redrive else None
        again = [self._log[p - 1] for p in sorted(kept.parked) if kept.parked[p].subject == subject][:limit]
        elapsed = {record.subject for record in (*records, *again) if record.type == TimerElapsed.type}
        waiting = (timer for timer in kept.timers.values() if timer not in kept.fired)
        pending = sorted(waiting, key=lambda timer: (timer.due, timer.subject, timer.name))
        return Pull(
            records=records,
            upto=upto,
            states={s: kept.states[s] for s in {r.subject for r in (*records, *again)} & set(kept.states)},
            timers={key: timer.due for key, timer in kept.timers.items() if timer.subject in elapsed},
            parked=aside & {record.subject for record in records},
            held={} if task.active else dict(active.parked),
            due=[t for t in pending if t.due <= stamp(now)] if upto == end and task.active else (),
            redrive=again,
            told={p for p, parked in kept.parked.items() if parked.told},
            next_due=datetime.fromisoformat(pending[0].due) if pending and task.active else None,
            tasks=len(self._of(task.name)),
        )

    def clear(self, part: Part, task: Task) -> int:
        return 0

    async def push(self, part: Part, task: Task, changes: Changes) -> Task:
        await self._unhurried()
        self._mine(task)
        if isinstance(part, Projection):
            with closing(sqlite3.connect(":memory:")) as db:
                try:
                    lay_out(db, part.table, task.number, changes.rows)
                except POISON as error:
                    raise Refused(REFUSED.format(type(error).__name__)) from None
        self._write("push", task.number, changes, stamp(self.now()))
        return self._kept[task.number].task

    async def lent(self, task: Task) -> Sequence[Envelope]:
        return [self._log[position - 1] for position in sorted(self._kept[task.number].lent)]

    async def rebuild(self, name: str) -> None:
        kept = self._of(name)
        if not kept or kept[0].kind == Courier.kind:
            raise Refused(NO_REBUILD)
        if len(kept) == 1:
            self._write("task", name, kept[0].task.version, kept[0].kind, kept[0].table, False)  # noqa: FBT003

    async def switch(self, old: Task, new: Task) -> Task:
        self._mine(old)
        self._mine(new)
        if old.position != new.position:
            raise Conflict("the rebuilt task is not where the active one is")
        self._write("switch", old.number, new.number)
        return self._kept[new.number].task

    async def redrive(self, name: str, subject: str | None) -> int:
        asked = 0
        for kept in self._of(name)[:1]:
            waiting = sorted({parked.subject for parked in kept.parked.values()})
            chosen = tuple(s for s in waiting if subject in {None, s})
            self._write("redrive", kept.task.number, chosen)
            asked = len(chosen)
        return asked

    async def asides(self) -> Sequence[Aside]:
        found: list[Aside] = []
        for kept in sorted(self._kept.values(), key=lambda kept: kept.task.name):
            for subject in dict.fromkeys(kept.parked[p].subject for p in sorted(kept.parked) if kept.task.active):
                waiting = [kept.parked[p] for p in sorted(kept.parked) if kept.parked[p].subject == subject]
                first = waiting[0]
                found.append(Aside(kept.task.name, subject, first.reason, first.position, len(waiting)))
        return found

    async def standings(self, now: datetime) -> Sequence[Standing]:
        return [
            Standing(
                task=k.task,
                behind=len(self._log) - k.task.position,
                parked=len(k.parked),
                timers_due=sum(timer.due <= stamp(now) for timer in {*k.timers.values()} - k.fired),
                lent=len(k.lent),
            )
            for k in sorted(self._kept.values(), key=lambda k: (k.task.name, k.task.version))
        ]

    async def active(self, names: str = "") -> Sequence[Active]:
        ours = (kept for kept in self._kept.values() if kept.task.active and kept.task.name.startswith(names))
        return [Active(kept.task, len(kept.parked)) for kept in ours]

    async def state(self, name: str, subject: str) -> str | None:
        kept = self._of(name)
        return kept[0].states.get(subject) if kept else None

    async def table(self, view: Projection) -> Table:
        kept = self._of(view.name)
        if not kept:
            raise Unavailable(f"{view.name} has not run yet")
        return view_of(view.table, kept[0].task.number)

    async def fetch(self, query: Select[Any], values: Mapping[str, Any]) -> Answer:
        """Rows by a real database: the kept rows that it may ask for are laid out in an SQLite of the moment."""
        text = compiled(query).text
        with closing(sqlite3.connect(":memory:")) as db:
            for kept in self._kept.values():
                if kept.table is not None and view_of(kept.table, kept.task.number).name in text:
                    lay_out(db, kept.table, kept.task.number, [Put(row) for row in kept.rows.values()])
            return selected(db, query, values)

    async def read(self, after: int, limit: int, partition: str) -> Sequence[Envelope]:
        start = bisect_right(self._log, after, key=lambda envelope: envelope.position)
        return self._log[start : start + limit]

    async def carried(self) -> None:
        return  # It was, when `append` returned.

    async def ends(self) -> Mapping[str, int]:
        return {"": len(self._log)}

    @property
    def waiting(self) -> int | None:
        return None

    def mark(self, partition: str = "") -> int:
        return self._mark

    async def moved(self, mark: int, wait_s: float, partition: str = "") -> None:
        if self._mark == mark:
            self._woken.clear()
            try:
                async with asyncio.timeout(wait_s):
                    await self._woken.wait()
            except TimeoutError:
                return

    async def close(self) -> None:
        self._woken.set()

    async def _unhurried(self) -> None:
        """Let others go first, now and then."""
        for _ in range(self._random.randint(0, 2)):
            await asyncio.sleep(0)

    def _of(self, name: str) -> list[Kept]:
        return sorted((k for k in self._kept.values() if k.task.name == name), key=lambda k: not k.task.active)

    def _held(self, task: Task) -> None:
        kept = self._kept.get(task.number)
        if kept is None or kept.task.token != task.token:
            raise Conflict(f"{task.name} has been taken over")

    def _mine(self, task: Task) -> None:
        self._held(task)
        if self._kept[task.number].task.position != task.position:
            raise Conflict(f"{task.name} has been taken over")

    def _write(self, verb: str, *what: Any) -> None:  # noqa: ANN401  # An entry is what its fold takes.
        entry = (verb, what)
        self._disk.journal.append(entry)  # The one line that makes it durable.
        self._fold(entry)

    def _fold(self, entry: Entry) -> None:
        verb, what = entry
        getattr(self, f"_fold_{verb}")(*what)
        self._mark += 1
        self._woken.set()

    def _fold_append(self, facts: Sequence[Envelope], time: str) -> None:
        self._ids.update(fact.id for fact in facts)
        self._write_down(facts, time)

    def _write_down(self, envelopes: Sequence[Envelope], time: str) -> None:
        for envelope in envelopes:
            self._log.append(envelope._replace(time=time, position=len(self._log) + 1))

    def _fold_task(self, name: str, version: int, kind: str, table: Table | None, active: bool) -> None:  # noqa: FBT001
        task = Task(self._next, name, version, position=0, active=active, token=0)
        self._kept[self._next] = Kept(task, kind, table)
        self._next += 1

    def _fold_forget(self, numbers: Sequence[int]) -> None:
        for number in numbers:
            del self._kept[number]

    def _fold_claim(self, numbers: Sequence[int], lease: Lease) -> None:
        for number in numbers:
            kept = self._kept[number]
            kept.task = kept.task._replace(token=kept.task.token + 1)
        self._fold_lease(numbers, lease)

    def _fold_lease(self, numbers: Sequence[int], lease: Lease) -> None:
        for number in numbers:
            self._kept[number].holder, self._kept[number].until = lease.holder, lease.until

    def _fold_push(self, number: int, changes: Changes, time: str) -> None:
        kept = self._kept[number]
        kept.task = kept.task._replace(position=changes.position)
        kept.states.update(changes.states)
        for row in changes.rows:
            assert kept.table is not None, "only a projection has rows"
            fold(kept.rows, row, kept.table)
        for name, timer in changes.timers.items():
            kept.fired -= {kept.timers.pop(name, timer)}
            if timer:
                kept.timers[name] = timer
        kept.fired.update(changes.fired)
        for position in changes.unparked:
            del kept.parked[position]
        kept.parked.update({parked.position: parked for parked in changes.parked})
        waiting = {parked.subject for parked in kept.parked.values()}
        kept.redrive = [s for s in kept.redrive if s in waiting and s != changes.redriven]
        kept.lent = [p for p in (*kept.lent, *changes.begun) if p not in changes.done]
        self._write_down(changes.outcomes, time)

    def _fold_switch(self, old: int, new: int) -> None:
        gone = self._kept.pop(old)
        kept = self._kept[new]
        kept.task = kept.task._replace(active=True)
        kept.redrive = gone.redrive

    def _fold_redrive(self, number: int, subjects: Sequence[str]) -> None:
        redrive = self._kept[number].redrive
        redrive.extend(s for s in subjects if s not in redrive)


def lay_out(db: sqlite3.Connection, table: Table, number: int, rows: Sequence[Change]) -> None:
    make_view(db, table, number)
    put(db, view_of(table, number), rows)
