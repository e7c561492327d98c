"""What the tests of a move share."""

from collections.abc import AsyncIterator

import pytest

from tests.registers import Both, empty


@pytest.fixture
async def both(at_once: list[float]) -> AsyncIterator[Both]:
    assert at_once == []
    async with empty() as there, empty() as here:
        yield Both(there, here)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Nobody waits; how long they would have is told."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr("draad.register.sleep", sleep)
    return waits
