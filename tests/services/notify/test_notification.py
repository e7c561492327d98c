"""A notification goes from road to road until one takes it, at hours at which it may, and ends at a person."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from hypothesis import given as examples
from hypothesis import strategies as st

from engine.testing import given
from schemas.event import Event, derived
from schemas.notification import (
    NotificationBounced,
    NotificationDelivered,
    NotificationDue,
    NotificationFailed,
    NotificationPostponed,
    NotificationRequested,
    NotificationSent,
    NotificationUnknown,
    NotificationWithheld,
    Route,
)
from schemas.task import TaskOpened
from schemas.timer import TimerElapsed, TimerSet
from services.notify.hours import RECEIVED
from services.notify.notification import BY_A_PERSON, NAME, notifications

NOON: Final = datetime(2026, 11, 2, 11, 0, tzinfo=UTC)  # On a Monday.
NIGHT: Final = datetime(2026, 11, 2, 22, 0, tzinfo=UTC)
MORNING: Final = datetime(2026, 11, 3, 8, 0, tzinfo=UTC)  # Nine o'clock in the Netherlands.
UNTIL: Final = NOON + timedelta(days=3)
MAIL: Final = Route(channel="email", address="j@mail.example", address_id="m")
SMS: Final = Route(channel="sms", address="+31612345678", address_id="t")
WISH: Final[dict[str, Any]] = {
    "notification_id": "n1", "party_id": "p1", "about": "case/k1", "template": "case-status", "title": "Paspoort",
    "status": "klaar", "until": UNTIL,
}  # fmt: skip
ON: Final = {"notification_id": "n1"}


def asked(*routes: Route, at: datetime = NOON, **more: Any) -> NotificationRequested:
    return NotificationRequested(at=at, routes=routes, **(WISH | more))


def due(route: Route, at: datetime = NOON) -> NotificationDue:
    return NotificationDue(at=at, **WISH, **dict(route))


def failed(route: Route, at: datetime = NOON) -> NotificationFailed:
    return NotificationFailed(at=at, **ON, channel=route.channel, reason="no-such-address")


def task(at: datetime = NOON) -> TaskOpened:
    return TaskOpened(
        at=at, task_id=derived("notification/n1 task"), kind="tell", owner_kind="group", owner="kcc",
        due=at + BY_A_PERSON, about="case/k1", title="Vertel de inwoner zelf: de zaak heeft een nieuwe status",
    )  # fmt: skip


def test_that_we_have_it_is_told_at_once_and_by_no_person() -> None:
    received: dict[str, Any] = {"template": RECEIVED, "until": NIGHT + timedelta(hours=4)}
    scene = given(notifications).when(asked(SMS, at=NIGHT, **received))
    scene.then(NotificationDue(at=NIGHT, **(WISH | received), **dict(SMS)))
    scene.when(failed(SMS, NIGHT)).then(NotificationWithheld(at=NIGHT, **ON, reason="no-road"))


def test_no_letter_is_sent_that_would_come_after_the_appointment() -> None:
    letter = Route(channel="letter", address="J. Bakker, Kade 2", address_id="h")
    soon, later = NOON + timedelta(days=5), NOON + timedelta(days=5, seconds=1)
    appointment: dict[str, Any] = {"template": "appointment-booked", "about": "appointment/a1"}
    scene = given(notifications).when(asked(letter, **appointment, starts_at=later, until=later))
    assert [one.type for one in scene._outcomes] == [NotificationDue.type]
    scene = given(notifications).when(asked(letter, **appointment, starts_at=soon, until=soon))
    assert [one.type for one in scene._outcomes] == [TaskOpened.type]


def test_what_they_switched_off_is_told_by_nobody_and_it_is_said_why() -> None:
    off = asked(why="switched-off")
    scene = given(notifications).when(off).then(NotificationWithheld(at=NOON, **ON, reason="switched-off"))
    scene.when(off, TimerElapsed(at=NOON, about="notification/n1", name=NAME, due=NOON)).then()


def test_it_is_due_on_the_first_road_and_on_that_one_only() -> None:
    scene = given(notifications).when(asked(MAIL, SMS)).then(due(MAIL))
    scene.when(asked(MAIL, SMS)).then()
    sent = NotificationSent(at=NOON, **ON, channel="email", address_id="m", reference="r")
    scene.when(sent, NotificationDelivered(at=NOON, **ON, channel="email")).then()


def test_where_a_road_fails_or_brings_it_back_the_next_one_follows_and_at_the_end_a_person() -> None:
    scene = given(notifications, asked(MAIL, SMS)).when(failed(MAIL)).then(due(SMS))
    back = NotificationBounced(at=NOON, **ON, channel="sms", reason="no-such-address")
    scene.when(back).then(task())
    scene.when(back, failed(MAIL)).then()  # They are told once, by one person.


def test_who_cannot_be_reached_is_told_by_a_person() -> None:
    given(notifications).when(asked()).then(task())


def test_what_nobody_knows_is_not_sent_again() -> None:
    unknown = NotificationUnknown(at=NOON, **ON, channel="email")
    given(notifications, asked(MAIL, SMS)).when(unknown).then()


def test_no_sms_rings_at_night_and_a_mail_may_come() -> None:
    timer = TimerSet(at=NIGHT, about="notification/n1", name=NAME, due=MORNING)
    scene = given(notifications).when(asked(SMS, at=NIGHT)).then(timer)
    elapsed = TimerElapsed(at=MORNING, about="notification/n1", name=NAME, due=MORNING)
    scene.when(elapsed).then(due(SMS, MORNING))
    given(notifications).when(asked(MAIL, at=NIGHT)).then(due(MAIL, NIGHT))


def test_what_came_too_late_for_today_is_due_again_on_the_same_road_in_the_morning() -> None:
    timer = TimerSet(at=NOON, about="notification/n1", name=NAME, due=MORNING)
    late = NotificationFailed(at=NOON, **ON, channel="sms", reason="too-late")
    given(notifications, asked(SMS, MAIL)).when(late).then(timer)
    postponed = NotificationPostponed(at=NIGHT, **ON, channel="sms")
    scene = given(notifications, asked(SMS, MAIL)).when(postponed)
    scene.then(TimerSet(at=NIGHT, about="notification/n1", name=NAME, due=MORNING))
    elapsed = TimerElapsed(at=MORNING, about="notification/n1", name=NAME, due=MORNING)
    scene.when(elapsed).then(due(SMS, MORNING))


def test_where_the_morning_is_too_late_another_road_follows_at_once() -> None:
    soon = {"until": MORNING}
    late = NotificationFailed(at=NOON, **ON, channel="sms", reason="too-late")
    scene = given(notifications, asked(SMS, MAIL, **soon)).when(late)
    scene.then(NotificationDue(at=NOON, **(WISH | soon), **dict(MAIL)))


def test_a_timer_that_elapses_late_at_night_waits_once_more() -> None:
    elapsed = TimerElapsed(at=NIGHT, about="notification/n1", name=NAME, due=NOON)
    timer = TimerSet(at=NIGHT, about="notification/n1", name=NAME, due=MORNING)
    given(notifications, asked(SMS, at=NIGHT)).when(elapsed).then(timer)


def test_a_road_that_opens_too_late_is_passed_over() -> None:
    soon = {"until": MORNING}
    scene = given(notifications).when(asked(SMS, MAIL, at=NIGHT, **soon))
    scene.then(NotificationDue(at=NIGHT, **(WISH | soon), **dict(MAIL)))


def test_what_nobody_needs_any_more_is_withheld() -> None:
    late = asked(MAIL, at=UNTIL)
    withheld = NotificationWithheld(at=UNTIL, **ON, reason="expired")
    given(notifications).when(late).then(withheld)
    given(notifications, late, withheld).when(failed(MAIL, UNTIL)).then(withheld)


@examples(st.lists(st.sampled_from(["sent", "failed", "bounced", "unknown", "delivered"]), max_size=12))
def test_whatever_is_said_of_it_each_road_is_tried_once_and_only_after_the_last_did_not_take_it(
    said: list[str],
) -> None:
    roads, tried, lost = [MAIL, SMS], [MAIL.channel], 0
    scene = given(notifications, asked(*roads))
    for word in said:
        channel = tried[-1]
        before = len(tried)
        outcomes = scene.when(told(word, channel))._outcomes
        found = [NotificationDue.model_validate_json(o.data) for o in outcomes if o.type == NotificationDue.type]
        tried += [one.channel for one in found]
        if len(tried) > before:
            assert word in {"failed", "bounced"}
            lost += 1
    assert tried == [road.channel for road in roads[: lost + 1]]


def told(word: str, channel: str) -> Event:
    on: dict[str, Any] = {"at": NOON, "notification_id": "n1", "channel": channel}
    match word:
        case "sent":
            return NotificationSent(**on, address_id="a", reference="r")
        case "failed":
            return NotificationFailed(**on, reason="refused")
        case "bounced":
            return NotificationBounced(**on, reason="refused")
        case "unknown":
            return NotificationUnknown(**on)
    return NotificationDelivered(**on)
