"""What a list may be asked by: each filter is one condition on a row, or on a row that is reached from it in steps."""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, FromClause, Table, and_, exists, func, literal, or_, select, union_all

from engine.values import text
from services.klantinteracties.fields import FLAGS, moment

FILTERS_MAX: Final = 30  # Of one question.
VALUE_CHARS_MAX: Final = 1_000
KNOWN_BY: Final = "known-by"  # Rows that are looked for like numbers, and never served.
LIKE: Final = {"partij-identificatoren": ("partij-identificatoren", KNOWN_BY)}
SEPARATOR: Final = "\x1f"  # Between the terms of a row.

ADDRESS: Final = re.compile(r"https?://[^/\s]+/")
NARROW: Final = frozenset({"uuid", "contact", "party", "other", "object_id", "address_id", "number", "reference"})

Clause = Callable[[Table, str], ColumnElement[bool]]


class Step(NamedTuple):
    """From a row to others: those of this kind of which `inner` is what `outer` is here."""

    outer: str
    kind: str
    inner: str
    claimed: bool = False  # Of parties: those to whom the address surely belongs count as well.


class Unknown(ValueError):
    """None of the words that there are."""


class Filter(NamedTuple):
    clause: Clause
    read: Callable[[str], str]  # Raises `ValueError`.
    schema: Mapping[str, Any]
    steps: tuple[Step, ...] = ()
    narrow: bool = False  # Few rows are so: they are looked for by this, and not by their kind.
    numbered: bool = False  # Asked by what a number comes to in each register: see `numbers`.

    def after(self, *steps: Step) -> "Filter":
        """The same, of what is reached by these steps first."""
        return self._replace(steps=(*steps, *self.steps))


def words(value: str) -> str:
    return value.replace(SEPARATOR, "")


def name_in(value: str) -> str:
    return str(UUID(value))


def name_at_end(value: str) -> str:
    """Of the card that an address names; of any other address nothing is found. Raises `ValueError` for none."""
    if not ADDRESS.match(value):
        raise ValueError("no address")
    try:
        return str(UUID(value.rstrip("/").rpartition("/")[2]))
    except ValueError:
        return ""


def day(value: str) -> str:
    return date.fromisoformat(value).isoformat()


def flag(value: str) -> str:
    found = FLAGS.get(value.lower())
    if found is None:
        raise ValueError("no boolean")
    return "true" if found else "false"


def sorted_moment(value: str) -> str:
    """As it stands in the order of a list."""
    return sortable(moment(value.replace(" ", "+")))


def sortable(written: str) -> str:
    """A moment with all its digits, so that it sorts as text."""
    head, dot, rest = written.removesuffix("Z").partition(".")
    return f"{head}.{rest if dot else '000000'}Z"


def escaped(value: str) -> str:
    return re.sub(r"([\\%_])", r"\\\1", value)


TEXT: Final = {"type": "string"}
NAME: Final = {"type": "string", "format": "uuid"}
URL: Final = {"type": "string", "format": "uri"}
FLAG: Final = {"type": "boolean"}
DAY: Final = {"type": "string", "format": "date"}
MOMENT: Final = {"type": "string", "format": "date-time"}


def exactly(column: str, read: Callable[[str], str] = words, schema: Mapping[str, Any] = TEXT) -> Filter:
    return Filter(lambda table, name: table.c[column] == text(name), read, schema, narrow=column in NARROW)


def among(column: str) -> Filter:
    """One of several, with commas between."""

    def clause(table: Table, name: str) -> ColumnElement[bool]:
        every = literal(",").concat(text(name)).concat(",")
        return func.replace(every, literal(",").concat(table.c[column]).concat(","), "") != every

    return Filter(clause, words, TEXT)


def holds(column: str) -> Filter:
    """Somewhere in it, whatever the capitals."""

    def read(value: str) -> str:
        return f"%{escaped(value.casefold())}%"

    return Filter(lambda table, name: table.c[column].like(text(name), escape="\\"), read, TEXT)


def term(label: str, read: Callable[[str], str] = words, schema: Mapping[str, Any] = TEXT) -> Filter:
    """One of the things that few ask by, which stand together."""

    def as_term(value: str) -> str:
        return f"%{SEPARATOR}{label}={escaped(read(value))}{SEPARATOR}%"

    if read is not words:
        return Filter(lambda table, name: table.c.terms.like(text(name), escape="\\"), as_term, schema)
    # `LIKE` does not tell capitals apart on SQLite, and people write them.
    said = f"{SEPARATOR}{label}={{}}{SEPARATOR}"
    return Filter(holding_all, lambda value: said.format(words(value)), schema)


def holding_all(table: Table, name: str) -> ColumnElement[bool]:
    return func.replace(table.c.terms, text(name), "") != table.c.terms


def choice(label: str, *known: str, column: str = "") -> Filter:
    """One of the words that there are: in this column, or among the terms."""

    def read(value: str) -> str:
        if value not in known:
            raise Unknown("no such word")
        return value

    schema = {"type": "string", "enum": list(known)}
    return exactly(column, read, schema) if column else term(label, read, schema)


def yes(label: str) -> Filter:
    return term(label, flag, FLAG)


def terms(**said: Any) -> str:  # noqa: ANN401  # As its field holds it.
    """The terms of a row, as they are asked by."""
    each = [f"{label}={shown(value)}" for label, value in said.items() if value is not None]
    return f"{SEPARATOR}{SEPARATOR.join(each)}{SEPARATOR}"


def shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else words(str(value))


def linked(prefix: str, *steps: Step, column: str = "") -> dict[str, Filter]:
    """By the name or the address of another card."""
    last = column or "uuid"
    return {
        f"{prefix}__uuid": exactly(last, name_in, NAME).after(*steps),
        f"{prefix}__url": exactly(last, name_at_end, URL).after(*steps),
    }


def ranged(prefix: str, column: str, read: Callable[[str], str], schema: Mapping[str, Any]) -> dict[str, Filter]:
    compare: dict[str, Clause] = {
        "gt": lambda table, name: table.c[column] > text(name),
        "gte": lambda table, name: table.c[column] >= text(name),
        "lt": lambda table, name: table.c[column] < text(name),
        "lte": lambda table, name: table.c[column] <= text(name),
    }
    found = {f"{prefix}__{how}": Filter(clause, read, schema) for how, clause in compare.items()}
    return {prefix: exactly(column, read, schema), **found}


def there(*steps: Step, where: Clause | None = None) -> Filter:
    """Whether there is any such row."""

    def clause(table: Table, name: str) -> ColumnElement[bool]:
        [step] = steps
        other = table.alias()
        more = () if where is None else (where(other, name),)  # type: ignore[arg-type]  # An alias has its columns.
        found = exists().where(other.c[step.inner] == table.c[step.outer], other.c.kind == step.kind, *more)
        return or_(and_(text(name) == "true", found), and_(text(name) == "false", ~found))

    return Filter(clause, flag, FLAG)


def of_kind(table: FromClause, kinds: Iterable[str]) -> ColumnElement[bool]:
    """Rows of these kinds, found by what else is asked: SQLite would go by an index of the kind, which holds most."""
    return table.c.kind.concat("").in_(tuple(kinds))


def conditions(table: Table, asked: Iterable[tuple[str, Filter]]) -> list[ColumnElement[bool]]:
    """All that was asked, of each row of this table. What is reached by the same steps holds of the same row."""
    every = ways(table, asked := [*asked])
    if len(every) == 1:
        return every[0]
    mine = table.alias()  # Lists in one, and not an OR: for that PostgreSQL goes through all cards.
    return [table.c.uuid.in_(union_all(*(select(mine.c.uuid).where(*way) for way in ways(mine, asked))))]


def ways(table: FromClause, asked: Iterable[tuple[str, Filter]]) -> list[list[ColumnElement[bool]]]:
    """The same, in the ways in which that may be: in each, all conditions hold, and an index serves one of them."""
    here: list[ColumnElement[bool]] = []
    beyond: dict[Step, list[tuple[str, Filter]]] = {}
    for name, one in asked:
        if one.steps:
            beyond.setdefault(one.steps[0], []).append((name, one._replace(steps=one.steps[1:])))
        else:
            here.append(one.clause(table, name))  # type: ignore[arg-type]  # An alias has its columns.
    found = [here]
    for step, rest in beyond.items():
        found = [[*way, one] for way in found for one in reached(table, step, rest)]
    return found


def reached(table: FromClause, step: Step, rest: list[tuple[str, Filter]]) -> list[ColumnElement[bool]]:
    other = table.alias()
    kinds = LIKE.get(step.kind, (step.kind,))
    narrow = any(one.narrow or one.steps for _, one in rest)
    kind = of_kind(other, kinds) if narrow else other.c.kind.in_(kinds)
    every = [select(other.c[step.inner]).where(kind, *way) for way in ways(other, rest)]
    found = union_all(*every) if len(every) > 1 else every[0]
    direct = table.c[step.outer].in_(found)
    if not step.claimed:
        return [direct]
    claim, rival = table.alias(), table.alias()
    shared = exists().where(
        rival.c.address_id == claim.c.address_id, rival.c.party != claim.c.party, rival.c.kind == claim.c.kind
    )
    theirs = select(claim.c.address_id).where(claim.c.kind == "digitaleadressen", claim.c.party.in_(found), ~shared)
    by_nobody = func.coalesce(table.c.party, "") == ""  # So that no index of those without a party is gone through.
    return [direct, and_(by_nobody, table.c.address_id.in_(theirs))]
