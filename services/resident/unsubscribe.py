"""To hear no more of one kind: one press in the mail program, or a button on a page. Looking does nothing.

What a mail program posts has no cookie and no page of ours before it (RFC 8058), so the link alone is believed. It can
do no more than switch off what the law lets anybody switch off, and the page has a button that takes it back.
"""

from typing import Final, NamedTuple

from fastapi import APIRouter, HTTPException, Request
from starlette.responses import HTMLResponse, Response

from channels.link import HOUR, UNSUBSCRIBE
from engine.ask import shown_soon
from engine.work import stamp
from schemas.event import fact
from schemas.kinds import OFF, OPTIONAL, USUAL
from schemas.party import PartyKindPreferred
from services.resident.asked import language_of, posted
from services.resident.cases import LIVES
from services.resident.kinds import CALLED, kinds
from services.resident.known import DESK, House, Theirs
from services.resident.matters import preference, shut_at
from services.resident.page import Page

PREFIX: Final = f"/{UNSUBSCRIBE}/"


class Wish(NamedTuple):
    """Whose it is, and of which kind."""

    theirs: Theirs
    kind: str
    path: str
    language: str

    @property
    def off(self) -> bool:
        return kinds(self.theirs.rows).get(self.kind) == OFF


class Unsubscribing:
    """What is shown behind such a link, and what becomes of a press."""

    def __init__(self, house: House, page: Page) -> None:
        self._house, self._page = house, page

    async def find(self, kind: str, token: str, request: Request) -> Wish:
        """Raises 404, the same for every link that opens nothing."""
        link = self._house.links.read(f"{PREFIX[1:]}{kind}", token) if kind in OPTIONAL else None
        theirs = await self._house.register.theirs(link.name) if link else None
        if link is None or theirs is None or not theirs.rows:
            raise HTTPException(404)
        old = self._house.clock() - link.made_at >= LIVES + HOUR
        if old or stamp(link.made_at) <= shut_at(theirs.rows):
            raise HTTPException(404)
        _, language = preference(theirs.rows)
        return Wish(theirs, kind, f"{PREFIX}{kind}/{token}", language_of(request, language))

    def shown(self, one: Wish, *, off: bool) -> HTMLResponse:
        title, hint = CALLED[one.language][one.kind]
        what = f"{title}: {hint[0].lower()}{hint[1:]}"
        return self._page.shown("unsubscribe.html", one.language, one.path, off=off, what=what)

    async def chosen(self, one: Wish, channel: str) -> Response:
        """Kept for all parties that are one, and once: what stands already is not said again."""
        if one.off != (channel == OFF):
            how, said = "one-click", [row for row in one.theirs.rows if row["type"] == PartyKindPreferred.type]
            now, after = self._house.clock(), said[-1]["at"] if said else ""
            events = [
                PartyKindPreferred(at=now, party_id=party, kind=one.kind, channel=channel, how=how)
                for party in one.theirs.parties
            ]
            key = f"one-click {one.kind} {channel} {after}"
            await self._house.engine.append(*(fact(event, key=key) for event in events))
            await shown_soon(self._house.engine, DESK)
        return self.shown(one, off=channel == OFF)


def router(house: House, page: Page) -> APIRouter:
    routes = APIRouter(prefix=f"/{UNSUBSCRIBE}", include_in_schema=False)
    every = Unsubscribing(house, page)

    @routes.api_route("/{kind}/{token}", methods=["GET", "HEAD"])
    async def show(kind: str, token: str, request: Request) -> Response:
        one = await every.find(kind, token, request)
        return every.shown(one, off=one.off)

    @routes.post("/{kind}/{token}")
    async def switch_off(kind: str, token: str, request: Request) -> Response:
        """Whatever the body says: mail programs differ in how they write it."""
        return await every.chosen(await every.find(kind, token, request), OFF)

    @routes.post("/{kind}/{token}/again")
    async def switch_on(kind: str, token: str, request: Request) -> Response:
        one, _ = await every.find(kind, token, request), await posted(request)
        return await every.chosen(one, USUAL)

    return routes
