"""The page on which somebody says what they think: one score, and why. Looking at it says nothing."""

from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import structlog
from fastapi import APIRouter, HTTPException, Request
from sqlalchemy import Select, Table, bindparam, select
from starlette.responses import HTMLResponse, Response

from channels.blind import keyed
from channels.link import OPINION
from engine.ask import ask, shown_soon
from schemas.event import fact
from schemas.opinion import SCORE_MAX, OpinionDeclined, OpinionGiven
from services.resident.asked import Form, fresh, language_of, posted
from services.resident.known import House
from services.resident.opinions import AGAIN, OPEN, asked_opinions, counts
from services.resident.page import Page, date
from services.resident.told_words import BY

PREFIX: Final = f"/{OPINION}/"
WHY_CHARS_MAX: Final = 1_000
KEPT: Final = timedelta(days=400)  # As long the page says that it is too late; then it is no more.
SHOWN: Final = "resident."
SCORES: Final = range(1, SCORE_MAX + 1)

log = structlog.get_logger("resident")


class Question(NamedTuple):
    """What was asked, and how it stands: open, done or late."""

    opinion_id: str
    party_id: str
    channel: str
    happened_at: datetime
    score: int
    text: str
    state: str
    path: str
    language: str


class Opinions:
    """What is shown of a question, and what becomes of what is posted."""

    def __init__(self, house: House, page: Page) -> None:
        self._house, self._page = house, page

    async def find(self, token: str, request: Request) -> Question:
        """Raises 404, the same for every link that opens nothing."""
        link = self._house.links.read(OPINION, token)
        rows = await ask(self._house.engine, one, [asked_opinions], (), {"name": link.name}) if link else []
        if not rows:
            raise HTTPException(404)
        row, now = dict(rows[0]), self._house.clock()
        wanted, given = datetime.fromisoformat(row.pop("wanted_at")), row.pop("given_at")
        if now >= wanted + KEPT:
            raise HTTPException(404)
        given_at = datetime.fromisoformat(given) if given else None
        state = "open" if counts(wanted, given_at, row.pop("answers"), now) else "done" if given_at else "late"
        happened = datetime.fromisoformat(row.pop("happened_at"))
        path, language = f"{PREFIX}{token}", language_of(request)
        return Question(**row, happened_at=happened, state=state, path=path, language=language)

    def shown(self, one: Question, name: str = "opinion.html", status: int = 200, **values: Any) -> HTMLResponse:  # noqa: ANN401  # What its template asks for.
        if one.state != "open":
            name, status = "opinion_over.html", 410
        said = {
            "day": date(one.happened_at, one.language),
            "road": BY[one.language].get(one.channel, ""),
            "channel": one.channel,
            "state": one.state,
            "scores": SCORES,
            "score": one.score,
            "text": one.text,
            "wrong": "",
            "key": fresh(),
            "open_days": OPEN.days,
            "again_hours": AGAIN // timedelta(hours=1),
        }
        return self._page.shown(name, one.language, one.path, status, **said | values)

    async def given(self, one: Question, form: Form) -> Response:
        """Kept before they are thanked; or shown again, with what is wrong."""
        if one.state != "open":
            log.info("opinion.uncounted", opinion=one.opinion_id, state=one.state)
            return self.shown(one)
        score, text = form.line("score"), form.given.get("text", "").strip()
        wrong = wrong_in(score, text, form)
        if wrong:
            chosen = int(score) if known(score) else 0
            return self.shown(one, status=400, wrong=wrong, score=chosen, text=form.text, key=form.again)
        now = self._house.clock()
        said = OpinionGiven(at=now, opinion_id=one.opinion_id, score=int(score), text=text)
        key = keyed(self._house.pepper, one.opinion_id, form.key, score, text)
        await self._house.engine.append(fact(said, key=key))
        await shown_soon(self._house.engine, SHOWN)
        return self.shown(one, "opinion_thanks.html", score=int(score), text=text)

    async def declined(self, one: Question) -> Response:
        """They can say so whatever became of the question."""
        event = OpinionDeclined(at=self._house.clock(), party_id=one.party_id)
        await self._house.engine.append(fact(event, key=one.opinion_id))
        return self._page.shown("opinion_declined.html", one.language, one.path)


def one(table: Table) -> Select[Any]:
    return select(table).where(table.c.opinion_id == bindparam("name"))


def known(score: str) -> bool:
    return score.isascii() and score.isdigit() and len(score) <= len(str(SCORE_MAX)) and int(score) in SCORES


def wrong_in(score: str, text: str, form: Form) -> str:
    """The word of what is wrong; nothing where it can be kept."""
    if not known(score):
        return "wrong_score"
    if len(text) > WHY_CHARS_MAX:
        return "wrong_why_long"
    return "wrong_bsn" if form.text != form.given.get("text", "") else ""


def router(house: House, page: Page) -> APIRouter:
    routes = APIRouter(prefix=f"/{OPINION}", include_in_schema=False)
    all_of = Opinions(house, page)

    @routes.api_route("/{token}", methods=["GET", "HEAD"])
    async def show(token: str, request: Request) -> Response:
        return all_of.shown(await all_of.find(token, request))

    @routes.post("/{token}")
    async def give(token: str, request: Request) -> Response:
        return await all_of.given(await all_of.find(token, request), await posted(request))

    @routes.post("/{token}/decline")
    async def decline(token: str, request: Request) -> Response:
        one, _ = await all_of.find(token, request), await posted(request)
        return await all_of.declined(one)

    return routes
