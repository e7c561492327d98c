"""How a party is reached: on the road that they prefer, else by what we know of them. Only where it is certainly them.

What they prefer for messages of a kind comes before what they prefer for all. A reminder goes by SMS first, which is
seen in time; all else by mail, which is kept. A letter is the last road, before a person.
"""

from typing import Final

from channels.address import reachable_by_sms
from engine.processor import State, processor
from schemas.event import Event
from schemas.kinds import OFF, OPTIONAL, USUAL, kind_of
from schemas.notification import NotificationRequested, NotificationWanted, Route
from schemas.party import PartyAddressLinked, PartyAddressUnlinked, PartyKindPreferred, PartyPreferenceSet
from services.notify.notification import SWITCHED_OFF

NAME: Final = "notify.reach"
ADDRESSES_MAX: Final = 20  # Of one party.
KINDS_MAX: Final = 20  # That one party chose for.
ORDER: Final = ("email", "sms", "letter")
REMINDERS: Final = ("sms", "email")  # A letter would come too late.
BY_NUMBER: Final = frozenset({"phone", "sms", "whatsapp"})  # Who is called, or writes, from a number has a telephone.
CHOSEN: Final = frozenset({*ORDER, "whatsapp"})  # WhatsApp only where they prefer it.
BY_POST: Final = frozenset({"post", "letter"})
PEOPLE: Final = frozenset({"phone", "counter"})  # Who prefers one of these is told by a person.


class Reach(State, frozen=True):
    """Where, and how they like it."""

    routes: tuple[tuple[str, str, str], ...] = ()  # Channel, address and its pseudonym; the newest first.
    prefers: str = ""
    language: str = "nl"
    kinds: tuple[tuple[str, str], ...] = ()  # What they prefer for one kind of message: its name, and a channel or off.


Preference = PartyPreferenceSet | PartyKindPreferred


def reach(
    known: Reach, event: PartyAddressLinked | PartyAddressUnlinked | Preference | NotificationWanted
) -> tuple[Reach, list[Event]]:
    match event:
        case PartyAddressLinked() | PartyAddressUnlinked():
            routes = tuple(route for route in known.routes if route[2] != event.address_id)
            if isinstance(event, PartyAddressLinked) and event.certainty == "certain":
                routes = ((road(event.channel), event.address, event.address_id), *routes)
            return known.but(routes=routes[:ADDRESSES_MAX]), []
        case PartyPreferenceSet():
            return known.but(prefers=event.channel, language=event.language), []
        case PartyKindPreferred():
            others = tuple(one for one in known.kinds if one[0] != event.kind)
            own = ((event.kind, event.channel),) if event.channel != USUAL else ()
            return known.but(kinds=(*others, *own)[-KINDS_MAX:]), []
        case NotificationWanted():
            return known, [requested(known, event)]


def road(channel: str) -> str:
    """On which somebody is told who is known, or prefers to be reached, on this channel."""
    return "sms" if channel in BY_NUMBER else "letter" if channel in BY_POST else channel


def requested(known: Reach, event: NotificationWanted) -> NotificationRequested:
    said = event.model_dump(exclude={"channel", "address", "address_id"})
    said["language"] = known.language
    prefers, why = chosen(known, event.template)
    if prefers == OFF:
        return NotificationRequested(**said, why=SWITCHED_OFF)
    if prefers in PEOPLE:
        return NotificationRequested(**said, why="prefers-a-person")
    given = ((event.channel, event.address, event.address_id),) if event.address and event.address_id else ()
    every = (*given, *known.routes)
    there = [route for route in every if route[0] != "sms" or reachable_by_sms(route[1])]
    prefers = "whatsapp" if prefers == "whatsapp" else road(prefers)
    if prefers == "letter" and not any(channel == "letter" for channel, _, _ in there):
        return NotificationRequested(**said, why="prefers-a-person")
    usual = REMINDERS if event.template.endswith("-reminder") else ORDER
    if whatsapp := prefers == "whatsapp":
        there = [*there, *(("whatsapp", address, name) for channel, address, name in there if channel == "sms")]
    order = tuple(dict.fromkeys((prefers, *(("sms",) if whatsapp else ()), *usual))) if prefers in CHOSEN else usual
    if prefers == "letter":
        order = ("letter",)  # Who reads on paper may read nothing else: after it comes a person.
    # On each road the first: what they gave for this comes before what we know.
    each = {channel: (address, name) for channel, address, name in reversed(there)}
    found = tuple(Route(channel=c, address=each[c][0], address_id=each[c][1]) for c in order if c in each)
    why = why if prefers in CHOSEN and found and found[0].channel == prefers else "usual"
    none = "no-mobile" if any(channel == "sms" for channel, _, _ in every) else "no-address"
    return NotificationRequested(**said, routes=found, why=why if found else none)


def chosen(known: Reach, template: str) -> tuple[str, str]:
    """The channel that they prefer for it, and by which choice. What they have to hear is never off."""
    kind = kind_of(template)
    own = dict(known.kinds).get(kind, "")
    if own and (own != OFF or kind in OPTIONAL):
        return own, "preference-of-kind"
    return known.prefers, "preference"


reaching = processor(NAME, reach)
