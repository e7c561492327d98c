"""Which hour an appointment has, and whether it is moved to the one that its party asked for.

It has the hour that stands, until it is called off and as soon as it is agreed on again; whatever it had before is left
to others. An hour that is given is
taken only by an appointment that still is as the party saw it when they asked; else that hour is left as well.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from msgspec import Struct

from channels.days import day_of
from channels.visit import belongs, called_off
from engine.processor import State, processor
from schemas.appointment import (
    AppointmentArrived,
    AppointmentBooked,
    AppointmentCancelled,
    AppointmentChanged,
    AppointmentConfirmed,
    AppointmentServed,
)
from schemas.errors import Refused
from schemas.event import Event, subject_checked
from schemas.hour import HourGiven, HourLeft, HourRefused, HourTaken

NAME: Final = "resident.moves"
ASKS_MAX: Final = 16  # The last of which is known what came of them.
MOVED: Final = "moved"
OTHERWISE: Final = "otherwise"  # The appointment was no more as they saw it.
INSTANT: Final = timedelta(microseconds=1)

Agreed = AppointmentBooked | AppointmentChanged
Present = AppointmentArrived | AppointmentServed


class Hour(Struct, frozen=True):
    """One at a branch, for a product."""

    branch: str
    product: str
    starts_at: datetime


class Move(State, frozen=True):
    """An appointment as it stands, the hour that it holds, and what came of asking for others."""

    product: str = ""  # Empty until it is known to be booked.
    branch: str = ""
    starts_at: datetime | None = None
    agreed_at: datetime | None = None
    changed: bool = False
    agreements: int = 0  # How often another hour or branch was agreed on.
    offs: tuple[datetime, ...] = ()  # Each time that it was called off.
    came_at: datetime | None = None
    last_at: datetime | None = None  # The latest that anything of it happened.
    has: Hour | None = None
    hold_id: str = ""
    asks: tuple[tuple[str, str], ...] = ()

    @property
    def hour(self) -> Hour | None:
        """The one that it should have."""
        if self.off or not self.product or self.starts_at is None:
            return None
        return Hour(self.branch, self.product, self.starts_at)

    def open(self, at: datetime) -> bool:
        """Whether it can be moved at this moment."""
        here = self.came_at is not None and self.still(self.came_at)
        return self.starts_at is not None and not self.off and not here and at < self.starts_at

    @property
    def off(self) -> bool:
        return any(self.still(at) for at in self.offs)

    def still(self, at: datetime) -> bool:
        """Whether what happened then belongs to the hour that stands."""
        return belongs(at, self.agreed_at, changed=self.changed)

    def heard(self, at: datetime) -> "Move":
        return self.but(last_at=max(self.last_at or at, at))

    def answered(self, ask_id: str, outcome: str) -> "Move":
        return self.but(asks=(*self.asks, (ask_id, outcome))[-ASKS_MAX:])


Fact = Agreed | Present | AppointmentCancelled | AppointmentConfirmed | HourGiven | HourRefused


def move(known: Move, event: Fact) -> tuple[Move, list[Event]]:
    match event:
        case HourGiven():
            return given(known, event)
        case HourRefused():
            return known.answered(event.ask_id, event.reason), []
        case AppointmentBooked() | AppointmentChanged():
            return holding(agreed(known.heard(event.at), event), event)
        case AppointmentCancelled():
            return holding(known.heard(event.at).but(offs=called_off(known.offs, event.at)), event)
        case AppointmentArrived() | AppointmentServed():
            return known.heard(event.at).but(came_at=max(known.came_at or event.at, event.at)), []
        case AppointmentConfirmed():
            return known.heard(event.at), []


def agreed(known: Move, event: Agreed) -> Move:
    """The branch and hour agreed on last; a booking that is told late undoes no change."""
    if isinstance(event, AppointmentBooked):
        known = known.but(product=event.product)
    mine = (isinstance(event, AppointmentChanged), event.at, event.starts_at)
    if known.agreed_at and known.starts_at and mine < (known.changed, known.agreed_at, known.starts_at):
        return known
    same = (event.branch, event.starts_at) == (known.branch, known.starts_at) and not known.off
    said = {"branch": event.branch, "starts_at": event.starts_at, "agreed_at": event.at, "changed": mine[0]}
    return known.but(**said, agreements=known.agreements + (not same))


def holding(known: Move, event: Event) -> tuple[Move, list[Event]]:
    """Take the hour that stands, and leave the one before it."""
    if known.hour == known.has:
        return known, []
    after = known.but(has=known.hour, hold_id=f"agreed-{known.agreements}" if known.hour else "")
    return after, [*left(known, event), *taken(after, event)]


def left(known: Move, event: Event) -> list[Event]:
    day = day_said(known.has)
    return [HourLeft(at=event.at, **day, **named(event), hold_id=known.hold_id)] if day else []


def taken(known: Move, event: Event) -> list[Event]:
    day = day_said(known.has)
    if known.has is None or not day:
        return []
    return [HourTaken(at=event.at, **day, **named(event), hold_id=known.hold_id, starts_at=known.has.starts_at)]


def given(known: Move, event: HourGiven) -> tuple[Move, list[Event]]:
    hour = Hour(event.branch, event.product, event.starts_at)
    saw = Hour(event.branch, event.product, event.instead_of)
    if not known.open(event.at) or known.hour != saw:
        back = HourLeft(at=event.at, **day_said(hour), **named(event), hold_id=event.ask_id)
        return known.answered(event.ask_id, OTHERWISE), [back]
    # Later than all that was heard of it, so that every reader takes it for the last word.
    at = max(event.at, known.last_at + INSTANT) if known.last_at else event.at
    said: dict[str, Any] = {"branch": event.branch, "starts_at": event.starts_at, "grace_minutes": event.grace_minutes}
    changed = AppointmentChanged(at=at, appointment_id=event.appointment_id, **said, by="party")
    after = agreed(known.heard(at), changed).but(has=hour, hold_id=event.ask_id)
    return after.answered(event.ask_id, MOVED), [changed, *left(known, event)]


def named(event: Event) -> dict[str, str]:
    return {"appointment_id": event.subject.removeprefix("appointment/")}


def day_said(hour: Hour | None) -> dict[str, str]:
    """Where it is told who has this hour. Nothing, where its names are such that it can never have been offered."""
    if hour is None:
        return {}
    day = f"{day_of(hour.starts_at)}"
    try:
        subject_checked(f"hour/{hour.branch}/{hour.product}/{day}")
    except Refused:
        return {}
    return {"branch": hour.branch, "product": hour.product, "day": day}


moves: Final = processor(NAME, move, version=2)
