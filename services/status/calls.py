"""A call that ended while nobody had answered it is missed, also where the exchange did not say so.

What is told about a call comes in any order. So nothing is decided at its end, but `SETTLED_AFTER` later, when an
answer that was overtaken is here too.
"""

from datetime import datetime, timedelta
from typing import Final

from engine.processor import State, processor
from schemas.contact import ContactAnswered, ContactEnded, ContactMissed, ContactReceived
from schemas.event import Event
from schemas.timer import TimerElapsed, TimerSet

SETTLED_AFTER: Final = timedelta(minutes=2)
CALLS_MAX: Final = 100  # Remembered per address, of each kind.
NAME: Final = "status.calls"
HUNG_UP: Final = frozenset({"completed", "canceled"})  # Which say how the call ended, and not that nobody was there.


class Over(State, frozen=True):
    """A call that ended before we heard of an answer."""

    contact_id: str
    at: datetime
    reason: str


class Calls(State, frozen=True):
    """The calls from one address: which there are, which were answered or missed, and which ended without."""

    rang: tuple[str, ...] = ()
    settled: tuple[str, ...] = ()
    over: tuple[Over, ...] = ()


def follow(
    known: Calls, event: ContactReceived | ContactAnswered | ContactMissed | ContactEnded | TimerElapsed
) -> tuple[Calls, list[Event]]:
    match event:
        case ContactReceived(channel="phone", contact_id=contact):
            return known.but(rang=latest(known.rang, contact)), []
        case ContactReceived():
            return known, []
        case ContactAnswered(contact_id=contact) | ContactMissed(contact_id=contact):
            return known.but(settled=latest(known.settled, contact)), []
        case ContactEnded(leg_id="", contact_id=contact) if contact not in known.settled:
            over = Over(contact_id=contact, at=event.at, reason=event.reason)
            due = event.at + SETTLED_AFTER
            timer = TimerSet(at=event.at, about=event.subject, name=f"{NAME}.{contact}", due=due)
            others = tuple(other for other in known.over if other.contact_id != contact)
            return known.but(over=(*others, over)[-CALLS_MAX:]), [timer]
        case ContactEnded():
            return known, []  # Of one leg, or of a call that somebody answered.
        case TimerElapsed(name=name):
            return decided(known, name.removeprefix(f"{NAME}."), event.about.removeprefix("address/"))


def decided(known: Calls, contact: str, address: str) -> tuple[Calls, list[Event]]:
    over = next((over for over in known.over if over.contact_id == contact), None)
    if over is None:
        return known, []  # Another timer of this address.
    rest = tuple(other for other in known.over if other is not over)
    if contact in known.settled or contact not in known.rang:  # Answered after all; or a chat or visit.
        return known.but(over=rest), []
    reason = "abandoned" if over.reason in HUNG_UP else over.reason
    after = known.but(over=rest, settled=latest(known.settled, contact))
    return after, [ContactMissed(at=over.at, contact_id=contact, address_id=address, reason=reason)]


def latest(contacts: tuple[str, ...], contact: str) -> tuple[str, ...]:
    return (*(other for other in contacts if other != contact), contact)[-CALLS_MAX:]


calls = processor(NAME, follow)
