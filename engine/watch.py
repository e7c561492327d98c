"""What a worker knows of the tasks that it holds, so that it need not ask again."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from engine.broker import Sent
from engine.postgres import Database
from engine.processor import Part, keeps
from engine.store import Task
from engine.tail import Way
from engine.taking import Taken
from schemas.event import Envelope
from schemas.timer import TimerElapsed

Of = tuple[int, str]  # A task, and a subject.
# Each looked up by itself: joined, PostgreSQL reads a whole table that was small when it was first asked.
OF_EACH: Final = """FROM unnest($1::int[], $2::text[]) AS v (task, subject), LATERAL
    (SELECT * FROM {} AS all_of WHERE all_of.task = v.task AND all_of.subject = v.subject OFFSET 0) AS known"""
STATES: Final = f"SELECT v.task, v.subject, value {OF_EACH.format('state')}"
ASIDE: Final = f"SELECT DISTINCT v.task, v.subject {OF_EACH.format('parked')}"
TIMERS: Final = f"SELECT v.task, v.subject, name, due {OF_EACH.format('timer')}"


@dataclass(slots=True)
class Watch:
    """What this worker knows of a task that it holds, so that an idle look asks nobody."""

    task: Task
    view: int
    heard: dict[int, int]
    produced: int  # Outcomes up to this sequence are on Kafka.
    cleared: int  # Up to this one they are out of the outbox too.
    goal: int  # A position that is on Kafka already.
    reader: Way
    aside: bool  # Something may be parked.
    asked: int  # The last request of others that it has seen.
    pending: str | None  # When its next timer is due; empty: not known.
    tasks: int  # That its part has here.
    found: Sequence[Sent] = ()  # Pulled, and not yet pushed.


def begun(taken: Taken, end: int, reader: Way, asked: int, tasks: int) -> Watch:
    """What there is to know of a task that was taken just now."""
    heard = {int(origin): sequence for origin, sequence in json.loads(taken.heard).items()}
    return Watch(
        taken.task, taken.view, heard, taken.sent, taken.sent, end, reader, taken.aside, asked, taken.due, tasks
    )


class Asked(NamedTuple):
    """Which subjects a task has to know."""

    part: Part
    watch: Watch
    records: Sequence[Envelope]


class Known(NamedTuple):
    """What it knows of them, as a `Pull` has it."""

    states: dict[str, str]
    parked: set[str]
    timers: dict[tuple[str, str], str]


async def known(database: Database, every: Sequence[Asked]) -> Sequence[Known]:
    """What each task knows of the subjects of its records: only it changes that, so it is no snapshot."""
    states, aside, elapsed = list[Of](), list[Of](), list[Of]()
    for part, watch, records in every:
        these = {(watch.task.number, record.subject) for record in records}
        states += these if keeps(part) else ()
        aside += these if watch.aside else ()
        elapsed += {(watch.task.number, r.subject) for r in records if r.type == TimerElapsed.type}
    answers = {asked.watch.task.number: Known({}, set(), {}) for asked in every}
    for number, subject, value in await found(database, STATES, states):
        answers[number].states[subject] = value
    for number, subject in await found(database, ASIDE, aside):
        answers[number].parked.add(subject)
    for number, subject, name, due in await found(database, TIMERS, elapsed):
        answers[number].timers[subject, name] = due
    return [answers[asked.watch.task.number] for asked in every]


async def found(database: Database, query: str, wanted: Sequence[Of]) -> Sequence[tuple[Any, ...]]:
    return await database.fetch(query, *zip(*wanted, strict=True)) if wanted else ()


def moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
