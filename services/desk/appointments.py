"""How each appointment and walk-in stands now: one row, whatever order its facts were told in.

A state only climbs: booked, called, arrived, served. An arrival outweighs a no-show for the same hour, and whatever
belongs to an hour that was given up counts no more: who cancelled, and agreed on an hour later, comes.
"""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Column, Index, Integer, MetaData, String, Table, Text

from channels.visit import belongs, called_off
from engine.processor import Put, State, register
from engine.work import stamp
from schemas.appointment import (
    AppointmentArrived,
    AppointmentBooked,
    AppointmentCalled,
    AppointmentCancelled,
    AppointmentChanged,
    AppointmentConfirmed,
    AppointmentNoShow,
    AppointmentServed,
    AppointmentWalkedIn,
)
from schemas.event import Envelope

COUNT_MAX: Final = 9_999  # Of people or minutes: a number that nobody means, and no database refuses.
FACTS_MAX: Final = 16  # The last facts of an appointment, by which a repeated request is known again.


table: Final = Table(
    "appointment",
    MetaData(),
    Column("appointment_id", Text, primary_key=True),
    Column("branch", Text, nullable=False),
    Column("starts_at", String(27), nullable=False),  # Of a walk-in: when they came.
    Column("state", Text, nullable=False),  # booked, arrived, called, served, cancelled or no-show.
    Column("code", Text, nullable=False),  # What is said aloud or scanned.
    Column("product", Text, nullable=False),
    Column("desk", Text, nullable=False),  # Where they were called to last.
    Column("party_id", Text, nullable=False),  # Empty where nobody knows who comes.
    Column("address_id", Text, nullable=False),
    Column("about", Text, nullable=False),
    Column("people", Integer, nullable=False),
    Column("minutes", Integer, nullable=False),
    Column("waiting_since", Text, nullable=False),  # Empty, unless they are here and not served yet.
    Column("walked_in", Integer, nullable=False),
    Column("confirmed", Integer, nullable=False),  # They say that they come, at this hour.
    Column("facts", Text, nullable=False),
    Index(None, "branch", "starts_at"),
)

Agreed = AppointmentBooked | AppointmentChanged


class Known(State, frozen=True):
    """What was told of one appointment."""

    branch: str = ""
    starts_at: datetime | None = None
    agreed_at: datetime | None = None
    changed: bool = False
    booked: bool = False
    walked_in: bool = False
    code: str = ""
    product: str = ""
    party_id: str = ""
    address_id: str = ""
    about: str = ""
    people: int = 1
    minutes: int = 0
    desk: str = ""
    came_at: datetime | None = None
    called_at: datetime | None = None
    served_at: datetime | None = None
    offs: tuple[datetime, ...] = ()  # Each time that it was called off, whenever that was told.
    missed_at: datetime | None = None
    confirmed_at: datetime | None = None
    facts: tuple[str, ...] = ()

    def still(self, at: datetime | None) -> bool:
        """Whether what happened then belongs to the hour that stands."""
        return at is not None and belongs(at, self.agreed_at, changed=self.changed)

    @property
    def off_at(self) -> datetime | None:
        """Since when the hour that stands is off."""
        return next((at for at in self.offs if self.still(at)), None)

    @property
    def state(self) -> str:
        if self.still(self.served_at):
            return "served"
        missed = self.missed_at is not None and self.starts_at is not None and self.missed_at >= self.starts_at
        here = self.still(self.came_at)
        if self.off_at and not here and not (missed and self.missed_at and self.missed_at <= self.off_at):
            return "cancelled"
        if missed and not here:
            return "no-show"
        if self.still(self.called_at):
            return "called"
        return "arrived" if here else "booked"


Fact = (
    AppointmentBooked
    | AppointmentChanged
    | AppointmentCancelled
    | AppointmentConfirmed
    | AppointmentWalkedIn
    | AppointmentArrived
    | AppointmentCalled
    | AppointmentServed
    | AppointmentNoShow
)


def keep(known: Known, event: Fact, cause: Envelope) -> tuple[Known, list[Put]]:
    facts = (*(name for name in known.facts if name != cause.id), cause.id)[-FACTS_MAX:]
    after = learned(known, event).but(facts=facts)
    return after, shown(event.appointment_id, after)


def learned(known: Known, event: Fact) -> Known:  # noqa: PLR0911  # One line for each fact there is.
    match event:
        case AppointmentBooked():
            return agreed(booked(known, event), event)
        case AppointmentChanged():
            return agreed(known, event)
        case AppointmentWalkedIn():
            return walked_in(known, event)
        case AppointmentCancelled():
            return known.but(offs=called_off(known.offs, event.at))
        case AppointmentConfirmed():
            return known.but(confirmed_at=max(known.confirmed_at or event.at, event.at))
        case AppointmentArrived():
            return known.but(came_at=max(known.came_at or event.at, event.at))
        case AppointmentCalled():
            later = known.called_at is None or event.at >= known.called_at
            return known.but(called_at=event.at, desk=event.desk) if later else known
        case AppointmentServed():
            return known.but(served_at=max(known.served_at or event.at, event.at))
        case AppointmentNoShow():
            return known.but(missed_at=max(known.missed_at or event.at, event.at))


def booked(known: Known, event: AppointmentBooked) -> Known:
    if known.booked and known.agreed_at and not known.changed and event.at < known.agreed_at:
        return known  # An older booking under the same name, told late.
    said = event.model_dump(include={"code", "product", "address_id", "about", "people", "minutes"})
    party = "" if event.party_id.startswith("unknown.") else event.party_id
    return known.but(**said, party_id=party, booked=True)


def agreed(known: Known, event: Agreed) -> Known:
    """The branch and hour agreed on last; a booking that is told late undoes no change."""
    mine = (isinstance(event, AppointmentChanged), event.at, event.starts_at)
    if known.agreed_at and known.starts_at and mine < (known.changed, known.agreed_at, known.starts_at):
        return known
    changed, agreed_at, starts_at = mine
    update = {"branch": event.branch, "starts_at": starts_at, "agreed_at": agreed_at, "changed": changed}
    return known.but(**update)


def walked_in(known: Known, event: AppointmentWalkedIn) -> Known:
    said = event.model_dump(include={"branch", "product", "code", "party_id", "people"})
    here = {"walked_in": True, "starts_at": event.at, "came_at": max(known.came_at or event.at, event.at)}
    return known.but(**said, **here)


def shown(appointment: str, known: Known) -> list[Put]:
    """Its row, once it is known where and when it is: an arrival may be told before its booking."""
    if known.starts_at is None or not (known.booked or known.walked_in):
        return []
    state = known.state
    waits = known.came_at if state in {"arrived", "called"} and known.still(known.came_at) else None
    plain = ("branch", "code", "product", "desk", "party_id", "address_id", "about")
    row: dict[str, Any] = {name: getattr(known, name) for name in plain}
    row |= {
        "appointment_id": appointment,
        "starts_at": stamp(known.starts_at),
        "state": state,
        "people": min(known.people, COUNT_MAX),
        "minutes": min(known.minutes, COUNT_MAX),
        "waiting_since": stamp(waits) if waits else "",
        "walked_in": int(known.walked_in),
        "confirmed": int(known.still(known.confirmed_at)),
        "facts": " ".join(known.facts),
    }
    return [Put(row)]


appointments = register("desk.appointments", table, keep, version=3)
