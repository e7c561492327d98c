"""How a party is reached: on the road that they prefer, else by what we know of them. Only where it is certainly them.

A reminder goes by SMS first, which is seen in time; all else by mail, which is kept.
"""

from typing import Final

from channels.address import reachable_by_sms
from engine.processor import State, processor
from schemas.event import Event
from schemas.notification import NotificationRequested, NotificationWanted, Route
from schemas.party import PartyAddressLinked, PartyAddressUnlinked, PartyPreferenceSet

NAME: Final = "notify.reach"
ADDRESSES_MAX: Final = 20  # Of one party.
ORDER: Final = ("email", "sms")
REMINDERS: Final = ("sms", "email")
BY_NUMBER: Final = frozenset({"phone", "sms", "whatsapp"})  # Who is called, or writes, from a number has a telephone.
PEOPLE: Final = frozenset({"phone", "letter", "counter"})  # Who prefers one of these is told by a person.


class Reach(State, frozen=True):
    """Where, and how they like it."""

    routes: tuple[tuple[str, str, str], ...] = ()  # Channel, address and its pseudonym; the newest first.
    prefers: str = ""
    language: str = "nl"


def reach(
    known: Reach, event: PartyAddressLinked | PartyAddressUnlinked | PartyPreferenceSet | NotificationWanted
) -> tuple[Reach, list[Event]]:
    match event:
        case PartyAddressLinked() | PartyAddressUnlinked():
            routes = tuple(route for route in known.routes if route[2] != event.address_id)
            if isinstance(event, PartyAddressLinked) and event.certainty == "certain":
                routes = ((road(event.channel), event.address, event.address_id), *routes)
            return known.but(routes=routes[:ADDRESSES_MAX]), []
        case PartyPreferenceSet():
            return known.but(prefers=event.channel, language=event.language), []
        case NotificationWanted():
            return known, [requested(known, event)]


def road(channel: str) -> str:
    """On which somebody is told who is known, or prefers to be reached, on this channel."""
    return "sms" if channel in BY_NUMBER else channel


def requested(known: Reach, event: NotificationWanted) -> NotificationRequested:
    said = event.model_dump(exclude={"channel", "address", "address_id"})
    said["language"] = known.language
    if known.prefers in PEOPLE:
        return NotificationRequested(**said, why="prefers-a-person")
    given = ((event.channel, event.address, event.address_id),) if event.address and event.address_id else ()
    every = (*given, *known.routes)
    there = [route for route in every if route[0] != "sms" or reachable_by_sms(route[1])]
    prefers = road(known.prefers)
    usual = REMINDERS if event.template.endswith("-reminder") else ORDER
    order = tuple(dict.fromkeys((prefers, *usual))) if prefers in ORDER else usual
    # On each road the first: what they gave for this comes before what we know.
    each = {channel: (address, name) for channel, address, name in reversed(there)}
    found = tuple(Route(channel=c, address=each[c][0], address_id=each[c][1]) for c in order if c in each)
    why = "preference" if prefers in ORDER and found and found[0].channel == prefers else "usual"
    none = "no-mobile" if any(channel == "sms" for channel, _, _ in every) else "no-address"
    return NotificationRequested(**said, routes=found, why=why if found else none)


reaching = processor(NAME, reach)
