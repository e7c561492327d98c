"""One thread that writes, and shares each fsync among all who wait.

Whoever asks while a commit is under way is in the next one together with everybody else: that is group commit.
"""

import asyncio
import sqlite3
from asyncio import Future
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Final, NamedTuple, TypeGuard, TypeVar

from schemas.errors import Conflict, Refused, Unavailable

GROUP_MAX: Final = 256  # Requests in one transaction.
ROWS_MAX: Final = 100  # That the rest may write while others wait that are urgent: about two milliseconds.

Result = TypeVar("Result")
Work = Callable[[sqlite3.Connection], Result]
Answer = tuple[Future[object], object, Exception | None]

POISON: Final = (
    sqlite3.IntegrityError,
    sqlite3.InterfaceError,
    sqlite3.DataError,
    sqlite3.ProgrammingError,  # What Python 3.12 raises for a type that SQLite has no place for.
    OverflowError,
    UnicodeEncodeError,
    KeyError,  # A row without one of its columns.
)
REFUSED: Final = "the database refuses a value ({})"
FULL: Final = "the disk is full: nothing more is written until there is space"
BROKEN: Final = "the disk failed while writing: mend it, then start Draad again; what was acknowledged is kept"


class Job(NamedTuple):
    """What somebody asked for: `soon`, or to be done when it fits; how many rows it writes; whether it has to last."""

    work: Work[object]
    future: Future[object]
    soon: bool = True
    rows: int = 1
    lasts: bool = True


class Writer(Thread):
    """Runs work in transactions, in the order of asking.

    A work raises `Conflict` or `Refused` before it writes anything: that is its own affair. Any other failure rolls
    back the whole transaction; the rest of the group is tried again without the culprit. After a failed fsync nobody
    knows what the disk holds, so nothing is written any more. Where nothing has to last, a commit is not fsynced: the
    next that is brings it along, and a checkpoint waits for that.

    After each commit `kept` is called in this thread, and then `wrote` in that of the loop.
    """

    def __init__(
        self, db: sqlite3.Connection, wrote: Callable[[], None], kept: Callable[[sqlite3.Connection], None]
    ) -> None:
        super().__init__(name="draad-writer", daemon=True)
        self._db, self._wrote, self._kept = db, wrote, kept
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._broken = False
        self._closed = False
        self._syncs = True  # As the connection was opened.
        self.commits = 0

    async def do(self, work: Work[Result], *, soon: bool = False, rows: int = 1, lasts: bool = True) -> Result:
        """The result of `work`, durable if it `lasts`. Raises `Unavailable` when nobody knows whether it is.

        What is asked for `soon` goes before the rest: somebody outside waits for it, and a part can catch up. `rows` is
        about how many of them it writes.
        """
        if self._closed:
            raise Unavailable("the log is closed")
        done = self._put(work, soon=soon, rows=rows, lasts=lasts)
        return await done  # type: ignore[return-value]  # The queue forgets the type, the future does not.

    def put(self, work: Work[None]) -> None:
        """Ask for `work` and do not wait for it: it need not last. What it comes to, nobody hears."""
        if not self._closed:
            self._put(work, soon=False, rows=1, lasts=False).add_done_callback(Future.exception)

    def _put(self, work: Work[object], *, soon: bool, rows: int, lasts: bool) -> Future[object]:
        future: Future[object] = self._loop.create_future()
        self._jobs.put(Job(work, future, soon, rows, lasts))
        return future

    async def close(self) -> None:
        """Write what was asked, then end."""
        if not self._closed:
            self._closed = True
            self._jobs.put(None)
            await asyncio.to_thread(self.join)

    def run(self) -> None:
        waiting: tuple[deque[Job], deque[Job]] = (deque(), deque())
        ended = False
        while not ended or any(waiting):
            with suppress(Empty):
                while not ended:
                    job = self._jobs.get_nowait() if any(waiting) else self._jobs.get()
                    if job is None:
                        ended = True
                    else:
                        waiting[job.soon].append(job)
            if group := next_of(*waiting):
                answers = self._transact(group)
                with suppress(RuntimeError):  # The loop is gone, and whoever asked with it.
                    self._loop.call_soon_threadsafe(self._answer, answers)

    def _transact(self, group: list[Job]) -> list[Answer]:
        """One transaction for all; if somebody's work breaks it, one for each."""
        if self._broken:
            return failed(group, Unavailable(BROKEN))
        answers: list[Answer] = []
        try:
            self._sync(lasts=any(job.lasts for job in group))
            self._db.execute("BEGIN IMMEDIATE")
            for work, future, *_ in group:
                try:
                    answers.append((future, work(self._db), None))
                except (Conflict, Refused) as error:
                    answers.append((future, None, error))
            self._db.execute("COMMIT")
        except Exception as error:  # noqa: BLE001  # Whoever asked gets it: see `understood`.
            self._roll_back()
            if len(group) > 1 and not worldly(error):
                return [answer for job in group for answer in self._transact([job])]
            return failed(group, self._understood(error))
        self.commits += 1
        self._kept(self._db)
        return answers

    def _sync(self, *, lasts: bool) -> None:
        """Whether the next commit waits for the disk."""
        if self._syncs != lasts:
            self._db.execute(f"PRAGMA synchronous = {'FULL' if lasts else 'NORMAL'}")
            self._syncs = lasts

    def _understood(self, error: Exception) -> Exception:
        """The error in our words. A value that the database refuses is quoted nowhere."""
        if worldly(error):
            if error.sqlite_errorcode in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE}:
                return Unavailable(FULL)
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:
                return Unavailable("another process holds the log: try again")
            self._broken = True
            return Unavailable(BROKEN)
        if isinstance(error, POISON):
            return Refused(REFUSED.format(type(error).__name__))
        return error

    def _roll_back(self) -> None:
        if self._db.in_transaction:
            with suppress(sqlite3.OperationalError):  # Told already; a disk that failed may fail here again.
                self._db.execute("ROLLBACK")

    def _answer(self, answers: list[Answer]) -> None:
        self._wrote()
        for future, result, error in answers:
            if future.done():
                continue  # Whoever asked was cancelled: it is written all the same.
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)


def next_of(later: deque[Job], soon: deque[Job]) -> list[Job]:
    """Who shares the next transaction: all that is urgent, and of the rest so little that it is not held up by it."""
    urgent = [soon.popleft() for _ in range(min(len(soon), GROUP_MAX))]
    rest: list[Job] = []
    rows = 0
    while later and len(rest) < GROUP_MAX:
        rows += later[0].rows
        if urgent and rest and rows > ROWS_MAX:
            break
        rest.append(later.popleft())
    return urgent + rest


def worldly(error: Exception) -> TypeGuard[sqlite3.DatabaseError]:
    """Whether the disk or the machine failed, and not what was asked of it."""
    broke = type(error) in {sqlite3.OperationalError, sqlite3.DatabaseError}
    return broke and getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_ERROR


def failed(group: list[Job], error: Exception) -> list[Answer]:
    return [(job.future, None, error) for job in group]
