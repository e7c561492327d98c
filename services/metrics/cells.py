"""Reading tallies: the cells of a few measures, summed as a report wants them."""

import asyncio
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate, chain, product
from operator import itemgetter
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
from services.metrics.tally import AMOUNTS, APART, BUCKETS, SCALES, week_by
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

    def within(self, scale: Sequence[int], *hundredths: int) -> list[int | None]:
        """Up to which bound so many of a hundred lie; None where that is beyond the last, or there are none."""
        upto = [*accumulate(self.spread)] if self.many else []
        found = [bisect_left(upto, -(-self.many * each // 100)) for each in hundredths]
        return [scale[nth] if upto and nth < len(scale) else None for nth in found]


NOTHING: Final = Cell()
spread_of: Final = itemgetter(*BUCKETS)


class Cut(NamedTuple):
    """Which cells, and how they are told apart: by period, and per channel, product, team or split."""

    measures: tuple[str, ...]
    by: By = "total"
    per: str = ""
    only: tuple[tuple[str, str], ...] = ()  # Label and value.
    split: frozenset[str] = frozenset()  # Measures of which it matters how they are split.


Key = tuple[str, str]  # Period and label.
Found = dict[Key, dict[str, dict[str, Cell]]]  # And of these, by measure and then by split, which may be all in one.


async def find(engine: Engine, cut: Cut, days: Days) -> Found:
    """Raises `Unavailable`."""
    asked = [
        look(engine, view, chosen, cut, stretch)
        for view, measures in VIEWS
        for spread, told in product((False, True), (False, True))  # Each is asked only for what it needs.
        if (chosen := tuple(m for m in cut.measures if m in measures and kind(m, cut) == (spread, told)))
        for stretch in stretches(days, cut.by)
    ]
    found: Found = {}
    for row in chain.from_iterable(await asyncio.gather(*asked)):
        period = named(row["since"], cut.by) if "since" in row else ""
        each = found.setdefault((period, row[cut.per] if cut.per else ""), {})
        here, split = each.setdefault(row["measure"], {}), row.get("split", "")
        spread = spread_of(row) if BUCKETS[0] in row else NOTHING.spread
        cell = Cell(row["many"], row["late"], row["total"], spread)
        here[split] = here[split] + cell if split in here else cell
    return found


def kind(measure: str, cut: Cut) -> tuple[bool, bool]:
    """Whether it lies between bounds, of which there are sixteen to sum, and whether it is told apart by its splits."""
    return measure in SCALES, measure in cut.split


async def look(
    engine: Engine, view: Projection, measures: tuple[str, ...], cut: Cut, stretch: Stretch
) -> Sequence[Row]:
    # In the order of the key, as far as it goes: what comes in order is summed without being sorted.
    apart = ("measure", "" if cut.by == "total" else "since", cut.per, "split" if measures[0] in cut.split else "")
    shape = (measures, tuple(filter(None, dict.fromkeys(apart))), tuple(label for label, _ in cut.only))
    within = stretch._replace(grain=fewest(stretch.grain, cut))
    # To sum what is told apart by no more than is asked would cost more than to read it.
    one_each = within.grain == week_by(cut.per) and cut.by == "week" and len(await engine.partitions()) == 1
    return await ask(engine, single if one_each else summed, [view], shape, {**within._asdict(), **dict(cut.only)})


def fewest(grain: str, cut: Cut) -> str:
    """Of weeks, the cells that are told apart by no more labels than is asked."""
    if grain != "week" or cut.only:
        return grain
    return week_by(cut.per if cut.per in APART else APART[0])


def summed(table: Table, measures: Sequence[str], apart: Sequence[str], only: Sequence[str]) -> Select[Any]:
    """Cells, those together that do not differ in these columns."""
    found = single(table, measures, apart, only)
    columns, amounts = [*found.selected_columns][: len(apart)], [*found.selected_columns][len(apart) :]
    # PostgreSQL sums to a number without a size.
    sums = [cast(func.sum(amount), BigInteger).label(amount.name) for amount in amounts]
    return found.with_only_columns(*columns, *sums).group_by(*columns)


def single(table: Table, measures: Sequence[str], apart: Sequence[str], only: Sequence[str]) -> Select[Any]:
    """Cells, one by one."""
    amounts = (*AMOUNTS, *(BUCKETS if measures[0] in SCALES else ()))
    within = table.c.since.between(text("first"), text("last"))
    where = [table.c.grain == text("grain"), table.c.measure.in_(measures), within]
    where += [table.c[label] == text(label) for label in only]
    return select(*(table.c[name] for name in (*apart, *amounts))).where(*where)
