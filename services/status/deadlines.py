"""By when a case should be done: a warning before, a breach after, and a term that stands still while it is suspended.

A term that a suspension lengthens, and would end on a Saturday, Sunday or holiday, ends on the working day after it, as
the law on terms has it. Whoever says by when it is due has counted so already.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from channels.days import ZONE, working
from engine.processor import State, processor
from schemas.case import (
    Case,
    CaseAssigned,
    CaseClosed,
    CaseDueSet,
    CaseDueSoon,
    CaseOpened,
    CaseOverdue,
    CaseReopened,
    CaseResumed,
    CaseSuspended,
)
from schemas.event import Event, derived
from schemas.task import TaskOpened
from schemas.timer import TimerCleared, TimerElapsed, TimerSet

NAME: Final = "status.deadlines"
SOON: Final = f"{NAME}.soon"
WARNED: Final = timedelta(days=7)  # Before it is due.
BY: Final = timedelta(days=1)  # Within which somebody looks at a case that is late.
WHO: Final = "kcc"  # Where no agent owns it.


class Term(State, frozen=True):
    """How one case stands with its time."""

    title: str = ""
    owner: str = ""
    due: datetime | None = None
    closed: bool = False
    still_since: datetime | None = None  # Its time stands still.
    late: tuple[datetime, ...] = ()  # Moments of which a breach was told.

    @property
    def runs(self) -> datetime | None:
        """When it is due, if anybody waits for that now."""
        return None if self.closed or self.still_since else self.due


Life = CaseOpened | CaseAssigned | CaseDueSet | CaseSuspended | CaseResumed | CaseClosed | CaseReopened


def watch(term: Term, event: Life | TimerElapsed) -> tuple[Term, list[Event]]:
    match event:
        case TimerElapsed():
            return elapsed(term, event)
        case CaseResumed(dated=False) if term.still_since:
            return resumed(term, event, event.at - term.still_since)
        case _:
            return waiting(term, term.but(**changes(term, event)), event)


def changes(term: Term, event: Life) -> dict[str, Any]:
    said: dict[str, Any] = {}
    match event:
        case CaseOpened():
            said = {"title": event.title}
        case CaseAssigned():
            said = {"owner": event.agent_id}
        case CaseDueSet():
            said = {"due": event.due}
        case CaseSuspended() if not term.still_since and not term.closed:
            said = {"still_since": event.at}
        case CaseResumed():
            said = {"still_since": None}
        case CaseClosed():
            said = {"closed": True, "still_since": None}
        case CaseReopened():
            said = {"closed": False}
    return said


def resumed(term: Term, event: CaseResumed, stood: timedelta) -> tuple[Term, list[Event]]:
    """What it stood still comes on top. This is told as a new date, which the next step waits for."""
    after = term.but(still_since=None)
    if term.due is None or stood <= timedelta(0):
        return waiting(term, after, event)
    due = next_working(term.due + stood)
    return after, [CaseDueSet(at=event.at, case_id=event.case_id, due=due)]


def next_working(due: datetime) -> datetime:
    """The same hour of the clock, on this day or the next on which people work."""
    here = due.astimezone(ZONE)
    while not working(here.date()):
        here += timedelta(days=1)
    return here


def waiting(before: Term, after: Term, event: Case) -> tuple[Term, list[Event]]:
    """Be woken for the moment that stands, and for none that stands no more."""
    if before.runs == after.runs:
        return after, []
    if after.runs is None:
        return after, [TimerCleared(at=event.at, about=event.subject, name=name) for name in (SOON, NAME)]
    soon, about = after.runs - WARNED, event.subject
    warning = [TimerSet(at=event.at, about=about, name=SOON, due=soon)] if soon > event.at else []
    return after, [*warning, TimerSet(at=event.at, about=about, name=NAME, due=after.runs)]


def elapsed(term: Term, event: TimerElapsed) -> tuple[Term, list[Event]]:
    due, case_id = term.runs, event.about.removeprefix("case/")
    if due is None:
        return term, []  # Closed in the same moment.
    if event.name == SOON and event.due == due - WARNED:
        return term, [CaseDueSoon(at=event.at, case_id=case_id, due=due)]
    if event.name != NAME or event.due != due or due in term.late:
        return term, []  # It was moved in the same moment.
    late = CaseOverdue(at=event.at, case_id=case_id, due=due)
    return term.but(late=(*term.late, due)), [late, somebody_looks(term, event, due)]


def somebody_looks(term: Term, event: TimerElapsed, due: datetime) -> TaskOpened:
    return TaskOpened(
        at=event.at,
        task_id=derived(f"{event.about} late {due.isoformat()}"),
        kind="late-case",
        owner_kind="person" if term.owner else "group",
        owner=term.owner or WHO,
        due=event.at + BY,
        about=event.about,
        title=term.title,
    )


deadlines = processor(NAME, watch)
