"""A case is warned of, and late, at the moment that stands: however it is moved, suspended, closed and reopened."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from channels.days import HOLIDAYS as FREE
from channels.days import SATURDAY, ZONE
from engine.testing import given
from schemas import CATALOGUE
from schemas.case import (
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
from services.status.deadlines import BY, NAME, SOON, WARNED, deadlines, next_working

NOW: Final = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)  # A Monday.
DUE: Final = NOW + timedelta(days=28)
ABOUT: Final = "case/k1"

opened = CaseOpened(at=NOW, case_id="k1", party_id="p1", kind="passport", title="Paspoort")
due_set = CaseDueSet(at=NOW, case_id="k1", due=DUE)
closed = CaseClosed(at=NOW + timedelta(days=1), case_id="k1", outcome="verleend")
still = CaseSuspended(at=NOW + timedelta(days=1), case_id="k1", reason="documents")
again = CaseResumed(at=NOW + timedelta(days=4), case_id="k1")


def timers(due: datetime, at: datetime = NOW) -> list[TimerSet]:
    soon = [TimerSet(at=at, about=ABOUT, name=SOON, due=due - WARNED)] if due - WARNED > at else []
    return [*soon, TimerSet(at=at, about=ABOUT, name=NAME, due=due)]


def cleared(at: datetime) -> list[TimerCleared]:
    return [TimerCleared(at=at, about=ABOUT, name=name) for name in (SOON, NAME)]


def elapsed(due: datetime, name: str = NAME, now: datetime = NOW) -> TimerElapsed:
    return TimerElapsed(at=max(now, due), about=ABOUT, name=name, due=due)


def late(due: datetime = DUE, **whose: Any) -> list[Event]:
    said: dict[str, Any] = {"owner_kind": "group", "owner": "kcc"} | whose
    task = TaskOpened(
        at=due, task_id=derived(f"{ABOUT} late {due.isoformat()}"), kind="late-case", due=due + BY, about=ABOUT,
        title="Paspoort", **said,
    )  # fmt: skip
    return [CaseOverdue(at=due, case_id="k1", due=due), task]


def test_a_case_is_warned_of_and_late_and_somebody_looks() -> None:
    scene = given(deadlines, opened).when(due_set).then(*timers(DUE))
    scene.when(elapsed(DUE - WARNED, SOON)).then(CaseDueSoon(at=DUE - WARNED, case_id="k1", due=DUE))
    scene.when(elapsed(DUE)).then(*late())
    scene.when(elapsed(DUE)).then()


def test_whoever_owns_it_looks() -> None:
    mine = CaseAssigned(at=NOW, case_id="k1", agent_id="g7")
    given(deadlines, opened, due_set, mine).when(elapsed(DUE)).then(*late(owner_kind="person", owner="g7"))


def test_what_is_due_within_the_week_is_not_warned_of() -> None:
    soon = CaseDueSet(at=NOW, case_id="k1", due=NOW + WARNED)
    given(deadlines).when(soon).then(TimerSet(at=NOW, about=ABOUT, name=NAME, due=soon.due))


def test_what_is_moved_is_due_then() -> None:
    later = CaseDueSet(at=NOW, case_id="k1", due=DUE + timedelta(days=7))
    scene = given(deadlines, due_set).when(later).then(*timers(later.due))
    scene.when(elapsed(DUE), elapsed(DUE - WARNED, SOON)).then()


def test_what_is_closed_is_never_late_and_reopened_it_is() -> None:
    scene = given(deadlines, opened, due_set).when(closed).then(*cleared(closed.at))
    scene.when(elapsed(DUE), closed).then()
    reopened = CaseReopened(at=DUE + timedelta(days=1), case_id="k1")
    scene.when(reopened).then(TimerSet(at=reopened.at, about=ABOUT, name=NAME, due=DUE))


def test_while_it_stands_still_no_time_passes() -> None:
    scene = given(deadlines, opened, due_set).when(still).then(*cleared(still.at))
    scene.when(still, elapsed(DUE)).then()
    moved = CaseDueSet(at=again.at, case_id="k1", due=DUE + timedelta(days=3))
    scene.when(again).then(moved).when(moved).then(*timers(moved.due, again.at))
    scene.when(again).then()


def test_what_it_stood_still_does_not_come_on_top_where_the_date_says_so_already() -> None:
    dated = again.model_copy(update={"dated": True})
    later = CaseDueSet(at=again.at, case_id="k1", due=DUE + timedelta(days=9))
    given(deadlines, opened, due_set, still, later).when(dated).then(*timers(later.due, again.at))
    given(deadlines, opened, due_set, still).when(dated).then(*timers(DUE, again.at))


def test_a_suspension_of_what_has_no_date_or_of_no_time_changes_nothing() -> None:
    given(deadlines, opened).when(still, again).then()
    at_once = CaseResumed(at=still.at, case_id="k1")
    given(deadlines, due_set, still).when(at_once).then(*timers(DUE, still.at))


@pytest.mark.parametrize(
    ("due", "moved"),
    [
        ("2026-11-07T10:00", "2026-11-09T10:00"),  # A Saturday.
        ("2026-12-25T10:00", "2026-12-28T10:00"),  # Christmas on a Friday, and the weekend after it.
        ("2027-03-27T10:00", "2027-03-30T10:00"),  # Easter, and the night in which the clocks change.
        ("2026-04-25T10:00", "2026-04-28T10:00"),  # King's day on the Monday.
        ("2028-02-29T10:00", "2028-02-29T10:00"),
    ],
)
def test_a_term_that_grows_ends_on_a_working_day_at_the_same_hour(due: str, moved: str) -> None:
    found = next_working(datetime.fromisoformat(due).replace(tzinfo=ZONE))
    assert f"{found.astimezone(ZONE):%Y-%m-%dT%H:%M}" == moved


# Against a naive model: seconds that the clock of the case has run.


@st.composite
def lives(draw: st.DrawFn) -> list[Event]:
    at, found = NOW, list[Event]([opened])
    for word in draw(st.lists(st.sampled_from(["due", "still", "again", "closed", "reopened"]), max_size=12)):
        at += timedelta(hours=draw(st.integers(1, 2_000)))
        on: dict[str, Any] = {"at": at, "case_id": "k1"}
        match word:
            case "due":
                found.append(CaseDueSet(**on, due=at + timedelta(days=draw(st.integers(0, 90)))))
            case "still":
                found.append(CaseSuspended(**on, reason="documents"))
            case "again":
                found.append(CaseResumed(**on))
            case "closed":
                found.append(CaseClosed(**on, outcome="x"))
            case _:
                found.append(CaseReopened(**on))
    return found


@examples(lives())
def test_whatever_happens_to_it_it_is_late_once_per_date_and_only_while_its_time_runs(life: Sequence[Event]) -> None:
    told = [event for event in lived(life) if isinstance(event, CaseOverdue)]
    assert len({event.due for event in told}) == len(told)
    for event in told:
        assert event.at >= event.due
        before = [one for one in life if one.at <= event.at]
        assert not stands_still(before)
        assert not is_closed(before)


def lived(life: Sequence[Event]) -> Iterator[Event]:
    """What is told in a world where timers elapse on time, and every outcome is read again."""
    scene, waits, now = given(deadlines), dict[str, datetime](), NOW
    queue = [*life, None]
    for event in queue:
        while waits and (event is None or min(waits.values()) <= event.at):
            name = min(waits, key=lambda one: waits[one])
            yield from told(scene, waits, [elapsed(waits.pop(name), name, now)])
        if event is not None:
            now = event.at
            yield from told(scene, waits, [event])


def told(scene: Any, waits: dict[str, datetime], events: list[Event]) -> Iterator[Event]:  # A scene.
    while events:
        for outcome in scene.when(events.pop(0))._outcomes:
            event = CATALOGUE[outcome.type].model_validate_json(outcome.data)
            yield event
            if isinstance(event, TimerSet):
                waits[event.name] = event.due
            elif isinstance(event, TimerCleared):
                waits.pop(event.name, None)
            elif isinstance(event, CaseDueSet):
                events.append(event)


def stands_still(life: Sequence[Event]) -> bool:
    still = False
    for nth, event in enumerate(life):
        if isinstance(event, CaseSuspended) and not is_closed(life[:nth]):
            still = True
        elif isinstance(event, CaseResumed | CaseClosed):
            still = False
    return still


def is_closed(life: Sequence[Event]) -> bool:
    ends = [event for event in life if isinstance(event, CaseClosed | CaseReopened)]
    return bool(ends) and isinstance(ends[-1], CaseClosed)


@examples(st.datetimes(datetime(2024, 1, 1), datetime(2038, 12, 31)))  # noqa: DTZ001  # By the clock, here.
def test_the_next_working_day_is_one_and_none_lies_between(due: datetime) -> None:
    found = next_working(due.replace(tzinfo=ZONE)).astimezone(ZONE)
    days = [due.date() + timedelta(days=n) for n in range((found.date() - due.date()).days)]
    assert found.weekday() < SATURDAY
    assert found.date() not in FREE
    assert all(day.weekday() >= SATURDAY or day in FREE for day in days)
