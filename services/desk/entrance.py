"""Coming in and going out: by a link that works once, or with an account of the organisation."""

from typing import Any, Final

from fastapi import APIRouter, HTTPException, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from channels.routers import join
from schemas.errors import Unavailable, Untrusted
from services.desk.door import SESSION_AGE_MAX, Door, Session
from services.desk.login import WAY_AGE_MAX, Login, NoRole
from services.desk.page import Page

COOKIE: Final = "draad"
WAY: Final = "draad-login"
START: Final = "/login"
BACK: Final = "/login/back"
PROGRAM: Final = Session("program", "agent", "")  # Who comes with the token of the API may read as an agent does.


def entrance(door: Door, page: Page, login: Login | None) -> APIRouter:
    """A link only shows a button: mail scanners follow every link, but press nothing."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/open/{token}")
    async def look(token: str) -> HTMLResponse:
        if not door.welcomes(token):
            return HTMLResponse(page.closed("used"), 410)
        return HTMLResponse(page.open(token))

    @routes.post("/open/{token}")
    async def enter(token: str, request: Request) -> Response:
        session = door.enter(token)
        if session is None:
            return HTMLResponse(page.closed("used"), 410)
        return let_in(request, session, "strict", secure=login is not None and login.secure)

    @routes.post("/close")
    async def leave(request: Request) -> Response:
        door.leave(request.cookies.get(COOKIE, ""))
        outside = HTMLResponse(page.closed("left"))
        outside.delete_cookie(COOKIE, httponly=True, samesite="lax")
        return outside

    return join(routes, accounts(door, page, login)) if login else routes


def accounts(door: Door, page: Page, login: Login) -> APIRouter:
    """To the provider of accounts, and back from it."""
    routes = APIRouter(include_in_schema=False)

    @routes.get(START)
    async def begin(request: Request) -> Response:
        try:
            url, way = await login.begin()
        except Unavailable:
            return HTMLResponse(page.closed("away"), 503)
        going = RedirectResponse(url, 303)
        age = int(WAY_AGE_MAX.total_seconds())
        going.set_cookie(WAY, way, max_age=age, path=START, **manner(request, "lax", secure=login.secure))
        return going

    @routes.get(BACK)
    async def back(request: Request) -> Response:
        try:
            agent, role = await login.finish(request.cookies.get(WAY, ""), request.query_params)
        except NoRole:
            answer: Response = HTMLResponse(page.closed("role"), 403)
        except Untrusted:
            answer = HTMLResponse(page.closed("refused"), 401)
        except Unavailable:
            answer = HTMLResponse(page.closed("away"), 503)
        else:
            # Lax: the provider sent this browser here, and a strict cookie would not come along to the next page.
            answer = let_in(request, door.admit(agent, role), "lax", secure=login.secure)
        answer.delete_cookie(WAY, path=START, httponly=True, samesite="lax")
        return answer

    return routes


def let_in(request: Request, session: str, samesite: str, *, secure: bool) -> Response:
    inside = RedirectResponse("/", 303)
    age = int(SESSION_AGE_MAX.total_seconds())
    inside.set_cookie(COOKIE, session, max_age=age, **manner(request, samesite, secure=secure))
    return inside


def manner(request: Request, samesite: str, *, secure: bool) -> dict[str, Any]:
    return {"httponly": True, "samesite": samesite, "secure": secure or request.url.scheme == "https"}


def who(door: Door, request: Request) -> Session:
    """Who asks. Nobody gets here without a session or a token: `Manners` sees to that."""
    return door.whose(request.cookies.get(COOKIE, "")) or PROGRAM


def lead(session: Session) -> None:
    """Raises 403 where this is for a team lead."""
    if not session.leads:
        raise HTTPException(403, "this is for a team lead")
