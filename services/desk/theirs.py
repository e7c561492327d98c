"""What a party may see of its own: its cases and what was sent of them, and what they themselves asked and where.

Only what is surely theirs. What somebody else said in the same case is not told, not even that they did.
"""

from collections.abc import Collection, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Select, Table, select

from engine.ask import Row, ask
from engine.engine import Engine
from engine.values import filled, padded, slots
from services.desk.appointments import appointments
from services.desk.counter import Visit, visit
from services.desk.entry import KEY, entry
from services.desk.filed import filed
from services.desk.identity import claims, decided
from services.desk.whose import CERTAIN, Whose, whose

ROWS_MAX: Final = 2_000
CONTACTS_MAX: Final = 400
VISITS_MAX: Final = 100
TYPES: Final = (
    "case.opened",
    "case.status-changed",
    "case.due-set",
    "case.suspended",
    "case.resumed",
    "case.closed",
    "case.reopened",
    "notification.requested",
    "notification.sent",
    "notification.bounced",
    "notification.failed",
    "party.registered",
    "party.address-linked",
    "party.address-unlinked",
    "party.preference-set",
    "party.kind-preferred",
    "appointment.booked",
)
SAID: Final = ("contact.received", "contact.answered")
ROADS: Final = ("email", "phone", "sms", "whatsapp")  # On which they are answered, the best first.


class Theirs(NamedTuple):
    """The columns of `desk.entry` in `rows` and `contacts`, the oldest first; those of `desk.claims` in `reached`."""

    parties: Sequence[str]  # That are one.
    rows: Sequence[Row]  # What happened to what is theirs.
    contacts: Sequence[Row]  # What they said and we answered, each with the case of theirs that it is filed under.
    visits: Sequence[Visit]
    reached: Row | None  # Where they are surely reached.


async def theirs(engine: Engine, party_id: str) -> Theirs:
    one = await whose(engine, party_id)
    group = padded(one.parties)
    rows = [*await ask(engine, of_parties, [entry], [len(group)], filled("party", group))][::-1]
    if not rows:  # There is no such party: whoever tries links costs no more than this.
        return Theirs(one.parties, [], [], [], None)
    visits = await visits_of(engine, {row["appointment_id"] for row in rows if row["type"] == "appointment.booked"})
    return Theirs(one.parties, rows, await contacts_of(engine, one, rows), visits, await reached(engine, one))


def of_parties(row: Table, parties: int) -> Select[Any]:
    here = row.c.party_id.in_(slots("party", parties)), row.c.type.in_(TYPES)
    return select(row).where(*here).order_by(*(row.c[name].desc() for name in KEY)).limit(ROWS_MAX)


async def contacts_of(engine: Engine, one: Whose, rows: Sequence[Row]) -> Sequence[Row]:
    """What was surely said by them, and answered, in each of their cases: a row of the story, with that case."""
    file, given, table = [await engine.table(view) for view in (filed, decided, entry)]
    cases = [row["case_id"] for row in rows if row["type"] == "case.opened"]
    there = select(file).where(file.c.case_id.in_(cases), file.c.certainty == CERTAIN).order_by(file.c.at.desc())
    under = [(row["contact_id"], row["case_id"]) for row in await engine.fetch(there.limit(CONTACTS_MAX))]
    if not under:
        return []
    names = [contact for contact, _ in under]
    mine = given.c.contact_id.in_(names), given.c.party_id.in_(list(one.parties)), given.c.certainty == CERTAIN
    sure = {row["contact_id"] for row in await engine.fetch(select(given.c.contact_id).where(*mine))}
    query = select(table).where(table.c.contact_id.in_(names), table.c.type.in_(SAID))
    said = await engine.fetch(query.order_by(*(table.c[name] for name in KEY)).limit(ROWS_MAX))
    theirs = [row for row in said if row["contact_id"] in sure or one.addresses.get(row["address_id"], False)]
    return [{**row, "case_id": case} for row in theirs for contact, case in under if contact == row["contact_id"]]


async def visits_of(engine: Engine, names: Collection[str]) -> Sequence[Visit]:
    table = await engine.table(appointments)
    query = select(table).where(table.c.appointment_id.in_(list(names))).order_by(table.c.starts_at.desc())
    return [visit(row) for row in await engine.fetch(query.limit(VISITS_MAX))] if names else []


async def reached(engine: Engine, one: Whose) -> Row | None:
    table = await engine.table(claims)
    query = select(table).where(table.c.party_id.in_(list(one.parties)), table.c.certainty == CERTAIN)
    known = [row for row in await engine.fetch(query.limit(ROWS_MAX)) if row["channel"] in ROADS]
    return max(known, key=lambda row: (-ROADS.index(row["channel"]), row["at"]), default=None)
