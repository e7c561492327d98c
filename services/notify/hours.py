"""When an SMS may ring in a pocket: from nine to eight, not on Sundays and holidays. A mail may come at any hour."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from channels.days import SUNDAY, ZONE, day_of, holiday

LOUD: Final = frozenset({"sms", "whatsapp"})
RECEIVED: Final = "contact-received"  # The template for whoever wrote a moment ago, and so is awake.
OPENS, CLOSES = time(9), time(20)  # The first moment that it may, and the first that it may no more.


def open_on(day: date) -> bool:
    return day.weekday() != SUNDAY and not holiday(day)


def next_open(channel: str, at: datetime, template: str = "") -> datetime:
    """This moment, or the next at which the road is open."""
    here = at.astimezone(ZONE)
    if channel not in LOUD or template == RECEIVED or (open_on(here.date()) and OPENS <= here.time() < CLOSES):
        return at
    day = here.date() if here.time() < OPENS else here.date() + timedelta(days=1)
    while not open_on(day):
        day += timedelta(days=1)
    return datetime.combine(day, OPENS, ZONE).astimezone(UTC)


def closes(channel: str, at: datetime, template: str = "") -> datetime | None:
    """When the road closes that is open at this moment; none where it never does."""
    here = at.astimezone(ZONE)
    loud = channel in LOUD and template != RECEIVED
    return datetime.combine(here.date(), CLOSES, ZONE).astimezone(UTC) if loud else None


def days_before(moment: datetime, days: int, hour: time) -> datetime:
    """This hour, so many days before, or on the last day before that on which every road is open.

    By calendar days: an hour more or less, where the clocks change between them, moves nothing.
    """
    day = day_of(moment) - timedelta(days=days)
    while not open_on(day):
        day -= timedelta(days=1)
    return datetime.combine(day, hour, ZONE).astimezone(UTC)
