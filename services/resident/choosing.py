"""The page on which somebody chooses another hour for their appointment, from those that are free.

It asks for the hour, waits a moment for what is decided, and says what is so: it is theirs, somebody else has it, or
that nobody knows yet.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Final, NamedTuple

from sqlalchemy import Select, Table, bindparam, select
from starlette.responses import Response

from channels.days import day_of
from engine.ask import LOOK_S, ask, shown_soon
from engine.engine import Engine
from engine.work import stamp
from schemas.errors import Unavailable
from schemas.event import derived, fact
from schemas.hour import HourAsked
from services.resident.asked import Form, fresh
from services.resident.hours import free_hours
from services.resident.known import DESK, House, Visit
from services.resident.moves import MOVED, OTHERWISE, moves
from services.resident.page import Page, day, hour
from services.resident.standing import Shows, Standing

AHEAD: Final = timedelta(weeks=6)  # What is later they ask for.
HOURS_MAX: Final = 600  # As many are shown, the next first.
DECIDED_S_MAX: Final = 3.0  # By then it is decided, or the page says that nobody knows yet.
OWN: Final = "resident."


class FreeHour(NamedTuple):
    """How many more can come at this hour."""

    starts_at: datetime
    free: int


class Choice(NamedTuple):
    """An hour as it is shown, and as it is posted."""

    value: str
    hour: str


class DayOf(NamedTuple):
    """The free hours of a day."""

    day: str
    choices: Sequence[Choice]
    open: bool


async def offered(engine: Engine, branch: str, product: str, since: datetime, until: datetime) -> Sequence[FreeHour]:
    """What is free there for this product, from one moment to before another, in order."""
    values = {"branch": branch, "product": product, "since": stamp(since), "until": stamp(until)}
    rows = await ask(engine, free_between, [free_hours], (), values)
    return [FreeHour(datetime.fromisoformat(row["starts_at"]), row["free"]) for row in rows]


def free_between(table: Table) -> Select[Any]:
    of = (table.c.branch == bindparam("branch"), table.c.product == bindparam("product"))
    within = (table.c.starts_at >= bindparam("since"), table.c.starts_at < bindparam("until"))
    return select(table).where(*of, *within).order_by(table.c.starts_at).limit(HOURS_MAX)


class Choosing:
    """What is shown of the free hours, and what becomes of the one that is chosen."""

    def __init__(self, house: House, page: Page, pages: Shows) -> None:
        self._house, self._page, self._pages, self._shown = house, page, pages, pages.shown

    async def free(self, one: Standing) -> Sequence[datetime]:
        """The hours to which this appointment could be moved."""
        now, visit = self._house.clock(), one.visit
        found = await offered(self._house.engine, visit.branch, visit.product, now, now + AHEAD)
        return [each.starts_at for each in found if now < each.starts_at != visit.starts_at]

    async def asking(self, one: Standing, wrong: str = "", form: Form | None = None) -> Response | None:
        """The free hours to choose from; nothing where there are none."""
        hours = await self.free(one)
        if not hours:
            return None
        chosen, key = (form.line("to"), form.again) if form else ("", fresh())
        said = {"days": self._days(one, hours, chosen), "chosen": chosen, "wrong": wrong, "key": key}
        status = {"": 200, "wrong_hour": 400, "wrong_later": 503}.get(wrong, 409)
        return self._shown(one, "hours.html", status, **said)

    def _days(self, one: Standing, hours: Sequence[datetime], chosen: str) -> Sequence[DayOf]:
        """By day, as the clocks at the branch have it; the first lies open, and the one that was chosen from."""
        zone = self._page.zone(one.visit.branch)
        days = groupby(hours, key=lambda moment: moment.astimezone(zone).date())
        found = []
        for nth, (_, moments) in enumerate(days):
            some = [*moments]
            choices = [Choice(stamp(each), hour(each, one.language, zone)) for each in some]
            lies_open = not nth or any(choice.value == chosen for choice in choices)
            found.append(DayOf(day(some[0], one.language, zone), choices, lies_open))
        return found

    async def chosen(self, one: Standing, form: Form) -> Response | None:
        """Nothing where there is no hour left to choose: then it is asked for in words."""
        to, seen = moment(form.line("to")), moment(form.line("hour"))
        if to is None or seen is None:
            return await self.asking(one, "wrong_hour", form) if one.open else self._shown(one)
        visit = one.visit
        ask_id = derived(f"resident chooses {visit.appointment_id} {form.key} {stamp(to)} {stamp(seen)}")
        outcome = await self._outcome(visit, ask_id, to)
        if not outcome:
            if not one.open:
                return self._shown(one)
            if seen != visit.starts_at:
                return self._shown(one, status=409, notice="moved")
            if to not in await self.free(one):
                return await self.asking(one, "wrong_gone", form)
            try:
                await self._house.engine.append(fact(self._asked(visit, ask_id, to), key=ask_id))
            except Unavailable:
                return await self.asking(one, "wrong_later", form)
            outcome = await self._decided(visit, ask_id, to)
        return await self._told(one, form, to, outcome)

    def _asked(self, visit: Visit, ask_id: str, to: datetime) -> HourAsked:
        place = self._house.municipality.places.get(visit.branch)
        return HourAsked(
            at=self._house.clock(),
            branch=visit.branch,
            product=visit.product,
            day=f"{day_of(to)}",
            ask_id=ask_id,
            appointment_id=visit.appointment_id,
            starts_at=to,
            instead_of=visit.starts_at,
            **({"grace_minutes": place.grace_minutes} if place else {}),
        )

    async def _outcome(self, visit: Visit, ask_id: str, to: datetime) -> str:
        """What came of it, if it still is so; empty as long as nobody knows."""
        known = await self._house.engine.state(moves, f"appointment/{visit.appointment_id}")
        outcome = dict(known.asks).get(ask_id, "")
        gone = outcome == MOVED and (known.off or known.starts_at != to)
        return OTHERWISE if gone else outcome

    async def _decided(self, visit: Visit, ask_id: str, to: datetime) -> str:
        store, outcome = self._house.engine.store, ""
        with suppress(TimeoutError):
            async with asyncio.timeout(DECIDED_S_MAX):
                while not outcome:
                    mark = store.mark()
                    outcome = await self._outcome(visit, ask_id, to)
                    if not outcome:
                        await store.moved(mark, LOOK_S)
        return outcome

    async def _told(self, one: Standing, form: Form, to: datetime, outcome: str) -> Response | None:
        values: dict[str, Any] = {**self._page.at(one.visit.branch, to, one.language)}
        if not outcome:
            again = {"key": form.key, "to": form.line("to"), "seen": form.line("hour")}
            return self._shown(one, "hour_unknown.html", 202, wanted=values, **again)
        await shown_soon(self._house.engine, DESK)
        await shown_soon(self._house.engine, OWN)
        if outcome == MOVED:
            return self._shown(one, "hour_chosen.html", **values)
        one = await self._pages.again(one)
        if outcome == OTHERWISE or not one.open:
            return self._shown(one, status=409, notice="moved" if one.open else "")
        return await self.asking(one, "wrong_gone", form)


def moment(said: str) -> datetime | None:
    """The hour that a page of ours posts; none where it is spelled otherwise."""
    try:
        found = datetime.fromisoformat(said)
        return found if stamp(found) == said else None
    except (ValueError, TypeError, OverflowError):
        return None
