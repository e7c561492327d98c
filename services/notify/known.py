"""What is known of an address in the moment in which something is written to it."""

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Select, Table, bindparam, or_, select

from engine.ask import ask
from engine.engine import Engine
from engine.work import stamp
from schemas.notification import NotificationDue
from services.notify.hours import RECEIVED
from services.notify.language import languages
from services.notify.shut import GIVEN, addresses_shut


class Known(NamedTuple):
    language: str = ""  # That they chose who can be reached there; empty where nobody did, or not all the same.
    shut: str = ""  # Why no program writes there, if none does.


NOTHING = Known()


async def language_of(engine: Engine, address_id: str) -> str:
    rows = await ask(engine, spoken, [languages], (), {"address_id": address_id})
    return str(rows[0]["language"]) if len(rows) == 1 else ""


async def shut_for(engine: Engine, address_id: str, channel: str, now: datetime, heard: datetime | None = None) -> str:
    """What is no more may be tried again when its time is over, or when they gave it again. Their wish stands.

    Who was `heard` from there since is there, also where the view does not know it yet.
    """
    rows = await ask(engine, standing, [addresses_shut], (), {"address_id": address_id, "channel": channel})
    shut = next((row for row in rows if row["by"] == channel), None)
    given = max((row["since"] for row in rows if row["reason"] == GIVEN), default="")
    given = max(given, stamp(heard)) if heard else given
    if shut is None or (shut["until"] and (given > shut["since"] or shut["until"] <= stamp(now))):
        return ""
    return str(shut["reason"])


def heard(due: NotificationDue) -> datetime | None:
    """When they wrote from there, where it answers that."""
    return due.at if due.template == RECEIVED and due.kind == due.channel else None


def spoken(table: Table) -> Select[Any]:
    return select(table.c.language).where(table.c.address_id == bindparam("address_id")).distinct().limit(2)


def standing(table: Table) -> Select[Any]:
    here = or_(table.c.by == bindparam("channel"), table.c.reason == GIVEN)
    return select(table).where(table.c.address_id == bindparam("address_id"), here)
