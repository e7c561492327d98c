"""The work list as agents see it: grouped by need, the newest first, and nobody's name in full."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Select, Table, select

from engine.ask import Row
from engine.engine import Engine
from services.desk import words
from services.desk.identity import claims, parties
from services.desk.page import Page
from services.desk.presence import Presence
from services.desk.waiting import WAITING_MAX, waiting

NAMES_MAX: Final = 5  # Of those who may be behind one address.

# In the order in which they stand: which rows, and what they are called.
GROUPS: Final[Sequence[tuple[str, str]]] = (
    ("ring", "Gaat over"),
    ("late", "Te laat of misgegaan"),
    ("wait", "Wacht op antwoord"),
    ("task", "Terugbellen en taken"),
    ("unread", "Niet leesbaar"),
)


class Item(NamedTuple):
    """One row of the work list, ready to show."""

    item_id: str
    group: str
    icon: str
    channel: str
    why: str
    since: str
    due: str
    path: str
    sender: str
    names: Sequence[tuple[str, str]]  # Who it may be: a path and a veiled name. None of them is chosen.
    certain: bool
    owner: str
    claimed_by: str
    here: str  # Who is at it now.


async def items(engine: Engine, presence: Presence) -> Sequence[Item]:
    rows = await waiting(engine, WAITING_MAX)
    names = await behind(engine, sorted({row["address_id"] for row in rows if row["address_id"]}))
    return [item(row, names.get(row["address_id"], ()), presence) for row in rows]


async def behind(engine: Engine, addresses: Sequence[str]) -> Mapping[str, Sequence[Row]]:
    """Who may be behind each of these addresses."""

    def query(claim: Table, party: Table) -> Select[Any]:
        both = claim.join(party, party.c.party_id == claim.c.party_id)
        columns = (claim.c.address_id, claim.c.certainty, party.c.party_id, party.c.name)
        found = select(*columns).select_from(both).where(claim.c.address_id.in_(addresses))
        return found.order_by(claim.c.address_id, claim.c.certainty, claim.c.at, party.c.party_id)

    if not addresses:
        return {}
    claim, party = await engine.table(claims), await engine.table(parties)
    found: dict[str, list[Row]] = {}
    for row in await engine.fetch(query(claim, party)):
        found.setdefault(row["address_id"], []).append(row)
    return found


def item(row: Row, known: Sequence[Row], presence: Presence) -> Item:
    kind, address = row["kind"], row["address_id"]
    why, group = words.WHY.get(row["why"], (words.reason(row["why"]).lower(), "wait"))
    if kind == "quarantine":
        group, path = "unread", "/quarantine"
    elif kind == "task":
        path = f"/threads/address/{address}" if address else "/tasks"
        group = "late" if row["why"] == "overdue" else "task"
    else:
        path = f"/threads/address/{address}" if address else "/"
    channel = words.Said("Taak", "task") if kind == "task" else words.channel(row["channel"] or "phone")
    return Item(
        item_id=row["item_id"],
        group=group,
        icon=channel.icon,
        channel=channel.label,
        why=why,
        since=row["since"],
        due=row["due"],
        path=path,
        sender=words.sender(address) if address else "",
        names=[(f"/threads/party/{one['party_id']}", words.veiled(one["name"])) for one in known[:NAMES_MAX]],
        certain=len(known) == 1 and known[0]["certainty"] == "certain",
        owner=row["owner"],
        claimed_by=row["claimed_by"],
        here=words.busy(presence.others({f"address/{address}"})) if address else "",
    )


async def board(engine: Engine, presence: Presence, page: Page) -> str:
    found = await items(engine, presence)
    groups = [(name, label, [one for one in found if one.group == name]) for name, label in GROUPS]
    return page.part("board.html", groups=groups, count=len(found), full=len(found) == WAITING_MAX)
