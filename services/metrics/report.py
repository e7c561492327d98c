"""A report: figures of some days, told apart by period and by one label, and beside them those of other days."""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial, reduce
from operator import add
from typing import Final, Literal, NamedTuple

from pydantic import BaseModel

from channels.days import ZONE
from engine.engine import Engine
from schemas.errors import Refused
from services.metrics.cells import NOTHING, Cell, Cut, Found, find
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
NONE: Final[Mapping[str, Cell]] = {}


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
    names = periods(days, asked.by)
    labels = sorted({label for _, label in (*found, *before)} or ({""} if not asked.per else set()))
    if len(names) * len(labels) > LINES_MAX:
        raise Refused(f"this would be more than {LINES_MAX:,} lines: ask of fewer days, or by longer periods")
    made = {one.name: maker(one, settings) for one in chosen}
    figures = {label: each_figure(label, names, found, before, made) for label in labels}
    lines = [
        Line(period=name, label=label, figures=figures[label][nth])
        for nth, name in enumerate(names)
        for label in labels
    ]
    return Side(first=days.first, last=days.last, lines=lines)


def folded(found: Found, per: Per, settings: MetricsSettings) -> Found:
    """The same, where products that the municipality does not name are one."""
    if per != "product" or not settings.products:
        return found
    named = {*settings.products, UNKNOWN}
    after: Found = {}
    for (period, product), cells in found.items():
        here = after.setdefault((period, product if product in named else OTHER), {})
        for measure, each in cells.items():
            sums = here.setdefault(measure, {})
            for split, cell in each.items():
                sums[split] = sums.get(split, NOTHING) + cell
    return after


Cells = Mapping[str, Mapping[str, Cell]]
Maker = Callable[[Cells, Sequence[Cells]], list[Figure]]  # Of what was before, and of the cells of each period.


def each_figure(
    label: str, names: Sequence[str], found: Found, before: Found, made: Mapping[str, Maker]
) -> list[dict[str, Figure]]:
    """The figures of one label, period by period."""
    cells = [found.get((name, label), {}) for name in names]
    stood = before.get(("", label), {})
    columns = {name: make(stood, cells) for name, make in made.items()}
    return [{name: column[nth] for name, column in columns.items()} for nth in range(len(names))]


class Ready(NamedTuple):
    """A term, and how many bounds lie up to its threshold; 0, where it has none."""

    measure: str
    splits: tuple[str, ...]
    upto: int
    beyond: bool


def ready(terms: Sequence[Term], settings: MetricsSettings) -> Sequence[Ready]:
    found = []
    for term in terms:
        name = term.within or term.beyond
        upto = bisect_left(SCALES[term.measure], settings.ms(name)) + 1 if name else 0
        found.append(Ready(term.measure, term.splits, upto, bool(term.beyond)))
    return found


def maker(one: Definition, settings: MetricsSettings) -> Maker:
    """How one figure is made, period by period."""
    if one.stock:
        return partial(stocked, one.stock)
    if one.mean:
        return lambda _, cells: [mean(one, here) for here in cells]
    part = ready(one.share.part if one.share else one.sum, settings)
    if not one.share:
        return lambda _, cells: [Figure(counted(part, here), late=late(one, here)) for here in cells]
    whole = ready(one.share.whole, settings)
    return lambda _, cells: [share(counted(part, here), counted(whole, here), late(one, here)) for here in cells]


def stocked(stock: Stock, before: Cells, cells: Sequence[Cells]) -> list[Figure]:
    """How much there is at the end of each period."""
    found, stands = [], 0
    for here in (before, *cells):
        (came, late), (went, later) = tallied(here, stock.came), tallied(here, stock.went)
        stands += came - went
        found.append(Figure(stands, late=late + later))
    return found[1:]


def tallied(cells: Cells, measures: Sequence[str]) -> tuple[int, int]:
    """How many of these, whatever their splits, and how many changes to them came late."""
    many = late = 0
    for measure in measures:
        for cell in cells.get(measure, NONE).values():
            many += cell.many
            late += cell.late
    return many, late


def late(one: Definition, cells: Cells) -> int:
    return tallied(cells, one.measures)[1]


def share(part: int, whole: int, late: int) -> Figure:
    return Figure(round(part / whole, 4) if whole else None, part, whole, late=late)


def mean(one: Definition, cells: Cells) -> Figure:
    cell = reduce(add, cells.get(one.mean, NONE).values() or (NOTHING,))
    scale, digits = SCALES[one.mean], 1 if one.unit == "mark" else None
    value = round(cell.total / cell.many, digits) if cell.many else None
    half, most = cell.within(scale, 50, 90)
    return Figure(value, whole=cell.many, half_within=half, most_within=most, late=late(one, cells))


def counted(terms: Sequence[Ready], cells: Cells) -> int:
    found = 0
    for measure, splits, upto, beyond in terms:
        for split, cell in cells.get(measure, NONE).items():
            if not splits or split in splits:
                inside = sum(cell.spread[:upto]) if upto else cell.many
                found += cell.many - inside if beyond else inside
    return found
