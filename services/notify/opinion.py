"""Whether somebody is asked what they think: at most once in `APART`, and never again when they said so.

It is decided for a party; and where nobody knows who it is, for the address. Of parties that are one it is decided for
the one whose id comes first: the others pass on to it what they hear. So each passes on only to one that comes before
it, in whatever order they were merged.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from channels.address import reachable_by_sms
from engine.processor import State, processor
from schemas.event import Event
from schemas.notification import NotificationRequested, NotificationWanted, Route
from schemas.opinion import (
    OpinionDeclined,
    OpinionPassed,
    OpinionPrompted,
    OpinionRemembered,
    OpinionShared,
    OpinionWanted,
)
from schemas.party import PartyMerged, PartyUnmerged
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
    decider_id: str = ""  # For whom it is decided, where that is another party.


Opinion = OpinionPrompted | OpinionPassed | OpinionDeclined | OpinionShared | OpinionRemembered


def ask(known: Asked, event: Opinion | PartyMerged | PartyUnmerged) -> tuple[Asked, list[Event]]:
    match event:
        case PartyMerged():
            return merge(known, event)
        case PartyUnmerged():
            return known.but(decider_id="") if known.decider_id == event.merged_id else known, []
        case OpinionShared():
            return share(known, event.at, event.decider_id)
        case OpinionRemembered() | OpinionDeclined():
            after = remember(known, event)
            return after, remembered(after, event.at)
        case OpinionPrompted() if known.decider_id:
            said = event.model_dump(exclude={"decider_id"})
            return known, [OpinionPassed(**said, decider_id=known.decider_id)]
        case OpinionPrompted():
            return decide(known, event)


def merge(known: Asked, event: PartyMerged) -> tuple[Asked, list[Event]]:
    first, second = sorted((event.party_id, event.merged_id))
    if first == second:
        return known, []  # Nobody is merged with oneself.
    if second == event.party_id:
        return share(known, event.at, first)
    return known, [OpinionShared(at=event.at, party_id=second, decider_id=first)]


def share(known: Asked, at: datetime, decider_id: str) -> tuple[Asked, list[Event]]:
    """From now on it is decided there; and where it was decided elsewhere, those two are one as well."""
    first, *second = sorted({known.decider_id or decider_id, decider_id})
    after = known.but(decider_id=first)
    return after, [*(OpinionShared(at=at, party_id=one, decider_id=first) for one in second), *remembered(after, at)]


def remember(known: Asked, event: OpinionRemembered | OpinionDeclined) -> Asked:
    if isinstance(event, OpinionDeclined):
        return known.but(declined=True)
    asked = [at for at in (known.at, event.asked_at) if at]
    return known.but(at=max(asked, default=None), declined=known.declined or event.declined)


def remembered(known: Asked, at: datetime) -> list[Event]:
    """For whoever decides, if that is another."""
    if not known.decider_id or not (known.at or known.declined):
        return []
    return [OpinionRemembered(at=at, party_id=known.decider_id, asked_at=known.at, declined=known.declined)]


def decide(known: Asked, event: OpinionPrompted) -> tuple[Asked, list[Event]]:
    lately = known.at is not None and event.at < known.at + APART
    reached = not nobody_known(event) or routes(event)
    if known.declined or lately or event.at >= event.until or not reached:
        return known, []
    said = event.model_dump(exclude={"until", "road", "address", "language", "decider_id"})
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
