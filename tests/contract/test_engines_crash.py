"""The third promise: state, rows, outcomes, timers and position move together or not at all, wherever it crashes."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from random import Random
from threading import Lock
from typing import Any, Final

import pytest

from engine.courier import Rounds
from engine.engine import Engine
from engine.processor import courier
from engine.seat import LEASE
from schemas.event import Envelope, fact
from tests.contract.crash import Crash, Line, crash_at, exit_now, in_child, lines, raise_now
from tests.contract.looks import everything, outcome
from tests.contract.parts import PARTS, Added, Asked, CalledOff, Rang, added, shy_parts
from tests.contract.places import MONDAY, Clock, MemoryPlace, Place, SqlitePlace

SHARDS: Final = 4
TEARS: Final = 60
KILLS: Final = 30

Phase = Callable[[Engine, Clock], Awaitable[None]]


def alarm(name: str, hours: int) -> Envelope:
    return fact(Asked(at=MONDAY, about="bed/a", name=name, due=MONDAY + timedelta(hours=hours)), key=name)


FIRST: Final = (added(MONDAY, "jar/a", 2, "1"), added(MONDAY, "jar/b", 5, "2"), alarm("nap", 1), alarm("tea", 2))
SECOND: Final = (
    added(MONDAY, "jar/a", 13, "3"),
    added(MONDAY, "jar/a", 1, "4"),
    fact(CalledOff(at=MONDAY, about="bed/a", name="tea"), key="5"),
)


async def append_first(engine: Engine, clock: Clock) -> None:
    await engine.append(*FIRST)


async def settle(engine: Engine, clock: Clock) -> None:
    await engine.settle(*PARTS)


async def append_second(engine: Engine, clock: Clock) -> None:
    await engine.append(*SECOND)


async def settle_shyly(engine: Engine, clock: Clock) -> None:
    await engine.settle(*shy_parts())


async def let_time_pass(engine: Engine, clock: Clock) -> None:
    clock.now = MONDAY + timedelta(hours=3)
    await engine.settle(*shy_parts())


async def mend(engine: Engine, clock: Clock) -> None:
    await engine.redrive("tally")
    await engine.settle(*PARTS)


async def carry(engine: Engine, clock: Clock) -> None:
    part = courier("courier", Added)
    for where in await engine.store.partitions([part]):
        rounds = Rounds(engine.store, part, where, clock)
        async for delivery in rounds.lend(LEASE):
            await delivery.done(Rang(at=MONDAY, about=delivery.envelope.subject, name="sent", due=MONDAY))
        await rounds.let_go()  # Durable after what it passed, for which nobody waits.


async def rebuild(engine: Engine, clock: Clock) -> None:
    for name in ("tally", "bell", "ledger", "scales"):
        await engine.rebuild(name)
    await engine.settle(*PARTS)


PHASES: Final[tuple[Phase, ...]] = (
    append_first,
    settle,
    append_second,
    settle_shyly,
    let_time_pass,
    mend,
    carry,
    rebuild,
)


async def live(place: Place, first: int, acknowledge: Callable[[int], None]) -> dict[str, Any]:
    """Everything a client wants, from the first phase that was not acknowledged to it."""
    engine = await place.open()
    for number in range(first, len(PHASES)):
        await PHASES[number](engine, place.clock)
        acknowledge(number)
    found = await outcome(engine, "a", "b")
    await engine.close()
    return found


async def stored(place: Place) -> set[str]:
    engine = await place.open()
    found = {envelope.id for envelope in await everything(engine)}
    await engine.close()
    return found


def recovered(place: Place, acknowledged: list[int], expected: dict[str, Any], where: str) -> None:
    """Nothing that was acknowledged is lost, and in the end nobody can tell that there was a crash."""
    kept = asyncio.run(stored(place))
    if 0 in acknowledged:
        assert kept >= {envelope.id for envelope in FIRST}, where
    if 2 in acknowledged:
        assert kept >= {envelope.id for envelope in SECOND}, where
    first = max(acknowledged, default=-1) + 1
    assert acknowledged == list(range(first)), where
    assert asyncio.run(live(place, first, lambda _: None)) == expected, where


def never_crashed() -> dict[str, Any]:
    """What it comes to in a life without a crash."""
    place = MemoryPlace(Path(), seed=0)
    return asyncio.run(live(place, 0, lambda _: None))


@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_line_of_the_memory_engine_is_its_last_the_end_is_the_same(seed: int) -> None:
    expected, place = never_crashed(), MemoryPlace(Path(), seed)
    acknowledged: list[int] = []
    left: dict[tuple[int, int], Line] = {}  # What a death at any line leaves: so much on disk, so much acknowledged.

    def look(line: Line) -> None:
        left.setdefault((len(place.disk.journal), len(acknowledged)), line)

    with lines(look):
        assert asyncio.run(live(place, 0, acknowledged.append)) == expected
    assert len(left) > len(place.disk.journal) > 50
    for (entries, phases), line in left.items():
        after = MemoryPlace(Path(), seed)
        after.disk.journal.extend(place.disk.journal[:entries])
        recovered(after, acknowledged[:phases], expected, f"died at {line}, {seed=}")


def test_an_engine_that_is_torn_down_at_any_line_leaves_what_a_dead_one_leaves() -> None:
    """Here the rest of the process unwinds, and may run its last lines; some at random, the seed is in the claim."""
    expected, seed = never_crashed(), Random().randrange(10**6)
    for nth in Random(seed).sample(range(1, 20_000), TEARS):
        place, acknowledged = MemoryPlace(Path(), seed=nth), list[int]()
        with suppress(Crash), crash_at(nth, raise_now):
            asyncio.run(live(place, 0, acknowledged.append))
        recovered(place, acknowledged, expected, f"torn down at line {nth}, {seed=}")


class Camera:
    """Copies of a database's files, one for each thing that was on disk when some line was executed."""

    def __init__(self, folder: Path, copies: Path) -> None:
        self.folder, self.copies = folder, copies
        self.acknowledged: list[int] = []
        self.taken: list[tuple[Path, list[int], Line]] = []
        self._last: tuple[object, ...] = ()
        self._turn = Lock()

    def look(self, line: Line) -> None:
        with self._turn:
            files = sorted(self.folder.iterdir())
            now = (len(self.acknowledged), *((f.name, f.stat().st_size, f.stat().st_mtime_ns) for f in files))
            if now == self._last:
                return
            self._last = now
            copy = self.copies / str(len(self.taken))
            self.taken.append((copy, list(self.acknowledged), line))
            copy.mkdir()
            for file in files:
                if not file.name.endswith(("-shm", ".lock")):  # Shared memory dies with the machine's processes.
                    shutil.copy(file, copy)


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    return never_crashed()


@pytest.mark.parametrize("shard", range(SHARDS))
def test_whatever_line_of_the_sqlite_engine_is_its_last_the_end_is_the_same(
    tmp_path: Path, shard: int, expected: dict[str, Any]
) -> None:
    for name in ("life", "copies"):
        (tmp_path / name).mkdir()
    camera = Camera(tmp_path / "life", tmp_path / "copies")
    with lines(camera.look):
        assert asyncio.run(live(SqlitePlace(camera.folder), 0, camera.acknowledged.append)) == expected
    assert len(camera.taken) > 100
    for folder, acknowledged, line in camera.taken[shard::SHARDS]:
        recovered(SqlitePlace(folder), acknowledged, expected, f"died at {line}")


def test_a_process_that_is_killed_at_some_line_leaves_what_the_next_one_needs(
    tmp_path: Path, expected: dict[str, Any]
) -> None:
    seed = Random().randrange(10**6)
    for nth in Random(seed).sample(range(1, 20_000), KILLS):
        folder = tmp_path / str(nth)
        folder.mkdir()

        def work(acknowledge: Callable[[int], None], folder: Path = folder, nth: int = nth) -> None:
            with crash_at(nth, exit_now):
                asyncio.run(live(SqlitePlace(folder), 0, acknowledge))

        _, acknowledged = in_child(work)
        recovered(SqlitePlace(folder), acknowledged, expected, f"killed at line {nth}, {seed=}")
