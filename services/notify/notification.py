"""One notification, until somebody is told: road after road, at an hour at which it may, and at the end by a person.

It goes on to the next road only where the last surely did not take it. What nobody knows is not sent again.
"""

from datetime import datetime, timedelta
from typing import Final

from engine.processor import State, processor
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
)
from schemas.task import TaskOpened
from schemas.timer import TimerElapsed, TimerSet
from services.notify.hours import RECEIVED, closes, next_open
from services.notify.opinion import ASKS

NAME: Final = "notify.notification"
BY_A_PERSON: Final = timedelta(days=1)  # Within which somebody tells them after all.
BY_POST: Final = timedelta(days=5)  # Until a letter is surely there: a day to print it, a weekend, and the post.
WHO: Final = "kcc"  # The group that does.
SWITCHED_OFF: Final = "switched-off"  # They want nothing of this kind.
SAID: Final = {
    "appointment-booked": "de afspraak is gemaakt",
    "appointment-changed": "de afspraak is verzet",
    "appointment-cancelled": "de afspraak gaat niet door",
    "appointment-reminder": "de afspraak is binnenkort",
    "case-opened": "de zaak is begonnen",
    "case-status": "de zaak heeft een nieuwe status",
    "case-due": "de zaak heeft een andere uiterste datum",
    "case-closed": "de zaak is klaar",
    "case-reopened": "de zaak gaat verder",
}


class Telling(State, frozen=True):
    """What was asked, and how far it came."""

    asked: str = ""  # The request as it came.
    tried: int = 0  # Roads that did not take it.
    ended: bool = False


Came = NotificationSent | NotificationDelivered | NotificationUnknown | NotificationWithheld
Lost = NotificationBounced | NotificationFailed | NotificationPostponed


def tell(known: Telling, event: NotificationRequested | Came | Lost | TimerElapsed) -> tuple[Telling, list[Event]]:
    match event:
        case NotificationRequested(why="switched-off") if not known.asked:
            said = {"notification_id": event.notification_id, "reason": event.why}
            return known.but(asked=written(event), ended=True), [NotificationWithheld(at=event.at, **said)]
        case NotificationRequested() if not known.asked:
            return go_on(known.but(asked=written(event)), event.at)
        case TimerElapsed() if known.asked and not known.ended:
            return go_on(known, event.at)
        case NotificationBounced() | NotificationFailed() | NotificationPostponed() if event.channel == road(known):
            return lost(known, event)
        case NotificationDelivered() | NotificationWithheld():
            return known.but(ended=True), []
        case _:
            return known, []


def written(event: NotificationRequested) -> str:
    return event.model_dump_json(exclude_defaults=True)


def lost(known: Telling, event: Lost) -> tuple[Telling, list[Event]]:
    """This road did not take it; or it came too late for today, and may take it tomorrow."""
    if isinstance(event, NotificationPostponed) or event.reason == "too-late":
        return go_on(known, event.at, closes(event.channel, event.at))
    return go_on(known.but(tried=known.tried + 1, ended=False), event.at)


def road(known: Telling) -> str:
    """The one that it is on; empty where it is on none."""
    if not known.asked:
        return ""
    routes = request(known).routes
    return routes[known.tried].channel if known.tried < len(routes) else ""


def request(known: Telling) -> NotificationRequested:
    return NotificationRequested.model_validate_json(known.asked)


def go_on(known: Telling, at: datetime, closed: datetime | None = None) -> tuple[Telling, list[Event]]:
    """On the first road left that is open before nobody needs it any more; not before it has `closed` for today."""
    asked = request(known)
    if asked.until and at >= asked.until:
        withheld = NotificationWithheld(at=at, notification_id=asked.notification_id, reason="expired")
        return known.but(ended=True), [withheld]
    for tried, route in enumerate(asked.routes[known.tried :], start=known.tried):
        opens = next_open(route.channel, max(at, closed) if closed and tried == known.tried else at, asked.template)
        if (asked.until and opens >= asked.until) or (route.channel == "letter" and too_late_by_post(asked, opens)):
            continue
        after = known.but(tried=tried)
        if opens > at:
            return after, [TimerSet(at=at, about=asked.subject, name=NAME, due=opens)]
        said = {name: value for name, value in asked if name not in {"at", "routes", "why"}}
        return after, [NotificationDue(at=at, **said, **dict(route))]
    return known.but(tried=len(asked.routes), ended=True), [at_last(asked, at)]


def too_late_by_post(asked: NotificationRequested, at: datetime) -> bool:
    """Whether they would read it after their appointment."""
    return asked.starts_at is not None and at + BY_POST >= asked.starts_at


def at_last(asked: NotificationRequested, at: datetime) -> Event:
    """No road is left. Who asked hears from a person anyhow, and nobody has to be asked; all else a person tells."""
    if asked.template in {RECEIVED, *ASKS}:
        return NotificationWithheld(at=at, notification_id=asked.notification_id, reason="no-road")
    return by_a_person(asked, at)


def by_a_person(asked: NotificationRequested, at: datetime) -> TaskOpened:
    return TaskOpened(
        at=at,
        task_id=derived(f"{asked.subject} task"),
        kind="tell",
        owner_kind="group",
        owner=WHO,
        due=min(at + BY_A_PERSON, asked.until or at + BY_A_PERSON),
        about=asked.about,
        title=f"Vertel de inwoner zelf: {SAID.get(asked.template, asked.template)}",
    )


notifications = processor(NAME, tell)
