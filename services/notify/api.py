"""HTTP: the proof of one notification, and what reminders do."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, HTTPException, Path, Query
from pydantic import BaseModel
from sqlalchemy import Select, Table, bindparam, func, select

from engine.ask import Row, ask
from engine.engine import Engine
from schemas.errors import Refused
from services.notify.effect import effects
from services.notify.evidence import evidence
from services.notify.proof import dossier

FACTS_MAX: Final = 500  # Of one notification: there are a dozen.
ENDS: Final = {"came": "appeared", "no-show": "no_show", "cancelled": "cancelled"}
Day = Annotated[date, Query(examples=["2026-11-01"])]
Name = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._~-]*$", max_length=120)]


DAYS_MAX: Final = 1_100  # Three years.


class Group(BaseModel):
    """Appointments of which the reminder was alike; `no_show_share` is of those who appeared or should have."""

    wording: str
    channel: str
    reminder: str  # none, failed, bounced, unknown, sent or delivered.
    appeared: int = 0
    no_show: int = 0
    cancelled: int = 0  # By the party, before its hour.
    no_show_share: float | None = None


class Effect(BaseModel):
    """What reminders did for no-shows, of the appointments of these days. Who is off by the desk is not in it."""

    first: date
    last: date
    groups: list[Group]


async def proof(engine: Engine, notification_id: str) -> dict[str, Any] | None:
    """Its dossier, made anew from the log; none of a notification that is not known. Raises `Unavailable`."""
    table = await engine.table(evidence)
    query = select(table).where(table.c.notification_id == notification_id)
    rows = await engine.fetch(query.order_by(table.c.first, table.c.position).limit(FACTS_MAX))
    facts = [(await engine.read(row["position"] - 1, 1, row["partition"]))[0] for row in rows]
    return dossier(notification_id, facts) if facts else None


def router(engine: Engine) -> APIRouter:
    routes = APIRouter(prefix="/v1", tags=["notifications"])

    @routes.get("/notifications/{notification_id}/proof", summary="What can be proved of a notification")
    async def show(notification_id: Name) -> dict[str, Any]:
        """A dossier of entries, each with the hash of the one before it. It names nobody."""
        found = await proof(engine, notification_id)
        if found is None:
            raise HTTPException(404)
        return found

    @routes.get("/reminders", summary="What reminders do for no-shows")
    async def reminders(first: Day, last: Day) -> Effect:
        """Of the appointments of these days, the first and the last included."""
        if not timedelta() <= last - first <= timedelta(days=DAYS_MAX):
            raise Refused(f"first comes before last, and at most {DAYS_MAX:,} days lie between them")
        values = {"first": first.isoformat(), "last": last.isoformat()}
        return Effect(first=first, last=last, groups=grouped(await ask(engine, counted, [effects], (), values)))

    return routes


def counted(table: Table) -> Select[Any]:
    alike = (table.c.wording, table.c.channel, table.c.came)
    days = table.c.day.between(bindparam("first"), bindparam("last"))
    many = select(*alike, table.c.ended, func.count().label("many")).where(days)
    return many.group_by(*alike, table.c.ended).order_by(*alike)


def grouped(rows: Sequence[Row]) -> list[Group]:
    found: dict[tuple[str, str, str], Group] = {}
    for row in rows:
        key = (row["wording"], row["channel"], row["came"])
        if row["ended"] in ENDS:
            group = found.setdefault(key, Group(wording=key[0], channel=key[1], reminder=key[2]))
            setattr(group, ENDS[row["ended"]], row["many"])
    for group in found.values():
        if expected := group.appeared + group.no_show:
            group.no_show_share = round(group.no_show / expected, 4)
    return list(found.values())
