"""A story: all that belongs to one address, party, case or object, over all channels, in the order of what happened.

What is told late stands where it belongs. What happened in the same instant stands in the order of the log.
"""

from collections.abc import Sequence
from functools import partial
from operator import itemgetter
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    Subquery,
    Table,
    and_,
    case,
    func,
    literal_column,
    or_,
    select,
    tuple_,
    union_all,
)

from engine.ask import Row, ask
from engine.engine import Engine
from engine.values import filled, number, padded, slots, text
from schemas.errors import Refused
from services.desk.entry import KEY, entry
from services.desk.filed import filed, threads, tied
from services.desk.identity import claims, decided, merges, reveals
from services.desk.place import entry_of, spot
from services.desk.whose import CERTAIN, Whose, some, whose

# What stories are read from. Each is kept by a part of its own, and they are never equally far.
VIEWS: Final = (entry, claims, merges, reveals, decided, filed, threads, tied)
PAGE_MAX: Final = 50
PAGE_MOST: Final = 200
SLOTS_MAX: Final = 64  # Addresses of one story, each read as a short stretch of its own.
ADDRESSES_MAX: Final = 1_024
PARTIES_MAX: Final = 64
LATEST: Final = ("~", "~", 2**62)  # After everything.
POSSIBLE: Final = 1
SURE: Final = 2
ITSELF: Final = 2  # What was said of a contact itself goes before what was said of its conversation.
NOT_GIVEN: Final[ColumnElement[int]] = literal_column("0", Integer)
IN_ORDER: Final = itemgetter(*KEY)


class Told(NamedTuple):
    """One fact of a story. Unless it is `sure`, it is only possibly theirs: somebody has to decide."""

    row: Row
    sure: bool


class Story(NamedTuple):
    """A page of a story, newest first. `before` is where the page before it begins; None at its very beginning."""

    subject: str
    entries: Sequence[Told]
    before: str | None


async def story(engine: Engine, subject: str, before: str | None = None, limit: int = PAGE_MAX) -> Story:
    """The story of `address/…`, `party/…`, `case/…` or `object/…`. Raises `Refused` where it is none of these."""
    kind, _, name = subject.partition("/")
    limit = min(limit, PAGE_MOST)
    values = dict(zip(("at", "partition", "position"), entry_of(before) if before else LATEST, strict=True))
    values |= {"subject": name, "most": limit + 1}
    match kind:
        case "address":
            rows, sure = await ask(engine, of_address, [entry], (), values), always
        case "case":
            rows, sure = await ask(engine, of_case, [entry, filed, threads], (), values), partial(sure_in, name)
        case "object":
            rows, sure = await ask(engine, of_object, [entry, tied], (), values), always
        case "party":
            theirs = await whose(engine, name)
            rows, sure = await party_rows(engine, theirs, values), partial(sure_of, theirs)
        case _:
            raise Refused("a story is told of an address, a party, a case or an object")
    newest = sorted(rows, key=IN_ORDER, reverse=True)
    entries = [Told(row, sure(row)) for row in newest[:limit]]
    return Story(subject, entries, place_of(entries[-1].row) if len(rows) > limit else None)


def place_of(row: Row) -> str:
    return f"{row['at']}{spot(row['partition'], row['position'])}"


def always(_row: Row) -> bool:
    return True


def sure_in(case_id: str, row: Row) -> bool:
    return row["case_id"] == case_id or row["given"] in (SURE, SURE + ITSELF)


def sure_of(theirs: Whose, row: Row) -> bool:
    return theirs.addresses.get(row["address_id"], False) or row["given"] == SURE or row["party_id"] in theirs.parties


class Shape(NamedTuple):
    """What a party's query is made for: few shapes for many parties, so that few queries have to be built."""

    addresses: int
    parties: int
    contested: bool


async def party_rows(engine: Engine, theirs: Whose, values: dict[str, Any]) -> Sequence[Row]:
    parties, addresses = padded(theirs.parties), padded([*theirs.addresses])
    if len(parties) > PARTIES_MAX or len(addresses) > ADDRESSES_MAX:
        raise Refused(f"a story is told of {PARTIES_MAX} merged parties and {ADDRESSES_MAX} addresses at most")
    values |= filled("address", addresses) | filled("party", parties)
    shape = Shape(len(addresses), len(parties), theirs.contested)
    return await ask(engine, of_party, [entry, decided], [shape], values)


def of_address(row: Table) -> Select[Any]:
    return page(row, stretch(row, row.c.address_id == text("subject")))


def of_case(row: Table, file: Table, thread: Table) -> Select[Any]:
    """Its own facts, the contacts filed under it, and what else was said in the conversations of those."""
    here = file.c.case_id == text("subject")
    mine, same = thread.alias("mine"), thread.alias("same")
    direct = row.join(file, file.c.contact_id == row.c.contact_id)
    along = (
        file.join(mine, mine.c.contact_id == file.c.contact_id)
        .join(same, same.c.conversation_id == mine.c.conversation_id)
        .join(row, row.c.contact_id == same.c.contact_id)
    )
    given = how_sure(file)
    return page(
        row,
        stretch(row, row.c.case_id == text("subject")),
        stretch(row, here, source=direct, given=given + ITSELF),
        stretch(row, here, source=along, given=given),
    )


def of_object(row: Table, tie: Table) -> Select[Any]:
    """The contacts that are about it."""
    about = row.join(tie, tie.c.contact_id == row.c.contact_id)
    return page(row, stretch(row, tie.c.object_id == text("subject"), source=about))


def of_party(row: Table, give: Table, shape: Shape) -> Select[Any]:
    """What their addresses said, unless an agent gave it to others; what an agent gave them; and their own facts."""
    group, named = slots("party", shape.parties), slots("address", shape.addresses)
    of_contact = give.c.contact_id == row.c.contact_id
    ours = some(row, give, of_contact, give.c.party_id.in_(group))
    others = some(row, give, of_contact, give.c.party_id.not_in(group), give.c.certainty == CERTAIN)
    kept = [or_(~others, ours)] if shape.contested else []
    each = [row.c.address_id == one for one in named] if len(named) <= SLOTS_MAX else [row.c.address_id.in_(named)]
    return page(
        row,
        *(stretch(row, here, *kept) for here in each),
        *(
            stretch(row, give.c.party_id == one, source=row.join(give, of_contact), given=how_sure(give))
            for one in group
        ),
        *(stretch(row, row.c.party_id == one) for one in group),
    )


def how_sure(said: Table) -> ColumnElement[int]:
    return case((said.c.certainty == CERTAIN, SURE), else_=POSSIBLE)


def stretch(
    row: Table,
    *where: ColumnElement[bool],
    source: Any = None,  # noqa: ANN401  # A join.
    given: ColumnElement[int] = NOT_GIVEN,
) -> Subquery:
    """The keys of the entries before the place that is asked for: a short stretch of an index, or what was chosen."""
    key = [row.c[name] for name in KEY]
    before = tuple_(*key) < tuple_(text("at"), text("partition"), number("position"))
    found = select(*key, given.label("given")).select_from(row if source is None else source).where(*where, before)
    if source is not None:  # All of them: asked for the newest, PostgreSQL walks back along the whole log instead.
        return found.subquery()
    return found.order_by(*(column.desc() for column in key)).limit(number("most")).subquery()


def page(row: Table, *stretches: Subquery) -> Select[Any]:
    """The newest entries of these stretches, each once, `given` as it is on the nearest. No other is even looked up.

    They come in no order: to sort a page of whole rows is quicker where it is read.
    """
    every = union_all(*(select(one) for one in stretches)).subquery()
    key = [every.c[name] for name in KEY]
    newest = select(*key, func.max(every.c.given).label("given")).group_by(*key)
    keys = newest.order_by(*(column.desc() for column in key)).limit(number("most")).subquery("keys")
    both = keys.join(row, and_(row.c.partition == keys.c.partition, row.c.position == keys.c.position))
    return select(row, keys.c.given).select_from(both)
