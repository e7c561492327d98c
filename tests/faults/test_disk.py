"""The disk fails below the process: nothing false is promised, and what was promised is there afterwards.

strace makes the very call fail, so that SQLite and we meet what the kernel says; each test sees that it did.
"""

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from engine.writer import BROKEN, FULL
from tests.faults.audit import audit
from tests.faults.conftest import Tell
from tests.faults.diary import read
from tests.faults.parts import CALLERS
from tests.faults.process import Worker, fired, strace
from tests.faults.worker import Orders, Report

FACTS: Final = 40  # Per caller: a good hundred group commits.
ENOUGH: Final = 3 * FACTS  # For somebody to be calling still when the fault comes, however many share a commit.
NEVER: Final = 1_000_000
OFTEN: Final = 40


class Scene:
    """One file, one worker above a disk that fails, and what it left."""

    def __init__(self, folder: Path, tell: Tell) -> None:
        self.log, self.wal = folder / "log.db", folder / "log.db-wal"
        self.diary, self.trace = folder / "diary", folder / "trace"
        self.facts = FACTS
        self._tell = tell

    def orders(self, checkpoint_pages: int) -> Orders:
        return Orders(str(self.log), str(self.diary), seed=1, facts=self.facts, checkpoint_pages=checkpoint_pages)

    async def work(self, *faults: str, only: Path | None = None, checkpoint_pages: int = NEVER) -> Report:
        below = strace(self.trace, *faults, only=[only] if only else [])
        report = await (await Worker.start(self.orders(checkpoint_pages), *below)).end()
        assert fired(self.trace), "the fault was never met"
        return report

    async def killed(self, fault: str) -> None:
        worker = await Worker.start(self.orders(NEVER), *strace(self.trace, fault))
        assert await worker.killed(), "the moment was never met"

    async def audited(self, what: str) -> None:
        sums = await audit(self.log, read(self.diary))
        self._tell(f"{what}: {sums}")

    @property
    def acknowledged(self) -> int:
        return sum(read(self.diary).kept)

    def written_afterwards(self) -> list[str]:
        """What was still written into the write-ahead log after the fault."""
        lines = self.trace.read_text(errors="replace").splitlines()
        after = lines[lines.index(fired(self.trace)[0]) :]
        return [line for line in after if re.search(r"pwrite64\(\d+<[^>]*-wal>.* = \d", line)]


@pytest.fixture
def scene(tmp_path: Path, tell: Tell) -> Scene:
    return Scene(tmp_path, tell)


@pytest.mark.parametrize("nth", [4, 5, 8, 13, 21, 34])
async def test_after_a_failed_fsync_nothing_more_is_written_and_everything_can_be_read(scene: Scene, nth: int) -> None:
    scene.facts = ENOUGH
    report = await scene.work(f"fdatasync:error=EIO:when={nth}", only=scene.wal)
    assert report.opened
    assert report.errors == [BROKEN]
    assert report.probe == BROKEN, "the disk works again, but nobody knows what it holds"
    assert scene.written_afterwards() == []
    assert report.closed
    assert report.read > 0
    await scene.audited(f"fsync {nth} failed")


@pytest.mark.parametrize("nth", [30, 77, 300, 777])
async def test_after_a_failed_write_nothing_more_is_written_and_everything_can_be_read(scene: Scene, nth: int) -> None:
    scene.facts = ENOUGH
    report = await scene.work(f"pwrite64:error=EIO:when={nth}", only=scene.wal)
    assert report.errors == [BROKEN]
    assert report.probe == BROKEN
    assert scene.written_afterwards() == []
    assert report.read > 0
    await scene.audited(f"write {nth} failed")


@pytest.mark.parametrize(("first", "last"), [(30, 31), (77, 90), (300, 300), (700, 800)])
async def test_writes_that_find_no_space_are_refused_and_go_on_by_themselves_when_there_is(
    scene: Scene, first: int, last: int
) -> None:
    report = await scene.work(f"pwrite64:error=ENOSPC:when={first}..{last}", only=scene.wal)
    assert set(report.errors) <= {FULL}
    assert report.probe == ""
    assert scene.acknowledged >= CALLERS * FACTS
    await scene.audited(f"no space from write {first} to {last}")


async def test_no_space_for_the_index_beside_the_log_is_a_full_disk_too(scene: Scene) -> None:
    await (await Worker.start(scene.orders(NEVER))).end()
    scene.facts = 12 * FACTS  # The index grows when the write-ahead log passes 4,062 pages.
    index = scene.log.with_name("log.db-shm")
    with closing(sqlite3.connect(scene.log)) as beside:
        assert beside.execute("SELECT count(*) FROM log").fetchone() > (0,)  # The first part of the index is there.
        report = await scene.work("pwrite64:error=ENOSPC:when=1..3", only=index)
    assert report.opened
    assert report.errors == [FULL]
    assert report.probe == ""
    assert scene.acknowledged >= CALLERS * scene.facts
    await scene.audited("no space for the index")


@pytest.mark.parametrize("fault", ["error=EIO:when=45", "error=ESTALE:when=45", "error=EIO:when=75"])
async def test_a_read_that_fails_is_told_and_the_next_one_is_answered(scene: Scene, fault: str) -> None:
    await (await Worker.start(scene.orders(NEVER))).end()
    scene.facts += 1
    report = await scene.work(f"pread64:{fault}", only=scene.log)
    assert {error.partition(" (")[0] for error in report.errors} <= {"the log cannot be read"}
    assert report.probe == ""
    assert report.read > CALLERS * FACTS
    await scene.audited("a read failed")


@pytest.mark.parametrize(
    "fault",
    [
        "fdatasync:error=EIO:when=2",
        "fdatasync:error=EIO:when=3..5",
        "pwrite64:error=EIO:when=5",
        "pwrite64:error=ENOSPC:when=3..60",
    ],
)
async def test_a_checkpoint_that_fails_loses_nothing_and_is_made_again(scene: Scene, fault: str) -> None:
    report = await scene.work(fault, only=scene.log, checkpoint_pages=OFTEN)
    assert report.errors == []
    assert report.probe == ""
    assert scene.acknowledged >= CALLERS * FACTS
    await scene.audited(f"checkpoints with {fault}")


@pytest.mark.parametrize(
    "fault",
    [
        "fdatasync:error=EIO:when=1",
        "fdatasync:error=EIO:when=4",
        "fdatasync:error=EIO:when=7+",
        "fdatasync:error=EIO:when=8",
        "pwrite64:error=EIO:when=3",
        "pwrite64:error=ENOSPC:when=5+",
        "pwrite64:error=ENOSPC:when=18+",
        "rename:error=EIO",
    ],
)
async def test_a_disk_that_fails_at_the_start_is_told_in_one_sentence(scene: Scene, fault: str) -> None:
    report = await scene.work(fault)
    assert not report.opened
    assert re.fullmatch(r"[^\n]{20,300}", report.refused)
    assert "disk" in report.refused
    await scene.audited(f"at the start {fault}")


async def test_a_first_write_that_fails_is_told_in_one_sentence(scene: Scene) -> None:
    await (await Worker.start(scene.orders(NEVER))).end()
    report = await scene.work("fdatasync:error=EIO:when=1", only=scene.wal)
    assert report.refused == BROKEN
    await scene.audited("the first fsync of the write-ahead log failed")


@pytest.mark.parametrize("call", ["pwrite64", "fdatasync", "rename", "unlink"])
async def test_killed_at_each_step_of_its_first_start_it_starts_again(scene: Scene, call: str) -> None:
    """At the first, second, third … such call; the same file all the time, as if it crashed again and again."""
    steps = {"pwrite64": [1, 2, 3, 9, 17, 18, 20, 30], "fdatasync": [1, 2, 3, 4, 5, 7], "rename": [1]}
    for nth in steps.get(call, [3]):
        await scene.killed(f"{call}:signal=SIGKILL:when={nth}")
    await scene.audited(f"killed at {call} of the first start")
