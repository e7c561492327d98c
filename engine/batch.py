"""What batches come to in PostgreSQL: those that are done in the same moment share one transaction."""

import json
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from sqlalchemy import Table

from engine.broker import Sent
from engine.postgres import CARRIED, LOCKED, Database, Db, columns, post
from engine.processor import Add, Change, Drop, Part, Projection
from engine.rows import runs, shape
from engine.store import Changes, Task
from engine.tables import view_of
from schemas.errors import Conflict, Refused

# A task stands where its holder left it, or it has been taken over.
MOVED: Final = f"""WITH ours AS ({LOCKED})
    UPDATE task SET position = v.position, sent = task.sent + v.more, heard = v.heard
    FROM ours JOIN unnest($1::int[], $2::int[], $3::bigint[], $4::bigint[], $5::int[], $6::text[])
      AS v(number, token, before, position, more, heard) USING (number)
    WHERE task.number = ours.number AND task.token = v.token AND task.position = v.before RETURNING task.number"""
STATES: Final = """INSERT INTO state SELECT * FROM unnest($1::int[], $2::text[], $3::text[])
    ON CONFLICT (task, subject) DO UPDATE SET value = excluded.value"""
TIMERS: Final = """INSERT INTO timer
    SELECT *, false FROM unnest($1::int[], $2::text[], $3::text[], $4::text[], $5::text[])
    ON CONFLICT (task, subject, name) DO UPDATE SET due = excluded.due, cause = excluded.cause, fired = false"""


class Batch(NamedTuple):
    """One task's."""

    part: Part
    task: Task
    view: int
    changes: Changes
    heard: Mapping[int, int]
    carried: int  # Up to this sequence its outcomes are on Kafka.
    sent: Sequence[Sent]


async def keep(database: Database, batches: Sequence[Batch]) -> Sequence[Exception | None]:
    """All that each of them changes, or nothing of it: then its `Conflict` or `Refused`. Raises `Unavailable`."""
    try:
        async with database.transaction() as db:
            return await write(db, batches)
    except Refused as error:
        if len(batches) == 1:
            return [error]
    return [answer for batch in batches for answer in await keep(database, [batch])]  # One of them: each alone.


async def write(db: Db, batches: Sequence[Batch]) -> Sequence[Exception | None]:
    rows = [
        (b.task.number, b.task.token, b.task.position, b.changes.position, len(b.sent), json.dumps(b.heard))
        for b in batches
    ]
    moved = {row[0] for row in await db.fetch(MOVED, *columns(rows))}
    ours = [batch for batch in batches if batch.task.number in moved]
    if states := [(b.task.number, *one) for b in ours for one in b.changes.states.items()]:
        await db.execute(STATES, *columns(states))
    views: dict[int, tuple[Projection, list[Change]]] = {}  # A view has rows from several partitions.
    for batch in ours:
        if isinstance(batch.part, Projection) and batch.changes.rows:
            views.setdefault(batch.view, (batch.part, []))[1].extend(batch.changes.rows)
        await keep_aside(db, batch.task.number, batch.changes)
    for number, (part, changed) in sorted(views.items()):  # In one order, as are the rows that are added to.
        await put(db, view_of(part.table, number), changed)
    await keep_timers(db, ours)
    if told := [batch for batch in ours if batch.sent]:
        await db.execute(CARRIED, *columns([(b.task.number, b.carried) for b in told]))
        await post(db, [one for batch in told for one in batch.sent])
    return [None if b.task.number in moved else Conflict(f"{b.task.name} has been taken over") for b in batches]


async def put(db: Db, view: Table, rows: Sequence[Change]) -> None:
    """Write rows in order, many at a time where several of a kind follow each other."""
    for kind, values in runs(view, rows):
        await db.executemany(changing(view, kind), values)


def changing(view: Table, kind: type[Change]) -> str:
    """The statement that makes one change of this kind."""
    key, other = shape(view)
    if kind is Drop:
        return f'DELETE FROM "{view.name}" WHERE ' + " AND ".join(f'"{n}" = ${i + 1}' for i, n in enumerate(key))
    grown = f'"{view.name}"."{{0}}" + excluded."{{0}}"' if kind is Add else 'excluded."{0}"'
    rest = ", ".join(f'"{n}" = {grown.format(n)}' for n in other)
    columns = ", ".join(f'"{n}"' for n in (*key, *other))
    marks = ", ".join(f"${n + 1}" for n in range(len(view.columns)))
    keys = ", ".join(f'"{n}"' for n in key)
    what = f"DO UPDATE SET {rest}" if rest else "DO NOTHING"
    return f'INSERT INTO "{view.name}" ({columns}) VALUES ({marks}) ON CONFLICT ({keys}) {what}'


async def keep_timers(db: Db, batches: Sequence[Batch]) -> None:
    one = "WHERE task = $1 AND subject = $2 AND name = $3"
    every = [(b.task.number, key, timer) for b in batches for key, timer in b.changes.timers.items()]
    gone = [(number, *key) for number, key, timer in every if timer is None]
    stands = [(number, *timer) for number, _, timer in every if timer]
    fired = [(b.task.number, timer.subject, timer.name) for b in batches for timer in b.changes.fired]
    for query, values in ((f"DELETE FROM timer {one}", gone), (f"UPDATE timer SET fired = true {one}", fired)):
        if values:
            await db.executemany(query, values)
    if stands:
        await db.execute(TIMERS, *columns(stands))


async def keep_aside(db: Db, number: int, changes: Changes) -> None:
    if changes.unparked:
        await db.execute("DELETE FROM parked WHERE task = $1 AND position = ANY($2)", number, changes.unparked)
    if changes.parked:
        upsert = """INSERT INTO parked VALUES ($1, $2, $3, $4, $5) ON CONFLICT (task, position)
                    DO UPDATE SET reason = excluded.reason, told = excluded.told"""
        await db.executemany(upsert, [(number, *parked) for parked in changes.parked])
    if changes.redriven:
        await db.execute("DELETE FROM redrive WHERE task = $1 AND subject = $2", number, changes.redriven)
    if changes.unparked:  # What no longer waits need not be tried again.
        waits = "SELECT subject FROM parked WHERE task = $1"
        await db.execute(f"DELETE FROM redrive WHERE task = $1 AND subject NOT IN ({waits})", number)
    if changes.begun:
        await db.executemany("INSERT INTO lent VALUES ($1, $2)", [(number, position) for position in changes.begun])
    if changes.done:
        await db.execute("DELETE FROM lent WHERE task = $1 AND position = ANY($2)", number, changes.done)
