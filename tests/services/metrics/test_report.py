"""Reports: what they count, by which days, and what they refuse."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from draad.site import Site
from schemas.contact import ContactAnswered, ContactMissed, ContactReceived
from schemas.event import fact
from services.metrics.settings import MetricsSettings
from tests.rooms import Rooms, rooms

MONDAY: Final = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
MARCH: Final = {"first": "2026-03-01", "last": "2026-03-31"}


@pytest.fixture
async def house() -> AsyncIterator[Rooms]:
    site = Site(metrics=MetricsSettings(products=("passport", "parking")))
    async with rooms(site=site) as opened:
        yield opened


async def call(house: Rooms, name: str, after: timedelta, seconds: float | None, **said: Any) -> None:
    """Somebody calls; who is there after so many seconds picks up, and otherwise they hang up."""
    on = {"contact_id": name, "address_id": f"a-{name}"}
    at = MONDAY + after
    facts = [ContactReceived(at=at, channel="phone", **on, **said)]
    if seconds is not None:
        then = at + timedelta(seconds=abs(seconds))
        answered = ContactAnswered(at=then, agent_id="g1", **on)
        facts.append(answered if seconds > 0 else ContactMissed(at=then, reason="abandoned", **on))
    await house.engine.append(*(fact(event, key=event.type) for event in facts))


async def figures(house: Rooms, names: str, **asked: str) -> Any:
    await house.settle()
    answer = await house.client.get("/v1/reports", params={"figures": names} | MARCH | asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_calls_are_counted_by_how_they_ended(house: Rooms) -> None:
    for nth, seconds in enumerate((8, 21, 44, -3, -70)):
        await call(house, f"c{nth}", timedelta(minutes=nth), seconds)
    names = "contacts,calls-answered,calls-abandoned,calls-abandoned-short,service-level,time-to-answer"
    [line] = (await figures(house, names))["lines"]
    assert {name: figure["value"] for name, figure in line["figures"].items()} == {
        "contacts": 5,
        "calls-answered": 3,
        "calls-abandoned": 1,
        "calls-abandoned-short": 1,
        "service-level": 0.5,
        "time-to-answer": 24_333,
    }
    share = line["figures"]["service-level"]
    assert (share["part"], share["whole"]) == (2, 4)
