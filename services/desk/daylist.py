"""The counter's own page: who comes today, who waits, and one key for each thing that happens."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, Protocol
from zoneinfo import ZoneInfo

from fastapi import APIRouter, HTTPException, Request
from starlette.responses import HTMLResponse, Response

from channels.routers import join
from schemas import appointment as a
from schemas.errors import Refused
from schemas.event import Event, derived
from services.desk import words
from services.desk.counter import Visit, day, find
from services.desk.deeds import built
from services.desk.entrance import who
from services.desk.forms import Desk, Form, done
from services.desk.page import Page

LETTERS: Final = "BDFGHJKLMNPRSTVWXZ"  # No vowels, so that no word comes out.
ORDER: Final = ("called", "arrived", "booked", "served", "no-show", "cancelled")
NEXT: Final[Mapping[str, Sequence[str]]] = {
    "booked": ("arrive", "cancel"),
    "arrived": ("call", "serve"),
    "called": ("call", "serve"),
    "no-show": ("arrive",),
    "served": (),
    "cancelled": (),
}


class Place(Protocol):
    """A branch with a counter."""

    @property
    def title(self) -> str: ...
    @property
    def here(self) -> ZoneInfo: ...


def router(desk: Desk, page: Page, branches: Mapping[str, Place]) -> APIRouter:
    routes = APIRouter(prefix="/counter", include_in_schema=False)

    @routes.get("")
    async def first() -> Response:
        return Response(status_code=303, headers={"Location": f"/counter/{next(iter(branches))}"})

    @routes.get("/{branch}")
    async def show(branch: str, request: Request) -> HTMLResponse:
        place, session, now = known(branches, branch), who(desk.door, request), desk.clock()
        on = now.astimezone(place.here)
        visits = await day(desk.engine, branch, on.date(), place.here)
        groups = [(state, [one for one in visits if one.state == state]) for state in ORDER]
        html = page.desk(
            "counter.html",
            session,
            now,
            here="counter",
            branch=branch,
            place=place,
            branches=branches,
            groups=groups,
            steps=NEXT,
            hour=lambda at: at.astimezone(place.here).strftime("%H:%M"),
            day_said=words.day(on),
        )
        return HTMLResponse(html)

    return join(routes, acting(desk, branches))


def acting(desk: Desk, branches: Mapping[str, Place]) -> APIRouter:
    """What happens at the counter, one post each."""
    routes = APIRouter(prefix="/counter", include_in_schema=False)

    @routes.post("/{branch}/walk-in")
    async def walk_in(branch: str, request: Request) -> Response:
        known(branches, branch)
        form = await desk.read(request)
        product = form.line("product") or "question"
        name = derived(f"desk walk-in {form.session.agent_id} {form.key}")
        said = {"appointment_id": name, "branch": branch, "product": product, "code": code_of(name)}
        await desk.keep(form, built(a.AppointmentWalkedIn, at=desk.clock(), **said))
        return done(request, f"/counter/{branch}")

    @routes.post("/{branch}/{appointment_id}/{step}")
    async def act(branch: str, appointment_id: str, step: str, request: Request) -> Response:
        known(branches, branch)
        form = await desk.read(request)
        visit = await find(desk.engine, appointment_id)
        if visit is None:
            raise HTTPException(404)
        if step not in NEXT[visit.state]:
            raise HTTPException(409, "this appointment stands otherwise now: look again")
        await desk.keep(form, stepped(step, visit, form, desk.clock()))
        return done(request, f"/counter/{branch}")

    return routes


def known(branches: Mapping[str, Place], branch: str) -> Place:
    if branch not in branches:
        raise HTTPException(404)
    return branches[branch]


def stepped(step: str, visit: Visit, form: Form, now: datetime) -> Event:
    said = {"at": now, "appointment_id": visit.appointment_id}
    match step:
        case "arrive":
            return built(a.AppointmentArrived, **said)
        case "call":
            where = form.line("desk") or "balie"
            return built(a.AppointmentCalled, desk=where, agent_id=form.session.agent_id, **said)
        case "serve":
            return built(a.AppointmentServed, **said)
        case "cancel":
            return built(a.AppointmentCancelled, by="desk", **said)
    raise Refused("there is no such step")


def code_of(appointment: str) -> str:
    """What is called out, such as BK417."""
    number = int(hashlib.sha256(appointment.encode()).hexdigest(), 16)
    number, digits = divmod(number, 1000)
    first, second = divmod(number % len(LETTERS) ** 2, len(LETTERS))
    return f"{LETTERS[first]}{LETTERS[second]}{digits:03}"
