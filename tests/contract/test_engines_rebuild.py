"""The ninth promise: a new version is rebuilt beside the old one, and switched when it has caught up."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, select

from engine.engine import Engine
from engine.memory import Disk, MemoryStore
from engine.processor import Part, Put, processor, projection
from engine.seat import Seat
from schemas.errors import Refused, Unavailable
from schemas.event import Envelope, fact
from tests.contract.looks import everything, history, outcome, shown
from tests.contract.parts import (
    LEDGER,
    PARTS,
    Asked,
    Counted,
    Jar,
    added,
    bell,
    count,
    ledger,
    shy_count,
    shy_parts,
    tally,
    tally_2,
)
from tests.contract.places import MONDAY, Place

OTHERS = PARTS[1:]
FACTS = [added(MONDAY, f"jar/{s}", n, f"{s}{n}") for n in range(9, 17) for s in "ab"]
ASKED = [
    fact(Asked(at=MONDAY, about="bed/a", name=str(h), due=MONDAY + timedelta(hours=h)), key=str(h)) for h in (1, 9)
]
WAIT_S_MAX = 30


def gold(event: Counted, envelope: Envelope) -> list[Put]:
    return [Put({"id": envelope.id, "about": event.about, "total": event.total * 1000})]


golden = projection("ledger", LEDGER, gold, version=2)


async def seats_of(engine: Engine, *parts: Part) -> list[Seat]:
    """The parts of one name, to be turned by hand: a seat per partition."""
    return await engine._seats(parts)


async def turn(seats: list[Seat]) -> bool:
    """One turn of each; false if none of them had anything to do."""
    return any([await seat.turn() for seat in seats])


async def never_rebuilt(place: Place, *facts: Envelope) -> dict[str, Any]:
    """What it comes to when nobody rebuilds anything."""
    engine = Engine(MemoryStore(Disk(), place.clock), clock=place.clock)
    await engine.append(*facts)
    await engine.settle(*PARTS)
    return await outcome(engine, "a", "b")


def but_for_versions(found: dict[str, Any]) -> dict[str, Any]:
    return found | {"standing": [(name, active, *more) for name, _, active, *more in found["standing"]]}


async def versions(engine: Engine, name: str) -> list[tuple[int, bool]]:
    return [(s.task.version, s.task.active) for s in await engine.standings() if s.task.name == name]


@pytest.mark.parametrize("parts", [(tally, tally_2), (tally_2,)], ids=["old code there", "old code gone"])
@pytest.mark.parametrize("batch_max", [1, 500])
async def test_a_new_version_is_rebuilt_and_switched(place: Place, parts: Sequence[Part], batch_max: int) -> None:
    engine = await place.open(batch_max)
    await engine.append(*FACTS[:10], *ASKED)
    await engine.settle(*PARTS)
    engine = await place.crash(engine, batch_max)
    await engine.append(*FACTS[10:])
    await engine.settle(*parts, *OTHERS)
    assert await versions(engine, "tally") == [(2, True)]
    assert but_for_versions(await outcome(engine, "a", "b")) == but_for_versions(
        await never_rebuilt(place, *FACTS, *ASKED)
    )
    await engine.close()


@pytest.mark.parametrize("name", ["tally", "bell", "ledger", "shelf", "board", "scales", "book"])
async def test_a_rebuild_comes_to_the_same_and_tells_no_outcome_twice(place: Place, name: str) -> None:
    engine = await place.open(batch_max=3)
    await engine.append(*FACTS, *ASKED)
    await engine.settle(*PARTS)
    place.clock.pass_(hours=2)
    await engine.settle(*PARTS)
    before = await outcome(engine, "a", "b")
    await engine.rebuild(name)
    await engine.rebuild(name)
    assert len(await versions(engine, name)) == 2
    await engine.settle(*PARTS)
    assert await outcome(engine, "a", "b") == before
    place.clock.pass_(hours=12)
    await engine.settle(*PARTS)
    assert (await engine.state(bell, "bed/a")).rings == 2
    await engine.close()


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_a_rebuild_while_facts_come_in_neither_doubles_nor_loses_an_outcome(place: Place, seed: int) -> None:
    engine = await place.open(batch_max=seed)
    await engine.append(*FACTS[:4])
    await engine.settle(*PARTS)
    await engine.rebuild("tally")
    await engine.rebuild("ledger")

    async def write() -> None:
        for envelope in FACTS[4:]:
            await engine.append(envelope)

    async with asyncio.timeout(WAIT_S_MAX):
        await asyncio.gather(write(), engine.settle(*PARTS, random=Random(seed)))
        await engine.settle(*PARTS)
    expected = await never_rebuilt(place, *FACTS)
    found = await outcome(engine, "a", "b")
    assert found == expected
    await engine.close()


async def test_a_rebuild_that_crashes_at_any_turn_goes_on_where_it_was(place: Place) -> None:
    engine = await place.open(batch_max=1)
    await engine.append(*FACTS)
    await engine.settle(*PARTS)
    before = await outcome(engine, "a", "b")
    await engine.rebuild("tally")
    turns = 0
    while await turn(await seats_of(engine, tally)):
        turns += 1
        engine = await place.crash(engine, batch_max=1)
    assert turns > 5
    assert await outcome(engine, "a", "b") == before
    await engine.close()


async def test_a_view_shows_its_old_rows_until_the_new_ones_are_complete(place: Place) -> None:
    engine = await place.open(batch_max=1)
    await engine.append(*FACTS)
    await engine.settle(*PARTS)
    old = await shown(engine, ledger)
    seats = await seats_of(engine, golden)
    looks = []
    while await turn(seats):
        looks.append(await shown(engine, ledger))
    new = [row | {"total": row["total"] * 1000} for row in old]
    before = looks.index(new)
    assert looks == [old] * before + [new] * (len(looks) - before)
    assert before > 5
    await engine.close()


async def test_a_new_version_of_a_view_may_have_other_columns(place: Place) -> None:
    wider = Table(
        "ledger",
        MetaData(),
        Column("id", String(36), primary_key=True),
        Column("about", String, nullable=False, index=True),
        Column("half", Integer, nullable=False, index=True),
    )

    def halve(event: Counted, envelope: Envelope) -> list[Put]:
        return [Put({"id": envelope.id, "about": event.about, "half": event.total // 2})]

    engine = await place.open()
    await engine.append(*FACTS)
    await engine.settle(*PARTS)
    halves = [row["total"] // 2 for row in await shown(engine, ledger)]
    wide = projection("ledger", wider, halve, version=2)
    await engine.settle(tally, wide)
    assert [row["half"] for row in await shown(engine, wide)] == halves
    await engine.rebuild("ledger")
    await engine.settle(tally, wide)
    assert [row["half"] for row in await shown(engine, wide)] == halves
    await engine.close()


async def test_parked_subjects_are_carried_over_and_redriven_once(place: Place) -> None:
    engine = await place.open(batch_max=3)
    await engine.append(*FACTS)
    await engine.settle(*shy_parts())
    before = await engine.parked()
    assert [(a.subject, a.waiting) for a in before] == [("jar/a", 4), ("jar/b", 4)]
    await engine.redrive("tally", "jar/b")
    await engine.settle(tally_2, *OTHERS)
    assert [a.subject for a in await engine.parked()] == ["jar/a"]
    assert (await engine.state(tally, "jar/b")).amounts == tuple(range(9, 17))
    await engine.rebuild("tally")
    await engine.settle(tally_2, *OTHERS)
    assert [a.subject for a in await engine.parked()] == ["jar/a"]
    await engine.redrive("tally")
    await engine.settle(tally_2, *OTHERS)
    expected = await never_rebuilt(place, *FACTS)
    assert but_for_versions(await outcome(engine, "a", "b")) == but_for_versions(expected)
    await engine.close()


async def test_a_new_version_that_trips_over_the_past_parks_it_and_tells_nothing_twice(place: Place) -> None:
    engine = await place.open(batch_max=3)
    await engine.append(*FACTS[:-4])
    await engine.settle(*PARTS)
    shy_2 = processor("tally", shy_count, version=2)
    await engine.settle(shy_2, *OTHERS)
    assert [(a.subject, a.waiting) for a in await engine.parked()] == [("jar/a", 2), ("jar/b", 2)]
    await engine.append(*FACTS[-4:])
    await engine.settle(shy_2, *OTHERS)
    assert [a.waiting for a in await engine.parked()] == [4, 4]
    engine = await place.crash(engine, batch_max=3)
    await engine.redrive("tally")
    await engine.settle(tally_2, *OTHERS)
    expected = await never_rebuilt(place, *FACTS)
    assert but_for_versions(await outcome(engine, "a", "b")) == but_for_versions(expected)
    await engine.close()


async def test_a_rebuild_whose_code_is_gone_gives_way_to_a_newer_one(place: Place) -> None:
    engine = await place.open(batch_max=2)
    await engine.append(*FACTS)
    await engine.settle(*PARTS)
    await turn(await seats_of(engine, tally_2))
    assert await versions(engine, "tally") == [(1, True), (2, False)]
    engine = await place.crash(engine)
    tally_3 = processor("tally", count, version=3)
    await engine.settle(tally_3, *OTHERS)
    assert await versions(engine, "tally") == [(3, True)]
    expected = await never_rebuilt(place, *FACTS)
    assert but_for_versions(await outcome(engine, "a", "b")) == but_for_versions(expected)
    await engine.close()


async def test_a_rebuild_whose_code_is_taken_back_is_forgotten(place: Place) -> None:
    engine = await place.open(batch_max=1)
    await engine.append(*FACTS[:8])
    await engine.settle(*PARTS)
    await turn(await seats_of(engine, golden))
    engine = await place.crash(engine, batch_max=1)
    await engine.append(*FACTS[8:])
    await engine.settle(*PARTS)
    assert await versions(engine, "ledger") == [(1, True)]
    assert await outcome(engine, "a", "b") == await never_rebuilt(place, *FACTS)
    await engine.close()


async def test_an_active_part_whose_code_is_gone_stands_still(place: Place) -> None:
    engine = await place.open()
    await engine.append(*FACTS[:4])
    await engine.settle(tally, tally_2, *OTHERS)
    engine = await place.crash(engine)
    await engine.append(*FACTS[4:])
    await engine.settle(*PARTS)
    assert await versions(engine, "tally") == [(2, True)]
    assert (await engine.state(tally, "jar/a")).amounts == (9, 10)
    await engine.settle(tally_2)
    assert (await engine.state(tally, "jar/a")).amounts == tuple(range(9, 17))
    await engine.close()


async def test_a_rebuild_may_be_asked_for_while_the_part_is_at_work(engine: Engine) -> None:
    await engine.append(*FACTS)
    await engine.settle(*PARTS)
    [before] = [s.task.number for s in await engine.standings() if s.task.name == "tally"]
    async with asyncio.timeout(WAIT_S_MAX):
        running = asyncio.create_task(engine.run(*PARTS))
        await engine.rebuild("tally")
        mark = -1
        while before in [s.task.number for s in await engine.standings()]:
            await engine.store.moved(mark, 1)
            mark = engine.store.mark()
        engine.stop()
        await running
    assert len(history(await everything(engine))[("jar/a", Counted.type)]) == 8
    assert (await engine.state(tally, "jar/a")).amounts == tuple(range(9, 17))


async def test_only_what_has_run_and_acts_on_nothing_is_rebuilt(engine: Engine) -> None:
    with pytest.raises(Refused, match="has run here"):
        await engine.rebuild("tally")
    await engine.append(*FACTS[:1])
    round_ = engine.follow("courier", Counted)
    await engine.settle(tally)
    await anext(round_)
    with pytest.raises(Refused, match="has run here"):
        await engine.rebuild("courier")


async def test_a_view_that_has_not_run_yet_says_so(engine: Engine) -> None:
    with pytest.raises(Unavailable, match="ledger has not run yet"):
        await engine.table(ledger)
    assert await engine.state(tally, "jar/a") == Jar()


async def test_a_query_on_the_table_that_a_rebuild_replaced_says_so(place: Place) -> None:
    engine = await place.open()
    await engine.append(added(MONDAY, "jar/a", 1, "1"))
    await engine.settle(*PARTS)
    before = await engine.table(ledger)
    await engine.rebuild(ledger.name)
    await engine.settle(*PARTS)
    with pytest.raises(Unavailable, match="rebuilt meanwhile"):
        await engine.fetch(select(before))
    assert len(await engine.fetch(select(await engine.table(ledger)))) == 1
    await engine.close()
