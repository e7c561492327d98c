"""Appointments, counted at the hour that was agreed on: who came, who did not, and what became of the reminder.

How a visit ended is said by `channels/visit.py`, for `services/notify/effect.py` too; a test holds the two together.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from channels.visit import CERTAINTY, NONE, OPEN, certainty, ended
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
from services.metrics.tally import UNKNOWN, VERSION, Count, changed, tally

COUNTER: Final = "counter"


class Visit(State, frozen=True):
    """What is known of one appointment."""

    branch: str = UNKNOWN
    product: str = UNKNOWN
    starts_at: datetime | None = None
    ended: str = OPEN
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
            return known.but(branch=event.branch, ended=OPEN)
        case AppointmentChanged():  # Of this hour nobody was reminded yet.
            return Visit(branch=event.branch, product=known.product, starts_at=event.starts_at)
        case AppointmentReminded(came=came):
            return known.but(came=came) if certainty(came) >= certainty(known.came) else known
        case AppointmentWalkedIn():
            return Visit(branch=event.branch, product=event.product, walked_in=event.at)
        case _:
            return known.but(ended=ended(known.ended, known.starts_at, event))


def counts(known: Visit) -> Iterator[Count]:
    on = (COUNTER, known.product, known.branch)
    if known.walked_in:
        yield Count("walked-in", known.walked_in, *on)
    elif known.starts_at:
        split = known.came if known.came in CERTAINTY else NONE
        yield Count("agreed", known.starts_at, *on, split=split)
        yield Count("expected" if known.ended == OPEN else known.ended, known.starts_at, *on, split=split)


appointments: Final = register("metrics.appointments", tally("tally_appointments", spread=False), count, VERSION)
