"""A town for each test."""

from collections.abc import AsyncIterator

import pytest

from tests.rooms import rooms
from tests.services.resident.town import SITE, Hand, Town


@pytest.fixture
async def town() -> AsyncIterator[Town]:
    hand = Hand()
    async with rooms(clock=hand, site=SITE) as house:
        await house.settle()
        del house.client.headers["authorization"]
        yield Town(house, hand)
