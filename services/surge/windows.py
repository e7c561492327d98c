"""An hour's contacts against the same hour in past weeks. It is told the time, and touches nothing."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from statistics import median
from typing import Final
from zoneinfo import ZoneInfo

ZONE: Final = ZoneInfo("Europe/Amsterdam")  # A week ago at nine is nine o'clock, also where summer time came between.
SPAN_S: Final = 300
SPANS: Final = 12  # Together an hour.
WEEKS: Final = 6
WEEKS_MIN: Final = 3  # Of fewer nobody can say what is usual.

Counts = Mapping[int, int]  # Contacts, by the number of a span.


def span_of(at: datetime) -> int:
    """The number of the five minutes in which this falls, the same everywhere."""
    return int(at.timestamp()) // SPAN_S


def oldest(now: datetime) -> int:
    """The first span that still counts for anything."""
    return span_of(back(now, WEEKS)) - SPANS


def back(now: datetime, weeks: int) -> datetime:
    """The same hour by the clock on the wall, so many weeks ago."""
    return now.astimezone(ZONE) - timedelta(weeks=weeks)


def hour(counts: Counts, until: datetime) -> int:
    """What came in within an hour, up to the last span that was over then."""
    end = span_of(until)
    return sum(counts.get(span, 0) for span in range(end - SPANS, end))


def usual(counts: Counts, now: datetime, since: int) -> float | None:
    """What such an hour has, as the median of past weeks; nothing where too few are known. `since`: the first span."""
    weeks = [back(now, nth) for nth in range(1, WEEKS + 1)]
    known = [hour(counts, week) for week in weeks if span_of(week) - SPANS >= since]
    return median(known) if len(known) >= WEEKS_MIN else None
