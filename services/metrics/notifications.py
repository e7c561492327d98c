"""What residents were to be told, counted by what became of it, on the road that it went at last."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from engine.processor import Add, State, register
from schemas.event import Envelope
from schemas.notification import (
    NotificationBounced,
    NotificationDelivered,
    NotificationDue,
    NotificationFailed,
    NotificationRequested,
    NotificationSent,
    NotificationUnknown,
    NotificationWithheld,
)
from services.metrics.tally import UNKNOWN, VERSION, Count, changed, span, tally

# What became of it only climbs, on one road. Due on the next, it begins anew.
CLIMBS: Final = {"due": 0, "failed": 1, "unknown": 2, "sent": 3, "delivered": 4, "bounced": 4, "withheld": 5}


class Told(State, frozen=True):
    """What is known of one notification. It counts from when it was requested."""

    requested_at: datetime | None = None
    product: str = UNKNOWN
    template: str = UNKNOWN
    channel: str = UNKNOWN
    came: str = "due"
    due_at: datetime | None = None
    sent_at: datetime | None = None


Came = NotificationSent | NotificationDelivered | NotificationBounced | NotificationFailed | NotificationUnknown
Fact = NotificationRequested | NotificationDue | NotificationWithheld | Came


def count(known: Told, event: Fact, cause: Envelope) -> tuple[Told, list[Add]]:
    after = heard(known, event)
    if after == known:
        return known, []
    return after, changed([*counts(known)], [*counts(after)], event.at, cause)


def heard(known: Told, event: Fact) -> Told:
    match event:
        case NotificationRequested() if known.requested_at:
            return known
        case NotificationRequested():
            return known.but(requested_at=event.at, product=event.product, template=event.template)
        case NotificationDue() if event.channel == known.channel and known.sent_at:
            return known  # It left already.
        case NotificationDue():
            return known.but(channel=event.channel, came="due", due_at=event.at, sent_at=None)
        case NotificationWithheld():
            return known.but(came="withheld")
        case _:
            return became(known, event)


def became(known: Told, event: Came) -> Told:
    """What is said of an earlier road is no news, unless it arrived there after all."""
    word = event.type.removeprefix("notification.")
    if known.channel not in {event.channel, UNKNOWN} and word != "delivered":
        return known
    sent_at = event.at if isinstance(event, NotificationSent) else known.sent_at
    came = word if CLIMBS[word] >= CLIMBS[known.came] else known.came
    return known.but(channel=event.channel, came=came, sent_at=sent_at)


def counts(known: Told) -> Iterator[Count]:
    if known.requested_at is None:
        return
    on = (known.channel, known.product, UNKNOWN)
    yield Count("notification", known.requested_at, *on, split=known.came)
    if known.due_at and known.sent_at:
        yield Count("notification-sent", known.requested_at, *on, value=span(known.due_at, known.sent_at))


notifications: Final = register("metrics.notifications", tally("tally_notifications"), count, VERSION)
