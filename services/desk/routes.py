"""The desk over HTTP: the work list, threads, and what an agent does in them."""

from typing import Final

from fastapi import APIRouter, HTTPException, Request
from starlette.responses import HTMLResponse, Response

from channels.routers import join
from channels.streaming import AGAIN_MS
from schemas.event import fact
from schemas.record import RecordOpened
from services.desk.answer import answered, overtaken
from services.desk.deeds import DEEDS, called
from services.desk.door import Session
from services.desk.entrance import who
from services.desk.forms import Desk, done
from services.desk.news import News
from services.desk.page import Page
from services.desk.stream import Gate
from services.desk.thread import KINDS, thread
from services.desk.watching import Watching, interest

TOO_MANY: Final = 429
HOUR: Final = "%Y-%m-%dT%H"
CHANNELS: Final = ("phone", "counter")


def router(desk: Desk, news: News, page: Page) -> APIRouter:
    routes = APIRouter(include_in_schema=False)
    gate = Gate()

    @routes.api_route("/", methods=["GET", "HEAD"])
    async def home(request: Request) -> HTMLResponse:
        session = who(desk.door, request)
        return HTMLResponse(page.desk("home.html", session, desk.clock(), board=await news.shown(), here="work"))

    @routes.get("/live")
    async def stream(request: Request, about: str = "") -> Watching:
        """`work`: the list as it stands; `story`: ask for it again; `here`: who else; `pulse`: we are still there."""
        if not gate.admits():
            retry = {"Retry-After": str(AGAIN_MS // 1000)}
            raise HTTPException(TOO_MANY, "too many watch the desk, or too many came just now", retry)
        agent = who(desk.door, request).agent_id
        return Watching(news, gate, desk.clock, await interest(desk.engine, about), desk.presence, agent)

    return join(routes, threads(desk, news, page), registering(desk, news, page))


def threads(desk: Desk, news: News, page: Page) -> APIRouter:
    routes = APIRouter(prefix="/threads", include_in_schema=False)

    @routes.get("/{kind}/{name}")
    async def look(kind: str, name: str, request: Request, before: str | None = None) -> HTMLResponse:
        """Opening a thread shows what is personal in it, and so it is written down who did."""
        session = who(desk.door, request)
        shown = await thread(desk.engine, kind, name, before, desk.clock())
        await opened(desk, session, f"{kind}/{name}", "open")
        return HTMLResponse(
            page.desk("thread.html", session, desk.clock(), board=await news.shown(), here="work", **shown)
        )

    @routes.post("/{kind}/{name}/answer")
    async def answer(kind: str, name: str, request: Request) -> Response:
        form = await desk.read(request)
        answer = await answered(desk.engine, form, desk.clock())
        if await overtaken(desk.engine, answer, form.line("seen")):
            raise HTTPException(409, "a colleague answered meanwhile: read that, and send yours if it is still needed")
        await desk.keep(form, answer)
        desk.presence.wrote(f"{kind}/{name}", form.session.agent_id)
        return done(request, f"/threads/{kind}/{name}")

    @routes.post("/{kind}/{name}/writing")
    async def writing(kind: str, name: str, request: Request) -> Response:
        """Somebody types an answer: colleagues at this story see it, and it is written down nowhere."""
        form = await desk.read(request)
        desk.presence.writes(f"{kind}/{name}", form.session.agent_id)
        return Response(status_code=204)

    @routes.post("/{kind}/{name}/{deed}")
    async def act(kind: str, name: str, deed: str, request: Request) -> Response:
        form = await desk.read(request)
        if deed not in DEEDS or kind not in KINDS:
            raise HTTPException(404)
        await desk.keep(form, *DEEDS[deed](form, desk.clock()))
        return done(request, f"/threads/{kind}/{name}")

    return routes


def registering(desk: Desk, news: News, page: Page) -> APIRouter:
    """A call or visit that only the agent knows of: three fields, and it is kept."""
    routes = APIRouter(prefix="/register", include_in_schema=False)

    @routes.get("/{channel}")
    async def show(channel: str, request: Request) -> HTMLResponse:
        known(channel)
        session = who(desk.door, request)
        return HTMLResponse(
            page.desk("register.html", session, desk.clock(), channel=channel, here="", board=await news.shown())
        )

    @routes.post("/{channel}")
    async def keep(channel: str, request: Request) -> Response:
        known(channel)
        form = await desk.read(request)
        facts = called(form, desk.clock(), channel)
        await desk.keep(form, *facts)
        kind, _, address = facts[0].subject.partition("/")
        return done(request, f"/threads/{kind}/{address}")

    return routes


def known(channel: str) -> None:
    if channel not in CHANNELS:
        raise HTTPException(404)


async def opened(desk: Desk, session: Session, about: str, why: str) -> None:
    """Write down who looked: once an hour is enough, however often the page asks."""
    now = desk.clock()
    looked = RecordOpened(at=now, about=about, agent_id=session.agent_id, why=why)
    await desk.engine.append(fact(looked, key=f"{session.agent_id} {why} {now.strftime(HOUR)}"))
