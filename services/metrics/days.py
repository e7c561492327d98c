"""Periods as a report has them: which there are, and which cells of a tally they are made of."""

from calendar import monthrange
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final, Literal, NamedTuple

By = Literal["total", "month", "week", "day", "hour"]
ONE: Final = timedelta(days=1)
FIRST: Final = date(1900, 1, 1)  # Nothing that we count was before it.


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
    """Cells of one grain, from one period to another, both included."""

    grain: str
    first: str
    last: str


def stretches(days: Days, by: By) -> Sequence[Stretch]:
    """The fewest cells that make up these days, if they are to be told apart so."""
    if by == "hour":
        return [Stretch("hour", f"{days.first}T00", f"{days.last}T23")]
    if by in {"day", "week"}:
        return [Stretch("day", str(days.first), str(days.last))]
    first = days.first if days.first.day == 1 else month_end(days.first) + ONE
    last = days.last if days.last == month_end(days.last) else days.last.replace(day=1) - ONE
    if first > last:
        return [Stretch("day", str(days.first), str(days.last))]
    edges = (Days(days.first, first - ONE), Days(last + ONE, days.last))
    found = [Stretch("day", str(edge.first), str(edge.last)) for edge in edges if edge.many]
    return [Stretch("month", first.isoformat()[:7], last.isoformat()[:7]), *found]


def month_end(day: date) -> date:
    return day.replace(day=monthrange(day.year, day.month)[1])


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
