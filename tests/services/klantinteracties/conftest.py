from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from draad.parts import PARTS
from engine.sqlite import SqliteStore
from tests.rooms import clock
from tests.tools import Tool, at_work


@pytest.fixture
async def tool(tmp_path: Path) -> AsyncIterator[Tool]:
    async with at_work(await SqliteStore.open(str(tmp_path / "log.db"), clock)) as tool:
        yield tool


@pytest.fixture
async def whole(tmp_path: Path) -> AsyncIterator[Tool]:
    """The same, with everything at work that reads the log."""
    async with at_work(await SqliteStore.open(str(tmp_path / "log.db"), clock), PARTS) as tool:
        yield tool
