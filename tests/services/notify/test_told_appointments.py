"""Who has an appointment hears of it at once, is reminded on days on which that may be, and of nothing that is over."""

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from typing import Final

import pytest
from hypothesis import given as examples
from hypothesis import strategies as st

from channels.days import ZONE
from engine.testing import Scene, given
from schemas.appointment import (
    AppointmentArrived,
    AppointmentBooked,
    AppointmentCancelled,
    AppointmentChanged,
)
from schemas.notification import NotificationWanted
from schemas.timer import TimerCleared, TimerElapsed, TimerSet
from services.notify.appointments import (
    APART,
    AT,
    EARLY,
    LATE,
    NAME,
    Agreed,
    appointments,
    name_of,
    reminders,
)
from services.notify.hours import open_on

NOW: Final = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)  # A Monday.
STARTS: Final = datetime(2026, 11, 12, 9, 30, tzinfo=UTC)  # A Thursday, half past ten in the Netherlands.
FIRST: Final = datetime(2026, 11, 9, 9, 0, tzinfo=UTC)
SECOND: Final = datetime(2026, 11, 11, 9, 0, tzinfo=UTC)
ABOUT: Final = "appointment/a1"

booked = AppointmentBooked(
    at=NOW, appointment_id="a1", party_id="p1", product="paspoort", branch="main", starts_at=STARTS, code="BK4",
    kind="phone", address="+31612345678", address_id="tel", minutes=20,
)  # fmt: skip
moved = AppointmentChanged(
    at=NOW + timedelta(days=1), appointment_id="a1", branch="noord", starts_at=STARTS + timedelta(days=5)
)
off = AppointmentCancelled(at=NOW + timedelta(days=2), appointment_id="a1", by="party")
there = AppointmentArrived(at=STARTS, appointment_id="a1")


def timer(due: datetime, at: datetime = NOW) -> TimerSet:
    return TimerSet(at=at, about=ABOUT, name=name_of(due), due=due)


def cleared(due: datetime, at: datetime) -> TimerCleared:
    return TimerCleared(at=at, about=ABOUT, name=name_of(due))


def elapsed(due: datetime, late: timedelta = timedelta(0)) -> TimerElapsed:
    return TimerElapsed(at=due + late, about=ABOUT, name=name_of(due), due=due)


def wanted(scene: Scene[Agreed]) -> list[NotificationWanted]:
    return [
        NotificationWanted.model_validate_json(o.data) for o in scene._outcomes if o.type == NotificationWanted.type
    ]


def test_booked_anew_under_the_same_name_is_told_if_it_is_another_hour() -> None:
    later = booked.model_copy(update={"at": NOW + timedelta(hours=1)})
    given(appointments, booked).when(booked, later).then()
    [told] = wanted(
        given(appointments, booked).when(later.model_copy(update={"starts_at": STARTS + timedelta(days=1)}))
    )
    assert (told.template, told.starts_at) == ("appointment-changed", STARTS + timedelta(days=1))
    given(appointments, booked, off).when(booked).then()  # What is told late brings nothing back.


def test_who_books_hears_so_at_once_and_is_reminded_three_days_and_one_day_before() -> None:
    scene = given(appointments).when(booked)
    [told] = wanted(scene)
    assert told.template == "appointment-booked"
    assert (told.subject, told.about, told.starts_at, told.branch) == ("party/p1", ABOUT, STARTS, "main")
    assert (told.channel, told.address, told.address_id, told.code) == ("sms", "+31612345678", "tel", "BK4")
    scene.then(timer(FIRST), timer(SECOND), told)


def test_the_reminder_tells_of_the_hour_that_stands_and_nobody_needs_it_shortly_before() -> None:
    [told] = wanted(given(appointments, booked).when(elapsed(FIRST)))
    assert (told.template, told.starts_at, told.until) == ("appointment-reminder", STARTS, STARTS - LATE)


def test_two_reminders_are_two_notifications_and_the_same_reminder_is_one() -> None:
    scene = given(appointments, booked)
    names = [told.notification_id for due in (FIRST, SECOND) for told in wanted(scene.when(elapsed(due)))]
    assert len({*names}) == len(names) == 2
    scene.when(elapsed(FIRST)).then()  # It elapsed already.


def test_who_moves_it_hears_the_new_hour_and_is_reminded_of_that_one_only() -> None:
    scene = given(appointments, booked).when(moved)
    [told] = wanted(scene)
    assert (told.template, told.starts_at, told.branch, told.version) == (
        "appointment-changed", moved.starts_at, "noord", 2,
    )  # fmt: skip
    first, second = datetime(2026, 11, 14, 9, 0, tzinfo=UTC), datetime(2026, 11, 16, 9, 0, tzinfo=UTC)
    scene.then(
        cleared(FIRST, moved.at), cleared(SECOND, moved.at), timer(first, moved.at), timer(second, moved.at), told
    )
    scene.when(elapsed(FIRST)).then()


def test_who_calls_it_off_hears_so_and_is_not_reminded_even_where_the_timer_was_quicker() -> None:
    scene = given(appointments, booked).when(off)
    [told] = wanted(scene)
    assert told.template == "appointment-cancelled"
    scene.then(cleared(FIRST, off.at), cleared(SECOND, off.at), told)
    scene.when(elapsed(FIRST)).then()
    scene.when(off).then()


def test_who_agrees_on_an_hour_after_all_hears_of_it_and_of_none_that_was_agreed_on_before_it_was_off() -> None:
    again = moved.model_copy(update={"at": off.at + timedelta(hours=1)})
    [told] = wanted(given(appointments, booked, off).when(again))
    assert (told.template, told.starts_at, told.version) == ("appointment-changed", again.starts_at, 2)
    given(appointments, booked, off).when(moved).then()
    given(appointments, booked, again).when(off).then()
    twice = off.model_copy(update={"at": again.at + timedelta(hours=1)})
    given(appointments, booked, off, twice).when(again).then()


def test_who_is_there_is_not_reminded() -> None:
    given(appointments, booked, elapsed(FIRST)).when(there).then(cleared(SECOND, STARTS))


def test_the_same_booking_twice_and_a_change_that_changes_nothing_tell_nothing() -> None:
    same = AppointmentChanged(at=moved.at, appointment_id="a1", branch="main", starts_at=STARTS)
    given(appointments, booked).when(booked, same).then()


def test_what_was_called_off_and_is_agreed_on_after_all_is_told_and_reminded_of() -> None:
    after_all = AppointmentChanged(at=NOW + timedelta(days=3), appointment_id="a1", branch="main", starts_at=STARTS)
    scene = given(appointments, booked, off).when(after_all)
    [told] = wanted(scene)
    assert (told.template, told.starts_at) == ("appointment-changed", STARTS)
    scene.then(timer(FIRST, after_all.at), timer(SECOND, after_all.at), told)


def test_a_change_that_is_told_late_does_not_undo_a_later_one() -> None:
    late = AppointmentChanged(at=NOW, appointment_id="a1", branch="zuid", starts_at=STARTS + timedelta(days=9))
    given(appointments, booked, moved).when(late).then()


@pytest.mark.parametrize(
    ("ahead", "many"),
    [
        (timedelta(hours=20), 0),  # The confirmation is enough.
        (timedelta(days=2, hours=3), 1),
        (timedelta(days=3, hours=20), 1),
        (timedelta(days=6), 2),
    ],
)
def test_the_later_it_is_booked_the_fewer_reminders(ahead: timedelta, many: int) -> None:
    assert len(reminders(NOW, NOW + ahead)) == many


def test_the_reminder_for_a_monday_comes_on_saturday() -> None:
    monday = datetime(2026, 11, 16, 9, 0, tzinfo=UTC)
    assert reminders(NOW, monday) == [
        datetime(2026, 11, 13, 9, 0, tzinfo=UTC), datetime(2026, 11, 14, 9, 0, tzinfo=UTC)
    ]  # fmt: skip


def test_at_ten_o_clock_by_the_clock_on_either_side_of_the_night_on_which_it_changes() -> None:
    after = datetime(2026, 10, 26, 13, 0, tzinfo=UTC)  # The day after the clocks went back.
    assert [due.hour for due in reminders(datetime(2026, 10, 12, 9, 0, tzinfo=UTC), after)] == [8, 8]  # In summer.


@examples(st.timedeltas(timedelta(0), timedelta(days=3_000)), st.timedeltas(timedelta(0), timedelta(days=60)))
def test_whatever_is_agreed_reminders_come_in_time_apart_and_on_days_on_which_they_may(
    later: timedelta, ahead: timedelta
) -> None:
    agreed = NOW + later
    starts = agreed + ahead
    found = [agreed, *reminders(agreed, starts)]
    assert all(two - one >= APART for one, two in pairwise(found))
    for due in found[1:]:
        here = due.astimezone(ZONE)
        assert here.time() == AT == time(10)
        assert open_on(here.date())
        assert due <= starts - EARLY
    assert len(found) <= 3


def test_its_name_is_for_ever() -> None:
    assert NAME == "notify.appointments"


def test_who_gave_a_postal_address_for_it_is_told_there() -> None:
    by_post = booked.model_copy(update={"kind": "post", "address": "J. Bakker, Kade 2, 1234 AB Ons", "address_id": "h"})
    [told] = [one for one in given(appointments).when(by_post)._outcomes if one.type == NotificationWanted.type]
    wanted = NotificationWanted.model_validate_json(told.data)
    assert (wanted.channel, wanted.address_id) == ("letter", "h")
