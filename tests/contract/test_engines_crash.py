"""The third promise: state, rows, outcomes, timers and position move together or not at all, wherever it crashes."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest

from engine.courier import Rounds
from engine.engine import Engine
from engine.memory import Disk, MemoryStore
from engine.processor import courier
from engine.seat import LEASE
from schemas.event import Envelope, fact
from tests.contract.crash import Crash, Line, crash_at, exit_now, in_child, lines, raise_now
from tests.contract.looks import everything, outcome
from tests.contract.parts import PARTS, Added, Asked, CalledOff, Rang, added, shy_parts
from tests.contract.places import MONDAY, Clock, MemoryPlace, Place, SqlitePlace

SHARDS: Final = 4
OTHER_LINES: Final = 60  # Beside the first time of every line, so many at random, per shard.

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
    async for delivery in Rounds(engine.store, courier("courier", Added), clock).lend(LEASE):
        await delivery.done(Rang(at=MONDAY, about=delivery.envelope.subject, name="sent", due=MONDAY))


async def rebuild(engine: Engine, clock: Clock) -> None:
    for name in ("tally", "bell", "ledger"):
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


def test_whatever_line_of_the_memory_engine_is_its_last_the_end_is_the_same() -> None:
    expected = never_crashed()
    nth, crashed = 0, True
    while crashed:
        nth += 1
        place, acknowledged = MemoryPlace(Path(), seed=nth), []
        written = 0

        def die() -> None:
            nonlocal written
            written = len(place.disk.journal)
            raise_now()

        try:
            with crash_at(nth, die):  # type: ignore[arg-type]  # It never returns.
                assert asyncio.run(live(place, 0, acknowledged.append)) == expected
            crashed = False
        except Crash:
            del place.disk.journal[written:]  # The dead write nothing.
            recovered(place, acknowledged, expected, f"crashed at line {nth}, which is also the seed")
    assert nth > 1000, "the tracer saw the engine at work"


def life_of(folder: Path) -> list[Line]:
    """Every line of one life, in order."""
    found: list[Line] = []
    with lines(found.append):
        asyncio.run(live(SqlitePlace(folder), 0, lambda _: None))
    return found


@pytest.mark.timeout(300)
@pytest.mark.parametrize("shard", range(SHARDS))
def test_whatever_line_of_the_sqlite_engine_is_its_last_the_end_is_the_same(tmp_path: Path, shard: int) -> None:
    expected = never_crashed()
    (tmp_path / "life").mkdir()
    life = life_of(tmp_path / "life")
    seed = Random().randrange(10**6)
    firsts = [life.index(line) + 1 for line in dict.fromkeys(life)][shard::SHARDS]
    others = Random(seed).sample(range(1, len(life)), OTHER_LINES)
    for number, nth in enumerate((*firsts, *others)):
        folder = tmp_path / str(number)
        folder.mkdir()

        def work(acknowledge: Callable[[int], None]) -> None:
            with crash_at(nth, exit_now):
                asyncio.run(live(SqlitePlace(folder), 0, acknowledge))

        _, acknowledged = in_child(work)
        recovered(SqlitePlace(folder), acknowledged, expected, f"crashed at line {nth} ({life[nth - 1]}), {seed=}")
