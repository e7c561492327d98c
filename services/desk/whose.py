"""Whose it is: which parties are one, which addresses are theirs, and who may be behind an address.

Several candidates are all told, and none is chosen.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    CTE,
    ColumnElement,
    FromClause,
    Select,
    Table,
    Text,
    cast,
    func,
    literal,
    or_,
    select,
    union_all,
)

from engine.ask import Row, ask
from engine.engine import Engine
from engine.values import text
from services.desk.identity import claims, decided, identifiers, merges, parties, reveals

CERTAIN: Final = "certain"
FOUND_MAX: Final = 25  # Parties that one search tells of.


class Whose(NamedTuple):
    """A party, all that it is merged with, and the addresses that any of them is said to have."""

    parties: Sequence[str]
    addresses: Mapping[str, bool]  # Whether it is theirs alone, and certainly.
    contested: bool  # Whether an agent gave somebody else a contact of one of these.


async def whose(engine: Engine, party_id: str) -> Whose:
    rows = await ask(engine, of_party, [merges, claims, reveals, decided], (), {"party": party_id})
    found: dict[str, bool] = {}
    for row in rows:
        if name := row["address_id"]:
            sure = row["certainty"] == row["revealed"] == CERTAIN
            found[name] = (found.get(name, False) or sure) and not row["shared"]
    contested = any(row["contested"] for row in rows)
    return Whose(sorted({row["party_id"] for row in rows}), found, contested)


def of_party(merge: Table, claim: Table, reveal: Table, give: Table) -> Select[Any]:
    """Each party of the group with each of its addresses, and with those that were revealed to be the same person's."""
    one = together(merge)
    theirs = one.outerjoin(claim, claim.c.party_id == one.c.party_id)
    also = one.join(claim, claim.c.party_id == one.c.party_id).join(reveal, reveal.c.address_id == claim.c.address_id)
    sure = literal(CERTAIN).label("revealed")
    direct = select(one.c.party_id, claim.c.address_id, claim.c.certainty, sure).select_from(theirs)
    other = select(
        one.c.party_id, reveal.c.other_id.label("address_id"), claim.c.certainty, reveal.c.certainty.label("revealed")
    ).select_from(also)
    every = union_all(direct, other).subquery()
    others, same = claim.alias("others"), reveal.alias("same")
    strangers = others.c.party_id.not_in(select(one.c.party_id))
    as_well = same.join(others, others.c.address_id == same.c.other_id)
    shared = some(every, others, others.c.address_id == every.c.address_id, strangers)
    shared_by = some(every, as_well, same.c.address_id == every.c.address_id, strangers)
    elsewhere = give.c.party_id.not_in(select(one.c.party_id)), give.c.certainty == CERTAIN
    contested = some(every, give, give.c.address_id == every.c.address_id, *elsewhere)
    return select(every, or_(shared, shared_by).label("shared"), contested.label("contested"))


def some(of: FromClause, source: FromClause, *where: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether there is one, looked up for each row by an index.

    An EXISTS, PostgreSQL may answer from a list of all there are; and the first one, by looking through them all.
    """
    return select(func.count()).select_from(source).where(*where).correlate(of).scalar_subquery() > 0


def together(merge: Table) -> CTE:
    """This party and all that it is merged with, however they are: A with B, B with A, or by way of a third."""
    one = select(cast(text("party"), Text).label("party_id")).cte("one", recursive=True)
    return one.union(select(merge.c.other_id).join(one, merge.c.party_id == one.c.party_id))


async def candidates(engine: Engine, address_id: str) -> Sequence[Row]:
    """Who may be behind this address: `party_id`, `name`, `kind`, `certainty` of each; the certain ones first."""
    rows = await ask(engine, behind, [claims, parties, reveals], (), {"address": address_id})
    return list({row["party_id"]: row for row in reversed(rows)}.values())[::-1]


def behind(claim: Table, party: Table, reveal: Table) -> Select[Any]:
    both = claim.outerjoin(party, party.c.party_id == claim.c.party_id)
    columns = (claim.c.party_id, party.c.name, party.c.kind, claim.c.certainty, claim.c.channel, claim.c.at)
    same = select(reveal.c.other_id).where(reveal.c.address_id == text("address"), reveal.c.certainty == CERTAIN)
    here = or_(claim.c.address_id == text("address"), claim.c.address_id.in_(same))
    found = select(*columns).select_from(both).where(here)
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
