"""A report: figures of some days, told apart by period and by one label, and beside them those of other days."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial, reduce
from operator import add, attrgetter, sub
from typing import Final, Literal, NamedTuple

from pydantic import BaseModel

from channels.days import ZONE
from engine.engine import Engine
from schemas.errors import Refused
from services.metrics.cells import NOTHING, Cell, Cut, Found, Key, find
from services.metrics.days import By, Days, periods
from services.metrics.definitions import Definition, Stock, Term, definitions
from services.metrics.settings import MetricsSettings
from services.metrics.tally import SCALES, UNKNOWN

Per = Literal["", "channel", "product", "team", "split"]
OTHER: Final = "other"
YEARS: Final = range(2000, 2200)
DAYS_MAX: Final[Mapping[By, int]] = {"total": 3_700, "month": 3_700, "week": 3_700, "day": 400, "hour": 31}
FIGURES_MAX: Final = 20
LINES_MAX: Final = 20_000
MANY: Final = attrgetter("many")
LATE: Final = attrgetter("late")


class Asked(NamedTuple):
    """What somebody wants to see."""

    figures: tuple[str, ...]
    days: Days
    by: By = "total"
    per: Per = ""
    only: tuple[tuple[str, str], ...] = ()  # Such as ("channel", "phone").
    against: Days | None = None


@dataclass(slots=True)  # Of thousands in one report, a model would check each.
class Figure:
    """One value. A share is `part` of `whole`; a mean is of `whole` values. None is unknown, which is not 0."""

    value: int | float | None
    part: int | None = None
    whole: int | None = None
    half_within: int | None = None  # Up to this bound half of the values lie,
    most_within: int | None = None  # and up to this nine in ten.
    late: int = 0  # Changes to it that came after their day was over.


@dataclass(slots=True)
class Line:
    """The figures of one period and one label; empty where they are not told apart."""

    period: str
    label: str
    figures: dict[str, Figure]


class Meaning(BaseModel):
    """What a figure of this report is, and where to read its definition."""

    version: int
    title: str
    unit: str
    thresholds: dict[str, int]
    href: str


class Side(BaseModel):
    """The figures of some days: a line for each period, and in it for each label, in their order."""

    first: date
    last: date
    lines: list[Line]


class Report(Side):
    """Days and hours are those of `zone`."""

    zone: str
    by: str
    per: str
    only: dict[str, str]
    figures: dict[str, Meaning]
    against: Side | None = None


async def report(engine: Engine, asked: Asked, settings: MetricsSettings) -> Report:
    """Raises `Refused` where it asks what is not to be had, and `Unavailable`."""
    chosen = checked(asked, settings)
    here = await side(engine, asked, asked.days, chosen, settings)
    there = await side(engine, asked, asked.against, chosen, settings) if asked.against else None
    return Report(
        **dict(here),
        zone=ZONE.key,
        by=asked.by,
        per=asked.per,
        only=dict(asked.only),
        figures={one.name: meaning(one, settings) for one in chosen},
        against=there,
    )


def meaning(one: Definition, settings: MetricsSettings) -> Meaning:
    thresholds = {name: getattr(settings, name) for name in one.thresholds}
    href = f"/v1/definitions/{one.name}"
    return Meaning(version=one.version, title=one.title, unit=one.unit, thresholds=thresholds, href=href)


def checked(asked: Asked, settings: MetricsSettings) -> Sequence[Definition]:
    """The definitions of what is asked. Raises `Refused`."""
    known = definitions()
    if not 0 < len(asked.figures) <= FIGURES_MAX or not known.keys() >= {*asked.figures}:
        raise Refused(f"figures names 1 to {FIGURES_MAX} of those at /v1/definitions")
    for days in filter(None, (asked.days, asked.against)):
        if not 0 < days.many <= DAYS_MAX[asked.by]:
            most = f"{DAYS_MAX[asked.by]:,}"
            raise Refused(f"last is on or after first, and by {asked.by} at most {most} days are shown at once")
        if days.first.year not in YEARS or days.last.year not in YEARS:
            raise Refused(f"days lie from {YEARS.start} up to {YEARS.stop - 1}")
    product = dict(asked.only).get("product", UNKNOWN)
    if settings.products and product not in {*settings.products, UNKNOWN}:
        raise Refused("this product is not one of those under [metrics] or [journey] in the file of DRAAD_SITE")
    return [known[name] for name in asked.figures]


async def side(
    engine: Engine, asked: Asked, days: Days, chosen: Sequence[Definition], settings: MetricsSettings
) -> Side:
    measures = tuple(dict.fromkeys(measure for one in chosen for measure in one.measures))
    split = frozenset(term.measure for one in chosen for term in one.terms if term.splits)
    cut = Cut(measures, asked.by, asked.per, asked.only, split)
    found = folded(await find(engine, cut, days), asked.per, settings)
    stocks = tuple(measure for one in chosen if one.stock for measure in one.measures)
    then = cut._replace(measures=stocks, by="total")
    before = folded(await find(engine, then, days.before), asked.per, settings) if stocks else {}
    names, labels = periods(days, asked.by), labels_of(found, before) or ([] if asked.per else [""])
    if len(names) * len(labels) > LINES_MAX:
        raise Refused(f"this would be more than {LINES_MAX:,} lines: ask of fewer days, or by longer periods")
    each = [(name, label) for name in names for label in labels]
    here, stood = columns(found, each), columns(before, [("", label) for label in labels])
    figures = {one.name: made(one, here, stood, settings) for one in chosen}
    lines = [
        Line(period=name, label=label, figures=dict(zip(figures, row, strict=True)))
        for (name, label), row in zip(each, zip(*figures.values(), strict=True), strict=True)
    ]
    return Side(first=days.first, last=days.last, lines=lines)


def labels_of(*found: Found) -> list[str]:
    """All labels that anything was found for, in their order."""
    each = (cells for one in found for splits in one.values() for cells in splits.values())
    return sorted({label for cells in each for _, label in cells})


def folded(found: Found, per: Per, settings: MetricsSettings) -> Found:
    """The same, where products that the municipality does not name are one."""
    if per != "product" or not settings.products:
        return found
    named = {*settings.products, UNKNOWN}
    after: Found = {}
    for measure, splits in found.items():
        for split, cells in splits.items():
            here = after.setdefault(measure, {}).setdefault(split, {})
            for (period, product), cell in cells.items():
                key = (period, product if product in named else OTHER)
                here[key] = here.get(key, NOTHING) + cell
    return after


class Columns(NamedTuple):
    """What was found, line by line: by measure, and by its split."""

    cells: Mapping[str, Mapping[str, Sequence[Cell]]]
    lines: int

    def chosen(self, measure: str, splits: Sequence[str] = ()) -> Sequence[Sequence[Cell]]:
        """Those of a measure, a column for each of these splits; for all, if none is named."""
        return [cells for split, cells in self.cells.get(measure, {}).items() if not splits or split in splits]

    def together(self, measure: str) -> Iterable[Cell]:
        """Those of a measure, whatever their splits."""
        found = self.chosen(measure)
        return map(partial(reduce, add), zip(*found, strict=True)) if found else [NOTHING] * self.lines

    def sums(self, amount: Callable[[Cell], int], measure: str, splits: Sequence[str] = ()) -> Sequence[int]:
        """How large this amount of these is."""
        return self.total([[*map(amount, cells)] for cells in self.chosen(measure, splits)])

    def every(self, amount: Callable[[Cell], int], measures: Sequence[str]) -> Sequence[int]:
        """How large this amount of all these measures is."""
        return self.total([self.sums(amount, measure) for measure in measures])

    def total(self, amounts: Sequence[Sequence[int]]) -> Sequence[int]:
        """These together."""
        return [*map(sum, zip(*amounts, strict=True))] if amounts else [0] * self.lines


def columns(found: Found, lines: Sequence[Key]) -> Columns:
    by_line = {
        measure: {split: [cells.get(line, NOTHING) for line in lines] for split, cells in splits.items()}
        for measure, splits in found.items()
    }
    return Columns(by_line, len(lines))


def made(one: Definition, here: Columns, stood: Columns, settings: MetricsSettings) -> Sequence[Figure]:
    """One figure, line by line."""
    lates = here.every(LATE, one.measures)
    if one.mean:
        return means(one, here.together(one.mean), lates)
    if one.share:
        part, whole = counted(one.share.part, here, settings), counted(one.share.whole, here, settings)
        return [*map(share, part, whole, lates)]
    counts = stands(one.stock, here, stood) if one.stock else counted(one.sum, here, settings)
    return [Figure(value, late=late) for value, late in zip(counts, lates, strict=True)]


def counted(terms: Sequence[Term], here: Columns, settings: MetricsSettings) -> Sequence[int]:
    return here.total([here.sums(amount(term, settings), term.measure, term.splits) for term in terms])


def stands(stock: Stock, here: Columns, stood: Columns) -> Sequence[int]:
    """How much there is at the end of each period, from what stood there before the first."""
    found, now = list[int](), [*grown(stock, stood)]  # Label by label, in each period.
    for nth, more in enumerate(grown(stock, here)):
        now[nth % len(now)] += more
        found.append(now[nth % len(now)])
    return found


def grown(stock: Stock, here: Columns) -> Iterator[int]:
    """By how much more came than went."""
    return map(sub, here.every(MANY, stock.came), here.every(MANY, stock.went))


def amount(term: Term, settings: MetricsSettings) -> Callable[[Cell], int]:
    """How much of a cell a term counts: all of it, or what lies up to its threshold or beyond it."""
    name = term.within or term.beyond
    if not name:
        return MANY
    upto = bisect_left(SCALES[term.measure], settings.ms(name)) + 1
    if term.beyond:
        return lambda cell: cell.many - sum(cell.spread[:upto])
    return lambda cell: sum(cell.spread[:upto])


def share(part: int, whole: int, late: int) -> Figure:
    return Figure(round(part / whole, 4) if whole else None, part, whole, None, None, late)


def means(one: Definition, cells: Iterable[Cell], lates: Sequence[int]) -> Sequence[Figure]:
    scale, digits = SCALES[one.mean], 1 if one.unit == "mark" else None
    found = []
    for cell, late in zip(cells, lates, strict=True):
        value = round(cell.total / cell.many, digits) if cell.many else None
        half, most = cell.within(scale, 50, 90)
        found.append(Figure(value, None, cell.many, half, most, late))
    return found
