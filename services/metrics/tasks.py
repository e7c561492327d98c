"""Tasks, such as call-backs, counted by the group or department that is to do them. What a person does is not told."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from engine.processor import Add, State, register
from schemas.event import Envelope
from schemas.task import TaskAssigned, TaskDone, TaskOpened, TaskOverdue, TaskReopened
from services.metrics.tally import UNKNOWN, VERSION, Count, changed, span, tally

TURNS_MAX: Final = 100


class Job(State, frozen=True):
    """What is known of one task. It counts from when it was opened."""

    opened_at: datetime | None = None
    kind: str = UNKNOWN
    team: str = UNKNOWN
    late: tuple[datetime, ...] = ()
    turns: tuple[tuple[datetime, bool], ...] = ()  # When it was done, or opened again.


Fact = TaskOpened | TaskAssigned | TaskOverdue | TaskDone | TaskReopened


def count(known: Job, event: Fact, cause: Envelope) -> tuple[Job, list[Add]]:
    after = heard(known, event)
    if after is known:
        return known, []
    return after, changed([*counts(known)], [*counts(after)], event.at, cause)


def heard(known: Job, event: Fact) -> Job:
    """What is known of it now; `known` itself, where it is none the wiser."""
    match event:
        case TaskOpened() if known.opened_at is None:
            team = known.team if known.team != UNKNOWN else team_of(event)
            return known.but(opened_at=event.at, kind=event.kind, team=team)
        case TaskAssigned():
            return known.but(team=team_of(event))
        case TaskOverdue(due=due) if due not in known.late:
            return known.but(late=(*known.late, due)[-TURNS_MAX:])
        case TaskDone() | TaskReopened() if len(known.turns) < TURNS_MAX:
            return known.but(turns=(*known.turns, (event.at, isinstance(event, TaskDone))))
        case _:
            return known


def team_of(event: TaskOpened | TaskAssigned) -> str:
    """What one colleague does is nobody's figure."""
    return UNKNOWN if event.owner_kind == "person" else event.owner


def counts(known: Job) -> Iterator[Count]:
    if known.opened_at is None:
        return
    on = (UNKNOWN, UNKNOWN, known.team, known.kind)
    yield Count("task-opened", known.opened_at, *on)
    yield Count("task-began", known.opened_at, *on)
    for late in known.late:
        yield Count("task-overdue", late, *on)
    since: datetime | None = known.opened_at
    for at, done in sorted(known.turns):
        if done and since:
            yield Count("task-ended", at, *on)
            yield Count("task-done", at, *on, value=span(since, at))
            since = None
        elif not done and since is None:
            yield Count("task-began", at, *on)
            since = at
    if since:
        yield Count("task-open", since, *on)


tasks: Final = register("metrics.tasks", tally("tally_tasks"), count, VERSION)
