"""Who looked, for a team lead: which colleague opened whose story, and when. It names nobody whose story it is."""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, Final, NamedTuple

from fastapi import APIRouter, Request
from sqlalchemy import Select, Table, select, tuple_
from starlette.responses import HTMLResponse

from engine.ask import Row
from engine.engine import Engine
from schemas.errors import Refused
from services.desk import words
from services.desk.entrance import lead, who
from services.desk.entry import KEY
from services.desk.forms import Desk
from services.desk.identity import parties
from services.desk.looked import looked
from services.desk.page import Page, today
from services.desk.place import entry_of
from services.desk.story import place_of

PAGE_MAX: Final = 100
ASKED_CHARS_MAX: Final = 130


class Look(NamedTuple):
    """One colleague at one story, ready to show."""

    day: str
    day_said: str
    at: str
    hour: str
    agent_id: str
    about: str
    title: str
    why: str


def router(desk: Desk, page: Page) -> APIRouter:
    routes = APIRouter(include_in_schema=False)

    @routes.get("/looked")
    async def show(request: Request, before: str = "", about: str = "", agent: str = "") -> HTMLResponse:
        session = who(desk.door, request)
        lead(session)
        rows = await found(desk.engine, before, {"about": about, "agent_id": agent})
        looks = await told(desk.engine, rows[:PAGE_MAX])
        html = page.desk(
            "looked.html",
            session,
            desk.clock(),
            here="looked",
            days=[(day, list(group)) for day, group in groupby(looks, key=lambda look: look.day)],
            older=place_of(rows[PAGE_MAX - 1]) if len(rows) > PAGE_MAX else "",
            about=about,
            agent=agent,
            title=(await titles(desk.engine, [about]))[about] if about else "",
        )
        return HTMLResponse(html)

    return routes


async def found(engine: Engine, before: str, asked: dict[str, str]) -> Sequence[Row]:
    """The looks before this place, newest first, and one more than fits on a page. Raises `Refused`."""
    after = entry_of(before) if before else None
    if any(len(value) > ASKED_CHARS_MAX for value in asked.values()):
        raise Refused("no agent and no story has a name as long as that")

    def query(table: Table) -> Select[Any]:
        key = [table.c[name] for name in KEY]
        chosen = select(table).where(*(table.c[name] == value for name, value in asked.items() if value))
        chosen = chosen.where(tuple_(*key) < after) if after else chosen
        return chosen.order_by(*(column.desc() for column in key)).limit(PAGE_MAX + 1)

    return await engine.fetch(query(await engine.table(looked)))


async def told(engine: Engine, rows: Sequence[Row]) -> Sequence[Look]:
    said = await titles(engine, sorted({row["about"] for row in rows}))
    return [look(row, said[row["about"]]) for row in rows]


def look(row: Row, title: str) -> Look:
    at = datetime.fromisoformat(row["at"])
    why = words.LOOKED.get(row["why"], words.plain(row["why"]))
    return Look(today(at), words.day(at), row["at"], words.hour(at), row["agent_id"], row["about"], title, why)


async def titles(engine: Engine, abouts: Sequence[str]) -> dict[str, str]:
    """Enough to know a story again by, and too little to know whose it is: who opens it is written down as well."""
    names = [about.partition("/")[2] for about in abouts if about.startswith("party/")]
    table = await engine.table(parties)
    known = await engine.fetch(select(table.c.party_id, table.c.name).where(table.c.party_id.in_(names)))
    veiled = {f"party/{row['party_id']}": words.veiled(row["name"]) for row in known}
    return {about: veiled.get(about) or words.PAGES.get(about) or words.story(about) for about in abouts}
