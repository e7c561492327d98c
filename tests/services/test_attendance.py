"""Who did not come is told once, when the grace has ended; never of who came, moved or cancelled in time."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from engine.testing import Scene, given, shown
from schemas.appointment import (
    AppointmentArrived,
    AppointmentBooked,
    AppointmentCalled,
    AppointmentCancelled,
    AppointmentChanged,
    AppointmentConfirmed,
    AppointmentNoShow,
    AppointmentServed,
    AppointmentWalkedIn,
)
from schemas.event import Event
from schemas.timer import TimerCleared, TimerElapsed, TimerSet
from services.desk.appointments import appointments
from services.status.attendance import GRACE_MAX, NAME, Attendance, attendance

MONDAY: Final = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
HOUR: Final = MONDAY + timedelta(days=1)
GRACE: Final = timedelta(minutes=15)
DUE: Final = HOUR + GRACE
LATER: Final = HOUR + timedelta(hours=4)
ABOUT: Final = "appointment/a1"

booked = AppointmentBooked(
    at=MONDAY, appointment_id="a1", party_id="p1", product="paspoort", branch="main", starts_at=HOUR, people=2
)
changed = AppointmentChanged(at=MONDAY + timedelta(hours=1), appointment_id="a1", branch="main", starts_at=LATER)
cancelled = AppointmentCancelled(at=MONDAY + timedelta(hours=2), appointment_id="a1", by="party")
arrived = AppointmentArrived(at=HOUR + timedelta(minutes=14), appointment_id="a1")
late = AppointmentArrived(at=HOUR + timedelta(minutes=40), appointment_id="a1")
called = AppointmentCalled(at=HOUR, appointment_id="a1", desk="desk-3")
served = AppointmentServed(at=HOUR + timedelta(minutes=30), appointment_id="a1")
walked_in = AppointmentWalkedIn(at=HOUR, appointment_id="a1", product="paspoort", branch="main", code="BK417")
elapsed = TimerElapsed(at=DUE, about=ABOUT, name=NAME, due=DUE)
no_show = AppointmentNoShow(at=DUE, appointment_id="a1")


def timer(due: datetime, at: datetime) -> TimerSet:
    return TimerSet(at=at, about=ABOUT, name=NAME, due=due)


def cleared(at: datetime) -> TimerCleared:
    return TimerCleared(at=at, about=ABOUT, name=NAME)


def state(*events: Event) -> str:
    [row] = shown(appointments, *events)
    return str(row["state"])


def test_a_booking_is_waited_for_until_its_grace_ends() -> None:
    given(attendance).when(booked).then(timer(DUE, booked.at))
    given(attendance, booked).when(elapsed).then(no_show)
    assert state(booked) == "booked"
    assert state(booked, no_show) == "no-show"


def test_the_grace_is_what_the_branch_had_when_it_was_agreed() -> None:
    soon = booked.model_copy(update={"grace_minutes": 5})
    given(attendance).when(soon).then(timer(HOUR + timedelta(minutes=5), soon.at))
    for_ever = booked.model_copy(update={"grace_minutes": 10**12})
    given(attendance).when(for_ever).then(timer(HOUR + GRACE_MAX, for_ever.at))
    given(attendance).when(booked.model_copy(update={"starts_at": datetime.max.replace(tzinfo=UTC)}))


def test_nobody_is_a_no_show_twice() -> None:
    given(attendance, booked, elapsed).when(elapsed, booked, elapsed).then()


def test_it_is_told_as_of_the_end_of_the_grace_though_we_were_down_then() -> None:
    given(attendance, booked).when(elapsed.model_copy(update={"at": DUE + timedelta(hours=9)})).then(no_show)


def test_whoever_arrives_within_the_grace_is_no_no_show() -> None:
    given(attendance, booked).when(arrived).then(cleared(arrived.at))
    given(attendance, booked, arrived).when(elapsed).then()
    assert state(booked, arrived) == "arrived"


def test_whoever_is_served_without_having_been_seen_to_arrive_is_no_no_show() -> None:
    given(attendance, booked).when(served).then(cleared(served.at))
    assert state(booked, served) == "served"


def test_being_called_is_not_being_there() -> None:
    assert AppointmentCalled.type not in attendance.reads
    assert state(booked, called) == "called"
    assert state(booked, called, no_show) == "no-show"


def test_whoever_cancels_in_time_is_no_no_show() -> None:
    given(attendance, booked).when(cancelled).then(cleared(cancelled.at))
    given(attendance, booked, cancelled).when(elapsed).then()
    assert state(booked, cancelled) == "cancelled"


def test_whoever_agrees_on_an_hour_after_they_cancelled_is_expected_whichever_of_both_is_told_first() -> None:
    again = changed.model_copy(update={"at": cancelled.at + timedelta(hours=1)})
    for told in ((cancelled, again), (again, cancelled)):
        assert state(booked, *told) == "booked"
        assert given(attendance, booked, *told).knows(ABOUT).timer == LATER + GRACE
    once_more = cancelled.model_copy(update={"at": again.at + timedelta(hours=1)})
    assert state(booked, cancelled, again, once_more) == state(booked, once_more, cancelled, again) == "cancelled"
    assert state(booked, cancelled, changed) == "cancelled", "that was agreed on before"


def test_a_cancellation_after_the_grace_undoes_no_no_show() -> None:
    after = cancelled.model_copy(update={"at": DUE + timedelta(minutes=1)})
    given(attendance, booked).when(after).then()
    given(attendance, booked, after).when(elapsed).then(no_show)
    assert state(booked, no_show, after) == state(booked, after, no_show) == "no-show"


def test_a_moved_appointment_is_waited_for_at_its_new_hour() -> None:
    given(attendance, booked).when(changed).then(timer(LATER + GRACE, changed.at))
    given(attendance, booked, changed).when(elapsed).then()
    missed = no_show.model_copy(update={"at": LATER + GRACE})
    given(attendance, booked, changed).when(
        elapsed.model_copy(update={"at": LATER + GRACE, "due": LATER + GRACE})
    ).then(missed)
    assert state(booked, changed, missed) == "no-show"


def test_whoever_was_a_no_show_and_makes_a_new_appointment_is_waited_for_again() -> None:
    again = changed.model_copy(update={"at": HOUR + timedelta(hours=1)})
    given(attendance, booked, elapsed).when(again).then(timer(LATER + GRACE, again.at))
    assert state(booked, no_show, again) == "booked"


def test_whoever_came_and_then_moved_has_to_come_again() -> None:
    moved = changed.model_copy(update={"at": arrived.at + timedelta(minutes=5)})
    given(attendance, booked, arrived).when(moved).then(timer(LATER + GRACE, moved.at))
    assert state(booked, arrived, moved) == "booked"


def test_an_arrival_after_the_no_show_corrects_it() -> None:
    given(attendance, booked, elapsed).when(late).then()
    assert state(booked, no_show, late) == "arrived"
    assert state(booked, late, no_show) == "arrived"


def test_a_walk_in_is_here_and_cannot_be_a_no_show() -> None:
    given(attendance).when(walked_in).then()
    [row] = shown(appointments, walked_in)
    assert (row["state"], row["code"], row["waiting_since"]) == ("arrived", "BK417", "2026-11-03T09:00:00.000000Z")


def test_an_arrival_that_is_told_before_its_booking_is_kept() -> None:
    given(attendance, arrived).when(booked).then()
    assert shown(appointments, arrived) == []
    assert state(arrived, booked) == "arrived"


@pytest.mark.parametrize("events", list(permutations([booked, changed, arrived, called])))
def test_any_order_of_telling_comes_to_the_same_standing(events: Sequence[Event]) -> None:
    [row] = shown(appointments, *events)
    assert (row["state"], row["starts_at"]) == ("called", "2026-11-03T13:00:00.000000Z")
    assert given(attendance, *(event for event in events if event is not called)).knows(ABOUT).waits_until is None


def test_who_says_that_they_come_says_so_of_the_hour_that_stood_then() -> None:
    confirmed = AppointmentConfirmed(at=MONDAY + timedelta(minutes=30), appointment_id="a1")
    again = confirmed.model_copy(update={"at": MONDAY + timedelta(hours=2)})
    for told, comes in (
        ([booked], 0),
        ([booked, confirmed], 1),
        ([booked, confirmed, changed], 0),
        ([booked, confirmed, changed, again], 1),
    ):
        for events in permutations(told):
            [row] = shown(appointments, *events)
            assert (row["confirmed"], row["state"]) == (comes, "booked")


def test_the_grace_is_real_time_on_the_night_the_clocks_go_back() -> None:
    here = ZoneInfo("Europe/Amsterdam")
    for fold in (0, 1):
        hour = datetime(2026, 10, 25, 2, 50, fold=fold, tzinfo=here)
        event = booked.model_copy(update={"starts_at": hour.astimezone(UTC)})
        given(attendance).when(event).then(timer(hour.astimezone(UTC) + GRACE, event.at))


class Step(NamedTuple):
    kind: str
    minute: int
    hour: int = 0


steps = st.lists(
    st.one_of(
        st.builds(Step, st.just("move"), st.integers(0, 400), st.integers(0, 6)),
        st.builds(Step, st.sampled_from(["arrive", "serve", "cancel", "call"]), st.integers(0, 400)),
    ),
    max_size=6,
    unique_by=lambda step: step.minute,
)


def event_of(step: Step) -> Event:
    at = HOUR + timedelta(minutes=step.minute)
    match step.kind:
        case "move":
            starts_at = HOUR + timedelta(hours=step.hour)
            return AppointmentChanged(at=at, appointment_id="a1", branch="main", starts_at=starts_at)
        case "arrive":
            return AppointmentArrived(at=at, appointment_id="a1")
        case "serve":
            return AppointmentServed(at=at, appointment_id="a1")
        case "call":
            return AppointmentCalled(at=at, appointment_id="a1", desk="desk-1")
    return AppointmentCancelled(at=at, appointment_id="a1", by="party")


def missed_by_hand(told: Sequence[Step]) -> bool:
    """What a colleague would say who reads the whole story at the end of the day."""
    moves = sorted((step for step in told if step.kind == "move"), key=lambda step: step.minute)
    hour, since = (moves[-1].hour * 60, moves[-1].minute) if moves else (0, -1)
    if any(step.kind in {"arrive", "serve"} and step.minute >= since for step in told):
        return False
    return not any(step.kind == "cancel" and since <= step.minute < hour + 15 for step in told)


def lived(scene: Scene[Attendance], events: Sequence[Event]) -> list[Event]:
    """All that was told, the timer when it is due included, in the order of the log."""
    log: list[Event] = []
    for event in events:
        if event.type in attendance.reads:
            scene.when(event)
        log.append(event)
    while (due := scene.knows(ABOUT).timer) is not None:
        before = scene.knows(ABOUT)
        scene.when(TimerElapsed(at=due + timedelta(seconds=1), about=ABOUT, name=NAME, due=due))
        after = scene.knows(ABOUT)
        assert after != before, "a timer that elapsed is over"
        if after.missed != before.missed:
            assert after.missed is not None
            log.append(AppointmentNoShow(at=after.missed, appointment_id="a1"))
    return log


@examples(steps, st.randoms(use_true_random=False), st.booleans())
def test_whatever_is_told_in_any_order_and_twice_it_comes_to_what_the_whole_story_says(
    told: list[Step], random: object, twice: bool
) -> None:
    events: list[Event] = [booked, *(event_of(step) for step in told)]
    if twice:
        events += events
    random.shuffle(events)  # type: ignore[attr-defined]  # As hypothesis gives it.
    log = lived(given(attendance), events)
    wanted = missed_by_hand(told)
    assert any(isinstance(event, AppointmentNoShow) for event in log) == wanted
    [row] = shown(appointments, *log)
    assert (row["state"] == "no-show") == wanted
