"""Reading tallies: the cells of a few measures, summed as a report wants them."""

import asyncio
from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from typing import Any, Final, NamedTuple

from sqlalchemy import BigInteger, Select, Table, cast, func, literal, select

from engine.ask import answer
from engine.engine import Engine
from engine.processor import Projection
from engine.store import Answer
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
        if not self.many:
            return [None] * len(hundredths)
        upto = [*accumulate(self.spread)]
        found = [bisect_left(upto, -(-self.many * each // 100)) for each in hundredths]
        return [scale[nth] if nth < len(scale) else None for nth in found]


NOTHING: Final = Cell()


class Cut(NamedTuple):
    """Which cells, and how they are told apart: by period, and per channel, product, team or split."""

    measures: tuple[str, ...]
    by: By = "total"
    per: str = ""
    only: tuple[tuple[str, str], ...] = ()  # Label and value.
    split: frozenset[str] = frozenset()  # Measures of which it matters how they are split.


Key = tuple[str, str]  # Period and label.
Found = dict[str, dict[str, dict[Key, Cell]]]  # By measure, and by its split, which may be all in one.


class Look(NamedTuple):
    """Which cells of one measure are asked for in one go: they are read side by side."""

    view: Projection
    measure: str
    stretch: Stretch


async def find(engine: Engine, cut: Cut, days: Days) -> Found:
    """Raises `Unavailable`."""
    within = stretches(days, cut.by)
    looks = [
        Look(view, measure, stretch)
        for view, measures in VIEWS
        for measure in cut.measures
        if measure in measures
        for stretch in within
    ]
    answers = await asyncio.gather(*(look(engine, one, cut) for one in looks))
    found: Found = {}
    for one, cells in zip(looks, answers, strict=True):
        splits = found.setdefault(one.measure, {})
        for since, label, split, many, late, total, *spread in cells.rows:
            here, key = splits.setdefault(split, {}), (named(since, cut.by), label)
            cell = Cell(many, late, total, tuple(spread) or NOTHING.spread)
            here[key] = here[key] + cell if key in here else cell
    return found


async def look(engine: Engine, one: Look, cut: Cut) -> Answer:
    # In the order of the key, as far as it goes: what comes in order is summed without being sorted.
    apart = ("" if cut.by == "total" else "since", cut.per, "split" if one.measure in cut.split else "")
    amounts = (*AMOUNTS, *(BUCKETS if one.measure in SCALES else ()))
    shape = (apart, amounts, tuple(label for label, _ in cut.only))
    within = one.stretch._replace(grain=fewest(one.stretch.grain, cut))
    # To sum what is told apart by no more than is asked would cost more than to read it.
    one_each = within.grain == week_by(cut.per) and cut.by == "week" and len(await engine.partitions()) == 1
    values = {"measure": one.measure, **within._asdict(), **dict(cut.only)}
    return await answer(engine, single if one_each else summed, [one.view], shape, values)


def fewest(grain: str, cut: Cut) -> str:
    """Of weeks, the cells that are told apart by no more labels than is asked."""
    if grain != "week" or cut.only:
        return grain
    return week_by(cut.per if cut.per in APART else APART[0])


def summed(table: Table, apart: Sequence[str], amounts: Sequence[str], only: Sequence[str]) -> Select[Any]:
    """Cells of one measure, those together that are not told apart."""
    each = single(table, apart, amounts, only)
    labels, columns = [*each.selected_columns][: len(apart)], [table.c[name] for name in apart if name]
    # PostgreSQL sums to a number without a size.
    sums = [cast(func.sum(table.c[name]), BigInteger).label(name) for name in amounts]
    return each.with_only_columns(*labels, *sums).group_by(table.c.measure, *columns)


def single(table: Table, apart: Sequence[str], amounts: Sequence[str], only: Sequence[str]) -> Select[Any]:
    """Cells of one measure, one by one: by what they are told apart, or nothing in its place, and their amounts."""
    labels = [table.c[name] if name else literal("").label("all") for name in apart]
    within = table.c.since.between(text("first"), text("last"))
    where = [table.c.grain == text("grain"), table.c.measure == text("measure"), within]
    where += [table.c[label] == text(label) for label in only]
    return select(*labels, *(table.c[name] for name in amounts)).where(*where)
