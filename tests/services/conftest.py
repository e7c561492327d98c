"""Both engines, for what could differ on them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.places import Place
from tests.rooms import NOW
from tests.services.places import ENGINES


@pytest.fixture(params=["sqlite", pytest.param("kafka", marks=pytest.mark.xdist_group("servers"))])
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    """Where a house can stand, through any number of openings, at the hour of these tests."""
    found = ENGINES[request.param](tmp_path)
    found.clock.now = NOW
    yield found
    await found.close()
