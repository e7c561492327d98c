"""Tallies: what counts is added to one cell of an hour, and one of its day, its week and its month, as clocks show it.

A part says what its subject counts for before an event and after it; the difference is what is added. So a correction,
however late, moves what was counted, and the sum over all subjects is what they count for now. All amounts are
integers: a rebuild comes to the same figures, to the digit.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final, NamedTuple

from sqlalchemy import BigInteger, Column, MetaData, Table, Text

from channels.days import ZONE, day_of
from engine.processor import Add
from engine.work import stamp
from schemas.event import Envelope
from services.metrics.days import begin

VERSION: Final = (
    2  # Of every part that counts. The tables of the first have no weeks, and no column that says since when.
)
UNKNOWN: Final = "unknown"
LATE_AFTER: Final = timedelta(hours=1)  # After the end of the day on which it happened.
BEGIN: Final = datetime(1970, 1, 1, tzinfo=UTC)
QUARTER: Final = timedelta(minutes=15)  # Every zone differs from UTC by so many of these.
QUARTERS_MAX: Final = 4_096
LAST: Final = (datetime(9000, 1, 1, tzinfo=UTC) - BEGIN) // QUARTER  # Beyond it a zone may lead past the last date.
CELLS_MAX: Final = 8_192
ADDS_MAX: Final = 16_384
SECOND: Final = 1_000
HOUR: Final = 3_600 * SECOND
DAY: Final = 24 * HOUR

# Up to which bounds values are told apart, in milliseconds; marks as they are. A threshold has to be one of them.
QUICK: Final = tuple(s * SECOND for s in (5, 10, 15, 20, 25, 30, 45, 60, 90, 120, 180, 300, 600, 1_200, 3_600))
HOURS: Final = tuple(
    h * HOUR // 4 for h in (1, 2, 4, 8, 16, 32, 48, 96, 192, 288, 480, 672, 1_344, 2_688, 5_376)
)  # A quarter, half an hour, 1, 2, 4, 8 and 12 hours; 1, 2, 3, 5, 7, 14, 28 and 56 days.
DAYS: Final = tuple(d * DAY for d in (1, 2, 3, 5, 7, 10, 14, 21, 28, 42, 56, 84, 112, 182, 365))
MARKS: Final = tuple(range(1, 11))
AMOUNTS: Final = ("many", "late", "total")
BUCKETS: Final = tuple(f"b{n:02}" for n in range(16))

SCALES: Final[Mapping[str, Sequence[int]]] = {
    "answered": QUICK,
    "abandoned": QUICK,
    "response": HOURS,
    "again": DAYS,
    "resolved": DAYS,
    "closed": DAYS,
    "task-done": HOURS,
    "notification-sent": QUICK,
    "opinion": MARKS,
}
APART: Final = ("channel", "product", "team")
LABELS: Final = (*APART, "split")


NAMES: Final = ("measure", *LABELS, "partition")
Names = tuple[str, str, str, str, str, str]  # The values of these.


class Count(NamedTuple):
    """One thing that counts, for the moment `at`. `value` is a span in milliseconds, or a mark."""

    measure: str
    at: datetime
    channel: str = UNKNOWN
    product: str = UNKNOWN
    team: str = UNKNOWN
    split: str = UNKNOWN
    value: int = 0
    many: int = 1


def tally(name: str, *, spread: bool = True) -> Table:
    """The cells of one part.

    How many count, how many of the changes came late, the sum of the values; and, where a measure has bounds, how these
    are `spread` over them.
    """
    return Table(
        name,
        MetaData(),
        Column("grain", Text, primary_key=True),
        Column("measure", Text, primary_key=True),
        Column("since", Text, primary_key=True),
        *(Column(label, Text, primary_key=True) for label in LABELS),
        Column("partition", Text, primary_key=True),  # So that no two ever wait for each other's row.
        *(Column(amount, BigInteger, nullable=False) for amount in (*AMOUNTS, *(BUCKETS if spread else ()))),
        sqlite_with_rowid=False,
    )


def changed(before: Sequence[Count], after: Sequence[Count], at: datetime, cause: Envelope) -> list[Add]:
    """What an event that happened `at` changes, from what its subject counted for to what it counts for now."""
    same = 0  # Most of what comes first stays as it was.
    for one, other in zip(before, after, strict=False):
        if one != other:
            break
        same += 1
    late = int(cause.time > on_time_until(quarter(at)))
    if not (gone := before[same:]):
        return [add(count, 1, late, cause.partition) for count in after[same:]]
    times = Counter(after[same:])
    times.subtract(gone)
    return [add(count, more, late, cause.partition) for count, more in times.items() if more]


def add(count: Count, more: int, late: int, partition: str) -> Add:
    """Add the count so many times, or take it away."""
    measure, at, channel, product, team, split, value, many = count
    scale = SCALES.get(measure)
    bucket = BUCKETS[bisect_left(scale, value)] if scale else ""
    names = (measure, channel, product, team, split, partition)
    return added(hour(quarter(at)), names, more * many, late, more * value, bucket, more)


@lru_cache(CELLS_MAX)
def cell(grain: str, since: str, names: Names) -> Mapping[str, str]:
    return {"grain": grain, "since": since, **dict(zip(NAMES, names, strict=True))}


@lru_cache(CELLS_MAX)
def wider(day: str, names: Names) -> Sequence[Mapping[str, str]]:
    """Those of a day, its week and its month; and of its week, those that are told apart by one label."""
    since = grains(day)
    each = [cell(grain, since[grain], names) for grain in since]
    for label in APART:
        all_of = {other: "" for other in APART if other != label}
        each.append({**cell(week_by(label), since["week"], names), **all_of})
    return each


def week_by(label: str) -> str:
    """The grain of weeks that are told apart by this label, and not by the others."""
    return f"week-{label}"


@lru_cache(ADDS_MAX)
def added(  # noqa: PLR0913, PLR0917  # What they grow by.
    hour: str, names: Names, many: int, late: int, total: int, bucket: str, more: int
) -> Add:
    """Much of what comes within an hour adds the same."""
    amounts = {"many": many, "late": late, "total": total, **({bucket: more} if bucket else {})}
    return Add(cell("hour", hour, names), amounts, wider(hour[:10], names))


def grains(day: str) -> Mapping[str, str]:
    """The periods that a day lies in, by grain. A week is named by its Monday."""
    week = begin(date.fromisoformat(day), "week")
    return {"day": day, "week": str(week), "month": day[:7]}


def quarter(at: datetime) -> int:
    """Which quarter of an hour it is, counted from 1970."""
    return (at - BEGIN) // QUARTER


@lru_cache(QUARTERS_MAX)
def hour(of: int) -> str:
    """As 2026-03-02T09. The hour that clocks show twice, in autumn, is one."""
    return moment(of).astimezone(ZONE).isoformat()[:13]


@lru_cache(QUARTERS_MAX)
def on_time_until(of: int) -> str:
    """What is written down after this came late. An event without a time was not written down yet."""
    tomorrow = day_of(moment(of)) + timedelta(days=1)
    return stamp(datetime.combine(tomorrow, time(), ZONE) + LATE_AFTER)


def moment(of: int) -> datetime:
    return BEGIN + min(of, LAST) * QUARTER


def span(first: datetime, last: datetime) -> int:
    """Milliseconds between them; none where the clocks of two senders differ."""
    return max(0, (last - first) // timedelta(milliseconds=1))
