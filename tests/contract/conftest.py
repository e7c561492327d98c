"""Every test of the contract runs on every engine."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.engine import Engine
from tests.contract.places import ENGINES, Place


@pytest.fixture(params=ENGINES)
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    found = ENGINES[request.param](tmp_path)
    yield found
    await found.close()


@pytest.fixture
async def engine(place: Place) -> AsyncIterator[Engine]:
    """An engine opened once, for tests that need no crash."""
    opened = await place.open()
    yield opened
    await opened.close()
