"""Group commit: those who ask together are written together, and nobody pays for another's mistake."""

import asyncio
import sqlite3
from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path
from threading import Event

import pytest

from engine.file import connect
from engine.writer import GROUP_MAX, ROWS_MAX, Job, Work, Writer, next_of
from schemas.errors import Conflict, Refused, Unavailable

WAIT_S_MAX = 20
SECRET = "Vledderveen"


class Desk:
    """A writer, and a gate in which it can be held up."""

    def __init__(self, path: Path) -> None:
        self.db = connect(str(path))
        self.db.execute("CREATE TABLE word (word TEXT NOT NULL UNIQUE)")
        self.woken = 0
        self.writer = Writer(self.db, self.wake, lambda _: None)
        self.writer.start()
        self.gate = Event()

    def wake(self) -> None:
        self.woken += 1

    def hold_up(self) -> "asyncio.Task[object]":
        """Whatever is asked from here on is one group."""
        reached = Event()

        def wait(_: sqlite3.Connection) -> bool:
            reached.set()
            return self.gate.wait(WAIT_S_MAX)

        held = asyncio.ensure_future(self.writer.do(wait))
        self.reached = reached
        return held

    async def together(self, *works: Work[object]) -> list[object]:
        """The answers to works that were all asked before the first was done."""
        self.gate.clear()
        held = self.hold_up()
        await asyncio.sleep(0)
        assert await asyncio.to_thread(self.reached.wait, WAIT_S_MAX)
        before = self.writer.commits
        asked = [asyncio.ensure_future(self.writer.do(work)) for work in works]
        await asyncio.sleep(0)
        self.gate.set()
        async with asyncio.timeout(WAIT_S_MAX):
            await held
            answers = await asyncio.gather(*asked, return_exceptions=True)
        self.shared = self.writer.commits - before - 1
        return answers

    def words(self) -> list[str]:
        return [word for (word,) in self.db.execute("SELECT word FROM word ORDER BY rowid")]


def say(word: object) -> Work[object]:
    def work(db: sqlite3.Connection) -> object:
        db.execute("INSERT INTO word VALUES (?)", (word,))
        return word

    return work


def syncs(db: sqlite3.Connection) -> object:
    """2: this transaction waits for the disk; 1: the next that does brings it along."""
    return db.execute("PRAGMA synchronous").fetchone()[0]


def raising(error: Exception) -> Work[object]:
    def work(_: sqlite3.Connection) -> object:
        raise error

    return work


def mistaken(db: sqlite3.Connection) -> object:
    return db.execute("INSERT INTO nowhere VALUES (1)")


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    made = Desk(tmp_path / "words.db")
    yield made
    made.gate.set()
    await made.writer.close()
    made.db.close()


async def test_many_who_ask_at_once_share_one_commit(desk: Desk) -> None:
    answers = await desk.together(*(say(f"w{n}") for n in range(200)))
    assert answers == [f"w{n}" for n in range(200)]
    assert desk.words() == answers
    assert desk.shared == 1


async def test_a_group_has_a_limit(desk: Desk) -> None:
    await desk.together(*(say(f"w{n}") for n in range(GROUP_MAX + 1)))
    assert desk.shared == 2


async def test_what_is_answered_is_committed(desk: Desk, tmp_path: Path) -> None:
    await desk.writer.do(say("kept"))
    other = sqlite3.connect(tmp_path / "words.db")
    assert other.execute("SELECT word FROM word").fetchall() == [("kept",)]
    other.close()
    assert desk.woken == 1


@pytest.mark.parametrize(
    ("work", "error", "message"),
    [
        (say("one"), Refused, "IntegrityError"),
        (say(None), Refused, "IntegrityError"),
        (say(2**70), Refused, "OverflowError"),
        (say("\ud800"), Refused, "UnicodeEncodeError"),
        (say([SECRET]), Refused, "Error"),
        (raising(KeyError(SECRET)), Refused, "KeyError"),
        (raising(Conflict("taken over")), Conflict, "taken over"),
        (raising(Refused("never")), Refused, "never"),
        (raising(RuntimeError("ours")), RuntimeError, "ours"),
        (mistaken, sqlite3.OperationalError, "no such table"),
    ],
    ids=["twice", "nothing", "too large", "no text", "no type", "no column", "conflict", "refused", "ours", "sql"],
)
async def test_one_bad_work_does_not_fail_the_others(
    desk: Desk, work: Work[object], error: type[Exception], message: str
) -> None:
    first, bad, last = await desk.together(say("one"), work, say("two"))
    assert (first, last) == ("one", "two")
    assert isinstance(bad, error)
    assert message in str(bad)
    assert SECRET not in str(bad)
    assert desk.words() == ["one", "two"]


async def test_a_conflict_is_its_own_affair_and_costs_the_others_no_commit(desk: Desk) -> None:
    await desk.together(say("one"), raising(Conflict("taken over")), say("two"))
    assert desk.shared == 1


async def test_who_no_longer_waits_is_written_all_the_same(desk: Desk) -> None:
    desk.gate.clear()
    held = desk.hold_up()
    gone = asyncio.ensure_future(desk.writer.do(say("gone")))
    await asyncio.sleep(0)
    gone.cancel()
    desk.gate.set()
    async with asyncio.timeout(WAIT_S_MAX):
        await held
        assert await desk.writer.do(say("here")) == "here"
    assert gone.cancelled()
    assert desk.words() == ["gone", "here"]


async def test_what_was_asked_before_the_end_is_written_and_what_comes_after_is_not(desk: Desk) -> None:
    desk.gate.clear()
    held = desk.hold_up()
    asked = [asyncio.ensure_future(desk.writer.do(say(f"w{n}"))) for n in range(5)]
    await asyncio.sleep(0)
    desk.gate.set()
    async with asyncio.timeout(WAIT_S_MAX):
        await desk.writer.close()
        assert await asyncio.gather(held, *asked) == [True, *(f"w{n}" for n in range(5))]
        with pytest.raises(Unavailable, match="closed"):
            await desk.writer.do(say("late"))
        await desk.writer.close()
    assert desk.words() == [f"w{n}" for n in range(5)]


async def test_a_file_that_another_process_holds_is_unavailable_and_nothing_is_broken(
    desk: Desk, tmp_path: Path
) -> None:
    desk.db.execute("PRAGMA busy_timeout = 10")
    other = sqlite3.connect(tmp_path / "words.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="another process holds the log"):
        await desk.writer.do(say("one"))
    other.execute("ROLLBACK")
    other.close()
    assert await desk.writer.do(say("one")) == "one"


async def test_after_a_disk_error_nothing_more_is_written(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "words.db"
    await desk.writer.do(say("one"))
    desk.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    path.write_bytes(path.read_bytes()[:4096] + b"\x7f" * (path.stat().st_size - 4096))
    desk.db.execute("PRAGMA cache_size = 0")
    desk.db.execute("PRAGMA shrink_memory")
    for _ in range(2):
        with pytest.raises(Unavailable, match="the disk failed"):
            await desk.writer.do(say("two"))


async def test_who_waits_outside_is_held_up_by_one_batch_at_most(desk: Desk) -> None:
    """Parts ask first and for much; an append that comes after them is in the very next transaction."""
    held = desk.hold_up()
    await asyncio.sleep(0)
    assert await asyncio.to_thread(desk.reached.wait, WAIT_S_MAX)
    parts = [asyncio.ensure_future(desk.writer.do(say(f"part {n}"))) for n in range(5)]
    await asyncio.sleep(0)
    urgent = [asyncio.ensure_future(desk.writer.do(say(f"append {n}"), soon=True)) for n in range(3)]
    await asyncio.sleep(0)
    desk.gate.set()
    async with asyncio.timeout(WAIT_S_MAX):
        await asyncio.gather(held, *parts, *urgent)
    assert desk.words() == [*(f"append {n}" for n in range(3)), *(f"part {n}" for n in range(5))]


async def test_who_is_in_no_hurry_gets_a_turn_while_others_hurry() -> None:
    """A turn is as much as holds nobody up: many small works, or one that is large."""
    small, large, urgent = job(rows=ROWS_MAX // 2), job(rows=ROWS_MAX * 9), job(soon=True)
    later, soon = deque([small, small, small, large, large]), deque([urgent] * (GROUP_MAX * 3 + 2))
    groups = []
    while group := next_of(later, soon):
        groups.append(group)
    assert groups == [
        [urgent] * GROUP_MAX + [small, small],
        [urgent] * GROUP_MAX + [small],
        [urgent] * GROUP_MAX + [large],
        [urgent, urgent, large],
    ]


async def test_who_is_in_no_hurry_shares_one_transaction_where_nobody_hurries() -> None:
    parts = [job(rows=ROWS_MAX * 9) for _ in range(GROUP_MAX + 1)]
    later = deque(parts)
    assert next_of(later, deque()) == parts[:GROUP_MAX]
    assert next_of(later, deque()) == parts[GROUP_MAX:]


def job(*, soon: bool = False, rows: int = 1) -> Job:
    return Job(say(""), asyncio.get_running_loop().create_future(), soon, rows)


async def test_a_commit_waits_for_the_disk_where_anything_in_it_has_to_last(desk: Desk) -> None:
    held = desk.hold_up()
    await asyncio.sleep(0)
    asked = [asyncio.ensure_future(desk.writer.do(syncs, lasts=lasts)) for lasts in (False, True, False)]
    await asyncio.sleep(0)
    desk.gate.set()
    async with asyncio.timeout(WAIT_S_MAX):
        await held
        assert await asyncio.gather(*asked) == [2, 2, 2]
        assert await desk.writer.do(syncs, lasts=False) == 1
        assert await desk.writer.do(syncs) == 2
