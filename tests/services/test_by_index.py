"""On PostgreSQL, what is asked all the time is looked up in indexes: none of it reads a whole view to find a few rows.

A view is empty here, and whole tables are forbidden: PostgreSQL reads one all the same where no index serves.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, Final
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy import Select

from engine import since
from engine.ask import Query
from engine.postgres import compiled
from engine.processor import Projection
from engine.tables import view_of
from engine.tasks import make_view
from services.desk import news, story, theirs, waiting, whose
from services.desk.addresses import addresses
from services.desk.entry import entry
from services.desk.filed import filed, threads, tied
from services.desk.identity import claims, decided, identifiers, merges, parties, reveals
from services.desk.work import work_list
from services.intake.lines import lines
from services.klantinteracties import asking
from services.klantinteracties.cards import cards
from services.klantinteracties.every import EVERY
from services.klantinteracties.plan import planned, tree
from tests.contract.places import make_database, servers
from tests.services.klantinteracties.test_growth import EXACT

pytestmark = pytest.mark.xdist_group("servers")

SOME: Final = story.Shape(3, 2, contested=False)
MANY: Final = story.Shape(16, 4, contested=True)
MOST: Final = story.Shape(128, 1, contested=True)
Views = Sequence[Projection]
WAITS: Final = "what waits"  # All of that is sorted.
BELONGING: Final = ("uuid", "about", "contact", "party", "other")


def by(kind: str, name: str) -> asking.Shape:
    return asking.Shape(kind, (name,), True, (), ())


ASKED: Final[dict[str, tuple[Query, Views, Sequence[Any]]]] = {
    "the story of an address": (story.of_address, [entry], ()),
    "of a case": (story.of_case, [entry, filed, threads], ()),
    "of an object": (story.of_object, [entry, tied], ()),
    "of a party": (story.of_party, [entry, decided], [SOME]),
    "of a party that has something in common with others": (story.of_party, [entry, decided], [MANY]),
    "of a party with many addresses": (story.of_party, [entry, decided], [MOST]),
    "whose it is": (whose.of_parties, [merges, claims, reveals, decided], [2]),
    "who is merged": (whose.together, [merges], ()),
    "who is behind an address": (whose.behind, [claims, parties, reveals], ()),
    WAITS: (waiting.most_urgent, [work_list, claims, addresses], ()),
    "who has a number": (whose.by_number, [parties, identifiers], ()),
    "what residents see": (theirs.of_parties, [entry], [2]),
    "what is new": (since.stretches, [entry], [8]),
    "what was said on the chat": (since.stretches, [lines], [8]),
    "how far it is": (news.ends, [entry], [8]),
    **{f"{kind} by {name}": (asking.page_of, [cards], [by(kind, name)]) for kind, name in EXACT},
    **{f"how many {kind} by {name}": (asking.counted, [cards], [kind, (name,)]) for kind, name in EXACT},
    **{f"cards by {name}": (asking.named, [cards], [4, name]) for name in BELONGING},
    "the same number": (asking.same, [cards], ["klantcontacten", "number"]),
}


def with_all(kind: str) -> asking.Shape:
    """A page of these with all that can be included, one step far."""
    resource = EVERY[kind]
    near = [one.field for one in resource.forward]
    near += [one.field for one in resource.reverse if one.way not in {"actoren", "represented"}]
    plan = planned(resource, tree(resource, near))
    return asking.Shape(kind, (), True, tuple(plan.hops), tuple(tuple(sorted(some)) for some in plan.kinds))


ASKED.update({f"{kind} with all": (asking.answer, [cards], [with_all(kind)]) for kind in EVERY})


@pytest.fixture
async def db() -> AsyncIterator[Any]:
    here, name = await asyncio.to_thread(servers), f"i{uuid4().hex[:12]}"
    await make_database(here.postgres, name, "pattern")
    opened = await asyncpg.connect(here.postgres.url(name))
    await opened.execute("SET enable_seqscan = off; SET jit = off")
    yield opened
    await opened.close()


async def plan(db: Any, query: Select[Any]) -> dict[str, Any]:
    said, standing, order = compiled(query)
    statement = await db.prepare(said)
    texts = [one.name not in {"int4", "int8"} for one in statement.get_parameters()]
    values = [standing[name] for name in order]
    made = [("1" if words else 1) if value is None else value for value, words in zip(values, texts, strict=True)]
    found: dict[str, Any] = json.loads(await db.fetchval(f"EXPLAIN (FORMAT JSON) {said}", *made))[0]["Plan"]
    return found


def whole(node: dict[str, Any]) -> Iterator[str]:
    """The scans that go through a whole view, or through a whole index of it."""
    kind = node["Node Type"]
    if kind == "Seq Scan" or (kind.endswith(("Index Scan", "Index Only Scan")) and "Index Cond" not in node):
        yield f"{kind} on {node.get('Relation Name') or node['Index Name']}"
    for below in node.get("Plans", ()):
        yield from whole(below)


async def test_what_is_asked_all_the_time_is_looked_up_by_an_index(db: Any) -> None:
    wide: dict[str, list[str]] = {}
    for what, (query, views, shape) in ASKED.items():
        for number, view in enumerate(views, start=1):
            await make_view(db, view.table, number)
        tables = (view_of(view.table, number) for number, view in enumerate(views, start=1))
        found = {*whole(await plan(db, query(*tables, *shape)))}
        if what == WAITS:
            found.remove("Seq Scan on view_work_1")
        if found:
            wide[what] = sorted(found)
    assert wide == {}
