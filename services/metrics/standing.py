"""What stands open at this moment, and since which hour the oldest of it does. No fact is looked at, and no list.

What is open is counted in the cell in which it began, and taken out of it when it ends: so the oldest is in the first
cell that is not empty. It is looked for by month, then by day, then by hour.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel
from sqlalchemy import BigInteger, Select, Table, cast, func, select

from channels.days import ZONE
from engine.ask import Row, ask
from engine.engine import Engine
from engine.processor import Projection
from engine.values import text
from services.metrics.cases import cases
from services.metrics.contacts import contacts
from services.metrics.tasks import tasks

# By figure: where it is kept, under which measure, and by what it is told apart.
OPEN: Final[Mapping[str, tuple[Projection, str, str]]] = {
    "backlog": (contacts, "waiting", "channel"),
    "cases-backlog": (cases, "case-open", "product"),
    "tasks-backlog": (tasks, "task-open", "team"),
}


class Open(BaseModel):
    """How much there is of one figure for one label, and the hour in which the oldest of it began."""

    figure: str
    label: str
    many: int
    oldest: str  # Such as 2026-03-02T09, as clocks show it in `zone`.


class Standing(BaseModel):
    """What stands open now."""

    zone: str
    open: list[Open]


async def standing(engine: Engine) -> Standing:
    """Raises `Unavailable`."""
    found = []
    for name, (view, measure, label) in OPEN.items():
        ever = {"grain": "month", "measure": measure, "first": "0001-01", "last": "9999-12"}
        months = await ask(engine, filled, [view], (label,), ever)
        for value in sorted({row["label"] for row in months}):
            here = [row for row in months if row["label"] == value]
            many = sum(row["many"] for row in here)
            oldest = await first(engine, view, label, ever | {"label": value}, here)
            found.append(Open(figure=name, label=value, many=many, oldest=oldest))
    return Standing(zone=ZONE.key, open=found)


async def first(engine: Engine, view: Projection, label: str, asked: Mapping[str, str], months: Sequence[Row]) -> str:
    """The hour of the oldest with this label, looked for where its month is known."""
    since = str(min(row["since"] for row in months))
    for grain, begin, end in (("day", "-01", "-31"), ("hour", "T00", "T23")):
        inside = dict(asked) | {"grain": grain, "first": since + begin, "last": since + end}
        rows = await ask(engine, filled, [view], (label, "one"), inside)
        since = str(min((row["since"] for row in rows), default=since))
    return since


def filled(table: Table, label: str, one: str = "") -> Select[Any]:
    """The months, days or hours in which something open began."""
    many = cast(func.sum(table.c.many), BigInteger)
    named = table.c[label].label("label")
    where = [table.c.grain == text("grain"), table.c.measure == text("measure")]
    where += [table.c.since.between(text("first"), text("last"))]
    where += [table.c[label] == text("label")] if one else []
    query = select(table.c.since, named, many.label("many")).where(*where)
    return query.group_by(table.c.since, table.c[label]).having(many > 0)
