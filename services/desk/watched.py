"""Watching one story: which news belongs to it, and after which it has to be read anew."""

import json
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from sqlalchemy import Select, Table, func, select

from engine.ask import Row, ask
from engine.engine import Engine
from engine.values import text
from schemas.errors import Refused
from services.desk.filed import filed, threads, tied
from services.desk.identity import decided
from services.desk.whose import CERTAIN, whose

# After these, other facts may belong to the story than before.
TURNS: Final = frozenset(
    {
        "contact.identified",
        "contact.unidentified",
        "contact.filed",
        "contact.unfiled",
        "contact.tied",
        "contact.untied",
        "party.address-linked",
        "party.address-unlinked",
        "party.merged",
        "party.unmerged",
        "address.revealed",
    }
)
TALK: Final = "conversation."


class Watched(NamedTuple):
    """Of one story: what belongs to it, whether surely, and what may change what does."""

    match: Callable[[Row], bool]
    sure: Callable[[Row], bool]
    turns: Callable[[Row], bool]

    def concerns(self, row: Row) -> bool:
        return self.match(row) or self.turns(row)


async def watched(engine: Engine, subject: str) -> Watched:
    """How to watch the story of `address/…`, `party/…`, `case/…` or `object/…`. Raises `Refused` where it is none."""
    kind, _, name = subject.partition("/")
    match kind:
        case "address":
            return address(name)
        case "party":
            return await party(engine, name)
        case "case":
            return await matter(engine, name)
        case "object":
            return await thing(engine, name)
        case _:
            raise Refused("a story is told of an address, a party, a case or an object")


def address(name: str) -> Watched:
    def match(row: Row) -> bool:
        return bool(row["address_id"] == name)

    return Watched(match, lambda _: True, lambda row: row["type"] in TURNS and match(row))


async def party(engine: Engine, name: str) -> Watched:
    theirs = await whose(engine, name)
    group = set(theirs.parties)
    given: dict[str, bool] = {}
    for one in theirs.parties:
        for row in await ask(engine, of_party, [decided], (), {"party": one}):
            given[row["contact_id"]] = given.get(row["contact_id"], False) or row["certainty"] == CERTAIN

    def match(row: Row) -> bool:
        return row["party_id"] in group or row["address_id"] in theirs.addresses or row["contact_id"] in given

    def sure(row: Row) -> bool:
        own = row["party_id"] in group or theirs.addresses.get(row["address_id"], False)
        return own or given.get(row["contact_id"], False)

    def turns(row: Row) -> bool:
        return row["type"] in TURNS and (match(row) or json.loads(row["detail"]).get("merged_id") in group)

    return Watched(match, sure, turns)


def of_party(give: Table) -> Select[Any]:
    return select(give.c.contact_id, give.c.certainty).where(give.c.party_id == text("party"))


async def matter(engine: Engine, name: str) -> Watched:
    rows = await ask(engine, of_case, [filed, threads], (), {"case": name})
    sure_of = {row["contact_id"]: False for row in rows}
    sure_of |= {row["contact_id"]: True for row in rows if row["certainty"] == CERTAIN}
    talks = {row["conversation_id"] for row in rows}

    def match(row: Row) -> bool:
        return row["case_id"] == name or row["contact_id"] in sure_of

    def turns(row: Row) -> bool:
        grew = row["type"].startswith(TALK) and row["conversation_id"] in talks and row["contact_id"] == ""
        return grew or (row["type"] in TURNS and row["case_id"] == name)

    return Watched(match, lambda row: row["case_id"] == name or sure_of.get(row["contact_id"], False), turns)


def of_case(file: Table, thread: Table) -> Select[Any]:
    """The contacts filed there, and those that belong to a conversation with one of them."""
    mine, same = thread.alias("mine"), thread.alias("same")
    along = file.outerjoin(mine, mine.c.contact_id == file.c.contact_id).outerjoin(
        same, same.c.conversation_id == mine.c.conversation_id
    )
    contact = func.coalesce(same.c.contact_id, file.c.contact_id).label("contact_id")
    found = select(contact, mine.c.conversation_id, file.c.certainty).select_from(along)
    return found.where(file.c.case_id == text("case"))


async def thing(engine: Engine, name: str) -> Watched:
    about = {row["contact_id"] for row in await ask(engine, of_object, [tied], (), {"object": name})}

    def turns(row: Row) -> bool:
        return row["type"] in TURNS and json.loads(row["detail"]).get("object_id") == name

    return Watched(lambda row: row["contact_id"] in about, lambda _: True, turns)


def of_object(tie: Table) -> Select[Any]:
    return select(tie.c.contact_id).where(tie.c.object_id == text("object"))
