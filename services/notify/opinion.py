"""Whether somebody is asked what they think: at most once in `APART`, and never again when they said so.

It is decided for a party; and where nobody knows who it is, for the address.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from channels.address import reachable_by_sms
from engine.processor import State, processor
from schemas.event import Event
from schemas.notification import NotificationRequested, NotificationWanted, Route
from schemas.opinion import OpinionDeclined, OpinionPrompted, OpinionWanted
from services.notify.ended import NOBODY_KNOWN
from services.notify.finished import CASE

NAME: Final = "notify.opinion"
APART: Final = timedelta(days=30)
OF_CONTACT: Final = "opinion-contact"
OF_CASE: Final = "opinion-case"
ASKS: Final = frozenset({OF_CONTACT, OF_CASE})  # The templates.


class Asked(State, frozen=True):
    """When they were asked last, and whether they want to be."""

    at: datetime | None = None
    declined: bool = False


def ask(known: Asked, event: OpinionPrompted | OpinionDeclined) -> tuple[Asked, list[Event]]:
    if isinstance(event, OpinionDeclined):
        return known.but(declined=True), []
    lately = known.at is not None and event.at < known.at + APART
    reached = not nobody_known(event) or routes(event)
    if known.declined or lately or event.at >= event.until or not reached:
        return known, []
    said = event.model_dump(exclude={"until", "road", "address", "language"})
    return known.but(at=event.at), [OpinionWanted(**said), notified(event)]


def notified(event: OpinionPrompted) -> NotificationWanted | NotificationRequested:
    said: dict[str, Any] = {
        "at": event.at,
        "notification_id": event.opinion_id,
        "party_id": event.party_id,
        "about": event.about,
        "template": OF_CASE if event.channel == CASE else OF_CONTACT,
        "language": event.language,
        "until": event.until,
        "product": event.product,
        "kind": event.kind,
        "happened_at": event.happened_at,
        "happened_by": event.channel,
    }
    if nobody_known(event):
        return NotificationRequested(**said, routes=routes(event), why="asked")
    return NotificationWanted(**said)


def nobody_known(event: OpinionPrompted) -> bool:
    return event.party_id.startswith(NOBODY_KNOWN)


def routes(event: OpinionPrompted) -> tuple[Route, ...]:
    """To the address, where nobody knows who it is; none, where a message does not reach it."""
    fits = event.road == "email" or (event.road == "sms" and reachable_by_sms(event.address))
    if not (fits and event.address and event.address_id):
        return ()
    return (Route(channel=event.road, address=event.address, address_id=event.address_id),)


opinions = processor(NAME, ask)
