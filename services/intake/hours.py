"""HTTP in for appointment systems: which hours residents may choose. It appends facts and decides nothing.

A day is said as a whole: what is not on the list is not offered any more. Who has an hour keeps it, whatever is said.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, Protocol

from fastapi import APIRouter, HTTPException, Request

from channels.days import ZONE, day_of
from channels.repeat import KEY_PARAMETER, named
from engine.engine import Engine
from schemas.errors import Refused
from schemas.event import Word, fact
from schemas.hour import HourOffered, Offer
from schemas.reading import posted
from services.intake.api import ROOM
from services.intake.appointments import AHEAD_MAX, CONFLICT, moment_of
from services.intake.body import EARLIEST, described, moment
from services.intake.branches import Branch, Branches, branch_of
from services.intake.visits import FreeHours, Left, Offered, Offering

NO_PAGES: Final = "residents have no pages here, so nobody would choose an hour: see the table notify of the site file"


class Free(Protocol):
    """An hour, and how many can still come."""

    @property
    def starts_at(self) -> datetime: ...
    @property
    def free(self) -> int: ...


# Of a branch and a product, from one moment to before another. None where residents have no pages.
Ask = Callable[[str, str, datetime, datetime], Awaitable[Sequence[Free]]] | None


def bounds(day: date, branch: Branch, now: datetime) -> tuple[datetime, datetime]:
    """When this day begins at the branch, and when the next one does. Raises `Refused`."""
    if not EARLIEST.date() < day <= (now + AHEAD_MAX).date():
        raise Refused("the day lies before the year 2000, or more than two years ahead")
    begins, ends = (datetime.combine(each, time(), branch.here) for each in (day, day + timedelta(days=1)))
    return begins.astimezone(UTC), ends.astimezone(UTC)


def offers(body: Offering, branch: Branch, since: datetime, until: datetime) -> Sequence[Offer]:
    """The hours as moments, in order. Raises `Refused`."""
    found = sorted((moment_of(each, branch), each.places) for each in body.hours)
    moments = [starts_at for starts_at, _ in found]
    if any(not since <= starts_at < until for starts_at in moments):
        raise Refused("an hour is not on this day, as the clocks of the branch have it")
    if len(set(moments)) < len(moments):
        raise Refused("an hour is listed twice: say with places how many may come then")
    return [Offer(starts_at=starts_at, places=places) for starts_at, places in found]


def told(body: Offering, branch: Branch, now: datetime) -> Iterator[HourOffered]:
    """A fact for each day in Amsterdam that this day there has a part of: one, where it is as late as here."""
    since, until = bounds(body.day, branch, now)
    hours, at = offers(body, branch, since, until), moment(body.at, now)
    while since < until:
        day = day_of(since)
        ends = min(until, datetime.combine(day + timedelta(days=1), time(), ZONE).astimezone(UTC))
        part = tuple(one for one in hours if since <= one.starts_at < ends)
        said = {"branch": body.branch, "product": body.product, "day": f"{day}"}
        yield HourOffered(at=at, **said, since=since, until=ends, hours=part)
        since = ends


def router(engine: Engine, pepper: bytes, clock: Callable[[], datetime], branches: Branches, ask: Ask) -> APIRouter:
    routes = APIRouter(prefix="/v1/appointments/hours", tags=["appointments"])

    @routes.get("", summary="The hours of one day at which residents can still come")
    async def left(branch: str, product: Word, day: date) -> FreeHours:
        since, until = bounds(day, branch_of(branches, branch), clock())
        if ask is None:
            raise HTTPException(CONFLICT, NO_PAGES)
        found = await ask(branch, product, since, until)
        return FreeHours(hours=[Left(starts_at=one.starts_at, free=one.free) for one in found])

    @routes.post(
        "",
        status_code=201,
        summary="Say which hours of one day residents may choose",
        openapi_extra={"parameters": [KEY_PARAMETER], "requestBody": described(Offering)},
    )
    async def offer(request: Request) -> Offered:
        """The whole list of a day, in place of the one before it. One that comes late, by its `at`, changes nothing."""
        body = posted(Offering, await request.body())
        events = [*told(body, branch_of(branches, body.branch), clock())]
        name = named(request.headers, ROOM, "Offering", body.model_dump_json(), pepper)
        if ask is None:
            raise HTTPException(CONFLICT, NO_PAGES)
        await engine.append(*(fact(event, key=name) for event in events))
        return Offered(hours=len(body.hours))

    return routes
