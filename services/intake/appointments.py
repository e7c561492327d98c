"""HTTP in for appointment systems: what was agreed, and who came. It appends facts and decides nothing.

What cannot be is refused by how things stand at that moment. What was told out of order all the same harms nobody:
the parts behind the log go by when it happened.
"""

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple, Protocol
from zoneinfo import ZoneInfo

from fastapi import APIRouter, HTTPException, Request

from channels.address import address as address_of
from channels.repeat import KEY_PARAMETER, named
from engine.engine import Engine
from schemas.appointment import (
    Appointment,
    AppointmentArrived,
    AppointmentBooked,
    AppointmentCalled,
    AppointmentCancelled,
    AppointmentChanged,
    AppointmentServed,
    AppointmentWalkedIn,
)
from schemas.errors import Refused
from schemas.event import derived, fact
from schemas.reading import posted
from services.intake.api import ROOM
from services.intake.body import EARLIEST, described, moment
from services.intake.branches import Branch, Branches, branch_of, moment_there
from services.intake.visits import (
    Agreed,
    Arrival,
    Booking,
    Call,
    Cancellation,
    Change,
    Clocked,
    Hour,
    Row,
    Rows,
    Serving,
    WalkIn,
    Which,
)

AHEAD_MAX: Final = timedelta(days=731)  # Nobody books more than two years ahead.
CONFLICT: Final = 409
LETTERS: Final = "BDFGHJKLMNPRSTVWXZ"  # No vowels, so that no word comes out; none that sounds as another.
UNKNOWN: Final = "no such appointment is known here yet: if it was booked just now, send this again in a second"
OVER: Final[Mapping[type[Which], frozenset[str]]] = {
    Change: frozenset({"served", "cancelled"}),
    Cancellation: frozenset({"served"}),
    Arrival: frozenset({"served", "cancelled"}),
    Call: frozenset({"served", "cancelled"}),
    Serving: frozenset({"cancelled"}),
}
SENTENCE: Final[Mapping[str, str]] = {
    "served": "they have been helped already, so this cannot be any more",
    "cancelled": "the appointment is cancelled: book a new one",
}


class Visit(Protocol):
    """How an appointment stands, as far as the register has heard."""

    @property
    def branch(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def code(self) -> str: ...
    @property
    def facts(self) -> tuple[str, ...]: ...


class Register(NamedTuple):
    """Where it is looked up how appointments stand."""

    find: Callable[[str], Awaitable[Visit | None]]
    day: Callable[[str, date, ZoneInfo], Awaitable[Sequence[Visit]]]


def moment_of(said: Clocked, branch: Branch) -> datetime:
    """The hour, however it was said. Raises `Refused` for one that the clocks there do not show, or show twice."""
    if said.starts_local:
        return moment_there(said.starts_local, said.which, branch.here)
    assert said.starts_at, "one of them was given"
    return said.starts_at


class Desk:
    """What the routes share."""

    def __init__(self, engine: Engine, pepper: bytes, clock: Callable[[], datetime], branches: Branches) -> None:
        self._engine, self._pepper, self._clock, self._branches = engine, pepper, clock, branches

    def at(self, given: datetime | None) -> datetime:
        return moment(given, self._clock())

    def branch(self, name: str) -> Branch:
        return branch_of(self._branches, name)

    def hour(self, body: Hour, branch: Branch) -> datetime:
        starts_at = moment_of(body, branch)
        if not EARLIEST <= starts_at <= self._clock() + AHEAD_MAX:
            raise Refused("the hour lies before the year 2000, or more than two years ahead")
        return starts_at

    def name(self, reference: str) -> str:
        """Our id of their appointment: the same reference is the same appointment, and tells nobody what it was."""
        return derived(f"appointment {hmac.new(self._pepper, reference.encode(), hashlib.sha256).hexdigest()}")

    def which(self, body: Which) -> str:
        if body.reference:
            return self.name(body.reference)
        assert body.appointment_id, "one of them was given"
        return body.appointment_id

    def booked(self, body: Booking) -> AppointmentBooked:
        branch, appointment = self.branch(body.branch), self.name(body.reference)
        return AppointmentBooked(
            at=self.at(body.at),
            appointment_id=appointment,
            party_id=body.party_id or f"unknown.{appointment}",
            product=body.product,
            branch=body.branch,
            starts_at=self.hour(body, branch),
            minutes=body.minutes,
            people=body.people,
            code=body.code or code_of(appointment),
            about=body.about or "",
            text=body.text,
            grace_minutes=branch.grace_minutes,
            **self.address(body),
        )

    def walked_in(self, body: WalkIn) -> AppointmentWalkedIn:
        self.branch(body.branch)
        appointment = self.name(body.reference)
        return AppointmentWalkedIn(
            at=self.at(body.at),
            appointment_id=appointment,
            product=body.product,
            branch=body.branch,
            code=body.code or code_of(appointment),
            party_id=body.party_id or "",
            people=body.people,
        )

    def address(self, body: Booking) -> dict[str, str]:
        if body.address is None:
            return {}
        given = address_of(body.address.kind, body.address.value)
        return {"kind": given.kind, "address": given.value, "address_id": given.pseudonym(self._pepper)}

    async def keep(self, request: Request, what: str, said: str, event: Appointment, known: Visit | None) -> None:
        """Write it down, once. A request that comes again is the same fact, whatever has happened since."""
        envelope = fact(event, key=named(request.headers, ROOM, what, said, self._pepper))
        refusal = None if known and envelope.id in known.facts else impossible(what, known)
        if refusal:
            raise HTTPException(CONFLICT, refusal)
        await self._engine.append(envelope)


def impossible(what: str, known: Visit | None) -> str | None:
    """Why this cannot be, as things stand."""
    if what in {Booking.__name__, WalkIn.__name__}:
        return "this reference is known already: change or cancel that appointment, or use another" if known else None
    if known is None:
        return UNKNOWN
    states = next(states for kind, states in OVER.items() if kind.__name__ == what)
    return SENTENCE[known.state] if known.state in states else None


def code_of(appointment: str) -> str:
    """What is called out at the counter, such as BK417: derived, so that every screen has the same one."""
    number = int(hashlib.sha256(appointment.encode()).hexdigest(), 16)
    number, digits = divmod(number, 1000)
    first, second = divmod(number % len(LETTERS) ** 2, len(LETTERS))
    return f"{LETTERS[first]}{LETTERS[second]}{digits:03}"


def router(
    engine: Engine, pepper: bytes, clock: Callable[[], datetime], branches: Branches, register: Register
) -> APIRouter:
    routes = APIRouter(prefix="/v1/appointments", tags=["appointments"])
    desk = Desk(engine, pepper, clock, branches)

    @routes.get("", summary="The appointments and walk-ins of one day at one branch, by the hour")
    async def day(branch: str, day: date) -> Rows:
        found = await register.day(branch, day, desk.branch(branch).here)
        return Rows(appointments=[Row.model_validate(visit, from_attributes=True) for visit in found])

    @routes.post("", status_code=201, summary="Book an appointment", openapi_extra=documented(Booking))
    async def book(request: Request) -> Agreed:
        """201 means that the fact is durable; 503 that nobody knows: send it again as it was."""
        body = posted(Booking, await request.body())
        event = desk.booked(body)
        appointment = event.appointment_id
        await desk.keep(request, "Booking", body.model_dump_json(), event, await register.find(appointment))
        return Agreed(appointment_id=appointment, code=event.code)

    @routes.post("/walk-ins", status_code=201, summary="Somebody walks in", openapi_extra=documented(WalkIn))
    async def walk_in(request: Request) -> Agreed:
        """Somebody came without an appointment. The answer has the code by which they are called."""
        body = posted(WalkIn, await request.body())
        event = desk.walked_in(body)
        appointment = event.appointment_id
        await desk.keep(request, "WalkIn", body.model_dump_json(), event, await register.find(appointment))
        return Agreed(appointment_id=appointment, code=event.code)

    for path, kind in STEPS.items():
        routes.post(path, status_code=201, summary=kind.__doc__, openapi_extra=documented(kind), name=path[1:])(
            stepping(kind, desk, register)
        )
    return routes


def stepping(kind: type[Which], desk: Desk, register: Register) -> Callable[[Request], Awaitable[Agreed]]:
    async def stepped(request: Request) -> Agreed:
        """One more fact about an appointment. 409 says why it cannot be, as things stand."""
        body = posted(kind, await request.body())
        appointment = desk.which(body)
        known = await register.find(appointment)
        if known is None:
            raise HTTPException(CONFLICT, UNKNOWN)
        event = told(body, appointment, known, desk)
        await desk.keep(request, kind.__name__, body.model_dump_json(), event, known)
        return Agreed(appointment_id=appointment, code=known.code)

    return stepped


def told(body: Which, appointment: str, known: Visit, desk: Desk) -> Appointment:
    at = desk.at(body.at)
    match body:
        case Change():
            name = body.branch or known.branch
            branch = desk.branch(name)
            return AppointmentChanged(
                at=at,
                appointment_id=appointment,
                branch=name,
                starts_at=desk.hour(body, branch),
                grace_minutes=branch.grace_minutes,
            )
        case Cancellation():
            return AppointmentCancelled(at=at, appointment_id=appointment, by=body.by)
        case Call():
            agent = body.agent_id or ""
            return AppointmentCalled(at=at, appointment_id=appointment, desk=body.desk, agent_id=agent)
        case Serving():
            return AppointmentServed(at=at, appointment_id=appointment)
    return AppointmentArrived(at=at, appointment_id=appointment)


STEPS: Final[Mapping[str, type[Which]]] = {
    "/changes": Change,
    "/cancellations": Cancellation,
    "/arrivals": Arrival,
    "/calls": Call,
    "/servings": Serving,
}


def documented(model: type[Booking | WalkIn | Which]) -> dict[str, Any]:
    return {"parameters": [KEY_PARAMETER], "requestBody": described(model)}
