"""The power fails: what was acknowledged had been synced before, so it is there whatever became of the rest."""

import sqlite3
from pathlib import Path
from random import Random
from typing import Final

import pytest

from schemas.errors import DraadError
from tests.faults.audit import audit
from tests.faults.conftest import Tell
from tests.faults.diary import DONE, KEPT, LENT
from tests.faults.power import SUFFIXES, Call, cut, recorded
from tests.faults.process import CALLS, Worker, strace
from tests.faults.worker import Orders

FACTS: Final = 15  # Per caller.
CHECKPOINT_PAGES: Final = 40
CUTS: Final = 24
WHOLE_WRITES: Final = ("-xx", "-s", "70000")
CHANGES: Final = CALLS.replace("pread64,", "")


async def worked(folder: Path, *faults: str) -> list[Call]:
    """Everything that one life did to its files."""
    log, diary, trace = folder / "log.db", folder / "diary", folder / "trace"
    files = [diary, *(log.with_name(f"log.db{suffix}") for suffix in SUFFIXES)]
    orders = Orders(str(log), str(diary), seed=1, facts=FACTS, checkpoint_pages=CHECKPOINT_PAGES)
    below = strace(trace, *faults, only=files, calls=CHANGES)
    await (await Worker.start(orders, *below, *WHOLE_WRITES)).end()
    return recorded(trace, diary)


def moments(calls: list[Call], dice: Random) -> list[int]:
    """Most of them right after something was said that must last, when the least time has passed to get it there."""
    found = dice.choices(range(len(calls) + 1), k=CUTS // 4)
    for word in (KEPT, LENT, DONE):
        said = [n for n, call in enumerate(calls, start=1) if call.data.startswith(f"{word} ".encode())]
        found += dice.choices(said, k=CUTS // 4) if said else []
    return found


@pytest.mark.parametrize("nth", [0, 7, 10, 15, 18, 22])
async def test_what_was_acknowledged_survives_a_power_cut_at_any_moment(
    tmp_path: Path, seed: int, tell: Tell, nth: int
) -> None:
    """Also when the nth fsync of a thread failed before, be it of a commit or of a checkpoint."""
    dice = Random(seed)
    faults = [f"fdatasync:error=EIO:when={nth}"] if nth else []
    calls = await worked(tmp_path, *faults)
    failed = [call.path for call in calls if call.verb == "sync" and call.number]
    assert bool(failed) == bool(faults)
    acknowledged = stored = 0
    for number, moment in enumerate(moments(calls, dice)):
        folder = tmp_path / f"cut-{number}"
        folder.mkdir()
        diary = cut(calls[:moment], tmp_path / "diary", folder, dice)
        sums = await audit(folder / "log.db", diary)
        acknowledged, stored = acknowledged + sums.acknowledged, stored + sums.stored
    after = "".join(f", after an fsync of {Path(path).name} failed" for path in sorted(set(failed)))
    tell(f"power cut {number + 1} times{after}: {acknowledged} acknowledged, {stored} stored, summed over the cuts")
    assert acknowledged > 0


async def test_a_file_that_forgets_what_was_not_synced_would_be_noticed(tmp_path: Path, seed: int) -> None:
    """The test tested: had the syncs not happened, the same cuts would find acknowledged facts gone."""
    dice = Random(seed)
    calls = await worked(tmp_path)
    unsafe = [call for call in calls if call.verb != "sync" or not call.path.endswith("-wal")]
    noticed = 0
    for number, moment in enumerate(moments(unsafe, dice)):
        folder = tmp_path / f"cut-{number}"
        folder.mkdir()
        diary = cut(unsafe[:moment], tmp_path / "diary", folder, dice)
        try:
            await audit(folder / "log.db", diary)
        except (AssertionError, DraadError, sqlite3.DatabaseError):  # Facts gone, or no file to speak of.
            noticed += 1
    assert noticed
