"""Nothing that residents should hear of is forgotten; and if it were, it would be found."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final

import pytest
from prometheus_client import CollectorRegistry

from draad.parts import NOTIFY
from engine.engine import Engine
from engine.memory import Disk, MemoryStore
from engine.processor import Part
from schemas.appointment import (
    AppointmentArrived,
    AppointmentBooked,
    AppointmentCancelled,
    AppointmentChanged,
    AppointmentServed,
)
from schemas.case import CaseClosed, CaseDueSet, CaseOpened, CaseReopened, CaseStatusChanged
from schemas.event import Event, fact
from services.notify.cases import cases
from services.notify.gap import BACK, GRACE, Forgotten, Gap, forgotten

START: Final = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
NOW: Final = START + timedelta(hours=30)
HISTORIES: Final = 300


def facts(dice: Random) -> Sequence[Event]:
    """A case and an appointment live on, in whatever order, told twice and told late."""
    told: list[Event] = []
    for nth in range(dice.randrange(2, 25)):
        at = START + timedelta(minutes=10 * (nth if dice.random() < 0.8 else dice.randrange(25)))
        case: dict[str, Any] = {"at": at, "case_id": "k1"}
        visit: dict[str, Any] = {"at": at, "appointment_id": "b1"}
        starts: dict[str, Any] = {
            "branch": dice.choice(["main", "noord"]), "starts_at": START + timedelta(days=dice.choice([3, 4])),
        }  # fmt: skip
        event: Event = dice.choice([
            CaseOpened(**case, party_id="p1", kind="permit", title="Dakkapel"),
            CaseStatusChanged(**case, status=dice.choice(["unknown", "klaar", "bezig"])),
            CaseDueSet(**case, due=START + timedelta(days=9)),
            CaseClosed(**case, outcome="klaar"),
            CaseReopened(**case),
            AppointmentBooked(**visit, **starts, party_id="p1", product="paspoort"),
            AppointmentChanged(**visit, **starts),
            AppointmentCancelled(**visit, by="party"),
            AppointmentArrived(**visit),
            AppointmentServed(**visit),
        ])  # fmt: skip
        told += [event] * dice.choice([1, 1, 1, 2])
    return told


async def lived(events: Sequence[Event], parts: Sequence[Part] = NOTIFY) -> Engine:
    engine = Engine(MemoryStore(Disk(), lambda: NOW), clock=lambda: NOW)
    for nth, event in enumerate(events):
        await engine.append(fact(event, key=str(nth)))
    await engine.settle(*parts)
    return engine


@pytest.mark.parametrize("first", range(0, HISTORIES, 50))
async def test_whatever_happens_nobody_is_forgotten(first: int) -> None:
    for seed in range(first, first + 50):
        engine = await lived(facts(Random(seed)))
        assert await forgotten(engine, NOW) == [], seed


opened = CaseOpened(at=START, case_id="k1", party_id="p1", kind="permit", title="Dakkapel")
ready = CaseStatusChanged(at=START + timedelta(hours=1), case_id="k1", status="klaar")


def forgetful() -> Sequence[Part]:
    """As they are, but for a step that forgets what a status is."""

    def tell(known: Any, event: Any) -> Any:
        return (known, []) if isinstance(event, CaseStatusChanged) else cases.handle(known, event)

    return [replace(part, handle=tell) if part is cases else part for part in NOTIFY]


async def test_a_step_that_forgets_is_found_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    engine = await lived([opened, ready], forgetful())
    found = await forgotten(engine, NOW)
    assert found == [Forgotten("case/k1", "case-status")]
    registry = CollectorRegistry()
    Gap(engine, lambda: NOW, registry).count(found)
    assert registry.get_sample_value("draad_notify_gap") == 1.0


async def test_what_is_on_its_way_and_what_is_long_ago_is_not_looked_at() -> None:
    engine = await lived([opened, ready], forgetful())
    assert await forgotten(engine, ready.at + GRACE - timedelta(seconds=1)) == []
    assert len(await forgotten(engine, ready.at + GRACE)) == 1
    assert len(await forgotten(engine, ready.at + BACK)) == 1
    assert await forgotten(engine, ready.at + BACK + timedelta(seconds=1)) == []


async def test_who_is_not_known_is_no_gap() -> None:
    assert await forgotten(await lived([ready], forgetful()), NOW) == []


async def test_it_looks_until_the_engine_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = await lived([opened, ready], forgetful())
    monkeypatch.setattr("services.notify.gap.FIRST_S", 0.0)
    registry = CollectorRegistry()
    gap = Gap(engine, lambda: NOW, registry)
    count = gap.count

    def counted(found: Sequence[Forgotten]) -> None:
        count(found)
        engine.stop()

    monkeypatch.setattr(gap, "count", counted)
    await gap.run()
    assert registry.get_sample_value("draad_notify_gap") == 1.0
