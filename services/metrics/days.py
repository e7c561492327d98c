"""Periods as a report has them: which there are, and which cells of a tally they are made of."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import lru_cache
from typing import Final, Literal, NamedTuple

By = Literal["total", "month", "week", "day", "hour"]
ONE: Final = timedelta(days=1)
FIRST: Final = date(1900, 1, 1)  # Nothing that we count was before it.
NAMED_MAX: Final = 8_192
LONGEST: Final = {"week": timedelta(days=7), "month": timedelta(days=31)}
# Whole ones of these are taken, the longest first; what they leave is taken by day.
WHOLE: Final[Mapping[By, Sequence[str]]] = {"total": ("month", "week"), "month": ("month", "week"), "week": ("week",)}


class Days(NamedTuple):
    """From the first day to the last, both included."""

    first: date
    last: date

    @property
    def many(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def before(self) -> "Days":
        """All days before them that anything was counted on."""
        return Days(FIRST, self.first - ONE)


class Stretch(NamedTuple):
    """Cells of one grain, from the one that begins at first up to the one that begins at last."""

    grain: str
    first: str
    last: str


def stretches(days: Days, by: By) -> Sequence[Stretch]:
    """The fewest cells that make up these days, if they are to be told apart so."""
    if by == "hour":
        return [Stretch("hour", f"{days.first}T00", f"{days.last}T23")]
    return split(days, WHOLE.get(by, ()))


def split(days: Days, grains: Sequence[str]) -> list[Stretch]:
    """Whole weeks or months, and whatever is left before and after them."""
    if not grains:
        return [Stretch("day", str(days.first), str(days.last))]
    grain, *finer = grains
    first, beyond = after(days.first - ONE, grain), begin(days.last + ONE, grain)
    if first > beyond:  # They lie within one.
        return split(days, finer)
    last = begin(beyond - ONE, grain)
    whole = [Stretch(grain, cell(first, grain), cell(last, grain))] if first < beyond else []
    edges = (Days(days.first, first - ONE), Days(beyond, days.last))
    return whole + [stretch for edge in edges if edge.many for stretch in split(edge, finer)]


def begin(day: date, grain: str) -> date:
    """The first day of its week or month."""
    return day.replace(day=1) if grain == "month" else day - day.weekday() * ONE


def after(day: date, grain: str) -> date:
    """The first day after its week or month."""
    return begin(begin(day, grain) + LONGEST[grain], grain)


def cell(first: date, grain: str) -> str:
    """As a cell names its week, by its Monday, or its month."""
    return str(first)[:7] if grain == "month" else str(first)


@lru_cache(NAMED_MAX)
def named(cell: str, by: By) -> str:
    """The period that a cell belongs to, as a report calls it."""
    match by:
        case "total":
            return ""
        case "month":
            return cell[:7]
        case "week":
            year, week, _ = date.fromisoformat(cell).isocalendar()
            return f"{year:04}-W{week:02}"
        case _:
            return cell


def periods(days: Days, by: By) -> Sequence[str]:
    """All periods of these days in their order, whether anything happened in them or not."""
    if by == "total":
        return [""]
    each = [str(days.first + n * ONE) for n in range(days.many)]
    if by == "hour":
        return [f"{day}T{hour:02}" for day in each for hour in range(24)]
    return list(dict.fromkeys(named(day, by) for day in each))
