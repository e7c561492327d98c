"""Looks at an SQLite file: what tasks can do next. Whoever asks in the same moment shares one look (`together.py`).

A commit wakes every part at once. Each would ask the same of the file; so what is the same for all is asked once.
"""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice, takewhile
from typing import Any, Final, NamedTuple

from engine.processor import Part, Processor, keeps
from engine.statements import ENVELOPE, TASK, envelopes, head_of
from engine.store import Parked, Pull, Task, Timer
from schemas.event import Envelope
from schemas.timer import TimerElapsed

SCAN_MAX: Final = 50_000  # Positions that one look goes through for events of a part's types.
RECENT_MAX: Final = 500  # Of these at the end of the log, each is read once for everybody.
DUE_MAX: Final = 500  # Timers that fire in one batch.

EACH: Final = "FROM json_each(?) CROSS JOIN"


class Asked(NamedTuple):
    """What somebody wants to know."""

    part: Part
    task: Task
    limit: int
    now: str


class Scene:
    """What is the same for all who look in one moment."""

    def __init__(self, db: sqlite3.Connection, tasks: Sequence[Task]) -> None:
        self.db, self.head = db, head_of(db)
        self.tasks: dict[str, list[Task]] = {}  # Of each part, the active one first.
        for row in db.execute(f"SELECT {TASK} FROM task ORDER BY active DESC, number"):
            task = Task(*row)._replace(active=bool(row[4]))
            self.tasks.setdefault(task.name, []).append(task)
        self.redrives = {row[0] for row in db.execute("SELECT DISTINCT task FROM redrive")}
        [self.aside] = db.execute("SELECT EXISTS (SELECT 1 FROM parked)").fetchone()
        near = [task.position for task in tasks if task.position >= self.head - RECENT_MAX]
        self.since = min(near, default=self.head)
        query = f"SELECT {ENVELOPE} FROM log WHERE position > ? ORDER BY position"
        self._recent, self._rest = list[Envelope](), db.execute(query, (self.since,))

    def recent(self) -> Iterator[Envelope]:
        """Each is read once for everybody, and not before somebody comes to it: most take a few at a time."""
        yield from self._recent
        for row in self._rest:
            self._recent.append(Envelope(*row))
            yield self._recent[-1]

    def records(self, part: Part, after: int, upto: int, limit: int) -> list[Envelope]:
        """What the part reads of this stretch of the log, in order."""
        if after >= self.since:
            near = takewhile(lambda one: one.position <= upto, self.recent())
            return [*islice((one for one in near if one.position > after and one.type in part.reads), limit)]
        query = f"""SELECT {ENVELOPE} FROM log WHERE position > ? AND position <= ?
                    AND type IN (SELECT value FROM json_each(?)) ORDER BY position LIMIT ?"""
        return envelopes(self.db.execute(query, (after, upto, json.dumps([*part.reads]), limit)))


def look(db: sqlite3.Connection, every: Sequence[Asked]) -> list[Pull]:
    scene = Scene(db, [asked.task for asked in every])
    return [look_at(scene, *asked) for asked in every]


def look_at(scene: Scene, part: Part, task: Task, limit: int, now: str) -> Pull:
    """What one task can do next."""
    siblings = scene.tasks.get(task.name, [])
    active = task if task.active else siblings[0]
    end = scene.head if task.active else active.position
    reach = min(end, task.position + SCAN_MAX)
    records = scene.records(part, task.position, reach, limit)
    upto = records[-1].position if len(records) == limit else reach
    again = redriven(scene.db, task, limit) if task.number in scene.redrives else []
    subjects = json.dumps([record.subject for record in (*records, *again)])
    elapsed = json.dumps([r.subject for r in (*records, *again) if r.type == TimerElapsed.type])
    times = isinstance(part, Processor)
    next_due = due(scene.db, task, "", 1) if times and task.active else []

    def each(query: str, *values: Any) -> list[Any]:  # noqa: ANN401  # What SQLite takes.
        return scene.db.execute(query, values).fetchall()

    states = f"SELECT subject, state.value {EACH} state ON task = ? AND subject = json_each.value"
    aside = f"SELECT subject {EACH} parked ON task = ? AND subject = json_each.value"
    held = "SELECT position, subject, reason, told FROM parked WHERE task = ? AND position > ? AND position <= ?"
    told = "SELECT position FROM parked WHERE task = ? AND subject = ? AND told"
    timers = f"SELECT subject, name, due {EACH} timer ON task = ? AND subject = json_each.value"
    some = bool(records or again)
    return Pull(
        records=records,
        upto=upto,
        states=dict(each(states, subjects, task.number)) if some and keeps(part) else {},
        timers={row[:2]: row[2] for row in each(timers, elapsed, task.number)} if some and times else {},
        parked={row[0] for row in each(aside, subjects, task.number)} if some and scene.aside else set(),
        held={}
        if task.active or not scene.aside
        else {row[0]: Parked(*row) for row in each(held, active.number, task.position, upto)},
        due=due(scene.db, task, now, DUE_MAX) if next_due and next_due[0].due <= now and upto == end else (),
        redrive=again,
        told={row[0] for row in each(told, task.number, again[0].subject)} if again else set(),
        next_due=datetime.fromisoformat(next_due[0].due) if next_due else None,
        tasks=len(siblings),
    )


def due(db: sqlite3.Connection, task: Task, until: str, limit: int) -> list[Timer]:
    """Timers in the order in which they are due: by the index, however many are planned. `NOT fired` would read all."""
    query = """SELECT subject, name, due, cause FROM timer WHERE task = ? AND fired = 0 AND due <= ?
               ORDER BY due, subject, name LIMIT ?"""
    return [Timer(*row) for row in db.execute(query, (task.number, until or "9999", limit))]


def redriven(db: sqlite3.Connection, task: Task, limit: int) -> list[Envelope]:
    """The parked events of the first subject that somebody asked to try again."""
    subject = db.execute("SELECT subject FROM redrive WHERE task = ? LIMIT 1", (task.number,)).fetchone()
    if subject is None:
        return []
    query = f"""SELECT {ENVELOPE} FROM log WHERE position IN
                (SELECT position FROM parked WHERE task = ? AND subject = ? ORDER BY position LIMIT ?)
                ORDER BY position"""
    return envelopes(db.execute(query, (task.number, *subject, limit)))
