"""The desk over HTTP: its door, its page, and the stream that keeps the page alive."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter, HTTPException, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from engine.engine import Engine
from services.desk.door import SESSION_AGE_MAX, Door
from services.desk.feed import Feed
from services.desk.page import Page
from services.desk.reading import page as page_of
from services.desk.stream import AGAIN_MS, Gate, Stream

ASSETS: Final = Path(__file__).parent / "assets"
COOKIE: Final = "draad"
GONE: Final = 410
TOO_MANY: Final = 429


def assets() -> StaticFiles:
    return StaticFiles(directory=ASSETS)


def router(engine: Engine, feed: Feed, page: Page, clock: Callable[[], datetime]) -> APIRouter:
    """What only who came in through the door may see."""
    routes = APIRouter()
    gate = Gate()

    @routes.api_route("/", methods=["GET", "HEAD"], include_in_schema=False)
    async def timeline(before: str | None = None) -> HTMLResponse:
        place = feed.place  # Asked first: what is logged meanwhile is on the page and comes again, and no gap is left.
        rows, older = await page_of(engine, before)
        return HTMLResponse(page.timeline(rows, place=place, older=older, live=before is None, now=clock()))

    @routes.get("/v1/timeline/stream", summary="The timeline, live", response_class=Response, responses=STREAMED)
    async def stream(request: Request, after: str = "") -> Stream:
        """What happens after the place that `Last-Event-ID` or `after` names, as server-sent events."""
        if not gate.admits():
            retry = {"Retry-After": str(AGAIN_MS // 1000)}
            raise HTTPException(TOO_MANY, "too many watch the timeline, or too many came just now", retry)
        return Stream(feed, gate, request.headers.get("last-event-id", after), clock)

    return routes


def entrance(door: Door, page: Page) -> APIRouter:
    """The door itself. A link only shows a button: mail scanners follow every link, but press nothing."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/open/{token}")
    async def look(token: str) -> HTMLResponse:
        if not door.welcomes(token):
            return HTMLResponse(page.closed("used"), GONE)
        return HTMLResponse(page.open(token))

    @routes.post("/open/{token}")
    async def enter(token: str, request: Request) -> Response:
        session = door.enter(token)
        if session is None:
            return HTMLResponse(page.closed("used"), GONE)
        inside = RedirectResponse("/", 303)
        inside.set_cookie(
            COOKIE,
            session,
            max_age=int(SESSION_AGE_MAX.total_seconds()),
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )
        return inside

    @routes.post("/close")
    async def leave(request: Request) -> Response:
        door.leave(request.cookies.get(COOKIE, ""))
        outside = HTMLResponse(page.closed("left"))
        outside.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return outside

    return routes


STREAMED: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "`entry` (HTML of one entry), `pulse` (today's date), `reload` (look anew), `again` (reconnect)",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}
