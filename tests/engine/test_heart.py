"""The clock that all workers share."""

import asyncio
import time
from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest

from engine.heart import Heart
from tests.contract.places import make_database, servers

pytestmark = pytest.mark.xdist_group("kafka")

ABOUT = timedelta(seconds=60)  # A busy machine is no wrong clock.


@pytest.fixture
async def url() -> str:
    name, here = f"h{uuid4().hex[:12]}", await asyncio.to_thread(servers)
    await make_database(here.postgres, name, "pattern")
    return here.postgres.url(name)


@pytest.mark.parametrize("jump_s", [-86_400, 3_600])
async def test_its_time_is_the_databases_before_and_after_this_machines_clock_jumps(
    url: str, monkeypatch: pytest.MonkeyPatch, jump_s: int
) -> None:
    heart, database, right = Heart(url, uuid4().hex, lambda: None), await asyncpg.connect(url), time.time
    heart.start()
    try:
        await heart.beat()
        monkeypatch.setattr(time, "time", lambda: right() + jump_s)
        for beats in range(2):
            for _ in range(beats):
                await heart.beat()
            ours, theirs = heart.now(), await database.fetchval("SELECT clock_timestamp()")
            assert theirs - ABOUT < ours <= theirs
        assert abs(heart.skew_s + jump_s) < ABOUT.total_seconds()
    finally:
        monkeypatch.undo()
        await heart.stop()
        await database.close()
