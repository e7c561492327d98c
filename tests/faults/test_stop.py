"""Asked to stop, it finishes what it has in hand: nothing is left unknown, half done or held."""

import asyncio
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from engine.engine import open_engine
from schemas.event import fact
from tests.faults.audit import audit
from tests.faults.conftest import Tell
from tests.faults.diary import read
from tests.faults.parts import POST, START, Added, Counted, LetterAsked, LetterSent
from tests.faults.process import Worker
from tests.faults.worker import Orders

STOP_S_MAX = 10


@pytest.mark.parametrize("run", [1, 2])
async def test_asked_to_stop_it_finishes_the_batch_at_hand(run: int, tmp_path: Path, seed: int, tell: Tell) -> None:
    log, diary = tmp_path / "log.db", tmp_path / "diary"
    worker = await Worker.start(Orders(str(log), str(diary), seed=seed))
    await worker.ends_within(Random(seed).uniform(0.3, 1))
    worker.ask_to_stop()
    assert await worker.ends_within(STOP_S_MAX)
    report = await worker.end()
    assert report.closed
    assert report.errors == []
    said = read(diary)
    assert said.kept == said.tried, "everybody who asked was answered"
    assert not log.with_name("log.db-wal").exists(), "all of it is in the one file"
    with closing(sqlite3.connect(log)) as db:
        [held] = db.execute("SELECT count(*) FROM task WHERE until > ?", (time.time(),)).fetchone()
        assert held == 0, "whoever comes next need not wait"
        [lent] = db.execute("SELECT count(*) FROM lent").fetchone()
        assert lent == 0, "the courier brought its last letter"
        facts = "SELECT count(*) FROM log JOIN task ON name = 'counting' AND log.position <= task.position"
        [stepped] = db.execute(f"{facts} WHERE type = ?", (Added.type,)).fetchone()
        [outcomes] = db.execute("SELECT count(*) FROM log WHERE type = ?", (Counted.type,)).fetchone()
        assert stepped == outcomes > 0
    sums = await audit(log, said)
    tell(f"stopped at work: {sums}")
    assert sums.acknowledged == sums.stored


async def test_a_courier_stops_after_the_letter_in_hand_however_many_wait(tmp_path: Path) -> None:
    async with asyncio.timeout(STOP_S_MAX), open_engine(f"sqlite:///{tmp_path / 'log.db'}") as engine:
        letters = [LetterAsked(at=START, jar_id="j", total=total) for total in range(300)]
        await engine.append(*(fact(letter, key=str(letter.total)) for letter in letters))
        brought = []
        async for delivery in engine.follow(POST, LetterAsked):
            asked = delivery.event
            brought.append(asked.total)
            await delivery.done(LetterSent(at=asked.at, jar_id=asked.jar_id, total=asked.total))
            if asked.total == 2:
                engine.stop()
        assert brought == [0, 1, 2]
