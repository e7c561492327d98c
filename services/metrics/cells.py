"""Reading tallies: the cells of a few measures, summed as a report wants them."""

import asyncio
from bisect import bisect_left
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import BigInteger, Select, Table, cast, func, select

from engine.ask import Row, ask
from engine.engine import Engine
from engine.processor import Projection
from engine.values import text
from services.metrics.appointments import appointments
from services.metrics.cases import cases
from services.metrics.contacts import contacts
from services.metrics.days import By, Days, Stretch, named, stretches
from services.metrics.journeys import STEPS, journeys
from services.metrics.notifications import notifications
from services.metrics.opinions import opinions
from services.metrics.tally import AMOUNTS, BUCKETS, SCALES
from services.metrics.tasks import tasks

OF_CONTACTS: Final = (
    "contact more passed-on made answered abandoned missed waiting settled response given-up overdue again"
)
OF_CASES: Final = "case-opened case-began case-ended case-open case-reopened case-overdue resolved closed"
OF_TASKS: Final = "task-opened task-began task-ended task-open task-done task-overdue"
OF_APPOINTMENTS: Final = "agreed expected came no-show cancelled off walked-in"
VIEWS: Final[Sequence[tuple[Projection, Sequence[str]]]] = (
    (contacts, OF_CONTACTS.split()),
    (cases, OF_CASES.split()),
    (tasks, OF_TASKS.split()),
    (appointments, OF_APPOINTMENTS.split()),
    (notifications, ("notification", "notification-sent")),
    (journeys, STEPS),
    (opinions, ("opinion-asked", "opinion")),
)


class Cell(NamedTuple):
    """How many, how many changes to it came late, the sum of the values, and how many lie up to each bound."""

    many: int = 0
    late: int = 0
    total: int = 0
    spread: tuple[int, ...] = (0,) * len(BUCKETS)

    def __add__(self, other: "Cell") -> "Cell":  # type: ignore[override]  # Cells are added, not strung together.
        spread = tuple(map(int.__add__, self.spread, other.spread))
        return Cell(self.many + other.many, self.late + other.late, self.total + other.total, spread)

    def __sub__(self, other: "Cell") -> "Cell":
        spread = tuple(map(int.__sub__, self.spread, other.spread))
        return Cell(self.many - other.many, self.late + other.late, self.total - other.total, spread)

    def upto(self, bound: int, scale: Sequence[int]) -> int:
        """How many values lie up to this bound, which is one of the scale's."""
        return sum(self.spread[: bisect_left(scale, bound) + 1])

    def within(self, hundredths: int, scale: Sequence[int]) -> int | None:
        """Up to which bound so many of a hundred lie; None where that is beyond the last, or there are none."""
        seen = 0
        for bound, many in zip(scale, self.spread, strict=False):
            seen += many
            if self.many and seen * 100 >= self.many * hundredths:
                return bound
        return None


NOTHING: Final = Cell()


class Cut(NamedTuple):
    """Which cells, and how they are told apart: by period, and per channel, product, team or split."""

    measures: tuple[str, ...]
    by: By = "total"
    per: str = ""
    only: tuple[tuple[str, str], ...] = ()  # Label and value.


Key = tuple[str, str]  # Period and label.
Found = dict[Key, dict[tuple[str, str], Cell]]  # And of these, by measure and split.


async def find(engine: Engine, cut: Cut, days: Days) -> Found:
    """Raises `Unavailable`."""
    asked = [
        look(engine, view, chosen, cut, stretch)
        for view, measures in VIEWS
        for spread in (False, True)  # Sums over sixteen bounds are asked only where there are any.
        if (chosen := tuple(m for m in cut.measures if m in measures and (m in SCALES) is spread))
        for stretch in stretches(days, cut.by)
    ]
    found: Found = {}
    for row in [row for rows in await asyncio.gather(*asked) for row in rows]:
        here = found.setdefault((named(row.get("period", ""), cut.by), row[cut.per] if cut.per else ""), {})
        name = (row["measure"], row["split"])
        spread = tuple([row[bucket] for bucket in BUCKETS]) if BUCKETS[0] in row else NOTHING.spread
        cell = Cell(row["many"], row["late"], row["total"], spread)
        here[name] = here[name] + cell if name in here else cell
    return found


async def look(
    engine: Engine, view: Projection, measures: tuple[str, ...], cut: Cut, stretch: Stretch
) -> Sequence[Row]:
    apart = ("measure", "split", "" if cut.by == "total" else "period", cut.per)
    shape = (measures, tuple(filter(None, dict.fromkeys(apart))), tuple(label for label, _ in cut.only))
    return await ask(engine, summed, [view], shape, {**stretch._asdict(), **dict(cut.only)})


def summed(table: Table, measures: Sequence[str], apart: Sequence[str], only: Sequence[str]) -> Select[Any]:
    columns = [table.c[name] for name in apart]
    amounts = [*AMOUNTS, *(BUCKETS if measures[0] in SCALES else ())]
    # PostgreSQL sums to a number without a size.
    sums = [cast(func.sum(table.c[name]), BigInteger).label(name) for name in amounts]
    period = table.c.period.between(text("first"), text("last"))
    where = [table.c.grain == text("grain"), table.c.measure.in_(measures), period]
    where += [table.c[label] == text(label) for label in only]
    return select(*columns, *sums).where(*where).group_by(*columns)
