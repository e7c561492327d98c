"""The page of one appointment: when and where it is, and what can still be done about it."""

from datetime import timedelta
from typing import Any, Final

from fastapi import APIRouter, HTTPException, Request
from starlette.responses import HTMLResponse, Response

from channels.blind import keyed
from channels.calendar import Agreed, calendar
from channels.link import APPOINTMENT
from channels.routers import join
from engine.ask import shown_soon
from schemas.appointment import AppointmentCancelled, AppointmentConfirmed
from schemas.errors import Unavailable
from schemas.event import Event, derived, fact
from schemas.task import TaskOpened
from services.resident.asked import Form, fresh, language_of, posted
from services.resident.choosing import Choosing
from services.resident.known import DESK, House
from services.resident.moves import moves
from services.resident.page import Page
from services.resident.standing import Standing, standing
from services.resident.wording import WORDS

KEPT: Final = timedelta(days=30)  # After it its page is no more.
MOVED_BY: Final = timedelta(days=1)  # Within which somebody answers who wants another hour; sooner if it is sooner.
WHO: Final = "kcc"  # The group that does.
PREFIX: Final = f"/{APPOINTMENT}/"
STEPS: Final = frozenset({"confirm", "cancel", "move", "ask"})


class Appointments:
    """What is shown of one, and what becomes of what is posted."""

    def __init__(self, house: House, page: Page) -> None:
        self._house, self._page = house, page

    async def find(self, token: str, request: Request) -> Standing:
        """Raises 404, the same for every link that opens nothing."""
        link = self._house.links.read(APPOINTMENT, token)
        visit = await self._house.register.visit(link.name) if link else None
        now = self._house.clock()
        if visit is None or now > visit.starts_at + KEPT:
            raise HTTPException(404)
        state, path = standing(visit, now), f"{PREFIX}{token}"
        return Standing(visit, state, visit.confirmed, path, language_of(request))

    async def again(self, one: Standing) -> Standing:
        """As it stands by now."""
        visit = await self._house.register.visit(one.visit.appointment_id) or one.visit
        state = standing(visit, self._house.clock())
        return one._replace(visit=visit, state=state, confirmed=visit.confirmed)

    def shown(self, one: Standing, name: str = "appointment.html", status: int = 200, **values: Any) -> HTMLResponse:  # noqa: ANN401  # What its template asks for.
        said = {"visit": one.visit, "state": one.state, "confirmed": one.confirmed, "hour_seen": one.hour, "notice": ""}
        said |= {**self._page.when(one.visit, one.language), **values}
        return self._page.shown(name, one.language, one.path, status, **said)

    async def calendar(self, one: Standing) -> str:
        """The same appointment as was mailed: of several agreements, calendars keep the last."""
        municipality, about = self._house.municipality, f"appointment/{one.visit.appointment_id}"
        known = await self._house.engine.state(moves, about)
        agreed = Agreed(
            about=about,
            version=max(1, known.agreements),
            starts_at=one.visit.starts_at,
            minutes=one.visit.minutes,
            branch=self._page.when(one.visit, one.language)["place"],
            organisation=municipality.organisation,
            sender=municipality.sender,
            language=one.language,
        )
        return calendar(agreed, self._house.clock())

    async def done(self, one: Standing, form: Form, event: Event) -> Response:
        """Keep it, and say so: this page waits for no view. Whoever saw another hour is shown this one first."""
        if one.open and form.line("hour") != one.hour:
            return self.shown(one, status=409, notice="moved")
        off = isinstance(event, AppointmentCancelled)
        if one.open and (off or not one.confirmed):
            await self._house.engine.append(fact(event, key=f"resident {one.visit.facts[-1]}"))
            await shown_soon(self._house.engine, DESK)
            one = one._replace(state="cancelled" if off else one.state, confirmed=True)
        return self.shown(one)

    async def move(self, one: Standing, form: Form) -> Response:
        """None of the free hours will do, or none is known: a person looks for one."""
        if not one.open:
            return self.shown(one)
        wrong = form.wrong
        if not wrong:
            event = self._task(one, form)
            try:
                await self._house.engine.append(fact(event, key=event.task_id))
            except Unavailable:
                wrong = "wrong_later"
        if wrong:
            status = 503 if wrong == "wrong_later" else 400
            return self.asked(one, status, wrong=wrong, text=form.text, key=form.again)
        return self.shown(one, "moved.html", text=form.text)

    def asked(self, one: Standing, status: int = 200, **values: Any) -> HTMLResponse:  # noqa: ANN401  # As above.
        said = {"wrong": "", "text": "", "none_left": False, "key": fresh(), **values}
        return self.shown(one, "move.html", status, **said)

    def _task(self, one: Standing, form: Form) -> TaskOpened:
        now, when = self._house.clock(), self._page.when(one.visit, "nl")
        said = keyed(self._house.pepper, one.visit.appointment_id, form.key, form.text)
        return TaskOpened(
            at=now,
            task_id=derived(f"resident moves {said}"),
            kind="move",
            owner_kind="group",
            owner=WHO,
            due=min(now + MOVED_BY, one.visit.starts_at),
            about=f"appointment/{one.visit.appointment_id}",
            title=f"Verzet de afspraak van {when['day']} {when['hour']}, {when['place']}, code {one.visit.code}",
            text=form.text,
            address_id=one.visit.address_id,
        )


def router(house: House, page: Page) -> APIRouter:
    """To look does nothing: programs that check mail follow every link."""
    routes = APIRouter(prefix=f"/{APPOINTMENT}", include_in_schema=False)
    all_of = Appointments(house, page)
    choosing = Choosing(house, page, all_of)

    @routes.api_route("/{token}", methods=["GET", "HEAD"])
    async def show(token: str, request: Request) -> Response:
        return all_of.shown(await all_of.find(token, request))

    @routes.api_route("/{token}/calendar.ics", methods=["GET", "HEAD"])
    async def download(token: str, request: Request) -> Response:
        one = await all_of.find(token, request)
        if not one.open:
            raise HTTPException(404)
        name = WORDS[one.language]["calendar_file"]
        headers = {"Content-Disposition": f'attachment; filename="{name}.ics"'}
        return Response(await all_of.calendar(one), headers=headers, media_type="text/calendar; charset=utf-8")

    @routes.api_route("/{token}/{step}", methods=["GET", "HEAD"])
    async def ask(token: str, step: str, request: Request) -> Response:
        """Are you sure; which hour then; and what if none of these will do. To look does nothing."""
        one = await all_of.find(token, request)
        if step not in STEPS:
            raise HTTPException(404)
        if not one.open or step == "confirm":
            return all_of.shown(one)
        if step == "cancel":
            return all_of.shown(one, "cancel.html")
        return (await choosing.asking(one) if step == "move" else None) or all_of.asked(one)

    return join(routes, acting(house, all_of, choosing))


def acting(house: House, all_of: Appointments, choosing: Choosing) -> APIRouter:
    routes = APIRouter(prefix=f"/{APPOINTMENT}", include_in_schema=False)

    @routes.post("/{token}/confirm")
    async def confirm(token: str, request: Request) -> Response:
        one, form = await all_of.find(token, request), await posted(request)
        name = one.visit.appointment_id
        return await all_of.done(one, form, AppointmentConfirmed(at=house.clock(), appointment_id=name))

    @routes.post("/{token}/cancel")
    async def cancel(token: str, request: Request) -> Response:
        one, form = await all_of.find(token, request), await posted(request)
        name = one.visit.appointment_id
        return await all_of.done(one, form, AppointmentCancelled(at=house.clock(), appointment_id=name, by="party"))

    @routes.post("/{token}/move")
    async def move(token: str, request: Request) -> Response:
        return await all_of.move(await all_of.find(token, request), await posted(request))

    @routes.post("/{token}/hour")
    async def choose(token: str, request: Request) -> Response:
        one = await all_of.find(token, request)
        return await choosing.chosen(one, await posted(request)) or all_of.asked(one, 409, none_left=True)

    return routes
