"""Looking things up on the timeline, also while it is being replaced by a rebuilt one."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Select, Table, select, tuple_

from engine.engine import Engine
from schemas.errors import Refused
from services.desk.timeline import timeline

PAGE_MAX: Final = 50  # Entries on one page.
PLACE: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)p(\d{1,18})")

Row = Mapping[str, Any]


async def page(engine: Engine, before: str | None) -> tuple[Sequence[Row], bool]:
    """The entries before this place in the order in which they happened, newest first; and whether there are more."""

    def query(table: Table) -> Select[Any]:
        key = (table.c.at, table.c.position)
        chosen = select(table).order_by(*(column.desc() for column in key)).limit(PAGE_MAX + 1)
        return chosen.where(tuple_(*key) < place(before)) if before else chosen

    rows = await fetched(engine, query)
    return rows[:PAGE_MAX], len(rows) > PAGE_MAX


async def logged_after(engine: Engine, position: int, limit: int) -> Sequence[Row]:
    """The entries after this position, in the order in which they were logged."""
    return await fetched(engine, lambda t: select(t).where(t.c.position > position).order_by(t.c.position).limit(limit))


async def logged_last(engine: Engine, limit: int) -> Sequence[Row]:
    """The entries that were logged last, in the order in which they were logged."""
    rows = await fetched(engine, lambda t: select(t).order_by(t.c.position.desc()).limit(limit))
    return rows[::-1]


async def fetched(engine: Engine, query: Callable[[Table], Select[Any]]) -> Sequence[Row]:
    table = await engine.table(timeline)
    try:
        return await engine.fetch(query(table))
    except Exception:
        if (rebuilt := await engine.table(timeline)).name == table.name:
            raise
        return await engine.fetch(query(rebuilt))  # It was replaced between two lines.


def place(before: str) -> tuple[str, int]:
    found = PLACE.fullmatch(before)
    if found is None:
        raise Refused("before is the place of an entry, as the page itself links to it")
    return found[1], int(found[2])
