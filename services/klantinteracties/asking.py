"""One question, one answer: the cards of a page with all that belongs to them, from the view."""

from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Any, Final, NamedTuple

from sqlalchemy import Select, Table, func, literal, select, union_all
from sqlalchemy.sql.elements import ColumnElement

from engine.ask import ask
from engine.engine import Engine
from engine.values import number, text
from services.klantinteracties.cards import cards
from services.klantinteracties.every import EVERY
from services.klantinteracties.filters import SEPARATOR, conditions, exactly, of_kind
from services.klantinteracties.plan import Hop, Plan
from services.klantinteracties.resource import Resource, Row

TOLD: Final = (
    "uuid",
    "about",
    "kind",
    "native",
    "since",
    "contact",
    "party",
    "other",
    "address_id",
    "name",
    "doc",
    "terms",
)
NAMES_MAX: Final = 512
SIZES: Final = (1, 4, 16, 64, NAMES_MAX)  # Of lists of names: each has a query of its own, which is compiled once.
BY_NAME: Final = "uuid"
NEAR_MAX: Final = 5_000
MANY: Final = 10_000
COUNT_S_MAX: Final = 1.0
COUNTS_MAX: Final = 500


class Question(NamedTuple):
    """What is asked of one kind of card."""

    resource: Resource
    filters: tuple[str, ...]
    values: Mapping[str, Any]
    falling: bool = True
    first: int = 0
    most: int = 100


class Count(NamedTuple):
    amount: int
    mark: int  # Of the store, before it was counted.
    at: float

    def holds(self, now: float, shown: int) -> bool:
        return self.amount > max(MANY, shown) and now - self.at < COUNT_S_MAX


def told(table: Table, hop: int) -> list[ColumnElement[Any]]:
    return [literal(hop).label("hop"), *(table.c[name] for name in TOLD)]


def asked(table: Table, kind: str, filters: Sequence[str]) -> list[ColumnElement[bool]]:
    every = {BY_NAME: exactly(BY_NAME), **EVERY[kind].filters}
    said = [(name, every[name]) for name in filters]
    narrow = any(one.narrow or one.steps for _, one in said)
    return [of_kind(table, [kind]) if narrow else table.c.kind == kind, *conditions(table, said)]


def page_of(table: Table, shape: "Shape") -> Select[Any]:
    order = [column.desc() if shape.falling else column for column in (table.c.sort, table.c.uuid)]
    found = select(table).where(*asked(table, shape.kind, shape.filters)).order_by(*order)
    return found.limit(number("most")).offset(number("first"))


def answer(table: Table, shape: "Shape") -> Select[Any]:
    """The page, and hop by hop what belongs to it, each card once in a hop."""
    page = page_of(table, shape).cte("page")
    levels = [page]
    for nth, hop in enumerate(shape.hops, start=1):
        other, before = table.alias(f"card{nth}"), levels[hop.of]
        led = select(before.c[hop.outer]).where(before.c.kind == hop.kind, before.c[hop.outer].is_not(None))
        only = (other.c.party.is_not(None),) if hop.claims else ()
        inner = select(other).where(other.c[hop.inner].in_(led), of_kind(other, shape.kinds[nth - 1]), *only)
        levels.append(inner.cte(f"hop{nth}"))
    every = [select(*told(level, nth), level.c.sort) for nth, level in enumerate(levels)]  # type: ignore[arg-type]
    both = union_all(*every).subquery() if len(every) > 1 else every[0].subquery()
    return select(both).order_by(both.c.hop, both.c.sort, both.c.uuid)


class Shape(NamedTuple):
    """What two questions have in common, when only their values differ."""

    kind: str
    filters: tuple[str, ...]
    falling: bool
    hops: tuple[Hop, ...]
    kinds: tuple[tuple[str, ...], ...]


def counted(table: Table, kind: str, filters: tuple[str, ...]) -> Select[Any]:
    return select(func.count().label("count")).select_from(table).where(*asked(table, kind, filters))


def named(table: Table, size: int, column: str, *kinds: str) -> Select[Any]:
    names = [text(f"n{nth}") for nth in range(size)]
    some = (of_kind(table, kinds),) if kinds else ()
    return select(*told(table, 0)).where(table.c[column].in_(names), *some).limit(number("most"))


def same(table: Table, kind: str, column: str) -> Select[Any]:
    return select(table.c.uuid).where(of_kind(table, [kind]), table.c[column] == text("value")).limit(2)


def naming(table: Table, kind: str) -> Select[Any]:
    return select(*told(table, 0)).where(table.c.kind == kind, table.c.terms.like(text("term"))).limit(NEAR_MAX)


class Asking:
    """The view, as that API asks it.

    How many there are is counted anew only when something was written, and where there are many once in a while:
    counting is the one thing that takes longer the more there is.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._counts: dict[tuple[Any, ...], Count] = {}

    async def rows(self, question: Question, plan: Plan) -> Sequence[Row]:
        kinds = tuple(tuple(sorted(some)) for some in plan.kinds)
        shape = Shape(question.resource.kind, question.filters, question.falling, tuple(plan.hops), kinds)
        values = {**question.values, "most": question.most, "first": question.first}
        return await ask(self._engine, answer, [cards], [shape], values)

    async def count(self, question: Question) -> int:
        """Exact up to `MANY`; of more, and only while there is another page, as it was within `COUNT_S_MAX`."""
        mark, now = self._engine.store.mark(), monotonic()
        key = (question.resource.kind, question.filters, tuple(question.values.items()))
        known = self._counts.get(key)
        if known is None or not (known.mark == mark or known.holds(now, question.first + question.most)):
            shape = (question.resource.kind, question.filters)
            [found] = await ask(self._engine, counted, [cards], shape, question.values)
            if len(self._counts) >= COUNTS_MAX:
                self._counts.clear()
            known = self._counts[key] = Count(found["count"], mark, now)
        return known.amount

    async def named(self, names: Sequence[str]) -> dict[str, Row]:
        """The cards of these names."""
        return {row["uuid"]: row for row in await self._among(names, BY_NAME)}

    async def belonging(self, name: str, kind: str, column: str) -> Sequence[Row]:
        """The cards of this kind that belong to one, by a column or by one of their terms."""
        if column not in TOLD:
            return await ask(
                self._engine, naming, [cards], [kind], {"term": f"%{SEPARATOR}{column}={name}{SEPARATOR}%"}
            )
        return await self._among([name], column, kind)

    async def near(self, about: str, kind: str) -> Sequence[Row]:
        """The cards about the same subject; of one kind, if one is named."""
        return await self._among([about], "about", *filter(None, [kind]))

    async def same(self, kind: str, column: str, value: str) -> Sequence[Row]:
        return await ask(self._engine, same, [cards], [kind, column], {"value": value})

    async def _among(self, names: Sequence[str], column: str, *kinds: str) -> list[Row]:
        found: list[Row] = []
        for first in range(0, len(names), NAMES_MAX):
            some = names[first : first + NAMES_MAX]
            size = next(size for size in SIZES if size >= len(some))
            padded = [*some, *[some[-1]] * (size - len(some))]
            most = 2 * size if column == BY_NAME else NEAR_MAX
            values = {f"n{nth}": name for nth, name in enumerate(padded)} | {"most": most}
            found += await ask(self._engine, named, [cards], [size, column, *kinds], values)
        return found
