"""Search, by POST: what is looked for stands in no address, and what was found is written down as looked at."""

import re
from collections.abc import Sequence
from typing import Final

from fastapi import APIRouter, Request
from sqlalchemy import select
from starlette.responses import HTMLResponse

from channels.address import ADDRESS_CHARS_MAX
from channels.address import address as address_of
from channels.blind import folded, object_id
from engine.ask import Row
from engine.engine import Engine
from services.desk.addresses import addresses
from services.desk.appointments import appointments
from services.desk.filed import tied
from services.desk.forms import Desk
from services.desk.page import Page
from services.desk.routes import opened
from services.desk.whose import candidates, named
from services.desk.words import THINGS

FOUND_MAX: Final = 25
CHARS_MIN: Final = 2
CODE: Final = re.compile(r"[A-Za-z]{2}[0-9]{2,4}")
DIGITS_MIN: Final = 5


def router(desk: Desk, page: Page) -> APIRouter:
    routes = APIRouter(prefix="/search", include_in_schema=False)

    @routes.post("")
    async def find(request: Request) -> HTMLResponse:
        form = await desk.read(request)
        asked, merge = form.line("q", most=200), form.line("merge")
        people, places, visits, things = await found(desk, asked)
        for one in [*people[:FOUND_MAX]]:
            await opened(desk, form.session, f"party/{one['party_id']}", "search")
        html = page.desk(
            "search.html",
            form.session,
            desk.clock(),
            asked=asked,
            people=people,
            places=places,
            visits=visits,
            things=things,
            merge=merge if form.session.leads else "",
            link={name: form.line(name, most=ADDRESS_CHARS_MAX) for name in ("address_id", "address", "channel")},
            short=len(asked) < CHARS_MIN,
            here="",
        )
        return HTMLResponse(html)

    return routes


async def found(desk: Desk, asked: str) -> tuple[Sequence[Row], ...]:
    """Parties, addresses, appointments and objects that answer to this."""
    if len(asked) < CHARS_MIN:
        return (), (), (), ()
    people = list(await named(desk.engine, folded(asked)))
    places = await at(desk, asked)
    for place in places:
        behind = await candidates(desk.engine, place["address_id"])
        people += [one for one in behind if one["party_id"] not in {other["party_id"] for other in people}]
    return people[:FOUND_MAX], places, await coded(desk.engine, asked), await called(desk, asked)


async def at(desk: Desk, asked: str) -> Sequence[Row]:
    """The address that this is, if it is one: it is looked up by its pseudonym."""
    digits = sum(sign.isdigit() for sign in asked)
    kind = "email" if "@" in asked else "phone" if digits >= DIGITS_MIN else ""
    if not kind:
        return ()
    table = await desk.engine.table(addresses)
    name = address_of(kind, asked).pseudonym(desk.pepper)
    return await desk.engine.fetch(select(table).where(table.c.address_id == name))


async def coded(engine: Engine, asked: str) -> Sequence[Row]:
    if not CODE.fullmatch(asked):
        return ()
    table = await engine.table(appointments)
    query = select(table).where(table.c.code == asked.upper()).order_by(table.c.starts_at.desc())
    return await engine.fetch(query.limit(FOUND_MAX))


async def called(desk: Desk, asked: str) -> Sequence[Row]:
    """Objects that are called so, each once."""
    table = await desk.engine.table(tied)
    names = [object_id(kind, asked, desk.pepper) for kind in THINGS]
    rows = await desk.engine.fetch(select(table).where(table.c.object_id.in_(names)).limit(FOUND_MAX))
    return list({row["object_id"]: row for row in rows}.values())
