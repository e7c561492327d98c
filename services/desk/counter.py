"""The counter reads its day: who is to come, who waits, who was called and who did not come."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import Select, Table, select

from engine.engine import Engine
from engine.work import stamp
from services.desk.appointments import appointments

DAY_ROWS_MAX: Final = 1_000  # A counter that helps more in one day than this is several counters.


class Visit(NamedTuple):
    """An appointment or walk-in, as it stands now."""

    appointment_id: str
    branch: str
    starts_at: datetime
    state: str  # booked, arrived, called, served, cancelled or no-show.
    code: str
    product: str
    desk: str
    party_id: str
    address_id: str
    about: str
    people: int
    minutes: int
    waiting_since: datetime | None
    walked_in: bool
    confirmed: bool
    facts: tuple[str, ...]


async def day(engine: Engine, branch: str, on: date, zone: ZoneInfo) -> Sequence[Visit]:
    """Everybody at this branch on this day there, by the hour; a day of a change of clocks has 23 or 25 hours."""
    begins, ends = (stamp(datetime.combine(each, time(), zone)) for each in (on, on + timedelta(days=1)))

    def query(table: Table) -> Select[Any]:
        within = (table.c.branch == branch, table.c.starts_at >= begins, table.c.starts_at < ends)
        return select(table).where(*within).order_by(table.c.starts_at, table.c.appointment_id).limit(DAY_ROWS_MAX)

    return [visit(row) for row in await fetched(engine, query)]


async def find(engine: Engine, appointment_id: str) -> Visit | None:
    """This appointment or walk-in, if the register has heard of it already."""

    def query(table: Table) -> Select[Any]:
        return select(table).where(table.c.appointment_id == appointment_id)

    return next((visit(row) for row in await fetched(engine, query)), None)


def visit(row: Mapping[str, Any]) -> Visit:
    since = row["waiting_since"]
    moments = {
        "starts_at": datetime.fromisoformat(row["starts_at"]),
        "waiting_since": datetime.fromisoformat(since) if since else None,
    }
    plain = {"walked_in": bool(row["walked_in"]), "confirmed": bool(row["confirmed"])}
    said = moments | plain | {"facts": tuple(row["facts"].split())}
    return Visit(**{name: row[name] for name in Visit._fields if name in row} | said)


async def fetched(engine: Engine, query: Callable[[Table], Select[Any]]) -> Sequence[Mapping[str, Any]]:
    table = await engine.table(appointments)
    try:
        return await engine.fetch(query(table))
    except Exception:
        if (rebuilt := await engine.table(appointments)).name == table.name:
            raise
        return await engine.fetch(query(rebuilt))  # It was replaced between two lines.
