"""Looks at an SQLite file: whoever asks in the same moment shares one, and is told what it would be told alone."""

import asyncio
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from engine import looks
from engine.engine import Engine
from engine.looks import Asked, look
from engine.sqlite import SqliteStore
from engine.statements import stand
from engine.store import Pull
from engine.together import Together
from engine.work import stamp
from schemas.errors import Unavailable
from schemas.event import fact
from tests.contract.parts import PARTS, added, bell, shy_parts
from tests.contract.parts import Asked as AlarmAsked
from tests.contract.places import MONDAY, SqlitePlace

WAIT_S_MAX: Final = 30.0
LATER: Final = stamp(MONDAY + timedelta(days=2))


class Counted:
    """Reads, and counts how often; nobody is answered before `gate` opens."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self.times = 0
        self.asked, self.gate = asyncio.Event(), asyncio.Event()
        self.gate.set()
        self.error: Exception | None = None

    async def __call__(self, asked: list[Asked]) -> list[Pull]:
        self.times += 1
        self.asked.set()
        await self.gate.wait()
        if self.error:
            raise self.error
        return await self._store._read(partial(look, every=asked))


async def opened(tmp_path: Path) -> Engine:
    """One with something parked, something due, and something that has not been read."""
    engine = await SqlitePlace(tmp_path).open()
    await engine.append(
        added(MONDAY, "jar/a", 13, "1"),
        added(MONDAY, "jar/b", 2, "2"),
        fact(AlarmAsked(at=MONDAY, about="bed/a", name="x", due=MONDAY + timedelta(days=1)), key="3"),
    )
    await engine.settle(*shy_parts())
    await engine.append(*(added(MONDAY, f"jar/{'abc'[n % 3]}", n, f"new {n}") for n in range(20)))
    await engine.redrive("tally")
    await engine.rebuild("book")
    return engine


async def questions(engine: Engine) -> list[Asked]:
    parts = {part.name: part for part in PARTS}
    tasks = [standing.task for standing in await engine.standings()]
    return [Asked(parts[task.name], task, limit, LATER) for task in tasks for limit in (1, 3, 500)]


@pytest.mark.parametrize("near", [0, 5, 500])
async def test_together_everybody_is_told_what_each_is_told_alone(
    tmp_path: Path, near: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looks, "RECENT_MAX", near)
    engine = await opened(tmp_path)
    assert isinstance(engine.store, SqliteStore)
    asked = await questions(engine)
    alone = [look(engine.store._writing, [one])[0] for one in asked]
    assert look(engine.store._writing, asked) == alone
    told = {one.task.name: pull for one, pull in zip(asked, alone, strict=True) if one.limit == 500}
    assert len(told["tally"].records) == 20
    assert told["tally"].states["jar/b"]
    assert told["tally"].parked == {"jar/a"}
    assert [one.subject for one in told["tally"].redrive] == ["jar/a"]
    assert told["bell"].next_due == MONDAY + timedelta(days=1)
    assert [timer.subject for timer in told["bell"].due] == ["bed/a"]
    assert told["book"].tasks == 2
    await engine.close()


async def steps_of_a_look(path: Path, planned: int) -> int:
    """What SQLite does for one look of a part that has so many timers, and for one at how it stands."""
    engine = await SqlitePlace(path).open()
    due = MONDAY + timedelta(days=1)
    await engine.append(
        *(fact(AlarmAsked(at=MONDAY, about=f"bed/{n}", name="x", due=due), key=f"{n}") for n in range(planned))
    )
    await engine.settle(bell)
    assert isinstance(engine.store, SqliteStore)
    [task] = [standing.task for standing in await engine.standings()]
    db, steps = engine.store._writing, 0

    def counted() -> None:
        nonlocal steps
        steps += 1

    db.set_progress_handler(counted, 1)
    look(db, [Asked(bell, task, 500, stamp(MONDAY))])
    stand(db, stamp(MONDAY))
    db.set_progress_handler(None, 1)
    await engine.close()
    return steps


async def test_a_look_costs_the_same_however_many_timers_are_planned(tmp_path: Path) -> None:
    (tmp_path / "few").mkdir()
    (tmp_path / "many").mkdir()
    few, many = await steps_of_a_look(tmp_path / "few", 3), await steps_of_a_look(tmp_path / "many", 300)
    assert many < few + 100


async def test_whoever_asks_in_the_same_moment_shares_a_look_and_who_comes_later_the_next(tmp_path: Path) -> None:
    engine = await opened(tmp_path)
    assert isinstance(engine.store, SqliteStore)
    asked, read = await questions(engine), Counted(engine.store)
    shared = Together[Asked, Pull](read)
    alone = [look(engine.store._writing, [one])[0] for one in asked]
    read.gate.clear()
    async with asyncio.timeout(WAIT_S_MAX):
        first = [asyncio.ensure_future(shared.ask(one)) for one in asked]
        await read.asked.wait()
        second = [asyncio.ensure_future(shared.ask(one)) for one in asked]
        first[0].cancel()  # Whoever goes away disturbs nobody.
        await asyncio.sleep(0)
        read.gate.set()
        assert await asyncio.gather(*first[1:]) == alone[1:]
        assert await asyncio.gather(*second) == alone
    assert read.times == 2
    await engine.close()


async def test_a_look_that_fails_is_told_to_all_who_asked_and_the_next_one_is_new(tmp_path: Path) -> None:
    engine = await opened(tmp_path)
    assert isinstance(engine.store, SqliteStore)
    asked, read = (await questions(engine))[:3], Counted(engine.store)
    shared = Together[Asked, Pull](read)
    read.error = Unavailable("the log cannot be read")
    async with asyncio.timeout(WAIT_S_MAX):
        found = await asyncio.gather(*(shared.ask(one) for one in asked), return_exceptions=True)
        assert found == [read.error] * 3
        read.error = None
        assert len(await asyncio.gather(*(shared.ask(one) for one in asked))) == 3
    await engine.close()
