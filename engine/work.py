"""What a task makes of what it pulled: a pure function from a look to the changes that follow.

A step that fails parks its event, and all that follows on the same subject waits behind it, in order.
"""

import traceback
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any

from pydantic import ValidationError

from engine.processor import Courier, Part, Projection, TooMuch, rows, step
from engine.store import Changes, Parked, Pull, Task, Timer
from schemas.errors import Refused
from schemas.event import Envelope, fact, faults
from schemas.timer import TimerCleared, TimerElapsed, TimerSet

WAITS = "waits behind an earlier event"
TIMERS = frozenset({TimerSet.type, TimerCleared.type})


@dataclass(slots=True)
class Batch:
    """The changes so far, and what the next event of the batch has to know of them."""

    part: Part
    quiet: bool  # The outcomes have been told already, by the task that this one replaces.
    changes: Changes
    pull: Pull
    states: dict[str, str]
    blocked: set[str] = field(default_factory=set)

    def take(self, record: Envelope) -> None:
        """Step one event, all of it or nothing. Raises whatever the step raises."""
        if isinstance(self.part, Projection):
            known, shown = rows(self.part, self.states.get(record.subject), record, anew=self.quiet)
            if known is not None:
                self.states[record.subject] = self.changes.states[record.subject] = known
            self.changes.rows.extend(shown)
            return
        assert not isinstance(self.part, Courier), "a courier's events are lent, not stepped"
        elapsed = self.elapsed(record) if record.type == TimerElapsed.type else None
        if record.type == TimerElapsed.type and elapsed is None:
            return
        state, outcomes = step(self.part, self.states.get(record.subject), record, anew=self.quiet)
        timers = [self.timer(outcome, record) for outcome in outcomes if outcome.type in TIMERS]
        self.states[record.subject] = self.changes.states[record.subject] = state
        if elapsed:
            self.changes.timers[elapsed] = None
        self.changes.timers.update(timers)
        if not self.quiet:
            self.changes.outcomes.extend(outcomes)

    def elapsed(self, record: Envelope) -> tuple[str, str] | None:
        """The timer of ours that elapsed, if it still stands: whatever cleared or moved it has won."""
        event = TimerElapsed.model_validate_json(record.data)
        key = (record.subject, event.name)
        newer = self.changes.timers.get(key)
        due = newer.due if newer else self.pull.timers.get(key) if key not in self.changes.timers else None
        return key if due == stamp(event.due) else None

    def timer(self, outcome: Envelope, cause: Envelope) -> tuple[tuple[str, str], Timer | None]:
        """The timer that an outcome sets or clears."""
        asked = opened_timer(outcome)
        assert outcome.subject == cause.subject, "a timer is about the subject that is stepped"
        assert owns(self.part, asked.name), "a timer's name begins with its processor's name"
        key = (outcome.subject, asked.name)
        if isinstance(asked, TimerCleared):
            return key, None
        return key, Timer(*key, stamp(asked.due), outcome.id)

    def park(self, record: Envelope, reason: str) -> None:
        self.set_aside(Parked(record.position, record.subject, reason, told=self.quiet))

    def set_aside(self, parked: Parked) -> None:
        self.blocked.add(parked.subject)
        self.changes.parked.append(parked)


def begin(part: Part, task: Task, pull: Pull) -> Batch:
    """What was pulled, before its first step."""
    return Batch(part, not task.active, Changes(pull.upto), pull, dict(pull.states), set(pull.parked))


def go_on(batch: Batch, records: Sequence[Envelope]) -> None:
    """Step through what follows of what was pulled."""
    for record in records:
        if record.position in batch.pull.held:
            batch.set_aside(batch.pull.held[record.position])
        elif record.subject in batch.blocked:
            batch.park(record, WAITS)
        else:
            attempt(batch, record)


def finish(batch: Batch, now: datetime) -> Changes:
    """All of it was stepped: fire what is due."""
    set_now = [timer.due for timer in batch.changes.timers.values() if timer]
    for timer in batch.pull.due:
        if set_now and timer.due >= min(set_now):
            break  # What was set just now may be due before it: both fire at the next look.
        if (timer.subject, timer.name) not in batch.changes.timers:  # Cleared or moved by the very last events.
            batch.changes.outcomes.append(fired(timer, now))
            batch.changes.fired.append(timer)
    return batch.changes


def advance(part: Part, task: Task, pull: Pull, now: datetime) -> Changes:
    """Step through what was pulled, then fire what is due."""
    batch = begin(part, task, pull)
    go_on(batch, pull.records)
    return finish(batch, now)


def retry(part: Part, task: Task, pull: Pull) -> Changes:
    """Step the parked events of one subject again, in order, until one fails again."""
    batch = Batch(part, not task.active, Changes(task.position), pull, dict(pull.states))
    for record in pull.redrive:
        batch.quiet = record.position in pull.told
        if batch.blocked:
            batch.park(record, WAITS)
        elif attempt(batch, record):
            batch.changes.unparked.append(record.position)
    if batch.blocked:
        batch.changes.redriven = pull.redrive[0].subject
    return batch.changes


def attempt(batch: Batch, record: Envelope) -> bool:
    """Step one event; park it where it fails. A pure step fails the same way again, so it is tried once."""
    try:
        batch.take(record)
    except Exception as error:  # noqa: BLE001  # Whatever a step raises parks its subject, and only that.
        batch.park(record, reason(error))
        return False
    return True


def fired(timer: Timer, now: datetime) -> Envelope:
    """The fact that it is time. Its id hangs on who asked, so that firing again changes nothing."""
    due = datetime.fromisoformat(timer.due)
    event = TimerElapsed(at=max(now, due), about=timer.subject, name=timer.name, due=due)
    return fact(event, key=timer.cause)._replace(cause=timer.cause)


def owns(part: Part, name: str) -> bool:
    """A timer belongs to the part whose name its own begins with."""
    return name == part.name or name.startswith(f"{part.name}.")


def opened_timer(outcome: Envelope) -> TimerSet | TimerCleared:
    kind = TimerSet if outcome.type == TimerSet.type else TimerCleared
    return kind.model_validate_json(outcome.data)


def stamp(moment: datetime) -> str:
    """A moment as text that sorts."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def reason(error: Exception) -> str:
    """Why, for whoever must mend it: what failed and where, and not one word of what the event said."""
    if isinstance(error, ValidationError):
        return f"does not fit {error.title}: {faults(error)}"
    if isinstance(error, Refused | TooMuch):
        return str(error)
    frames: Sequence[Any] = traceback.extract_tb(error.__traceback__)
    last = frames[-1]
    return f"{type(error).__name__} in {PurePath(last.filename).name}, line {last.lineno}"
