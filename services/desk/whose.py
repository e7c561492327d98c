"""Whose it is: which parties are one, which addresses are theirs, and who may be behind an address.

Several candidates are all told, and none is chosen.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Select,
    Table,
    Text,
    cast,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
)

from engine.ask import Row, ask
from engine.engine import Engine
from engine.values import filled, padded, slots, text
from services.desk.identity import claims, decided, identifiers, merges, parties, reveals

CERTAIN: Final = "certain"
FOUND_MAX: Final = 25  # Parties that one search tells of.


class Whose(NamedTuple):
    """A party, all that it is merged with, and the addresses that any of them is said to have."""

    parties: Sequence[str]
    addresses: Mapping[str, bool]  # Whether it is theirs alone, and certainly.
    contested: bool  # Whether an agent gave somebody else a contact of one of these.


async def whose(engine: Engine, party_id: str) -> Whose:
    group = [party_id]
    rows = await having(engine, group)
    if any(row["party_id"] != party_id for row in rows):  # Seldom: most parties are merged with nobody.
        group = [row["party_id"] for row in await ask(engine, together, [merges], (), {"party": party_id})]
        rows = await having(engine, group)
    found: dict[str, bool] = {}
    for row in rows:
        if name := row["address_id"]:
            sure = row["certainty"] == row["revealed"] == CERTAIN
            found[name] = (found.get(name, False) or sure) and not row["shared"]
    return Whose(sorted(group), found, any(row["contested"] for row in rows))


def together(merge: Table) -> Select[Any]:
    """This party and all that it is merged with, however they are: A with B, B with A, or by way of a third."""
    one = select(cast(text("party"), merge.c.party_id.type).label("party_id")).cte("one", recursive=True)
    return select(one.union(select(merge.c.other_id).join(one, merge.c.party_id == one.c.party_id)))


async def having(engine: Engine, group: Sequence[str]) -> Sequence[Row]:
    names = padded(group)
    return await ask(engine, of_parties, [merges, claims, reveals, decided], [len(names)], filled("party", names))


def of_parties(merge: Table, claim: Table, reveal: Table, give: Table, many: int) -> Select[Any]:
    """Each of these parties with each of its addresses, and with those that were revealed to be the same person's.

    And each that one of them is merged with, with no address. All is looked up by who they are: asked to walk along the
    merges meanwhile, PostgreSQL expects to meet many parties, and looks through every address there is.
    """
    group = slots("party", many)
    nothing, sure = cast(null(), Text), literal(CERTAIN)
    direct = select(claim.c.party_id, claim.c.address_id, claim.c.certainty, sure.label("revealed"))
    also = claim.join(reveal, reveal.c.address_id == claim.c.address_id)
    other = select(claim.c.party_id, reveal.c.other_id, claim.c.certainty, reveal.c.certainty).select_from(also)
    merged = select(merge.c.other_id, nothing, nothing, nothing).where(merge.c.party_id.in_(group))
    theirs = claim.c.party_id.in_(group)
    every = union_all(direct.where(theirs), other.where(theirs), merged).subquery()
    others, same = claim.alias("others"), reveal.alias("same")
    strangers = others.c.party_id.not_in(group)
    as_well = same.join(others, others.c.address_id == same.c.other_id)
    shared = some(every, others, others.c.address_id == every.c.address_id, strangers)
    shared_by = some(every, as_well, same.c.address_id == every.c.address_id, strangers)
    elsewhere = give.c.party_id.not_in(group), give.c.certainty == CERTAIN
    contested = some(every, give, give.c.address_id == every.c.address_id, *elsewhere)
    return select(every, or_(shared, shared_by).label("shared"), contested.label("contested"))


def some(of: FromClause, source: FromClause, *where: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether there is one, looked up for each row by an index.

    An EXISTS, PostgreSQL may answer from a list of all there are; and the first one, by looking through them all.
    """
    return select(func.count()).select_from(source).where(*where).correlate(of).scalar_subquery() > 0


async def candidates(engine: Engine, address_id: str) -> Sequence[Row]:
    """Who may be behind this address: `party_id`, `name`, `kind`, `certainty` of each; the certain ones first."""
    rows = await ask(engine, behind, [claims, parties, reveals], (), {"address": address_id})
    return list({row["party_id"]: row for row in reversed(rows)}.values())[::-1]


def behind(claim: Table, party: Table, reveal: Table) -> Select[Any]:
    both = claim.outerjoin(party, party.c.party_id == claim.c.party_id)
    columns = (claim.c.party_id, party.c.name, party.c.kind, claim.c.certainty, claim.c.channel, claim.c.at)
    same = select(reveal.c.other_id).where(reveal.c.address_id == text("address"), reveal.c.certainty == CERTAIN)
    here = union_all(select(cast(text("address"), claim.c.address_id.type)), same)
    found = select(*columns).select_from(both).where(claim.c.address_id.in_(here))
    return found.order_by(claim.c.certainty, claim.c.at, claim.c.party_id).limit(FOUND_MAX)


async def named(engine: Engine, folded: str) -> Sequence[Row]:
    """Parties of which the name holds this."""
    pattern = "%" + folded.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    return await ask(engine, by_name, [parties], (), {"pattern": pattern})


def by_name(party: Table) -> Select[Any]:
    like = party.c.folded.like(text("pattern"), escape="\\")
    return select(party).where(like).order_by(party.c.folded, party.c.party_id).limit(FOUND_MAX)


async def numbered(engine: Engine, scheme: str, digest: str) -> Sequence[Row]:
    """Parties that a register knows by this number."""
    return await ask(engine, by_number, [parties, identifiers], (), {"scheme": scheme, "digest": digest})


def by_number(party: Table, identifier: Table) -> Select[Any]:
    both = party.join(identifier, identifier.c.party_id == party.c.party_id)
    same = (
        identifier.c.scheme == text("scheme"),
        identifier.c.digest == text("digest"),
    )
    return select(party).select_from(both).where(*same).order_by(party.c.party_id).limit(FOUND_MAX)
