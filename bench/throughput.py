"""Durable append, and one processor with state and one outcome, against bare loops that write the same rows.

Two bare loops: one only copies rows; the other also does by hand what a step must do: parse the event, fold the
state, write the outcome, derive its id. Neither has repeats, limits, parking, timers or fencing.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from time import perf_counter
from uuid import uuid5

from bench.figures import head, paired
from bench.load import BATCH, Counted, contacts, count, counting, engine_on, folder
from engine.processor import kept, written
from schemas.contact import ContactReceived
from schemas.event import NAMESPACE, Envelope

EVENTS = 100_000

LOG = "CREATE TABLE log (position INTEGER PRIMARY KEY, id, type, subject, data, time, cause, depth)"
STATE = "CREATE TABLE state (task, subject, value, UNIQUE (task, subject))"


async def run(events: int = EVENTS) -> None:
    batches = list(contacts(0, events))
    head(f"Throughput, {events:,} events of about 600 bytes, batches of {BATCH:,}, every batch fsynced")
    await paired("durable append", lambda: append(batches), lambda: bare_append(batches))
    await paired("state + one outcome", lambda: process(batches), lambda: bare_process(batches, by_hand))
    await paired(
        "state + one outcome, bare loop only copies", lambda: process(batches), lambda: bare_process(batches, copied)
    )


async def append(batches: list[list[Envelope]]) -> float:
    with folder() as place:
        async with engine_on(place / "log.db") as engine:
            began = perf_counter()
            for batch in batches:
                await engine.append(*batch)
            return sum(map(len, batches)) / (perf_counter() - began)


async def process(batches: list[list[Envelope]]) -> float:
    with folder() as place:
        async with engine_on(place / "log.db") as engine:
            for batch in batches:
                await engine.append(*batch)
            began = perf_counter()
            await engine.settle(counting)
            return sum(map(len, batches)) / (perf_counter() - began)


async def bare_append(batches: list[list[Envelope]]) -> float:
    with bare() as db:
        began = perf_counter()
        for batch in batches:
            bare_write(db, batch)
        return sum(map(len, batches)) / (perf_counter() - began)


Row = tuple[str, ...]
Made = tuple[dict[str, str], list[Row]]


async def bare_process(batches: list[list[Envelope]], made: Callable[[sqlite3.Connection, list[Row]], Made]) -> float:
    with bare() as db:
        for batch in batches:
            bare_write(db, batch)
        end = sum(map(len, batches))
        began = perf_counter()
        for after in range(0, end, BATCH):
            rows = db.execute("SELECT * FROM log WHERE position > ? LIMIT ?", (after, BATCH)).fetchall()
            states, outcomes = made(db, rows)
            db.execute("BEGIN IMMEDIATE")
            upsert = "INSERT INTO state VALUES (1, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value"
            db.executemany(upsert, states.items())
            db.executemany("INSERT INTO log VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)", outcomes)
            db.execute("COMMIT")
        return end / (perf_counter() - began)


def copied(_: sqlite3.Connection, rows: list[Row]) -> Made:
    """Nothing is worked out: the outcome is the event itself."""
    return {row[3]: '{"contacts":1,"latest":"c-0"}' for row in rows}, [row[1:] for row in rows]


def by_hand(db: sqlite3.Connection, rows: list[Row]) -> Made:
    """The same step, without an engine around it."""
    states: dict[str, str] = {}
    outcomes: list[Row] = []
    for row in rows:
        subject = row[3]
        stored = states.get(subject)
        if stored is None:
            found = db.execute("SELECT value FROM state WHERE task = 1 AND subject = ?", (subject,)).fetchone()
            stored = found[0] if found else "{}"
        state, [noted] = count(kept(Counted, stored), ContactReceived.model_validate_json(row[4]))
        states[subject] = written(state)
        name = str(uuid5(NAMESPACE, f"{row[1]} 0"))
        outcomes.append((name, noted.type, noted.subject, noted.model_dump_json(), row[5], row[1], "1"))
    return states, outcomes


def bare_write(db: sqlite3.Connection, batch: list[Envelope]) -> None:
    db.execute("BEGIN IMMEDIATE")
    rows = [(f.id, f.type, f.subject, f.data, "2026-01-01T00:00:00.000000Z", f.cause, f.depth) for f in batch]
    db.executemany("INSERT INTO log VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)", rows)
    db.execute("COMMIT")


@contextmanager
def bare() -> Iterator[sqlite3.Connection]:
    with folder() as place, closing(bare_file(place / "bare.db")) as db:
        yield db


def bare_file(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None)
    for setting in ("journal_mode = WAL", "synchronous = FULL", "cache_size = -32768", "wal_autocheckpoint = 4000"):
        db.execute(f"PRAGMA {setting}")
    db.execute(LOG)
    db.execute(STATE)
    return db
