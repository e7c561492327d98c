"""What nobody could read: read it again, or discard it with a reason. And what nobody could place."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from fastapi import APIRouter, Request
from sqlalchemy import select
from starlette.responses import HTMLResponse, Response

from schemas.quarantine import QuarantineDiscarded
from services.desk.board import behind
from services.desk.deeds import built
from services.desk.entrance import lead, who
from services.desk.forms import Desk, done
from services.desk.page import Page
from services.desk.work import work_list

ROWS_MAX: Final = 200
CAUSES: Final[Mapping[str, str]] = {
    "unreadable": "De inhoud is niet te lezen",
    "too-large": "Het bericht is te groot",
    "too-deep": "Het bericht zit te diep in elkaar",
    "malformed": "Het bericht is niet volgens de regels",
}

Retry = Callable[[str, str], Awaitable[str]]  # An item and an agent; returns the contact that it is after all.


def router(desk: Desk, page: Page, retry: Retry | None) -> APIRouter:
    """Without `retry` nothing here can read an item again."""
    routes = APIRouter(prefix="/quarantine", include_in_schema=False)

    @routes.get("")
    async def show(request: Request) -> HTMLResponse:
        session = who(desk.door, request)
        table = await desk.engine.table(work_list)
        query = select(table).order_by(table.c.since).limit(ROWS_MAX)
        items = await desk.engine.fetch(query.where(table.c.kind == "quarantine"))
        others = await desk.engine.fetch(query.where(table.c.kind.in_(("call", "message")), table.c.address_id != ""))
        known = await behind(desk.engine, sorted({row["address_id"] for row in others}))
        unmatched = [row for row in others if row["address_id"] not in known]
        said = {"items": items, "unmatched": unmatched, "causes": CAUSES, "can_retry": retry is not None}
        return HTMLResponse(page.desk("quarantine.html", session, desk.clock(), here="quarantine", **said))

    @routes.post("/{item_id}/discard")
    async def discard(item_id: str, request: Request) -> Response:
        form = await desk.read(request)
        lead(form.session)
        text = form.line("text", needed=True)
        said = {"item_id": item_id, "agent_id": form.session.agent_id, "text": text}
        await desk.keep(form, built(QuarantineDiscarded, at=desk.clock(), **said))
        return done(request, "/quarantine")

    if retry:

        @routes.post("/{item_id}/retry")
        async def again(item_id: str, request: Request) -> Response:
            form = await desk.read(request)
            await retry(item_id, form.session.agent_id)
            return done(request, "/quarantine")

    return routes
