"""What is asked of an SQLite file, in its own words: one function, one question or one change."""

import sqlite3
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

from msgspec.json import decode
from sqlalchemy import Boolean, Integer, Select, String, Table
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateIndex, CreateTable
from sqlalchemy.types import NullType

from engine.processor import Add, Change, Drop
from engine.rows import runs, shape
from engine.store import COMPILED_MAX, Active, Answer, Standing, Task
from engine.tables import VIEWS_MAX, view_of
from schemas.errors import Conflict, Unavailable
from schemas.event import Envelope

ENVELOPE: Final = "id, type, subject, data, time, cause, depth, position"
COLUMNS_MAX: Final = 100  # Of an answer as JSON: as many as SQLite lets one function have, and some to spare.
TASK: Final = "number, name, version, position, active, token"


def head_of(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT ifnull(max(position), 0) FROM log").fetchone()[0])


def envelopes(rows: sqlite3.Cursor) -> list[Envelope]:
    return [Envelope(*row) for row in rows]


def write(db: sqlite3.Connection, facts: Sequence[Envelope], head: int, time: str) -> None:
    query = f"INSERT INTO log ({ENVELOPE}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
    rows = [
        (f.id, f.type, f.subject, f.data, time, f.cause, f.depth, position)
        for position, f in enumerate(facts, start=head + 1)
    ]
    db.executemany(query, rows)


def younger(db: sqlite3.Connection, head: int, days_max: float, now: str) -> int:
    """The position of the first event that is no older than this."""
    oldest, newest = 0, head
    while oldest < newest:  # The log is in the order of time: halve until the first young enough is found.
        middle = (oldest + newest) // 2
        age = "SELECT julianday(?) - julianday(time) FROM log WHERE position > ? ORDER BY position LIMIT 1"
        days = db.execute(age, (now, middle)).fetchone()[0]
        oldest, newest = (middle + 1, newest) if days > days_max else (oldest, middle)
    return oldest


def leave(db: sqlite3.Connection, facts: Sequence[Envelope]) -> int:
    """Put facts in the outbox, where whoever runs on the file finds them; returns the sequence of the last."""
    [end] = db.execute("SELECT ifnull(max(sequence), 0) FROM outbox").fetchone()
    query = "INSERT INTO outbox VALUES (0, ?, '', ?, ?, ?, ?, '', ?, ?)"
    rows = [(n, f.id, f.type, f.subject, f.data, f.cause, f.depth) for n, f in enumerate(facts, start=end + 1)]
    db.executemany(query, rows)
    return int(end) + len(rows)


def left(db: sqlite3.Connection, upto: int | None = None) -> bool:
    """Whether there are any in it, up to this sequence."""
    query = "SELECT EXISTS (SELECT 1 FROM outbox WHERE ? IS NULL OR sequence <= ?)"
    return bool(db.execute(query, (upto, upto)).fetchone()[0])


def take(db: sqlite3.Connection) -> list[Envelope]:
    """Take all of them out, in the order in which they were left."""
    query = "SELECT id, type, subject, data, time, cause, depth FROM outbox ORDER BY sequence"
    found = envelopes(db.execute(query))
    db.execute("DELETE FROM outbox")
    return found


def tasks_of(db: sqlite3.Connection, name: str) -> list[Task]:
    """The active one first."""
    query = f"SELECT {TASK} FROM task WHERE name = ? ORDER BY active DESC, number"
    return [Task(*row)._replace(active=bool(row[4])) for row in db.execute(query, (name,))]


def active(db: sqlite3.Connection, names: str) -> list[Active]:
    """The tasks that count, of the parts whose names begin so."""
    aside = "(SELECT count(*) FROM parked WHERE task = number)"
    query = f"SELECT {TASK}, {aside} FROM task WHERE active AND substr(name, 1, length(?1)) = ?1"
    return [Active(Task(*row[:6])._replace(active=True), row[6]) for row in db.execute(query, (names,))]


def new_task(db: sqlite3.Connection, name: str, version: int, kind: str, *, active: bool) -> None:
    # Numbers are never used again: a view's table is named after its task.
    query = """INSERT INTO task (number, name, version, kind, position, active, token, holder, until)
               SELECT ifnull(max(number), 0) + 1, ?, ?, ?, 0, ?, 0, '', 0 FROM task"""
    db.execute(query, (name, version, kind, active))


def forget_task(db: sqlite3.Connection, number: int) -> None:
    for table in ("state", "timer", "parked", "redrive", "lent"):
        db.execute(f"DELETE FROM {table} WHERE task = ?", (number,))
    db.execute("DELETE FROM task WHERE number = ?", (number,))
    views = "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE ? ESCAPE '!'"
    for (view,) in db.execute(views, (f"view!_%!_{number}",)).fetchall():
        db.execute(f'DROP TABLE "{view}"')


def mine(db: sqlite3.Connection, task: Task) -> None:
    """Raise `Conflict` unless the task stands where its holder left it."""
    query = "SELECT 1 FROM task WHERE number = ? AND token = ? AND position = ?"
    if not db.execute(query, (task.number, task.token, task.position)).fetchone():
        raise Conflict(f"{task.name} has been taken over")


def move(db: sqlite3.Connection, task: Task, position: int) -> None:
    """Let it stand here from now on. Raises `Conflict` unless it stands where its holder left it."""
    query = "UPDATE task SET position = ? WHERE number = ? AND token = ? AND position = ?"
    if not db.execute(query, (position, task.number, task.token, task.position)).rowcount:
        raise Conflict(f"{task.name} has been taken over")


def many(db: sqlite3.Connection, query: str, rows: Sequence[tuple[Any, ...]]) -> None:
    if rows:  # Most parts have no such changes most of the time.
        db.executemany(query, rows)


def make_view(db: sqlite3.Connection, described: Table, number: int) -> None:
    for statement in making(view_of(described, number)):
        db.execute(statement)


@lru_cache(VIEWS_MAX)
def making(view: Table) -> Sequence[str]:
    """The statements that make it and its indexes where they are not there."""
    made = [CreateTable(view, if_not_exists=True).compile(dialect=sqlite.dialect())]
    made += [CreateIndex(index, if_not_exists=True).compile(dialect=sqlite.dialect()) for index in view.indexes]
    return [str(statement) for statement in made]


def put(db: sqlite3.Connection, view: Table, rows: Sequence[Change]) -> None:
    """Write rows in order, many at a time where several of a kind follow each other."""
    for kind, values in runs(view, rows):
        db.executemany(changing(view, kind), values)


def changing(view: Table, kind: type[Change]) -> str:
    """The statement that makes one change of this kind."""
    key, other = shape(view)
    if kind is Drop:
        return f'DELETE FROM "{view.name}" WHERE ' + " AND ".join(f'"{n}" = ?' for n in key)
    grown = '"{0}" + excluded."{0}"' if kind is Add else 'excluded."{0}"'
    rest = ", ".join(f'"{n}" = {grown.format(n)}' for n in other)
    columns, marks = ", ".join(f'"{n}"' for n in (*key, *other)), ", ".join("?" * len(view.columns))
    what = f"DO UPDATE SET {rest}" if rest else "DO NOTHING"
    return f'INSERT INTO "{view.name}" ({columns}) VALUES ({marks}) ON CONFLICT {what}'


class Compiled(NamedTuple):
    """A query as SQLite reads it, the values that stand in it, and the names of its columns if it answers as JSON."""

    text: str
    standing: Mapping[str, Any]
    names: Sequence[str]


@lru_cache(COMPILED_MAX)
def compiled(query: Select[Any]) -> Compiled:
    """All rows in one answer, where JSON can hold them.

    Else threads that read side by side hand the interpreter to each other for every single row.
    """
    names_each = {"render_postcompile": True}  # So that `IN` has one parameter for each value.
    found = query.compile(dialect=sqlite.dialect(paramstyle="named"), compile_kwargs=names_each)
    columns = query.selected_columns
    if unknown := [column.name for column in columns if isinstance(column.type, NullType)]:
        raise TypeError(f"nobody says of which type {unknown[0]} is")  # Read row by row, it would only be slow.
    if len(columns) > COLUMNS_MAX or not all(isinstance(column.type, Integer | String | Boolean) for column in columns):
        return Compiled(str(found), found.params, ())
    each = ", ".join(f"c{n}" for n in range(len(columns)))
    text = f"WITH rows ({each}) AS ({found}) SELECT json_group_array(json_array({each})) FROM rows"
    return Compiled(text, found.params, [column.name for column in columns])


def selected(db: sqlite3.Connection, query: Select[Any], values: Mapping[str, Any]) -> Answer:
    text, standing, names = compiled(query)
    try:
        cursor = db.execute(text, {**standing, **values})
        rows = decode(cursor.fetchone()[0]) if names else cursor.fetchall()
    except sqlite3.OperationalError as error:
        if not str(error).startswith(("no such table: view_", "no such column: view_")):
            raise
        raise Unavailable("the view was rebuilt meanwhile: ask for its table again") from None
    return Answer(names or [column[0] for column in cursor.description], rows)


def stand(db: sqlite3.Connection, now: str) -> list[Standing]:
    head = head_of(db)
    query = f"""SELECT {TASK}, (SELECT count(*) FROM parked WHERE task = number),
                (SELECT count(*) FROM timer WHERE task = number AND fired = 0 AND due <= ?),
                (SELECT count(*) FROM lent WHERE task = number) FROM task ORDER BY name, version"""
    return [
        Standing(Task(*row[:6])._replace(active=bool(row[4])), head - row[3], *row[6:])
        for row in db.execute(query, (now,))
    ]
