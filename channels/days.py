"""Days as the Dutch have them: on which of them people work, and what o'clock it is there."""

from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from holidays import country_holidays

ZONE: Final = ZoneInfo("Europe/Amsterdam")
SATURDAY, SUNDAY = 5, 6
LAST: Final = date(9000, 1, 1)  # Beyond it nobody looks at calendars.
HOLIDAYS: Final = country_holidays("NL")


def day_of(moment: datetime) -> date:
    """Which day it is here."""
    return moment.astimezone(ZONE).date()


def holiday(day: date) -> bool:
    return day < LAST and day in HOLIDAYS


def working(day: date) -> bool:
    """Neither a Saturday, a Sunday nor a holiday."""
    return day.weekday() < SATURDAY and not holiday(day)


def answered_by(on: date, working_days: int) -> date:
    """The last of so many working days after today; weekends and Dutch holidays are none."""
    left = working_days
    while left:
        on += timedelta(days=1)
        left -= working(on)
    return on
