"""A town for each test."""

from collections.abc import AsyncIterator

import pytest

from engine import ask
from services.resident import choosing
from tests.rooms import rooms
from tests.services.resident.town import SITE, Hand, Town


@pytest.fixture
async def town(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Town]:
    """Its parts do not run by themselves, so nobody waits for them either: `Town` has them settle."""
    monkeypatch.setattr(ask, "SHOWN_S_MAX", 0.0)
    monkeypatch.setattr(choosing, "DECIDED_S_MAX", 0.0)
    hand = Hand()
    async with rooms(clock=hand, site=SITE) as house:
        there = Town(house, hand)
        await there.settle()
        del house.client.headers["authorization"]
        yield there
