"""One thread: the story of an address, party, case or object, with who it is, what is open, and how to answer."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Select, Table, or_, select

from channels.address import reachable_by_sms
from engine.ask import Row
from engine.engine import Engine
from schemas.case import CaseOpened, CaseSplit
from schemas.conversation import ConversationClosed, ConversationOpened, ConversationReopened
from schemas.errors import Refused
from services.desk import words
from services.desk.addresses import addresses as addresses_view
from services.desk.appointments import appointments as appointments_view
from services.desk.entry import entry
from services.desk.filed import filed, tied
from services.desk.identity import parties
from services.desk.story import place_of, story
from services.desk.tasks import tasks as tasks_view
from services.desk.telling import tell
from services.desk.waiting import waiting_of
from services.desk.whose import candidates, whose

KINDS: Final = ("address", "party", "case", "object")
WINDOW: Final = timedelta(hours=24)  # Of WhatsApp: after a resident's last message we may write for so long.
ROWS_MAX: Final = 200
TALKS: Final = frozenset({ConversationOpened.type, ConversationReopened.type, ConversationClosed.type})
SPLITS: Final = (CaseOpened.type, CaseSplit.type)  # They say which case is a sub-case of which.
UNKNOWN: Final = {"party": "Onbekende inwoner", "case": "Zaak", "object": "Object"}
WRITABLE: Final = ("chat", "whatsapp", "sms", "email")


class Way(NamedTuple):
    """A road over which this thread can be answered. Where it is closed, `shut` says why."""

    value: str
    channel: str
    address_id: str
    label: str
    icon: str
    until: str
    shut: str
    last: str


class Circle(NamedTuple):
    """All that a story is of: the parties that are one, and the addresses."""

    parties: Sequence[str]
    addresses: Sequence[str]


async def thread(engine: Engine, kind: str, name: str, before: str | None, now: datetime) -> dict[str, Any]:
    """What its page shows. Raises `Refused` where there is no such kind of thread."""
    if kind not in KINDS:
        raise Refused("a thread is that of an address, a party, a case or an object")
    told = await story(engine, f"{kind}/{name}", before)
    rows = [one.row for one in told.entries]
    around = await circle(engine, kind, name, rows)
    known = await rows_in(engine, addresses_view, "address_id", around.addresses)
    people = {row["party_id"]: row for row in await rows_in(engine, parties, "party_id", around.parties)}
    maybe = await candidates(engine, name) if kind == "address" else []
    received = [row for row in rows if row["type"] == "contact.received"]
    latest = received[0] if received else None
    theirs = [one["party_id"] for one in maybe if one["certainty"] == "certain"] if kind == "address" else []
    cases = await cases_of(engine, around.parties or theirs, name if kind == "case" else "", received)
    things = await things_of(engine, name if kind == "object" else "", received)
    called = {one: row["name"] for one, row in people.items()} | {one["case_id"]: one["title"] for one in cases}
    called |= {one["object_id"]: f"{words.thing(one['kind'])} {one['title']}" for one in things}
    calls = [one for each in around.addresses for one in await waiting_of(engine, each) if one["kind"] == "call"]
    return {
        "kind": kind,
        "name": name,
        "path": f"/threads/{kind}/{name}",
        "title": title(kind, name, known, called),
        "known": known,
        "people": [people[one] for one in around.parties if one in people],
        "maybe": maybe,
        "cases": cases,
        "things": things,
        "tasks": await tasks_of(engine, around.addresses, f"{kind}/{name}"),
        "visits": await visits_of(engine, around),
        "days": days(told.entries),
        "before": told.before,
        "older": before is not None,
        "seen": place_of(rows[0]) if rows else "",
        "talk": open_talk(rows),
        "contact": latest,
        "call": calls[0] if calls else None,
        "ways": ways(known, now),
    }


def open_talk(rows: Sequence[Row]) -> Row | None:
    """The latest conversation of this part of the story, unless it is closed."""
    talks = (row for row in rows if row["type"] in TALKS)
    latest = next(talks, None)
    return None if latest is None or latest["type"] == ConversationClosed.type else latest


def days(entries: Sequence[Any]) -> list[tuple[str, list[Any]]]:
    return [(day, list(group)) for day, group in groupby(tell(entries), key=lambda one: one.day)]


async def circle(engine: Engine, kind: str, name: str, rows: Sequence[Row]) -> Circle:
    if kind == "address":
        return Circle((), (name,))
    if kind == "party":
        theirs = await whose(engine, name)
        return Circle([name, *(one for one in theirs.parties if one != name)], [*theirs.addresses])
    return Circle(sorted({row["party_id"] for row in rows if row["party_id"] and row["case_id"] == name}), ())


def title(kind: str, name: str, known: Sequence[Row], called: Mapping[str, str]) -> str:
    if kind in UNKNOWN:
        return called.get(name, UNKNOWN[kind])
    return (known[0]["profile"] or known[0]["value"] if known else "") or words.sender(name)


async def rows_in(engine: Engine, view: Any, column: str, names: Sequence[str]) -> Sequence[Row]:  # noqa: ANN401  # A view.
    if not names:
        return []
    table = await engine.table(view)
    return await engine.fetch(select(table).where(table.c[column].in_(list(names)[:ROWS_MAX])))


async def cases_of(
    engine: Engine, party_ids: Sequence[str], case_id: str, received: Sequence[Row]
) -> list[dict[str, str]]:
    """The cases of these parties, or this one with its sub-cases and its main case, as they stand."""
    table = await engine.table(entry)
    if case_id:
        near = select(table.c.detail).where(table.c.case_id == case_id, table.c.type.in_(SPLITS))
        said = [json.loads(row["detail"]) for row in await engine.fetch(near.limit(ROWS_MAX))]
        others = {one.get("sub_id") or one.get("main_id") or case_id for one in said}
        return await matters(engine, table.c.case_id.in_({case_id, *others}))
    which = [table.c.party_id.in_(list(party_ids))] if party_ids else []
    under = await rows_in(engine, filed, "contact_id", [row["contact_id"] for row in received])
    which += [table.c.case_id.in_(sorted({row["case_id"] for row in under}))] if under else []
    return await matters(engine, or_(*which)) if which else []


async def matters(engine: Engine, which: ColumnElement[bool]) -> list[dict[str, str]]:
    table = await engine.table(entry)
    query = select(table).where(which, table.c.case_id != "", table.c.type.like("case.%"))
    found: dict[str, dict[str, str]] = {}
    for row in await engine.fetch(query.order_by(table.c.at, table.c.position).limit(ROWS_MAX)):
        blank = {"case_id": row["case_id"], "title": "Zaak", "state": "open", "due": "", "kind": "", "main_id": ""}
        one = found.setdefault(row["case_id"], blank)
        match row["type"]:
            case "case.opened":
                one |= {"title": row["title"], "kind": words.plain(row["word"])}
                one |= {"main_id": json.loads(row["detail"]).get("main_id", "")}
            case "case.closed":
                one |= {"state": f"afgehandeld: {words.reason(row['word']).lower()}"}
            case "case.reopened":
                one |= {"state": "open"}
            case "case.status-changed":
                one |= {"state": words.plain(row["word"])}
            case "case.due-set":
                one |= {"due": row["due"]}
    return list(found.values())


async def things_of(engine: Engine, object_id: str, received: Sequence[Row]) -> Sequence[Row]:
    """What the contacts on this page are about; of an object, what it is called."""
    if object_id:
        return await rows_in(engine, tied, "object_id", [object_id])
    return await rows_in(engine, tied, "contact_id", [row["contact_id"] for row in received])


async def tasks_of(engine: Engine, address_ids: Sequence[str], about: str) -> Sequence[Row]:
    table = await engine.table(tasks_view)
    mine = or_(table.c.address_id.in_(list(address_ids)), table.c.about == about)
    query = select(table).where(mine, table.c.state != "done").order_by(table.c.due).limit(ROWS_MAX)
    return await engine.fetch(query)


async def visits_of(engine: Engine, around: Circle) -> Sequence[Row]:
    def query(table: Table) -> Select[Any]:
        theirs = (table.c.party_id.in_(list(around.parties)), table.c.address_id.in_(list(around.addresses)))
        return select(table).where(or_(*theirs)).order_by(table.c.starts_at.desc()).limit(10)

    if not around.parties and not around.addresses:
        return []
    return await engine.fetch(query(await engine.table(appointments_view)))


def ways(known: Sequence[Row], now: datetime) -> list[Way]:
    """The roads to these addresses, that of the last message first."""
    found = [way for row in known for way in of_address(row, now)]
    return sorted(found, key=lambda way: (way.shut == "", way.last), reverse=True)


def of_address(row: Row, now: datetime) -> list[Way]:
    inbound: dict[str, str] = json.loads(row["inbound"])
    roads = [channel for channel in WRITABLE if channel in inbound]
    if row["kind"] == "email" and "email" not in roads:
        roads.append("email")
    if row["kind"] == "phone" and "sms" not in roads and reachable_by_sms(row["value"]):
        roads.append("sms")
    return [way(row, channel, inbound.get(channel, ""), now) for channel in roads]


def way(row: Row, channel: str, last: str, now: datetime) -> Way:
    said = words.channel(channel)
    until, shut = "", ""
    if channel == "whatsapp":
        ends = datetime.fromisoformat(last) + WINDOW
        until = ends.isoformat()
        if now >= ends:
            shut = "de 24 uur na het laatste bericht zijn voorbij"
    where = f"{said.label} naar {row['value']}" if row["value"] and channel != "chat" else said.label
    return Way(f"{channel} {row['address_id']}", channel, row["address_id"], where, said.icon, until, shut, last)
