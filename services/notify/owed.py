"""What residents should hear of, read from the facts alone and not from what is told: to see what was forgotten.

It knows nothing of the steps that tell, so it can find where they are wrong. Of each change of a case or an appointment
there is a row. Where nothing is owed, the row says why.
"""

from datetime import datetime
from typing import Final

from sqlalchemy import BigInteger, Column, Index, MetaData, String, Table, Text

from engine.processor import Put, State, projection, register
from engine.work import stamp
from schemas.appointment import (
    AppointmentArrived,
    AppointmentBooked,
    AppointmentCancelled,
    AppointmentChanged,
    AppointmentServed,
)
from schemas.case import CaseClosed, CaseOpened, CaseReopened, CaseStatusChanged
from schemas.event import Envelope
from schemas.notification import NotificationRequested

NOBODY: Final = "nobody-known"
SAME: Final = "nothing-new"
LATE: Final = "told-late"  # Another hour was agreed on since,
OFF: Final = "over-since"  # or it was over by then.
WHAT: Final = {"appointment-booked": "appointment-agreed", "appointment-changed": "appointment-agreed"}

Moment: Final = String(27)
owed_table: Final = Table(
    "notify_owed",
    MetaData(),
    Column("partition", Text, primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("about", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("why", Text, nullable=False),  # Why nothing is owed; empty where it is.
    Index(None, "at"),
)
asked_table: Final = Table(
    "notify_asked",
    MetaData(),
    Column("about", Text, primary_key=True),
    Column("what", Text, primary_key=True),
    Column("at", Moment, primary_key=True),
)


class Stands(State, frozen=True):
    """A case or an appointment, as far as somebody should hear of it."""

    known: bool = False  # Somebody is, to whom it can be told.
    status: str = "unknown"
    hour: tuple[datetime, str] | None = None  # When and where,
    agreed_at: datetime | None = None  # as agreed on then,
    agreements: int = 0  # for the how manieth time.
    over: bool = False
    over_at: datetime | None = None

    def moved_since(self, at: datetime) -> bool:
        return self.agreements > 1 and self.agreed_at is not None and at < self.agreed_at

    def ended(self, at: datetime) -> "Stands":
        return self.but(over=True, over_at=max(self.over_at or at, at))


OfCase = CaseOpened | CaseStatusChanged | CaseClosed | CaseReopened
Visit = AppointmentBooked | AppointmentChanged | AppointmentCancelled | AppointmentArrived | AppointmentServed


def owe(stands: Stands, event: OfCase | Visit, cause: Envelope) -> tuple[Stands, list[Put]]:
    after, what, why = read(stands, event)
    if not what:
        return after, []
    if not (why or after.known):
        why = NOBODY
    place = {"partition": cause.partition, "position": cause.position}
    return after, [Put(place | {"about": event.subject, "what": what, "at": stamp(event.at), "why": why})]


def read(stands: Stands, event: OfCase | Visit) -> tuple[Stands, str, str]:
    """How it stands now, what should be told of it, and why not."""
    match event:
        case AppointmentArrived() | AppointmentServed() | AppointmentCancelled():
            return gone(stands, event)
        case AppointmentBooked() | AppointmentChanged():
            return agreed(stands, event)
        case CaseOpened():
            after, what, new = stands.but(known=True), "case-opened", not stands.known
        case CaseStatusChanged(status=status):
            after, what, new = stands.but(status=status), "case-status", status != stands.status
        case CaseClosed():
            after, what, new = stands.but(over=True), "case-closed", not stands.over
        case CaseReopened():
            after, what, new = stands.but(over=False), "case-reopened", stands.over
    return after, what, "" if new else SAME


def gone(
    stands: Stands, event: AppointmentCancelled | AppointmentArrived | AppointmentServed
) -> tuple[Stands, str, str]:
    what = "appointment-cancelled" if isinstance(event, AppointmentCancelled) else ""
    if stands.moved_since(event.at):
        return stands, what, LATE
    return stands.ended(event.at), what, "" if stands.hour and not stands.over else SAME


def agreed(stands: Stands, event: AppointmentBooked | AppointmentChanged) -> tuple[Stands, str, str]:
    booked, hour, what = isinstance(event, AppointmentBooked), (event.starts_at, event.branch), "appointment-agreed"
    stands = stands.but(known=stands.known or booked)
    if stands.agreed_at and event.at < stands.agreed_at:
        return stands, what, LATE
    if (booked and event.at == stands.agreed_at) or (hour == stands.hour and not stands.over):
        return stands, what, SAME
    stands = stands.but(hour=hour, agreed_at=event.at)
    if stands.over and stands.over_at and event.at <= stands.over_at:
        return stands, what, OFF
    return stands.but(agreements=stands.agreements + 1, over=False), what, ""


def ask(event: NotificationRequested, _cause: Envelope) -> list[Put]:
    return [Put({"about": event.about, "what": WHAT.get(event.template, event.template), "at": stamp(event.at)})]


owed: Final = register("notify.owed", owed_table, owe, version=2)
asked: Final = projection("notify.asked", asked_table, ask)
