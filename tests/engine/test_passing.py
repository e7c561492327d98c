"""What a part of an SQLite engine passes without a look: never past what it reads, and never past the log's end."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.engine import Engine
from engine.passing import Steps, Tail
from engine.sqlite import SqliteStore
from engine.store import Changes, Lease
from schemas.errors import Unavailable
from schemas.event import Envelope, fact
from tests.contract.looks import everything, outcome
from tests.contract.parts import PARTS, Asked, CalledOff, added, book, tally
from tests.contract.places import MONDAY, SqlitePlace

WAIT_S_MAX: Final = 30.0
TYPES: Final = ("a", "b", "c")

Batch = tuple[list[str], bool]  # The types of its events, and whether it is kept.


def envelope(kind: str) -> Envelope:
    return added(MONDAY, "jar/a", 1, "1")._replace(type=kind)


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    with closing(log()) as made:
        yield made


def log() -> sqlite3.Connection:
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.execute("CREATE TABLE log (position INTEGER PRIMARY KEY, type TEXT)")
    return db


def write(db: sqlite3.Connection, tail: Tail, batch: Batch) -> None:
    """As the store does it: noted, written, and then kept or not."""
    kinds, kept = batch
    db.execute("BEGIN")
    [head] = db.execute("SELECT ifnull(max(position), 0) FROM log").fetchone()
    tail.note([envelope(kind) for kind in kinds], head)
    db.executemany("INSERT INTO log (type) VALUES (?)", [(kind,) for kind in kinds])
    never_past_it(db, tail, [row for row in kept_in(db) if row[0] <= head])
    db.execute("COMMIT" if kept else "ROLLBACK")
    if kept:
        tail.kept(db)


def kept_in(db: sqlite3.Connection) -> list[tuple[int, str]]:
    return db.execute("SELECT position, type FROM log ORDER BY position").fetchall()


def never_past_it(db: sqlite3.Connection, tail: Tail, there: list[tuple[int, str]]) -> None:
    """For whoever stands anywhere and reads anything."""
    end = there[-1][0] if there else 0
    for after in range(end + 1):
        for kind in TYPES:
            clear = tail.clear([kind], after)
            assert clear <= end
            assert not [one for one, of in there if of == kind and after < one <= clear]


@given(st.lists(st.tuples(st.lists(st.sampled_from(TYPES), max_size=4), st.booleans()), max_size=8), st.integers(0, 5))
def test_nobody_passes_what_it_reads_whatever_is_written_and_whatever_is_not(batches: list[Batch], old: int) -> None:
    with closing(log()) as db:
        db.executemany("INSERT INTO log (type) VALUES (?)", [("a",)] * old)
        tail = Tail(db)
        for batch in batches:
            write(db, tail, batch)
            never_past_it(db, tail, kept_in(db))


def test_what_is_not_for_it_is_passed_and_what_was_there_before_is_looked_at(db: sqlite3.Connection) -> None:
    db.execute("INSERT INTO log (type) VALUES ('a')")
    tail = Tail(db)
    assert tail.clear(["b"], 0) == 0
    assert tail.clear(["b"], 1) == 1
    write(db, tail, (["a", "a"], True))
    assert tail.clear(["b"], 1) == 3
    assert tail.clear(["a", "b"], 1) == 0
    assert tail.clear(["a", "b"], 3) == 3


async def test_all_that_pass_in_the_same_moment_share_a_write_and_who_was_replaced_stays(tmp_path: Path) -> None:
    place = SqlitePlace(tmp_path)
    engine = await place.open()
    await engine.append(*(added(MONDAY, "jar/a", n, str(n)) for n in range(3)))
    await engine.settle(*PARTS)
    store = engine.store
    assert isinstance(store, SqliteStore)
    tasks = [standing.task for standing in await engine.standings()]
    before, steps = store.commits, Steps(store._writer)
    moved = [steps.on(task._replace(token=task.token - (task.name == "bell")), 99) for task in tasks]
    assert {task.position for task in moved} == {99}
    await asyncio.sleep(0)
    await engine.redrive("tally")  # Asked of the writer after it, and answered after it.
    assert store.commits - before <= 2
    places = {s.task.name: s.task.position for s in await engine.standings()}
    assert places.pop("bell") != 99
    assert set(places.values()) == {99}
    await engine.close()


async def test_who_passes_and_then_writes_in_the_same_moment_is_not_taken_for_somebody_else(tmp_path: Path) -> None:
    """A courier does so: it ends its look, and in the same turn of the loop a message that it carried ends too."""
    place = SqlitePlace(tmp_path)
    engine = await place.open()
    await engine.append(*(added(MONDAY, "jar/a", n, str(n)) for n in range(3)))
    await engine.settle(tally)
    [task] = await engine.store.claim(tally, "", Lease("somebody", MONDAY, MONDAY + timedelta(days=1)))
    passed = await engine.store.push(tally, task, Changes(task.position))
    told = await engine.store.push(tally, passed, Changes(task.position, states={"jar/b": "{}"}))
    passed = await engine.store.push(tally, told, Changes(task.position + 5))
    told = await engine.store.push(tally, passed, Changes(task.position + 5, states={"jar/c": "{}"}))
    assert told.position == task.position + 5
    await engine.close()


@pytest.mark.parametrize("seed", range(4))
async def test_parts_that_run_come_to_what_parts_that_are_settled_come_to(tmp_path: Path, seed: int) -> None:
    """In life parts pass most of the log, are woken by each other, and are asked for a rebuild in the middle of it."""
    random = Random(seed)
    facts = [something(random, n) for n in range(200)]
    paths = [tmp_path / name for name in ("running", "settled")]
    for path in paths:
        path.mkdir()
    places = [SqlitePlace(path) for path in paths]
    running, settled = [await place.open() for place in places]
    await settled.append(*facts)
    await settled.settle(*PARTS)
    places[1].clock.pass_(hours=5)
    await settled.settle(*PARTS)
    working = asyncio.create_task(running.run(*PARTS))
    left = facts
    while left:
        many = random.randint(1, 9)
        await running.append(*left[:many])
        left = left[many:]
        if random.random() < 0.05 and await knows(running, book.name):
            await running.rebuild(random.choice([book.name, tally.name]))
        if random.random() < 0.5:
            await asyncio.sleep(random.random() / 50)
    expected = await comparable(settled)
    while any(standing.behind for standing in await running.standings()):
        await running.store.moved(running.store.mark(), 0.1)
    places[0].clock.pass_(hours=5)
    async with asyncio.timeout(WAIT_S_MAX):
        while await comparable(running) != expected:
            await running.store.moved(running.store.mark(), 0.1)
    running.stop()
    await working
    await running.close()
    again = await places[0].open()
    assert await comparable(again) == expected
    await again.close()
    await settled.close()


def something(random: Random, number: int) -> Envelope:
    letter, key = random.choice("abc"), str(number)
    if random.random() < 0.6:
        return added(MONDAY, f"jar/{letter}", random.randint(1, 9), key)
    about, name = f"bed/{letter}", random.choice("xy")
    if random.random() < 0.5:
        return fact(CalledOff(at=MONDAY, about=about, name=name), key=key)
    due = MONDAY + timedelta(hours=random.randint(1, 4))
    return fact(Asked(at=MONDAY, about=about, name=name, due=due), key=key)


async def knows(engine: Engine, name: str) -> bool:
    return any(standing.task.name == name for standing in await engine.standings())


async def comparable(engine: Engine) -> object:
    """All but when what was recorded: parts that run and parts that are settled stand in the log in another order."""
    found = await outcome(engine, *"abc")
    ordered = {key: sorted(ids) for key, ids in found.pop("history").items()}
    standing = sorted((name, parked, due, lent, behind) for name, _, _, parked, due, lent, behind in found["standing"])
    return found | {"history": ordered, "standing": standing}


async def test_what_could_not_be_written_is_not_passed_when_it_is_written_later(tmp_path: Path) -> None:
    place = SqlitePlace(tmp_path)
    engine = await place.open()
    working = asyncio.create_task(engine.run(*PARTS))
    store = engine.store
    assert isinstance(store, SqliteStore)
    store._writing.execute(f"PRAGMA max_page_count = {store._writing.execute('PRAGMA page_count').fetchone()[0] + 40}")
    kept = 0
    for n in range(60):
        one = added(MONDAY, "jar/a", 1, str(n), note="x" * 9_000)
        try:
            await engine.append(one)
            kept += 1
        except Unavailable:
            break
    assert 0 < kept < 60
    store._writing.execute("PRAGMA max_page_count = 1000000")
    await engine.append(*(added(MONDAY, "jar/a", 1, f"later {n}") for n in range(5)))
    async with asyncio.timeout(WAIT_S_MAX):
        while (await engine.state(tally, "jar/a")).total != kept + 5:
            await store.moved(store.mark(), 0.1)
    assert sum(one.type == "jar.added" for one in await everything(engine)) == kept + 5
    engine.stop()
    await working
    await engine.close()
