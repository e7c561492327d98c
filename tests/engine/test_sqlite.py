"""What only the SQLite engine has: it forgets old ids, keeps views under their numbers, and is looked at beside."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from engine import seen, sqlite
from engine.engine import Engine
from engine.sqlite import SqliteStore
from schemas.errors import Unavailable
from tests.contract.looks import everything, shown
from tests.contract.parts import PARTS, added, ledger, shy_parts, tally
from tests.contract.places import MONDAY, SqlitePlace

WAIT_S_MAX = 30


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of four positions, filters of ten ids, and a look at what is old at every tenth."""
    monkeypatch.setattr(seen, "CHUNK_BITS", 2)
    monkeypatch.setattr(seen, "BLOCK_IDS_MAX", 10)
    monkeypatch.setattr(seen, "FILTER_BYTES", 64)
    monkeypatch.setattr(seen, "BIT_MASK", 511)
    monkeypatch.setattr(sqlite, "FORGET_EVERY", 10)


@pytest.mark.usefixtures("small_chunks")
async def test_a_repeat_is_known_however_many_chunks_and_filters_lie_between(tmp_path: Path) -> None:
    place = SqlitePlace(tmp_path)
    engine = await place.open()
    facts = [added(MONDAY, "jar/a", n, str(n)) for n in range(300)]
    for start in range(0, 300, 7):
        await engine.append(*facts[start : start + 7])
        await engine.append(*facts[: start + 7])
    engine = await place.crash(engine)
    await engine.append(*facts)
    assert [e.id for e in await everything(engine)] == [e.id for e in facts]
    await engine.close()
    await place.close()


@pytest.mark.usefixtures("small_chunks")
async def test_an_id_is_known_for_thirty_days_and_forgotten_some_time_after(tmp_path: Path) -> None:
    place = SqlitePlace(tmp_path)
    engine = await place.open()
    facts = [added(MONDAY, "jar/a", n, str(n)) for n in range(800)]
    for day in range(80):
        await engine.append(*facts[10 * day : 10 * day + 10])
        await engine.append(*facts[max(0, 10 * day - 290) : 10 * day + 10])
        place.clock.pass_(days=1)
    assert len(await everything(engine)) == 800
    assert isinstance(engine.store, SqliteStore)
    kept = engine.store._writing.execute("SELECT count(*) FROM seen").fetchone()[0]
    assert 300 <= kept <= 360
    assert len(engine.store._filter._blocks) < 40
    await engine.append(facts[0])
    assert len(await everything(engine)) == 801
    await engine.close()


async def test_a_rebuilt_view_has_its_indexes_and_leaves_nothing_behind(tmp_path: Path) -> None:
    place = SqlitePlace(tmp_path)
    engine = await place.open()
    await engine.append(*(added(MONDAY, "jar/a", n, str(n)) for n in range(5)))
    await engine.settle(*PARTS)
    assert isinstance(engine.store, SqliteStore)
    for _ in range(3):
        await engine.rebuild("ledger")
        await engine.settle(*PARTS)
        table = (await engine.table(ledger)).name
        found = engine.store._writing.execute("SELECT type, tbl_name FROM sqlite_master WHERE sql LIKE '%ledger%'")
        assert sorted(found.fetchall()) == [("index", table), ("table", table)]
    assert len(await shown(engine, ledger)) == 5
    await engine.close()


async def test_beside_a_running_engine_one_can_ask_for_a_redrive_and_a_rebuild(tmp_path: Path) -> None:
    place = SqlitePlace(tmp_path)
    engine = await place.open()
    await engine.append(added(MONDAY, "jar/a", 13, "1"), added(MONDAY, "jar/a", 2, "2"))
    await engine.settle(*shy_parts())
    [before] = [s.task.number for s in await engine.standings() if s.task.name == "tally"]
    async with asyncio.timeout(WAIT_S_MAX):
        running = asyncio.create_task(engine.run(*PARTS))
        beside = Engine(await SqliteStore.open(str(place.path), place.clock, beside=True), clock=place.clock)
        assert await beside.redrive("tally") == 1
        await beside.rebuild("tally")
        while before in [s.task.number for s in await beside.standings()] or await beside.parked():
            await engine.store.moved(engine.store.mark(), 1)
        assert (await beside.state(tally, "jar/a")).amounts == (13, 2)
        await beside.close()
        engine.stop()
        await running
    await engine.close()


async def test_readers_hold_up_no_writer(tmp_path: Path) -> None:
    place = SqlitePlace(tmp_path)
    engine = await place.open()
    await engine.append(added(MONDAY, "jar/a", 1, "1"))
    assert isinstance(engine.store, SqliteStore)
    reader = engine.store._writing.__class__(place.path, isolation_level=None)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM log").fetchone() == (1,)
    async with asyncio.timeout(WAIT_S_MAX):
        await engine.append(added(MONDAY, "jar/a", 1, "2"))
    assert reader.execute("SELECT count(*) FROM log").fetchone() == (1,)
    reader.close()
    await engine.close()


async def test_after_the_end_everything_is_unavailable(tmp_path: Path) -> None:
    engine = await SqlitePlace(tmp_path).open()
    await engine.close()
    with pytest.raises(Unavailable, match="the log is closed"):
        await engine.append(added(MONDAY, "jar/a", 1, "1"))
    with pytest.raises(Unavailable, match="the log is closed"):
        await engine.read()


async def test_a_process_that_was_killed_leaves_no_lease_behind(tmp_path: Path) -> None:
    place = SqlitePlace(tmp_path)
    engine = await place.open()
    await engine.append(added(MONDAY, "jar/a", 1, "1"))
    [seat] = await engine._seats((tally,))
    await seat.turn()
    engine = await place.crash(engine)
    place.clock.now += timedelta()
    await engine.settle(tally)
    assert (await engine.state(tally, "jar/a")).total == 1
    await engine.close()
    await place.close()
