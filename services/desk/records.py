"""Stories and search as JSON, for programs and for the desk's own pages. Who looked is written down first."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import uuid4

from fastapi import APIRouter, HTTPException, Request
from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError
from starlette.responses import Response

from channels.address import address as address_of
from channels.blind import blind, folded
from channels.streaming import AGAIN_MS
from engine.ask import Row
from engine.engine import Engine
from schemas.errors import Refused
from schemas.event import fact, faults
from schemas.reading import decoded, look_through, parsed
from schemas.record import RecordOpened
from services.desk.news import News
from services.desk.place import Place
from services.desk.story import Told, story
from services.desk.stream import CHUNK_MAX, DeskStream, Gate, told
from services.desk.waiting import address_of as address_row
from services.desk.waiting import waiting
from services.desk.watched import Watched, watched
from services.desk.whose import candidates, named, numbered

KINDS: Final = {"parties": "party", "cases": "case", "addresses": "address", "objects": "object"}
AGENT: Final = "draad-agent"
PROGRAM: Final = "program"  # Who looks with a token and says nothing else.
TOO_MANY: Final = 429
NAME_CHARS_MAX: Final = 120
FIND_CHARS_MIN: Final = 2

Asked = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]+$", min_length=FIND_CHARS_MIN, max_length=200)]


class Search(BaseModel):
    """Whom to look for. It is posted, so that no name and no number ever stands in an address."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", hide_input_in_errors=True)

    name: Asked | None = None
    phone: Asked | None = None
    email: Asked | None = None
    bsn: Asked | None = None


async def looked(engine: Engine, subject: str, agent_id: str, at: datetime, why: str = "open") -> None:
    """Write down who opens this story; durable when it returns, and only then may it be shown. Raises `Refused`."""
    try:
        event = RecordOpened(at=at, about=subject, agent_id=agent_id, why=why)
    except ValidationError as error:
        raise Refused(f"who looks is wrong in {faults(error)}") from None
    await engine.append(fact(event, key=uuid4().hex))


def shown(told: Told) -> dict[str, Any]:
    """An entry as JSON: what is empty is left out."""
    row = {name: value for name, value in told.row.items() if value not in {"", None} and name not in HIDDEN}
    return row | {"detail": json.loads(told.row["detail"]), "sure": told.sure}


HIDDEN: Final = frozenset({"given", "partition", "position"})


def router(engine: Engine, news: News, pepper: bytes, clock: Callable[[], datetime]) -> APIRouter:
    routes = APIRouter(prefix="/v1", tags=["records"])
    gate = Gate()
    for kinds, kind in KINDS.items():
        add_story(routes, kinds, kind, engine, news, gate, clock)

    @routes.get("/work", summary="What waits, the most urgent first")
    async def work() -> dict[str, Any]:
        return {"items": [filled(row) for row in await waiting(engine)]}

    @routes.post("/search", summary="Look for a party or an address", openapi_extra=SEARCHED)
    async def search(request: Request) -> dict[str, Any]:
        """By one of name, phone, email and bsn. Nothing that was asked is in the answer or in any log."""
        return await found(engine, pepper, searched(await request.body()))

    return routes


def add_story(  # noqa: PLR0913, PLR0917  # All that the two routes stand on.
    routes: APIRouter,
    kinds: str,
    kind: str,
    engine: Engine,
    news: News,
    gate: Gate,
    clock: Callable[[], datetime],
) -> None:
    async def opened(name: str, request: Request) -> str:
        if len(name) > NAME_CHARS_MAX:
            raise Refused("no id is as long as that")
        program = getattr(request.state, "program", PROGRAM)  # As its token names it.
        await looked(engine, f"{kind}/{name}", request.headers.get(AGENT, program), clock())
        return f"{kind}/{name}"

    @routes.get(f"/{kinds}/{{name}}/timeline", name=f"{kind}_story", summary=f"The story of one of the {kinds}")
    async def timeline(name: str, request: Request, before: str | None = None) -> dict[str, Any]:
        """Newest first. `before` of the answer names the next page; `live` is where the stream goes on from here."""
        place = news.place  # Asked first: what is logged meanwhile comes again, and no gap is left.
        page = await story(engine, await opened(name, request), before)
        return {"entries": [shown(one) for one in page.entries], "before": page.before, "live": str(place)}

    @routes.get(
        f"/{kinds}/{{name}}/stream",
        name=f"{kind}_stream",
        summary="The same, live",
        response_class=Response,
        responses=STREAMED,
    )
    async def stream(name: str, request: Request, after: str = "") -> StoryStream:
        """What happens after the place that `Last-Event-ID` or `after` names, as server-sent events."""
        if not gate.admits():
            retry = {"Retry-After": str(AGAIN_MS // 1000)}
            raise HTTPException(TOO_MANY, "too many watch stories, or too many came just now", retry)
        place = Place.read(request.headers.get("last-event-id", after))
        return StoryStream(news, gate, clock, place, await watched(engine, await opened(name, request)))


async def found(engine: Engine, pepper: bytes, body: Search) -> dict[str, Any]:
    parties: list[Row] = []
    addresses: list[dict[str, Any]] = []
    if body.name:
        parties += await named(engine, folded(body.name))
    if body.bsn:
        parties += await numbered(engine, "bsn", blind("bsn", body.bsn, pepper))
    for kind, value in (("phone", body.phone), ("email", body.email)):
        if value:
            address_id = address_of(kind, value).pseudonym(pepper)
            behind = await candidates(engine, address_id)
            known = await address_row(engine, address_id) is not None
            parties += behind
            addresses.append({"address_id": address_id, "known": known, "candidates": len(behind)})
    return {"parties": [filled(row) for row in parties], "addresses": addresses}


def searched(raw: bytes) -> Search:
    """Raises `Refused`."""
    written = decoded(raw)
    look_through(parsed(written))
    try:
        body = Search.model_validate_json(written)
    except ValidationError as error:
        raise Refused(f"the body is wrong in {faults(error)}") from None
    if not any((body.name, body.phone, body.email, body.bsn)):
        raise Refused("say one of name, phone, email and bsn")
    return body


def filled(row: Row) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value not in {"", None} and name != "folded"}


class StoryStream(DeskStream):
    """What happens in one story after a place. After `reload` it has to be read anew: other facts belong to it now."""

    def __init__(
        self, news: News, gate: Gate, clock: Callable[[], datetime], place: Place | None, story_watched: Watched
    ) -> None:
        super().__init__(news, gate, clock)
        self._place, self._watched = place, story_watched

    def fresh(self) -> str:
        found = self._news.after(self._place, self._watched.concerns)
        if found is None or any(self._watched.turns(row) for row in found.rows):
            self._place = self._news.place
            return told("reload", "", self._place)
        parts, place = [], self._place
        for row in found.rows[:CHUNK_MAX]:
            assert place, "who has no place is told nothing"
            place = place.past(row["partition"], row["position"])
            entry = shown(Told(row, self._watched.sure(row)))
            parts.append(told("entry", json.dumps(entry, ensure_ascii=False), place))
        self._place = place if len(found.rows) > CHUNK_MAX else found.place
        return "".join(parts)


SEARCHED: Final[dict[str, Any]] = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": Search.model_json_schema()}}}
}
STREAMED: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "`entry` (JSON), `pulse` (today's date), `reload` (read it anew), `again` (reconnect)",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}
