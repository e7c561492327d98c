"""A process is killed at random moments, starts again, and nothing is lost, doubled or out of order."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Final

import pytest

from tests.faults.audit import audit
from tests.faults.conftest import Tell
from tests.faults.diary import read
from tests.faults.process import Worker
from tests.faults.worker import Orders

RUNS: Final = 10
KILLS: Final = 10  # In each of the runs.
YOUNG: Final = 2  # So many lives end while the file is made.
LIVES_MAX: Final = 2 * KILLS


async def killed_at_random(orders: Orders, dice: Random, nth: int) -> str:
    """One life; says when it was killed, or "" if it ended before that."""
    worker = await Worker.start(orders)
    moment = dice.random()
    if nth < YOUNG or moment < 0.1:  # While it makes the file, or recovers it.
        await worker.ends_within(dice.uniform(0, 0.15 if nth < YOUNG else 0.03))
        when = "at its start"
    elif moment < 0.85:
        await worker.ends_within(dice.uniform(0.03, 0.6))
        when = "at work"
    else:
        await worker.ends_within(dice.uniform(0.05, 0.3))
        worker.ask_to_stop()
        await worker.ends_within(dice.uniform(0, 0.05))
        when = "while it stopped"
    return when if await worker.kill() else ""


@pytest.mark.parametrize("run", range(1, RUNS + 1))
async def test_killed_at_random_moments_it_loses_and_doubles_nothing(
    run: int, tmp_path: Path, seed: int, tell: Tell
) -> None:
    dice = Random(seed)
    path, diary = tmp_path / "log.db", tmp_path / "diary"
    start = datetime.now(UTC).isoformat()
    moments: Counter[str] = Counter()
    for nth in range(LIVES_MAX):
        orders = Orders(str(path), str(diary), seed=dice.getrandbits(32), start=start)
        when = await killed_at_random(orders, dice, nth)
        moments[when or "not at all"] += 1
        if moments.total() - moments["not at all"] == KILLS:
            break
    sums = await audit(path, read(diary))
    tell(f"killed {KILLS} times ({', '.join(f'{n} {when}' for when, n in sorted(moments.items()))}): {sums}")
    assert moments.total() - moments["not at all"] == KILLS
    assert sums.acknowledged > 0
