"""Every service's routes under one roof, with one set of manners."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import Any, Final, Protocol

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from channels.chat import Chat
from channels.routers import join
from draad import health, residents
from draad.figures import figures
from draad.keys import Keys
from draad.manners import API_VERSION, Manners, remote
from draad.problem import PROBLEM, Answers
from draad.rates import FORGER, GUESS, OPEN, PROGRAM, STRANGER, Rates
from draad.roads import Roads
from draad.scopes import needed
from draad.site import Site
from draad.traffic import Traffic
from engine.blobs import Blobs, MemoryBlobs
from engine.engine import Engine
from schemas.errors import DraadError
from services.access.gate import Gate
from services.desk import callbacks, counter, daylist, finding, lookers, routes, unread
from services.desk import figures as figure_pages
from services.desk import proofs as proof_pages
from services.desk import records as stories
from services.desk.board import board
from services.desk.door import Door
from services.desk.entrance import entrance
from services.desk.forms import Desk
from services.desk.login import Login, Provider
from services.desk.news import News
from services.desk.page import Page, assets
from services.desk.presence import Presence
from services.intake import api as intake
from services.intake import appointments, form, hours, journey, quarantine_api, records
from services.intake.chat import Chats
from services.intake.mend import Mender
from services.intake.webhooks import PREFIX, Webhooks
from services.klantinteracties.app import PREFIX as DESK_TOOLS
from services.klantinteracties.app import Klantinteracties
from services.klantinteracties.door import UNKNOWN
from services.klantinteracties.door import door as tools_door
from services.metrics import api as reports
from services.notify import api as proofs
from services.resident.choosing import offered
from services.status import feed, hooks_api
from services.status.outside import Outside
from services.status.signing import Signer
from services.zaken import door as notices

Clock = Callable[[], datetime]

TITLE: Final = "Draad"
UNASKED: Final = frozenset({"/health/live", "/health/ready"})  # Nobody is asked for a token there.


class Surroundings(Protocol):
    """Whoever plays a town around Draad has pages of its own at the desk."""

    @property
    def templates(self) -> Path: ...
    def pages(self, desk: Desk, page: Page) -> APIRouter: ...


@dataclass(frozen=True)
class House:
    """The application, and what has to run beside it."""

    app: ASGIApp
    news: News
    presence: Presence
    door: Door
    gate: Gate
    front: bool  # Whether anybody comes in here; else it only tells how it is.
    chats: Chats | None = None


def house(  # noqa: PLR0913  # All that it stands on.
    engine: Engine,
    keys: Keys,
    token: str,
    watch: health.Watch,
    clock: Clock,
    *,
    rates: Rates | None = None,
    front: bool = True,
    roads: Roads | None = None,
    blobs: Blobs | None = None,
    site: Site | None = None,
    accounts: Provider | None = None,
    source: str = f"urn:nld:oin:{'0' * 20}:systeem:draad",
    scraper: str = "",
    around: Surroundings | None = None,
) -> House:
    """Without `rates` of others, this node keeps its own. Without a `front`, it only tells how it is.

    Without `accounts` only a link opens the desk. `scraper` is a token that opens the figures, and nothing else.
    """
    page, site = Page(accounts=accounts is not None, more=around.templates if around else None), site or Site()
    roads, blobs, rates = roads or Roads(), blobs or MemoryBlobs(), rates or Rates(registry=engine.meter.registry)
    asking, own = form.Form(engine, keys.addresses, keys.tokens, clock, site.form), residents.page_of(site, roads)
    door, gate = Door(keys.door, clock), Gate(engine, keys.programs, token, clock, scraper=scraper)
    answers = Answers(page, asking, own)
    presence = Presence()
    news = News(engine, partial(board, engine, presence, page))
    presence.changed.append(news.ring)
    app = bare(answers)
    chats = talks(app, engine, roads, clock, rates) if front else None
    if front:
        mender = Mender(engine, blobs, roads.channels, clock)
        join(
            app.router,
            taking(engine, keys, clock, site, asking),
            *([residents.pages(engine, keys, roads, clock, own, site)] if own else []),
            journey.router(engine, clock, site.journey),
            programs(engine, keys, clock, site, source, news),
            quarantine_api.router(mender),
            stories.router(engine, news, keys.addresses, clock),
            desk_pages(Desk(engine, door, clock, keys.addresses, presence), news, page, site, mender, around),
            entrance(door, page, Login(accounts, keys.door, clock) if accounts else None),
        )
    join(app.router, health.router(engine, watch, clock))
    app.mount("/assets", assets())
    manners = Manners(app, door=door, answers=answers, gate=gate, rates=rates, origins=roads.plan.origins)
    entered = webhooks(engine, blobs, roads, clock, rates) if front and roads.channels else None
    tools = desk_tools(engine, keys, clock, gate, rates) if front else None
    return House(counted(engine, manners, entered, tools), news, presence, door, gate, front, chats)


def programs(  # noqa: PLR0913, PLR0917  # All that they stand on.
    engine: Engine, keys: Keys, clock: Clock, site: Site, source: str, news: News
) -> APIRouter:
    """What programs of others ask of us, and tell us."""
    signer, outside = Signer(keys.subscribers), Outside(site.subscribers.inner)
    return join(
        APIRouter(),
        hooks_api.router(engine, signer, outside, keys.addresses, clock),
        feed.router(engine, source, lambda: news.closed),
        proofs.router(engine),
        reports.router(engine, site.metrics),
        *([notices.router(engine, clock, site.zaken)] if site.zaken else []),
    )


def describe(app: FastAPI) -> None:
    described = cache(partial(description, app))  # Made when somebody asks: it takes as long as all the rest.

    @app.get("/v1/openapi.json", include_in_schema=False)
    async def openapi() -> dict[str, Any]:
        return described()


def desk_pages(  # noqa: PLR0913, PLR0917  # All that they stand on.
    base: Desk, news: News, page: Page, site: Site, mender: Mender, around: Surroundings | None
) -> APIRouter:
    """What agents see and use."""
    return join(
        APIRouter(),
        routes.router(base, news, page),
        callbacks.router(base, page),
        finding.router(base, page),
        lookers.router(base, page),
        unread.router(base, page, mender.retry),
        daylist.router(base, page, site.branches),
        proof_pages.router(base, page, partial(proofs.proof, base.engine)),
        figure_pages.router(base, page, figures(base.engine, site.metrics)),
        *([around.pages(base, page)] if around else []),
    )


def talks(app: FastAPI, engine: Engine, roads: Roads, clock: Clock, rates: Rates) -> Chats | None:
    """The chat, if there is one."""
    chat = roads.channels.get("chat")
    if not isinstance(chat, Chat):
        return None
    chats = Chats(engine, chat, rates, clock, remote)
    join(app.router, chats.router())
    return chats


def bare(answers: Answers) -> FastAPI:
    """The application before it has a single address: it only knows how to say what went wrong."""
    app = FastAPI(
        title=TITLE,
        version=API_VERSION,
        license_info={"name": "EUPL-1.2", "identifier": "EUPL-1.2"},
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.add_exception_handler(DraadError, answers.of_ours)
    app.add_exception_handler(HTTPException, answers.of_http)
    app.add_exception_handler(RequestValidationError, answers.of_request)
    app.add_exception_handler(Exception, answers.of_bug)
    describe(app)
    return app


def taking(engine: Engine, keys: Keys, clock: Clock, site: Site, asking: form.Form) -> APIRouter:
    """What agents and programs tell us, and residents in the form."""
    register = appointments.Register(partial(counter.find, engine), partial(counter.day, engine))
    free = partial(offered, engine) if site.notify else None
    return join(
        APIRouter(),
        *(room.router(engine, keys.addresses, clock) for room in (intake, records)),
        appointments.router(engine, keys.addresses, clock, site.branches, register),
        hours.router(engine, keys.addresses, clock, site.branches, free),
        form.router(asking),
    )


class Front:
    """Webhooks go to a door of their own, for they are many; and whoever signs them well is never turned away.

    So do desk tools: they are many too, and their API has manners of its own.
    """

    def __init__(self, manners: ASGIApp, webhooks: ASGIApp | None, tools: ASGIApp | None) -> None:
        self._manners, self._webhooks, self._tools = manners, webhooks, tools

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._webhooks and scope["type"] == "http" and scope["path"].startswith(PREFIX):
            await self._webhooks(scope, receive, send)
        elif self._tools and scope["type"] == "http" and scope["path"].startswith(DESK_TOOLS):
            await self._tools(scope, receive, send)
        else:
            await self._manners(scope, receive, send)


def counted(engine: Engine, manners: ASGIApp, webhooks: ASGIApp | None, tools: ASGIApp | None) -> ASGIApp:
    return Traffic(Front(manners, webhooks, tools), engine.meter.registry, (PREFIX, DESK_TOOLS))


def webhooks(engine: Engine, blobs: Blobs, roads: Roads, clock: Clock, rates: Rates) -> ASGIApp:
    async def forged(scope: Scope) -> float | None:
        return await rates.take(FORGER, remote(scope))

    return Webhooks(
        engine,
        blobs,
        {name: (channel, roads.plan.inboxes[name]) for name, channel in roads.channels.items()},
        public_url=roads.plan.public_url,
        version=API_VERSION,
        clock=clock,
        forged=forged,
        registry=engine.meter.registry,
    )


def desk_tools(engine: Engine, keys: Keys, clock: Clock, gate: Gate, rates: Rates) -> ASGIApp:
    def admits(token: str, scope: Scope) -> str:
        program = gate.whose(token)
        if program is None:
            return UNKNOWN
        scope.setdefault("state", {})["program"] = program.name
        return gate.refusal(program, needed(scope["method"], scope["path"]))

    async def limit(scope: Scope, known: bool) -> float | None:
        """Each program by itself, however many come from one address; of the rest, each address."""
        if program := scope.get("state", {}).get("program"):
            return await rates.take(PROGRAM, program)
        brought = any(name == b"authorization" for name, _ in scope["headers"])
        return await rates.take(OPEN if known else GUESS if brought else STRANGER, remote(scope))

    return Klantinteracties(engine, keys.addresses, clock, tools_door(admits), limit)


def description(app: FastAPI) -> dict[str, Any]:
    """What the API takes and answers: what every route shares is said here, once."""
    for route in app.routes:
        if isinstance(route, APIRoute):
            route.unique_id = route.name
    document = app.openapi()
    components = document.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = dict(PROBLEM)
    components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    document["security"] = [{"token": []}]
    told = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for path, methods in document["paths"].items():
        for method in methods.values():
            method["responses"].setdefault("default", {"description": "What went wrong", "content": told})
            method["responses"].pop("422", None)
            if path in UNASKED:
                method["security"] = []
            for answer in method["responses"].values():
                answer.setdefault("headers", {})["API-Version"] = {"schema": {"type": "string"}}
                for said in answer.get("content", {}).values():
                    said.get("schema", {}).pop("title", None)  # It says where it stands, once more.
    return document
