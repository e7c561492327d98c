"""One machine, one process, one file: the log, and everything known from it, in one transaction."""

import asyncio
import json
import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from functools import partial
from threading import local
from typing import Any, Final, TypeVar

from sqlalchemy import Select, Table

from engine import file
from engine.looks import Asked, look
from engine.passing import Steps, Tail
from engine.processor import Courier, Part, Projection
from engine.seen import Filter, chunk_of, filed
from engine.statements import (
    ENVELOPE,
    active,
    envelopes,
    forget_task,
    head_of,
    leave,
    left,
    make_view,
    many,
    mine,
    move,
    new_task,
    put,
    selected,
    stand,
    take,
    tasks_of,
    write,
    younger,
)
from engine.store import NO_REBUILD, Active, Answer, Aside, Changes, Lease, Pull, Standing, Task
from engine.tables import view_of
from engine.together import Together
from engine.work import stamp
from engine.writer import Writer, worldly
from schemas.errors import Conflict, Refused, Unavailable
from schemas.event import Envelope

READERS: Final = max(2, os.cpu_count() or 2)  # More would only hand the interpreter to each other.
SEEN_DAYS: Final = 31  # How long a repeat is known: promised is 30.
FORGET_EVERY: Final = 100_000  # Positions between two looks at what may be forgotten.
LEFT_S: Final = 0.2  # How often whoever runs looks for facts that were left beside it.
TAKEN_S_MAX: Final = 5.0  # By then it has taken them, if there is one.
UNTAKEN: Final = "the fact is kept, but nobody has taken it up yet: is Draad stuck, or did it just stop?"

Result = TypeVar("Result")


class SqliteStore:
    """A store in one SQLite file.

    Opened beside a running Draad it can look, ask for a redrive or rebuild, and leave facts for that one to take up.
    """

    skew_s = 0.0
    shared = False
    unkind = False

    def __init__(self, path: str, clock: Callable[[], datetime], lock: file.Lock | None) -> None:
        self._path, self.now, self._lock = path, clock, lock
        self._mark = self._forgot = 0
        self._woken = asyncio.Event()
        self._pages = ThreadPoolExecutor(READERS, thread_name_prefix="draad-reader")
        self._looking = ThreadPoolExecutor(1, thread_name_prefix="draad-looker")  # No part waits for a page.
        self._local = local()
        self._readers: list[sqlite3.Connection] = []
        self._writing = file.connect(path)
        self._tail = Tail(self._writing)
        self._writer = Writer(self._writing, self._wake, self._tail.kept)
        try:
            self._filter = Filter(filed(self._writing) if lock else ())
        except sqlite3.Error:
            self._writing.close()
            raise
        self._looks = Together[Asked, Pull](lambda asked: self._read(partial(look, every=asked), threads=self._looking))
        self._steps = Steps(self._writer)
        self._taking: asyncio.Task[None] | None = None
        self._writer.start()

    @classmethod
    async def open(cls, path: str, clock: Callable[[], datetime], *, beside: bool = False) -> "SqliteStore":
        """Open the file, made or upgraded if need be. Raises `Refused` with what to do.

        `beside` another process that runs on the file: to look, and to ask.
        """
        lock = None if beside else file.Lock(path)
        try:
            file.prepare(path, beside=beside)
            store = cls(path, clock, lock)
        except sqlite3.Error as error:
            if lock:
                lock.release()
            raise Refused(file.CANNOT_OPEN.format(path, error)) from None
        except BaseException:
            if lock:
                lock.release()
            raise
        try:
            if lock:  # Whoever held a task before this process is dead.
                await store._writer.do(lambda db: db.execute("UPDATE task SET holder = '', until = 0"))
                store._taking = asyncio.create_task(store._take_up())
        except BaseException:
            await store.close()
            raise
        return store

    async def append(self, facts: Sequence[Envelope]) -> None:
        if self._lock is None:
            await self._leave(facts)
        else:
            await self._writer.do(lambda db: self._append(db, facts), soon=True)

    async def partitions(self, parts: Sequence[Part]) -> Sequence[str]:
        return [""]

    def is_ours(self, part: str, partition: str) -> bool:
        return True

    async def claim(self, part: Part, partition: str, lease: Lease) -> list[Task]:
        return await self._writer.do(lambda db: self._claim(db, part, lease))

    async def lease(self, tasks: Sequence[Task], lease: Lease) -> None:
        until = lease.until.timestamp()

        def extend(db: sqlite3.Connection) -> None:
            for task in tasks:
                found = "UPDATE task SET until = ? WHERE number = ? AND token = ?"
                if not db.execute(found, (until, task.number, task.token)).rowcount:
                    raise Conflict(f"{task.name} has been taken over")

        await self._writer.do(extend)

    async def leave(self, part: str, partition: str) -> None:
        """All of it is ours."""

    async def pull(self, part: Part, task: Task, *, limit: int, now: datetime) -> Pull:
        return await self._looks.ask(Asked(part, task, limit, stamp(now)))

    def clear(self, part: Part, task: Task) -> int:
        return self._tail.clear(part.reads, task.position)

    async def push(self, part: Part, task: Task, changes: Changes) -> Task:
        if changes == Changes(changes.position):
            return self._steps.on(task, changes.position)
        self._steps.write()  # First, for this goes on from there.
        return await self._writer.do(partial(self._push, part, task, changes), rows=changes.size, lasts=changes.lasts)

    async def lent(self, task: Task) -> Sequence[Envelope]:
        query = f"SELECT {ENVELOPE} FROM log NATURAL JOIN lent WHERE task = ? ORDER BY position"
        return await self._read(lambda db: envelopes(db.execute(query, (task.number,))))

    async def rebuild(self, name: str) -> None:
        def ask(db: sqlite3.Connection) -> None:
            tasks = tasks_of(db, name)
            kind = db.execute("SELECT kind FROM task WHERE name = ?", (name,)).fetchone()
            if kind in {None, (Courier.kind,)}:
                raise Refused(NO_REBUILD)
            if len(tasks) == 1:
                new_task(db, name, tasks[0].version, *kind, active=False)

        await self._writer.do(ask)

    async def switch(self, old: Task, new: Task) -> Task:
        def swap(db: sqlite3.Connection) -> Task:
            mine(db, old)
            mine(db, new)
            if old.position != new.position:
                raise Conflict("the rebuilt task is not where the active one is")
            db.execute("UPDATE redrive SET task = ? WHERE task = ?", (new.number, old.number))
            forget_task(db, old.number)
            db.execute("UPDATE task SET active = 1 WHERE number = ?", (new.number,))
            return new._replace(active=True)

        return await self._writer.do(swap)

    async def redrive(self, name: str, subject: str | None) -> int:
        def ask(db: sqlite3.Connection) -> int:
            which = "SELECT DISTINCT p.task, p.subject FROM parked p JOIN task ON number = p.task AND active"
            which += " WHERE name = ? AND ? IN (p.subject, '')"
            found = db.execute(which, (name, subject or "")).fetchall()
            db.executemany("INSERT OR IGNORE INTO redrive VALUES (?, ?)", found)
            return len(found)

        return await self._writer.do(ask)

    async def asides(self) -> Sequence[Aside]:
        query = """SELECT t.name, p.subject, p.reason, min(p.position), count(*) FROM parked p
                   JOIN task t ON t.number = p.task AND t.active GROUP BY p.task, p.subject ORDER BY 1, 4"""
        return await self._read(lambda db: [Aside(*row) for row in db.execute(query)])

    async def standings(self, now: datetime) -> Sequence[Standing]:
        return await self._read(lambda db: stand(db, stamp(now)))

    async def active(self, names: str = "") -> Sequence[Active]:
        return await self._read(lambda db: active(db, names))

    async def state(self, name: str, subject: str) -> str | None:
        query = """SELECT value FROM state JOIN task ON number = task AND active WHERE name = ? AND subject = ?"""
        row = await self._read(lambda db: db.execute(query, (name, subject)).fetchone())
        return str(row[0]) if row else None

    async def table(self, view: Projection) -> Table:
        found = await self._read(lambda db: tasks_of(db, view.name))
        if not found:
            raise Unavailable(f"{view.name} has not run yet")
        return view_of(view.table, found[0].number)

    async def fetch(self, query: Select[Any], values: Mapping[str, Any]) -> Answer:
        return await self._read(lambda db: selected(db, query, values))

    async def read(self, after: int, limit: int, partition: str) -> Sequence[Envelope]:
        query = f"SELECT {ENVELOPE} FROM log WHERE position > ? ORDER BY position LIMIT ?"
        return await self._read(lambda db: envelopes(db.execute(query, (after, limit))))

    @property
    def commits(self) -> int:
        """Transactions since it was opened."""
        return self._writer.commits

    async def carried(self) -> None:
        return  # It was, when `append` returned.

    async def ends(self) -> Mapping[str, int]:
        return {"": await self._read(head_of)}

    @property
    def waiting(self) -> int | None:
        return None

    def mark(self, partition: str = "") -> int:
        return self._mark

    async def moved(self, mark: int, wait_s: float, partition: str = "") -> None:
        if self._mark == mark:
            try:
                async with asyncio.timeout(wait_s):
                    await self._woken.wait()
            except TimeoutError:
                return

    async def close(self) -> None:
        if self._taking:
            self._taking.cancel()
            await asyncio.wait([self._taking])
        await self._writer.close()
        for threads in (self._looking, self._pages):
            await asyncio.to_thread(threads.shutdown)
        for db in (*self._readers, self._writing):
            db.close()
        if self._lock:
            self._lock.release()
        self._wake()

    def _wake(self) -> None:
        self._mark += 1
        self._woken.set()
        self._woken = asyncio.Event()

    async def _leave(self, facts: Sequence[Envelope]) -> None:
        """Keep them until whoever runs on the file has them on the log: only it knows which of them are repeats."""
        last = await self._writer.do(lambda db: leave(db, facts))
        with suppress(TimeoutError):
            async with asyncio.timeout(TAKEN_S_MAX):
                while await self._read(lambda db: left(db, last)):
                    await self.moved(self._mark, LEFT_S / 4)
                return
        raise Unavailable(UNTAKEN)

    async def _take_up(self) -> None:
        """Write down what others leave beside us, for ever."""
        while True:
            with suppress(Unavailable):  # The disk is full, or gone: whoever left it waits, and hears of that.
                if await self._read(left):
                    await self._writer.do(lambda db: self._append(db, take(db)))
            await asyncio.sleep(LEFT_S)

    async def _read(
        self, look: Callable[[sqlite3.Connection], Result], threads: ThreadPoolExecutor | None = None
    ) -> Result:
        """One snapshot, on a connection that holds up no writer."""

        def run() -> Result:
            try:
                db: sqlite3.Connection | None = getattr(self._local, "db", None)
                if db is None:
                    db = self._local.db = file.connect(self._path, read_only=True)
                    self._readers.append(db)
                db.execute("BEGIN")
                try:
                    return look(db)
                finally:
                    if db.in_transaction:  # A read that fails has ended it.
                        db.execute("COMMIT")
            except sqlite3.DatabaseError as error:
                if not worldly(error):
                    raise  # Our own mistake, not the world's.
                raise Unavailable(f"the log cannot be read ({error.sqlite_errorname})") from None

        try:
            return await asyncio.get_running_loop().run_in_executor(threads or self._pages, run)
        except RuntimeError:
            raise Unavailable("the log is closed") from None

    def _append(self, db: sqlite3.Connection, facts: Sequence[Envelope]) -> None:
        head = head_of(db)
        new, names = list[Envelope](), list[tuple[int, bytes]]()
        for fact in facts:
            name = bytes.fromhex(fact.id.replace("-", ""))
            chunks = self._filter.chunks(name)
            if chunks and self._known(db, name, chunks, names):
                continue
            chunk = chunk_of(head + len(new) + 1)
            self._filter.add(chunk, name)
            names.append((chunk, name))
            new.append(fact)
        names.sort()  # In the order in which they will lie.
        db.executemany("INSERT INTO seen VALUES (?, ?)", names)
        self._tail.note(new, head)
        write(db, new, head, stamp(self.now()))
        if head - self._forgot >= FORGET_EVERY:
            self._forgot = head
            self._forget(db, head)

    def _known(self, db: sqlite3.Connection, name: bytes, chunks: list[range], new: list[tuple[int, bytes]]) -> bool:
        """Whether this id, which may be a repeat, is one."""
        numbers = json.dumps([number for some in chunks for number in some])
        query = "SELECT 1 FROM seen WHERE id = ? AND chunk IN (SELECT value FROM json_each(?))"
        found = db.execute(query, (name, numbers)).fetchone()
        return found is not None or any(name == other for _, other in new)

    def _forget(self, db: sqlite3.Connection, head: int) -> None:
        """Drop what no longer has to be known as a repeat."""
        oldest = younger(db, head, SEEN_DAYS, stamp(self.now()))
        db.execute("DELETE FROM seen WHERE chunk < ?", (chunk_of(oldest),))
        self._filter.forget(chunk_of(oldest))

    def _claim(self, db: sqlite3.Connection, part: Part, lease: Lease) -> list[Task]:
        held = "SELECT 1 FROM task WHERE name = ? AND until > ? AND holder NOT IN ('', ?)"
        if db.execute(held, (part.name, lease.now.timestamp(), lease.holder)).fetchone():
            raise Conflict(f"{part.name} is at work elsewhere")
        known = tasks_of(db, part.name)
        for task in known:
            if not task.active and task.version != part.version:  # A rebuild whose code is gone.
                forget_task(db, task.number)
        known = tasks_of(db, part.name)
        if part.version > max((task.version for task in known), default=0):
            new_task(db, part.name, part.version, part.kind, active=not known)
        db.execute(
            "UPDATE task SET token = token + 1, holder = ?, until = ? WHERE name = ?",
            (lease.holder, lease.until.timestamp(), part.name),
        )
        tasks = tasks_of(db, part.name)
        if isinstance(part, Projection):
            for task in tasks:
                if task.version == part.version:
                    make_view(db, part.table, task.number)
        return tasks

    def _push(self, part: Part, task: Task, changes: Changes, db: sqlite3.Connection) -> Task:
        move(db, task, changes.position)
        number = task.number
        upsert = "INSERT INTO state VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value"
        many(db, upsert, [(number, subject, value) for subject, value in changes.states.items()])
        if isinstance(part, Projection) and changes.rows:
            put(db, view_of(part.table, number), changes.rows)
        one = "WHERE task = ? AND subject = ? AND name = ?"
        many(db, f"DELETE FROM timer {one}", [(number, *key) for key, timer in changes.timers.items() if not timer])
        stands = [(number, *timer) for timer in changes.timers.values() if timer]
        many(db, "REPLACE INTO timer VALUES (?, ?, ?, ?, ?, 0)", stands)
        fired = [(number, timer.subject, timer.name) for timer in changes.fired]
        many(db, f"UPDATE timer SET fired = 1 {one}", fired)
        for query, positions in (
            ("DELETE FROM parked WHERE task = ? AND position = ?", changes.unparked),
            ("INSERT INTO lent VALUES (?, ?)", changes.begun),
            ("DELETE FROM lent WHERE task = ? AND position = ?", changes.done),
        ):
            many(db, query, [(number, position) for position in positions])
        many(db, "REPLACE INTO parked VALUES (?, ?, ?, ?, ?)", [(number, *p) for p in changes.parked])
        if changes.redriven:
            db.execute("DELETE FROM redrive WHERE task = ? AND subject = ?", (number, changes.redriven))
        if changes.unparked:  # What no longer waits need not be tried again.
            waits = "SELECT subject FROM parked WHERE task = ?"
            db.execute(f"DELETE FROM redrive WHERE task = ? AND subject NOT IN ({waits})", (number, number))
        if changes.outcomes:
            head = head_of(db)
            self._tail.note(changes.outcomes, head)
            write(db, changes.outcomes, head, stamp(self.now()))
        return task._replace(position=changes.position)
