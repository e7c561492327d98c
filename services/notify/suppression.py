"""Where no program writes any more: at an address that does not exist, or whose owner texted STOP.

What is no more may be tried again after `TRIED_AGAIN`, or as soon as they write from it. Their own wish stands until
they take it back.
"""

import re
from datetime import timedelta
from typing import Any, Final

from engine.processor import State, processor
from schemas.address import AddressRestored, AddressSuppressed
from schemas.contact import ContactNoted, ContactReceived
from schemas.event import Event
from schemas.message import MessageBounced, MessageFailed
from services.notify.receipts import AGENT

NAME: Final = "notify.suppression"
TRIED_AGAIN: Final = timedelta(days=180)
ROADS: Final = {"sms": "sms", "whatsapp": "WhatsApp"}
WISH: Final = "opted-out"
GONE: Final = frozenset({"no-such-address", "no-mobile", "not-on-whatsapp"})
# Where the provider tells no wish of its own beside the text, as with a single number at Twilio.
STOP: Final = re.compile(r"\s*(stop|stopall|stoppen|afmelden|unsubscribe)[\s.!]*", re.IGNORECASE)
START: Final = re.compile(r"\s*(start|unstop)[\s.!]*", re.IGNORECASE)


class Shut(State, frozen=True):
    """The channels on which nothing is written there, each with its reason."""

    channels: tuple[tuple[str, str], ...] = ()

    def on(self, channel: str) -> str:
        return dict(self.channels).get(channel, "")

    def but_on(self, channel: str, reason: str = "") -> "Shut":
        others = tuple(one for one in self.channels if one[0] != channel)
        return Shut(channels=(*others, (channel, reason)) if reason else others)


def suppress(known: Shut, event: MessageBounced | MessageFailed | ContactReceived) -> tuple[Shut, list[Event]]:
    match event:
        case ContactReceived(channel="sms" | "whatsapp") if wish := wished(event):
            return told(known, event, wish)
        case ContactReceived(robot="none", channel=channel) if known.on(channel) in GONE:
            return known.but_on(channel), [restored(event, "heard")]
        case MessageBounced(reason=reason) | MessageFailed(reason=reason) if reason in {*GONE, WISH}:
            return shut(known, event, reason)
        case _:
            return known, []


def wished(event: ContactReceived) -> str:
    """What they ask of us by SMS or WhatsApp; nothing, where they say anything else."""
    if "opt-out" in event.flags or STOP.fullmatch(event.text):
        return "stop"
    return "start" if "opt-in" in event.flags or START.fullmatch(event.text) else ""


def told(known: Shut, event: ContactReceived, wish: str) -> tuple[Shut, list[Event]]:
    """It waits for nobody: who wants nothing from us on a road wants no answer on it either."""
    road = ROADS[event.channel]
    said: dict[str, Any] = {"at": event.at, "contact_id": event.contact_id, "address_id": event.address_id}
    said |= {"agent_id": AGENT, "result": "answered"}
    if wish == "stop":
        after, outcomes = shut(known, event, WISH)
        return after, [*outcomes, ContactNoted(**said, text=f"Wil geen {road} meer van ons.")]
    outcomes = [restored(event, "opted-in")] if known.on(event.channel) else []
    return known.but_on(event.channel), [*outcomes, ContactNoted(**said, text=f"Wil weer {road} van ons.")]


def shut(known: Shut, event: MessageBounced | MessageFailed | ContactReceived, reason: str) -> tuple[Shut, list[Event]]:
    """Their wish outlasts what a provider says. What is said again counts from then."""
    if known.on(event.channel) == WISH:
        return known, []
    until = None if reason == WISH else event.at + TRIED_AGAIN
    said = AddressSuppressed(
        at=event.at, address_id=event.address_id, channel=event.channel, reason=reason, until=until
    )
    return known.but_on(event.channel, reason), [said]


def restored(event: ContactReceived, reason: str) -> AddressRestored:
    return AddressRestored(at=event.at, address_id=event.address_id, channel=event.channel, reason=reason)


suppression = processor(NAME, suppress)
