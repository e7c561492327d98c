"""What a worker knows of the tasks that it holds, so that it need not ask again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.broker import Sent
from engine.postgres import Db
from engine.processor import Part, keeps
from engine.store import Task
from engine.tail import Way
from schemas.event import Envelope
from schemas.timer import TimerElapsed


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
    asked: int = -1  # The last request of others that it has seen.
    aside: bool = True  # Something may be parked.
    pending: str | None = ""  # When its next timer is due; empty: not known.
    tasks: int = 1
    found: Sequence[Sent] = ()  # Pulled, and not yet pushed.


async def known(db: Db, part: Part, watch: Watch, records: Sequence[Envelope]) -> dict[str, Any]:
    """What the task knows of the subjects of these records."""
    number, subjects = watch.task.number, list({record.subject for record in records})
    elapsed = list({record.subject for record in records if record.type == TimerElapsed.type})
    states = "SELECT subject, value FROM state WHERE task = $1 AND subject = ANY($2)"
    aside = "SELECT DISTINCT subject FROM parked WHERE task = $1 AND subject = ANY($2)"
    timers = "SELECT subject, name, due FROM timer WHERE task = $1 AND subject = ANY($2)"
    return {
        "states": dict(map(tuple, await db.fetch(states, number, subjects))) if subjects and keeps(part) else {},
        "parked": {row[0] for row in await db.fetch(aside, number, subjects)} if watch.aside and subjects else set(),
        "timers": {(r[0], r[1]): r[2] for r in await db.fetch(timers, number, elapsed)} if elapsed else {},
    }


def moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
