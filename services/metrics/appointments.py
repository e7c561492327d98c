"""Appointments, counted at the hour that was agreed on: who came, who did not, and what became of the reminder.

It means what `services/notify/effect.py` means, and a test holds the two together.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from engine.processor import Add, State, register
from schemas.appointment import (
    AppointmentArrived,
    AppointmentBooked,
    AppointmentCancelled,
    AppointmentChanged,
    AppointmentNoShow,
    AppointmentReminded,
    AppointmentServed,
    AppointmentWalkedIn,
)
from schemas.event import Envelope
from services.metrics.tally import UNKNOWN, Count, changed, tally

NONE: Final = "none"
# How much is known of a reminder: one that arrived counts, whatever became of another.
CERTAINTY: Final = (NONE, "failed", "bounced", "unknown", "sent", "delivered")
COUNTER: Final = "counter"


class Visit(State, frozen=True):
    """What is known of one appointment."""

    branch: str = UNKNOWN
    product: str = UNKNOWN
    starts_at: datetime | None = None
    ended: str = "expected"
    came: str = NONE
    walked_in: datetime | None = None


Agreed = AppointmentBooked | AppointmentChanged
Ended = AppointmentArrived | AppointmentServed | AppointmentNoShow | AppointmentCancelled


def count(
    known: Visit, event: Agreed | Ended | AppointmentReminded | AppointmentWalkedIn, cause: Envelope
) -> tuple[Visit, list[Add]]:
    after = heard(known, event)
    if after == known:
        return known, []
    return after, changed([*counts(known)], [*counts(after)], event.at, cause)


def heard(known: Visit, event: Agreed | Ended | AppointmentReminded | AppointmentWalkedIn) -> Visit:
    match event:
        case AppointmentBooked():
            return Visit(branch=event.branch, product=event.product, starts_at=event.starts_at)
        case AppointmentChanged() if event.starts_at == known.starts_at:
            return known.but(branch=event.branch, ended="expected")
        case AppointmentChanged():  # Of this hour nobody was reminded yet.
            return Visit(branch=event.branch, product=known.product, starts_at=event.starts_at)
        case AppointmentReminded(came=came):
            return known.but(came=came) if certainty(came) >= certainty(known.came) else known
        case AppointmentWalkedIn():
            return Visit(branch=event.branch, product=event.product, walked_in=event.at)
        case _:
            return known.but(ended=ended(known, event))


def ended(known: Visit, event: Ended) -> str:
    """Who came has come, whatever is said afterwards; who is off is no no-show."""
    if isinstance(event, AppointmentArrived | AppointmentServed):
        return "came"
    if known.ended != "expected":
        return known.ended
    if isinstance(event, AppointmentNoShow):
        return "no-show"
    in_time = event.by == "party" and known.starts_at is not None and event.at < known.starts_at
    return "cancelled" if in_time else "off"


def certainty(came: str) -> int:
    return CERTAINTY.index(came) if came in CERTAINTY else 0


def counts(known: Visit) -> Iterator[Count]:
    on = (COUNTER, known.product, known.branch)
    if known.walked_in:
        yield Count("walked-in", known.walked_in, *on)
    elif known.starts_at:
        split = known.came if known.came in CERTAINTY else NONE
        yield Count("agreed", known.starts_at, *on, split=split)
        yield Count(known.ended, known.starts_at, *on, split=split)


appointments: Final = register("metrics.appointments", tally("tally_appointments", spread=False), count)
