"""Cases, counted by the moments at which they opened, were closed, and were late. Their product is their kind."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from engine.processor import Add, State, register
from schemas.case import CaseClosed, CaseDueSet, CaseOpened, CaseOverdue, CaseReopened
from schemas.event import Envelope
from services.metrics.tally import UNKNOWN, VERSION, Count, changed, span, tally

TURNS_MAX: Final = 100  # Times that one case was closed or opened again: later ones are not counted.


class Turn(State, frozen=True):
    """It was closed, or opened again."""

    at: datetime
    closed: bool
    in_time: str = "no-due"


class Case(State, frozen=True):
    """What is known of one of them. It counts from when it was opened."""

    opened_at: datetime | None = None
    kind: str = UNKNOWN
    due: datetime | None = None
    late: tuple[datetime, ...] = ()
    turns: tuple[Turn, ...] = ()


Fact = CaseOpened | CaseDueSet | CaseOverdue | CaseClosed | CaseReopened


def count(known: Case, event: Fact, cause: Envelope) -> tuple[Case, list[Add]]:
    after = heard(known, event)
    if after is known:
        return known, []
    return after, changed([*counts(known)], [*counts(after)], event.at, cause)


def heard(known: Case, event: Fact) -> Case:
    """What is known of it now; `known` itself, where it is none the wiser."""
    match event:
        case CaseOpened() if known.opened_at is None:
            return known.but(opened_at=event.at, kind=event.kind)
        case CaseDueSet(due=due):
            return known.but(due=due)
        case CaseOverdue(due=due) if due not in known.late:
            return known.but(late=(*known.late, due)[-TURNS_MAX:])
        case CaseClosed() | CaseReopened() if len(known.turns) < TURNS_MAX:
            closed = isinstance(event, CaseClosed)
            return known.but(turns=(*known.turns, Turn(event.at, closed, in_time(known, event.at))))
        case _:
            return known


def in_time(known: Case, at: datetime) -> str:
    """Whether what is closed now is so by the moment that it was due."""
    if known.due is None:
        return "no-due"
    return "in-time" if at <= known.due else "late"


def counts(known: Case) -> Iterator[Count]:
    if known.opened_at is None:
        return
    on = (UNKNOWN, known.kind)
    yield Count("case-opened", known.opened_at, *on)
    yield Count("case-began", known.opened_at, *on)
    for late in known.late:
        yield Count("case-overdue", late, *on)
    is_open, last = True, None
    for turn in sorted(known.turns, key=lambda turn: turn.at):
        if turn.closed is not is_open:
            continue  # Told twice.
        is_open = not turn.closed
        if is_open:
            yield Count("case-reopened", turn.at, *on)
            yield Count("case-began", turn.at, *on)
            continue
        yield Count("case-ended", turn.at, *on, split=turn.in_time)
        if last is None:
            yield Count("resolved", turn.at, *on, value=span(known.opened_at, turn.at))
        last = turn.at
    if is_open or last is None:
        yield Count("case-open", known.opened_at, *on)
    else:
        yield Count("closed", last, *on, value=span(known.opened_at, last))


cases: Final = register("metrics.cases", tally("tally_cases"), count, VERSION)
