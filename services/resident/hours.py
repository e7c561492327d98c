"""The hours of one day, at one branch and for one product: which are offered, who has them, and who gets one that asks.

All that is told of them has one order, so of two who ask for the last place at an hour exactly one has it. Who has an
hour has it until they leave it, whatever is offered meanwhile: a list that comes late or twice takes nothing from
anybody, and gives nothing twice.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import Column, Integer, MetaData, String, Table, Text

from engine.processor import Drop, Put, State, processor, register
from engine.work import stamp
from schemas.event import Envelope, Event
from schemas.hour import HourAsked, HourGiven, HourLeft, HourOffered, HourRefused, HourTaken, OfDay

DECIDES: Final = "resident.choice"
NAME: Final = "resident.hours"


table: Final = Table(
    "resident_hour",
    MetaData(),
    Column("branch", Text, primary_key=True),
    Column("product", Text, primary_key=True),
    Column("starts_at", String(27), primary_key=True),
    Column("free", Integer, nullable=False),  # Places, at least one: what is full has no row.
)


class Stretch(Struct, frozen=True):
    """Of this part of the day was told, as of this moment, what is offered."""

    since: datetime
    until: datetime
    at: datetime

    def meets(self, event: HourOffered) -> bool:
        return self.since < event.until and event.since < self.until


class Hold(Struct, frozen=True):
    """An appointment has an hour, under a name by which it is left again."""

    appointment_id: str
    hold_id: str
    starts_at: datetime


class Day(State, frozen=True):
    """What is offered, and who has what."""

    stretches: tuple[Stretch, ...] = ()
    offers: tuple[tuple[datetime, int], ...] = ()
    holds: tuple[Hold, ...] = ()

    def left(self, starts_at: datetime, but: str = "") -> int:
        """How many more could come at this hour, if one appointment is not counted. Never below nothing."""
        there = {hold.appointment_id for hold in self.holds if hold.starts_at == starts_at} - {but}
        return max(0, dict(self.offers).get(starts_at, 0) - len(there))


Fact = HourOffered | HourAsked | HourTaken | HourLeft


def choose(day: Day, event: Fact) -> tuple[Day, list[Event]]:
    match event:
        case HourOffered():
            return offered(day, event), []
        case HourTaken():
            return held(day, Hold(event.appointment_id, event.hold_id, event.starts_at)), []
        case HourLeft():
            gone = (event.appointment_id, event.hold_id)
            holds = tuple(hold for hold in day.holds if (hold.appointment_id, hold.hold_id) != gone)
            return day.but(holds=holds), []
        case HourAsked():
            return asked(day, event)


def offered(day: Day, event: HourOffered) -> Day:
    """This list, in place of all that was told of the same part of the day before it."""
    if any(one.meets(event) and one.at > event.at for one in day.stretches):
        return day  # It comes late.
    others = tuple(one for one in day.stretches if not one.meets(event))
    kept = (offer for offer in day.offers if not event.since <= offer[0] < event.until)
    told = ((one.starts_at, one.places) for one in event.hours if event.since <= one.starts_at < event.until)
    stretch = Stretch(event.since, event.until, event.at)
    return day.but(stretches=(*others, stretch), offers=tuple(sorted(dict([*kept, *told]).items())))


def held(day: Day, hold: Hold) -> Day:
    return day if hold in day.holds else day.but(holds=(*day.holds, hold))


def asked(day: Day, event: HourAsked) -> tuple[Day, list[Event]]:
    who: dict[str, Any] = {"at": event.at, "appointment_id": event.appointment_id, "ask_id": event.ask_id}
    if event.at >= event.starts_at:
        return day, [HourRefused(**who, reason="past")]
    if event.starts_at == event.instead_of or not day.left(event.starts_at, but=event.appointment_id):
        return day, [HourRefused(**who, reason="gone")]
    said = event.model_dump(include={"branch", "product", "starts_at", "instead_of", "grace_minutes"})
    return held(day, Hold(event.appointment_id, event.ask_id, event.starts_at)), [HourGiven(**who, **said)]


def show(day: Day, event: Fact, _cause: Envelope) -> tuple[Day, list[Put | Drop]]:
    after, _ = choose(day, event)
    return after, list(changed(day, after, event))


def changed(before: Day, after: Day, event: OfDay) -> Iterator[Put | Drop]:
    """A row for each hour at which more or fewer can come than before."""
    for starts_at in sorted({hour for hour, _ in (*before.offers, *after.offers)}):
        free = after.left(starts_at)
        if free != before.left(starts_at):
            key: Mapping[str, str] = {"branch": event.branch, "product": event.product, "starts_at": stamp(starts_at)}
            yield Put({**key, "free": free}) if free else Drop(key)


choice: Final = processor(DECIDES, choose)
free_hours: Final = register(NAME, table, show)
