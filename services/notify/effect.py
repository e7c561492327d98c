"""Each appointment that had its hour: how it ended, and how it was reminded. What reminders do is counted from this."""

from datetime import datetime
from typing import Final

from sqlalchemy import Column, Index, MetaData, String, Table, Text

from channels.days import day_of
from channels.visit import NONE, OPEN, certainty, ended
from engine.processor import Put, State, register
from schemas.appointment import (
    AppointmentArrived,
    AppointmentBooked,
    AppointmentCancelled,
    AppointmentChanged,
    AppointmentNoShow,
    AppointmentReminded,
    AppointmentServed,
)
from schemas.event import Envelope

NAME: Final = "notify.effect"

effect_table: Final = Table(
    "reminder_effect",
    MetaData(),
    Column("appointment_id", Text, primary_key=True),
    Column("day", String(10), nullable=False),  # On which they were expected, as it was here.
    Column("branch", Text, nullable=False),
    Column("product", Text, nullable=False),
    Column("ended", Text, nullable=False),  # open, came, no-show, cancelled by the party in time, or off: by the desk.
    Column("came", Text, nullable=False),  # What became of the reminder.
    Column("channel", Text, nullable=False),
    Column("wording", Text, nullable=False),
    Index(None, "day"),
)


class Visit(State, frozen=True):
    """One appointment, as far as its reminders have to know."""

    branch: str = "unknown"
    product: str = "unknown"
    starts_at: datetime | None = None
    ended: str = OPEN
    came: str = NONE
    channel: str = NONE
    wording: str = NONE


Agreed = AppointmentBooked | AppointmentChanged
Ended = AppointmentArrived | AppointmentServed | AppointmentNoShow | AppointmentCancelled


def follow(known: Visit, event: Agreed | Ended | AppointmentReminded, cause: Envelope) -> tuple[Visit, list[Put]]:
    del cause
    after = moved(known, event)
    if after.starts_at is None:
        return after, []
    row = {name: getattr(after, name) for name in ("branch", "product", "ended", "came", "channel", "wording")}
    day = day_of(after.starts_at).isoformat()
    return after, [Put({"appointment_id": event.appointment_id, "day": day, **row})]


def moved(known: Visit, event: Agreed | Ended | AppointmentReminded) -> Visit:
    match event:
        case AppointmentBooked():
            return Visit(branch=event.branch, product=event.product, starts_at=event.starts_at)
        case AppointmentChanged() if event.starts_at == known.starts_at:
            return known.but(branch=event.branch, ended=OPEN)
        case AppointmentChanged():  # Of this hour nobody was reminded yet.
            return Visit(branch=event.branch, product=known.product, starts_at=event.starts_at)
        case AppointmentReminded():
            better = certainty(event.came) >= certainty(known.came)
            return known.but(came=event.came, channel=event.channel, wording=event.wording) if better else known
        case _:
            return known.but(ended=ended(known.ended, known.starts_at, event))


effects = register(NAME, effect_table, follow)
