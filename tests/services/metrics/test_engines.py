"""Figures are the same on every engine, whatever the order of work, and to the digit after a rebuild."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest
from sqlalchemy import Column, MetaData, Table

from engine.engine import Engine
from engine.processor import Projection
from schemas.case import CaseClosed, CaseOpened
from schemas.contact import ContactAnswered, ContactNoted, ContactReceived
from schemas.errors import Unavailable
from schemas.event import Event, fact
from schemas.journey import JourneyStepped
from services.metrics.cells import VIEWS
from services.metrics.days import Days
from services.metrics.report import Asked, report
from services.metrics.settings import MetricsSettings
from services.metrics.standing import standing
from tests.services.places import ENGINES, engine_at, in_memory

MONDAY: Final = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
TALLIES: Final[Sequence[Projection]] = tuple(view for view, _ in VIEWS)
NAMES: Final = ("contacts", "time-to-answer", "service-level", "backlog", "cases-backlog", "journey-started")


def facts() -> Sequence[Event]:
    """Three months of calls, mails, cases and steps, of several addresses."""
    dice, told = Random(5), list[Event]()
    for nth in range(24):
        at = MONDAY + timedelta(days=nth * 3, seconds=dice.randrange(30_000))
        on: dict[str, Any] = {"contact_id": f"c{nth}", "address_id": f"a{nth % 7}"}
        told.append(ContactReceived(at=at, channel=dice.choice(["phone", "email"]), **on))
        if nth % 3:
            told.append(ContactAnswered(at=at + timedelta(seconds=dice.randrange(90)), agent_id="g1", **on))
        if nth % 2:
            noted = {"agent_id": "g1", "product": dice.choice(["passport", "parking"])}
            told.append(ContactNoted(at=at + timedelta(minutes=5), **noted, **on))
        told.append(JourneyStepped(at=at, step_id=f"s{nth}", product="passport", step="started"))
        told.append(CaseOpened(at=at, case_id=f"k{nth}", party_id="p1", kind="permit", title="x"))
        if nth % 4:
            told.append(CaseClosed(at=at + timedelta(days=nth), case_id=f"k{nth}", outcome="granted"))
    return told


async def seen(engine: Engine) -> list[Any]:
    days = Days(date(2026, 3, 3), date(2026, 5, 20))
    asked = [
        Asked(NAMES, days, "total", "channel"),
        Asked(NAMES, days, "month", "product"),
        Asked(NAMES, days, "week", "", (("channel", "phone"),)),
        Asked(NAMES, days, "week", "product"),
        Asked(
            NAMES, Days(date(2026, 3, 4), date(2026, 3, 8)), "hour", against=Days(date(2026, 4, 4), date(2026, 4, 8))
        ),
    ]
    return [*[await report(engine, one, MetricsSettings()) for one in asked], await standing(engine)]


@pytest.mark.parametrize("kind", ENGINES)
async def test_figures_hang_on_the_facts_alone(kind: str, tmp_path: Path) -> None:
    told = [fact(event, key=f"{nth}") for nth, event in enumerate(facts())]
    async with in_memory() as engine:
        await engine.append(*told)
        await engine.settle(*TALLIES)
        expected = await seen(engine)
    async with engine_at(ENGINES[kind](tmp_path)) as engine:
        await engine.append(*told[:70])
        await engine.settle(*TALLIES, random=Random(3))
        await engine.append(*told[70:])
        await engine.settle(*TALLIES, random=Random(4))
        assert await seen(engine) == expected
        for view in TALLIES:
            await engine.rebuild(view.name)
        await engine.settle(*TALLIES)
        assert await seen(engine) == expected
    assert [(one.figure, one.label) for one in expected[-1].open] == [
        ("backlog", "email"),
        ("backlog", "phone"),
        ("cases-backlog", "permit"),
    ]


def before_weeks(view: Projection) -> Projection:
    """As it was in the first version: its cells began at a `period`."""
    columns = [
        Column("period" if column.name == "since" else column.name, column.type, primary_key=column.primary_key)
        for column in view.table.columns
    ]
    return replace(view, version=1, table=Table(view.table.name, MetaData(), *columns))


async def test_of_a_table_from_before_there_were_weeks_nothing_is_read(tmp_path: Path) -> None:
    """Its reports would be too low, and nobody would see it."""
    asked = Asked(("contacts",), Days(date(2026, 3, 2), date(2026, 3, 8)), "week")
    contact = ContactReceived(at=MONDAY, channel="phone", contact_id="c1", address_id="a1")
    async with engine_at(ENGINES["sqlite"](tmp_path)) as engine:
        await engine.settle(*map(before_weeks, TALLIES))
        await engine.append(fact(contact, key="1"))
        with pytest.raises(Unavailable):
            await report(engine, asked, MetricsSettings())
        await engine.settle(*TALLIES)
        made = await report(engine, asked, MetricsSettings())
        assert [(line.period, line.figures["contacts"].value) for line in made.lines] == [("2026-W10", 1)]
