"""The promises about facts, order and steps. Timers, couriers, rebuilds and crashes have files of their own."""

import asyncio
from random import Random
from typing import Any

import pytest
from sqlalchemy import Select, Table, select

from engine.ask import answer, ask, caught_up, places
from engine.engine import Engine
from schemas.event import fact
from tests.contract.looks import everything, history, of, outcome, shown
from tests.contract.parts import PARTS, Added, Counted, Jar, Noted, added, bell, book, ledger, shelf, tally
from tests.contract.places import MONDAY, Place

FIVE = [added(MONDAY, "jar/a", n, f"a{n}") for n in range(5)]


async def test_an_event_appended_twice_happened_once(engine: Engine) -> None:
    await engine.append(FIVE[0])
    await engine.append(FIVE[0])
    await engine.settle(tally)
    assert [e.type for e in await everything(engine)] == [Added.type, Counted.type, Noted.type]


async def test_an_event_repeated_within_one_append_happened_once(engine: Engine) -> None:
    await engine.append(*FIVE, *reversed(FIVE), FIVE[2])
    assert [e.id for e in await everything(engine)] == [e.id for e in FIVE]


async def test_an_event_appended_in_parallel_happened_once(engine: Engine) -> None:
    async with asyncio.timeout(30):
        await asyncio.gather(*(engine.append(FIVE[n % 5]) for n in range(200)))
    assert sorted(e.id for e in await everything(engine)) == sorted(e.id for e in FIVE)


async def test_an_event_appended_again_after_a_crash_happened_once(place: Place) -> None:
    engine = await place.open()
    await engine.append(*FIVE)
    engine = await place.crash(engine)
    await engine.append(*FIVE)
    assert [e.id for e in await everything(engine)] == [e.id for e in FIVE]
    await engine.close()


async def test_an_event_appended_again_thirty_days_later_happened_once(place: Place) -> None:
    engine = await place.open()
    await engine.append(*FIVE)
    place.clock.pass_(days=30)
    await engine.append(*FIVE)
    engine = await place.crash(engine)
    await engine.append(*FIVE)
    assert [e.id for e in await everything(engine)] == [e.id for e in FIVE]
    await engine.close()


async def test_a_fact_is_known_by_its_own_key_and_not_by_what_it_says(engine: Engine) -> None:
    await engine.append(added(MONDAY, "jar/a", 1, "first"), added(MONDAY, "jar/a", 1, "second"))
    await engine.append(added(MONDAY, "jar/a", 2, "first"))
    assert len(await everything(engine)) == 2


async def test_what_is_acknowledged_is_there_after_a_crash(place: Place) -> None:
    engine = await place.open()
    for envelope in FIVE:
        await engine.append(envelope)
    engine = await place.crash(engine)
    assert [e.id for e in await everything(engine)] == [e.id for e in FIVE]
    await engine.close()


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_order_holds_within_a_subject(engine: Engine, seed: int) -> None:
    letters = "abc"
    facts = {s: [added(MONDAY, f"jar/{s}", n, f"{s}{n}") for n in range(40)] for s in letters}

    async def write(letter: str) -> None:
        for envelope in facts[letter]:
            await engine.append(envelope)

    async with asyncio.timeout(60):
        async with asyncio.TaskGroup() as writers:
            for letter in letters:
                writers.create_task(write(letter))
        await engine.settle(tally, book, random=Random(seed))
    for letter in letters:
        log = await of(engine, f"jar/{letter}")
        assert [e.id for e in log if e.type == Added.type] == [e.id for e in facts[letter]]
        totals = [Counted.model_validate_json(e.data).total for e in log if e.type == Counted.type]
        assert totals == [n * (n + 1) // 2 for n in range(40)]
        assert (await engine.state(tally, f"jar/{letter}")).amounts == tuple(range(40))
        assert (await engine.state(book, f"book/{letter}")).lines == tuple(totals)


async def test_a_part_is_caught_up_when_it_is_so_on_every_partition(engine: Engine) -> None:
    """However far it went elsewhere: many outcomes on one partition say nothing of another."""
    assert not await caught_up(engine, tally.name)
    await engine.append(*(added(MONDAY, f"jar/{s}", n, f"{s}{n}") for n in range(10) for s in "abcdef"))
    await engine.settle(tally)
    assert await caught_up(engine, tally.name)
    ends, there = await engine.ends(), await places(engine)
    assert there == {(tally.name, where): ends[where] for where in await engine.store.partitions([tally])}
    await engine.append(added(MONDAY, "jar/a", 10, "last"))
    waiting = asyncio.create_task(caught_up(engine, tally.name))
    await engine.settle(tally)
    async with asyncio.timeout(60):
        assert await waiting
    assert (await engine.state(tally, "jar/a")).amounts == (*range(10), 10)


async def test_a_step_sees_only_the_state_of_its_own_subject(engine: Engine) -> None:
    await engine.append(*(added(MONDAY, f"jar/{s}", n, f"{s}{n}") for n in range(10) for s in "ab"))
    await engine.append(added(MONDAY, "jar/c", 100, "c"))
    await engine.settle(*PARTS)
    assert await engine.state(tally, "jar/a") == await engine.state(tally, "jar/b")
    assert await engine.state(tally, "jar/c") == Jar(total=100, amounts=(100,))
    assert await engine.state(tally, "jar/d") == Jar()
    assert (await engine.state(book, "book/c")).lines == (100,)


async def test_one_question_of_two_views_is_answered_from_each(engine: Engine) -> None:
    await engine.append(added(MONDAY, "jar/a", 1, "one"), added(MONDAY, "jar/a", 2, "two"))
    await engine.settle(*PARTS)
    found = [await ask(engine, totals, [view], (), {}) for view in (ledger, shelf, ledger)]
    assert found == [[{"total": 1}, {"total": 3}], [{"total": 3}], [{"total": 1}, {"total": 3}]]
    assert (await answer(engine, totals, [shelf], (), {})).names == ["total"]
    assert [[*row] for row in (await answer(engine, totals, [ledger], (), {})).rows] == [[1], [3]]


def totals(table: Table) -> Select[Any]:
    return select(table.c.total).order_by(table.c.total)


async def test_two_parts_that_read_the_same_event_keep_apart(engine: Engine) -> None:
    await engine.append(added(MONDAY, "jar/a", 7, "a"))
    await engine.settle(*PARTS)
    assert (await engine.state(bell, "jar/a")).rings == 0
    assert [row["total"] for row in await shown(engine, ledger)] == [7]


async def test_an_outcome_is_stepped_like_any_fact_and_names_its_cause(engine: Engine) -> None:
    await engine.append(FIVE[3])
    await engine.settle(*PARTS)
    cause, counted, noted = await everything(engine)
    assert {counted.cause, noted.cause} == {cause.id}
    assert (cause.depth, counted.depth, noted.depth) == (0, 1, 1)
    assert (await engine.state(book, "book/a")).lines == (3,)


async def test_a_process_at_work_steps_what_is_appended_meanwhile(engine: Engine) -> None:
    async with asyncio.timeout(30):
        running = asyncio.create_task(engine.run(*PARTS))
        for envelope in FIVE:
            await engine.append(envelope)
        mark = -1
        while len(await everything(engine)) < 3 * len(FIVE):
            await engine.store.moved(mark, 1)
            mark = engine.store.mark()
        engine.stop()
        await running
    assert (await engine.state(tally, "jar/a")).total == 10


async def test_a_stop_finishes_the_batch_at_hand_and_the_next_process_goes_on(place: Place) -> None:
    engine = await place.open(batch_max=3)
    async with asyncio.timeout(30):
        await engine.append(*(added(MONDAY, "jar/a", 1, str(n)) for n in range(50)))
        running = asyncio.create_task(engine.run(*PARTS))
        mark = engine.store.mark()
        await engine.store.moved(mark, 5)
        engine.stop()
        await running
    await engine.close()
    engine = await place.open()
    await engine.settle(*PARTS)
    assert (await engine.state(tally, "jar/a")).total == 50
    assert len(history(await everything(engine))[("jar/a", Counted.type)]) == 50
    await engine.close()


async def test_every_opening_sees_the_same(place: Place) -> None:
    engine = await place.open()
    await engine.append(*FIVE)
    await engine.settle(*PARTS)
    before = await outcome(engine, "a")
    engine = await place.crash(engine)
    assert await outcome(engine, "a") == before
    await engine.settle(*PARTS)
    assert await outcome(engine, "a") == before
    await engine.close()


async def test_a_repeat_is_not_stepped_twice_however_late(place: Place) -> None:
    engine = await place.open()
    await engine.append(*FIVE)
    await engine.settle(*PARTS)
    before = await outcome(engine, "a")
    place.clock.pass_(days=30)
    await engine.append(fact(Added(at=MONDAY, about="jar/a", amount=3), key="a3"))
    await engine.settle(*PARTS)
    assert await outcome(engine, "a") == before
    await engine.close()
