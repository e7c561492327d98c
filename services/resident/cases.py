"""The pages of one party: all that is theirs, a question about it, and how they like to hear from us."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from fastapi import APIRouter, HTTPException, Request
from starlette.responses import HTMLResponse, Response

from channels.address import address as address_of
from channels.blind import keyed
from channels.link import APPOINTMENT, HOUR, PARTY, Link
from engine.ask import shown_soon
from engine.work import stamp
from schemas.contact import ContactFiled, ContactIdentified, ContactReceived
from schemas.errors import Unavailable
from schemas.event import Envelope, Event, derived, fact
from schemas.kinds import KINDS, USUAL
from schemas.party import PartyKindPreferred, PartyPreferenceSet
from services.resident import kinds
from services.resident.asked import Form, fresh, language_of, posted
from services.resident.kinds import LIKE_ALL
from services.resident.known import DESK, House, Theirs, Visit
from services.resident.matters import Matter, matters, preference, shut_at, told
from services.resident.page import Page
from services.resident.standing import standing
from services.resident.telling import Teller
from services.resident.wording import LANGUAGES

LIVES: Final = timedelta(days=400)  # Then it is in an old mail, and every newer one has another.
SENT_MAX: Final = 50
ROADS: Final = (LIKE_ALL, *kinds.ROADS)  # That can be chosen.
WHY: Final = frozenset({"email", "sms", "phone", "letter", "counter"})
PREFIX: Final = f"/{PARTY}/"


class Whose(NamedTuple):
    """Whose page it is, and what is theirs."""

    party_id: str
    theirs: Theirs
    cases: Sequence[Matter]
    prefers: str
    kinds: Mapping[str, str]  # What they prefer for one kind of message.
    path: str
    language: str

    @property
    def road(self) -> str:
        """Where they are answered: email or phone. Empty where nobody knows where."""
        known = self.theirs.reached
        return ("email" if known["channel"] == "email" else "phone") if known else ""


class Cases:
    """What is shown to a party, and what becomes of what is posted."""

    def __init__(self, house: House, page: Page) -> None:
        self._house, self._page = house, page

    async def find(self, token: str, request: Request) -> Whose:
        """Raises 404, the same for every link that opens nothing."""
        link = self._house.links.read(PARTY, token)
        theirs = await self._house.register.theirs(link.name) if link else None
        if link is None or theirs is None or not self._opens(link, theirs):
            raise HTTPException(404)
        channel, language = preference(theirs.rows)
        cases = matters(theirs.rows, theirs.contacts, self._informed)
        chosen, path = kinds.kinds(theirs.rows), f"{PREFIX}{token}"
        return Whose(link.name, theirs, cases, channel, chosen, path, language_of(request, language))

    def _opens(self, link: Link, theirs: Theirs) -> bool:
        """Not one of long ago, nor one that may have gone to an address that is theirs no more."""
        fresh_enough = self._house.clock() - link.made_at < LIVES + HOUR
        return bool(theirs.rows) and fresh_enough and stamp(link.made_at) > shut_at(theirs.rows)

    def _informed(self, kind: str, word: str, inform: bool) -> bool:  # noqa: FBT001  # As the case system says.
        status = self._house.municipality.statuses.get(kind, {}).get(word)
        return inform and (status is None or status.inform)

    def shown(self, one: Whose, name: str, status: int = 200, **values: Any) -> HTMLResponse:  # noqa: ANN401  # What its template asks for.
        said = {"cases": one.cases, "road": one.road, "prefers": one.prefers, "key": fresh(), **values}
        return self._page.shown(name, one.language, one.path, status, **said)

    def all(self, one: Whose) -> HTMLResponse:
        now, teller = self._house.clock(), Teller(self._house.municipality, one.language, self._house.clock())
        sent = sorted(told(one.theirs.rows), reverse=True)[:SENT_MAX]
        called = {matter.case_id: matter.title for matter in one.cases}
        return self.shown(
            one,
            "cases.html",
            told=[teller.case(matter) for matter in one.cases],
            visits=[self._visit(one, visit, now) for visit in coming(one.theirs.visits, now)],
            sent=[teller.line(step, of=called.get(step.about, "")) for step in sent],
            why=f"why_{one.prefers if one.prefers in WHY else 'usual'}",
            why_kinds=kinds.why(one.kinds, one.language),
        )

    def _visit(self, one: Whose, visit: Visit, now: datetime) -> dict[str, str]:
        token = self._house.links.token(APPOINTMENT, visit.appointment_id, now)
        return {**self._page.when(visit, one.language), "path": f"/{APPOINTMENT}/{token}" if token else ""}

    async def asked(self, one: Whose, form: Form) -> Response:
        """A question is kept before it is confirmed; or it is shown again, with what is wrong."""
        if not one.road:
            return self.shown(one, "ask.html", 409, wrong="", text="", chosen="")
        case = next((each for each in one.cases if each.case_id == form.line("case")), None)
        wrong = form.wrong or ("" if case else "wrong_case")
        if case and not wrong:
            facts = self._question(one, form, case)
            try:
                await self._house.engine.append(*facts)
            except Unavailable:
                wrong = "wrong_later"
        if wrong:
            status = 503 if wrong == "wrong_later" else 400
            chosen = form.line("case")
            return self.shown(one, "ask.html", status, wrong=wrong, text=form.text, chosen=chosen, key=form.again)
        await shown_soon(self._house.engine, DESK)
        return self.shown(one, "asked.html", text=form.text)

    def _question(self, one: Whose, form: Form, case: Matter) -> Sequence[Envelope]:
        """As our own form does it; and whose it is and where it belongs is known. Other words are another question."""
        known = one.theirs.reached
        assert known, "seen before"
        said = keyed(self._house.pepper, one.party_id, case.case_id, form.key, form.text)
        contact = derived(f"resident asks {said}")
        where, now = address_of(one.road, known["address"]), self._house.clock()
        on: dict[str, Any] = {"at": now, "contact_id": contact, "address_id": known["address_id"]}
        received = ContactReceived(
            **on,
            channel="web",
            text=form.text,
            kind=where.kind,
            address=where.value,
            title=f"Vraag over: {case.title}",
            language=one.language,
            flags=form.flags,
        )
        identified = ContactIdentified(**on, party_id=one.party_id, certainty="certain", how="link")
        filed = ContactFiled(**on, case_id=case.case_id, certainty="certain")
        return [fact(event, key=contact) for event in (received, identified, filed)]

    def preferences(self, one: Whose, *, saved: bool = False, wrong: str = "") -> HTMLResponse:
        chosen = LIKE_ALL if one.prefers == USUAL else one.prefers
        said = {"roads": ROADS, "chosen": chosen, "saved": saved, "wrong": wrong}
        each = kinds.asked(one.kinds, one.language)
        return self.shown(one, "preferences.html", 400 if wrong else 200, kinds=each, **said)

    async def prefer(self, one: Whose, form: Form) -> Response:
        """For all parties that are one: they are one person, who says it once. Of a kind, what is not said stays."""
        road, language = form.line("road"), form.line("language")
        given = {kind: choice for kind in KINDS if (choice := form.line(f"kind-{kind}"))}
        known = road in ROADS and language in LANGUAGES
        if not known or any(choice not in kinds.choices(kind) for kind, choice in given.items()):
            return self.preferences(one, wrong="wrong_choice")
        channel, chosen = channel_of(road), {kind: channel_of(choice) for kind, choice in given.items()}
        new = {kind: on for kind, on in chosen.items() if on != one.kinds.get(kind, USUAL)}
        key = f"resident {form.key} {channel} {language} {' '.join(new.values())}"
        events = [event for party in one.theirs.parties for event in self._preferred(party, channel, language, new)]
        await self._house.engine.append(*(fact(event, key=f"{key} {getattr(event, 'kind', '')}") for event in events))
        await shown_soon(self._house.engine, DESK)
        stands = {kind: on for kind, on in {**one.kinds, **chosen}.items() if on != USUAL}
        return self.preferences(one._replace(prefers=channel, language=language, kinds=stands), saved=True)

    def _preferred(self, party: str, channel: str, language: str, new: Mapping[str, str]) -> Sequence[Event]:
        on: dict[str, Any] = {"at": self._house.clock(), "party_id": party}
        of_kinds = (PartyKindPreferred(**on, kind=kind, channel=to, how="page") for kind, to in new.items())
        return [PartyPreferenceSet(**on, channel=channel, language=language), *of_kinds]


def channel_of(choice: str) -> str:
    """As which it is kept: that they leave it to us has a word of its own."""
    return USUAL if choice == LIKE_ALL else choice


def coming(visits: Sequence[Visit], now: datetime) -> Sequence[Visit]:
    return sorted((one for one in visits if standing(one, now) == "open"), key=lambda one: one.starts_at)


def router(house: House, page: Page) -> APIRouter:
    routes = APIRouter(prefix=f"/{PARTY}", include_in_schema=False)
    all_of = Cases(house, page)

    @routes.api_route("/{token}", methods=["GET", "HEAD"])
    async def show(token: str, request: Request) -> Response:
        return all_of.all(await all_of.find(token, request))

    @routes.api_route("/{token}/ask", methods=["GET", "HEAD"])
    async def ask(token: str, request: Request) -> Response:
        one = await all_of.find(token, request)
        if not one.cases:
            raise HTTPException(404)
        chosen = one.cases[0].case_id if len(one.cases) == 1 else ""
        return all_of.shown(one, "ask.html", wrong="", text="", chosen=chosen)

    @routes.post("/{token}/ask")
    async def asked(token: str, request: Request) -> Response:
        return await all_of.asked(await all_of.find(token, request), await posted(request))

    @routes.api_route("/{token}/preferences", methods=["GET", "HEAD"])
    async def look(token: str, request: Request) -> Response:
        return all_of.preferences(await all_of.find(token, request))

    @routes.post("/{token}/preferences")
    async def prefer(token: str, request: Request) -> Response:
        return await all_of.prefer(await all_of.find(token, request), await posted(request))

    return routes
