"""The eighth promise: a timer never fires early, fires once, in due order, and is cancelled by a fact."""

import asyncio
from datetime import datetime, timedelta

import pytest

from engine.engine import Engine
from engine.processor import processor
from schemas.event import Envelope, Event, fact
from schemas.timer import TimerCleared, TimerElapsed, TimerSet
from tests.contract.looks import everything, history, outcome
from tests.contract.parts import PARTS, Added, Asked, Bell, CalledOff, Rang, added, bell, ring, shy_parts
from tests.contract.places import MONDAY, Place

NOON = MONDAY + timedelta(hours=3)
TICK = timedelta(microseconds=1)


def asked(due: datetime, about: str = "bed/a", name: str = "nap", key: str = "1") -> Envelope:
    return fact(Asked(at=MONDAY, about=about, name=name, due=due), key=key)


def called_off(about: str = "bed/a", name: str = "nap", key: str = "1") -> Envelope:
    return fact(CalledOff(at=MONDAY, about=about, name=name), key=key)


def unwind(state: Bell, event: Asked | TimerElapsed | Added) -> tuple[Bell, list[Event]]:
    return (state, []) if isinstance(event, Added) else ring(state, event)


def oversleep(state: Bell, event: Asked | TimerElapsed | Added) -> tuple[Bell, list[Event]]:
    assert not isinstance(event, Added), "it does not like to be disturbed"
    return ring(state, event)


sleeper = processor("bell", oversleep)
lucky_sleeper = processor("bell", unwind)


async def rang(engine: Engine) -> list[tuple[str, str, datetime]]:
    """Which alarms rang, in the order of the log, and when. Between two partitions there is no order but this one."""
    found = [Rang.model_validate_json(e.data) for e in await everything(engine) if e.type == Rang.type]
    return [(event.about, event.name, event.at) for event in found]


async def dues(engine: Engine) -> list[list[datetime]]:
    """When the timers that elapsed were due, in the order of the log, for each of its partitions."""
    here: dict[str, list[datetime]] = {}
    for envelope in await everything(engine):
        if envelope.type == TimerElapsed.type:
            here.setdefault(envelope.partition, []).append(TimerElapsed.model_validate_json(envelope.data).due)
    return list(here.values())


async def test_a_timer_never_fires_early(place: Place) -> None:
    engine = await place.open()
    await engine.append(asked(NOON))
    await engine.settle(bell)
    place.clock.now = NOON - TICK
    await engine.settle(bell)
    assert await rang(engine) == []
    place.clock.now = NOON
    await engine.settle(bell)
    assert await rang(engine) == [("bed/a", "nap", NOON)]
    await engine.close()


async def test_a_timer_fires_once(place: Place) -> None:
    engine = await place.open()
    await engine.append(asked(NOON))
    await engine.settle(bell)
    place.clock.now = NOON
    for _ in range(3):
        await engine.settle(bell)
        place.clock.pass_(days=1)
        engine = await place.crash(engine)
        await engine.append(asked(NOON))
    types = [e.type for e in await everything(engine)]
    assert types == [Asked.type, TimerSet.type, TimerElapsed.type, Rang.type]
    assert (await engine.state(bell, "bed/a")).rings == 1
    await engine.close()


async def test_timers_fire_in_due_order_after_downtime(place: Place) -> None:
    engine = await place.open()
    hours = [5, 1, 4, 2, 3]
    await engine.append(*(asked(MONDAY + timedelta(hours=h), f"bed/{h}", key=str(h)) for h in hours))
    await engine.settle(bell)
    engine = await place.crash(engine)
    late = place.clock.pass_(days=3)
    await engine.settle(bell)
    assert sorted(await rang(engine)) == [(f"bed/{h}", "nap", late) for h in (1, 2, 3, 4, 5)]
    assert all(there == sorted(there) for there in await dues(engine))
    await engine.close()


async def test_many_timers_at_once_all_fire_in_due_order(place: Place) -> None:
    engine = await place.open()
    hours = [MONDAY + timedelta(seconds=n * 7919 % 1301) for n in range(1300)]
    facts = [asked(due, f"bed/{n}", key=str(n)) for n, due in enumerate(hours)]
    await engine.append(*facts)
    await engine.settle(bell)
    place.clock.pass_(days=1)
    await engine.settle(bell)
    found = await dues(engine)
    assert sorted(due for there in found for due in there) == sorted(hours)
    assert all(there == sorted(there) for there in found)
    assert len(await rang(engine)) == 1300
    await engine.close()


async def test_a_timer_set_for_the_past_fires_now(engine: Engine) -> None:
    await engine.append(asked(MONDAY - timedelta(days=1)))
    await engine.settle(bell)
    assert await rang(engine) == [("bed/a", "nap", MONDAY)]


async def test_a_timer_is_cancelled_by_a_fact(place: Place) -> None:
    engine = await place.open()
    await engine.append(asked(NOON), asked(NOON, name="tea", key="2"))
    await engine.settle(bell)
    await engine.append(called_off())
    await engine.settle(bell)
    place.clock.pass_(days=1)
    await engine.settle(bell)
    assert [name for _, name, _ in await rang(engine)] == ["tea"]
    assert TimerCleared.type in [e.type for e in await everything(engine)]
    await engine.close()


async def test_a_cancelling_fact_counts_though_nobody_has_stepped_it_yet(place: Place) -> None:
    engine = await place.open(batch_max=2)
    await engine.append(*(asked(NOON, f"bed/{n}", key=str(n)) for n in range(20)))
    await engine.settle(bell)
    place.clock.now = NOON - TICK
    await engine.append(*(called_off(f"bed/{n}", key=str(n)) for n in range(19)))
    engine = await place.crash(engine, batch_max=2)
    place.clock.now = NOON
    await engine.settle(bell)
    assert [about for about, *_ in await rang(engine)] == ["bed/19"]
    await engine.close()


async def test_a_timer_set_and_cancelled_within_one_batch_never_fires(place: Place) -> None:
    engine = await place.open()
    await engine.append(asked(MONDAY - timedelta(hours=1)), called_off())
    await engine.settle(bell)
    place.clock.pass_(days=1)
    await engine.settle(bell)
    assert await rang(engine) == []
    await engine.close()


@pytest.mark.parametrize("hours", [1, -1])
async def test_a_timer_that_is_set_anew_is_replaced(place: Place, hours: int) -> None:
    engine = await place.open()
    moved = NOON + timedelta(hours=hours)
    await engine.append(asked(NOON))
    await engine.settle(bell)
    await engine.append(asked(moved, key="2"))
    place.clock.now = moved - TICK
    await engine.settle(bell)
    assert await rang(engine) == []
    place.clock.now = moved
    await engine.settle(bell)
    place.clock.pass_(days=1)
    await engine.settle(bell)
    assert await rang(engine) == [("bed/a", "nap", moved)]
    await engine.close()


async def test_a_timer_may_be_set_again_after_it_fired(place: Place) -> None:
    engine = await place.open()
    for n in range(3):
        await engine.append(asked(place.clock.now + timedelta(hours=1), key=str(n)))
        await engine.settle(bell)
        place.clock.pass_(hours=1)
        await engine.settle(bell)
    assert [at for *_, at in await rang(engine)] == [MONDAY + timedelta(hours=h) for h in (1, 2, 3)]
    await engine.close()


async def test_timers_of_one_name_on_two_subjects_keep_apart(place: Place) -> None:
    engine = await place.open()
    await engine.append(asked(NOON, "bed/a"), asked(NOON, "bed/b"), called_off("bed/a"))
    place.clock.pass_(days=1)
    await engine.settle(bell)
    assert [about for about, *_ in await rang(engine)] == ["bed/b"]
    await engine.close()


async def test_a_rebuild_reads_the_recorded_hours_and_rings_nothing_anew(place: Place) -> None:
    engine = await place.open()
    await engine.append(asked(NOON), asked(NOON, "bed/b"), asked(NOON + timedelta(days=9), "bed/c"))
    await engine.settle(*PARTS)
    place.clock.now = NOON
    await engine.settle(*PARTS)
    await engine.append(called_off("bed/b"), asked(NOON + timedelta(days=1), "bed/b", key="2"))
    await engine.settle(*PARTS)
    before = await outcome(engine, "a", "b", "c")
    await engine.rebuild("bell")
    place.clock.pass_(hours=1)
    await engine.settle(*PARTS)
    assert await outcome(engine, "a", "b", "c") == before
    place.clock.pass_(days=10)
    await engine.settle(*PARTS)
    assert sorted(about for about, *_ in await rang(engine)) == ["bed/a", "bed/b", "bed/b", "bed/c"]
    await engine.close()


async def test_a_timer_fires_while_its_subject_is_parked_and_waits_its_turn(place: Place) -> None:
    engine = await place.open()
    await engine.append(asked(NOON))
    await engine.settle(*shy_parts())
    await engine.append(asked(NOON, key="2")._replace(data="poison"))
    place.clock.now = NOON
    await engine.settle(*PARTS)
    assert await rang(engine) == []
    [aside] = await engine.parked()
    assert aside.waiting == 2
    assert [t for _, t in history(await everything(engine))].count(TimerElapsed.type) == 1
    await engine.close()


async def test_a_process_at_work_rings_when_it_is_time(place: Place) -> None:
    engine = await place.open()
    place.clock.now = datetime.now(MONDAY.tzinfo)
    soon = place.clock.now + timedelta(hours=1)
    await engine.append(asked(soon))
    async with asyncio.timeout(30):
        running = asyncio.create_task(engine.run(bell))
        place.clock.now = soon
        mark = -1
        while not await rang(engine):
            await engine.store.moved(mark, 1)
            mark = engine.store.mark()
        engine.stop()
        await running
    assert await rang(engine) == [("bed/a", "nap", soon)]
    await engine.close()


@pytest.mark.parametrize("batch_max", [1, 500])
async def test_a_timer_set_late_fires_before_one_that_is_due_after_it(place: Place, batch_max: int) -> None:
    engine = await place.open(batch_max)
    await engine.append(asked(NOON))
    await engine.settle(bell)
    await engine.append(asked(NOON - timedelta(hours=1), name="tea", key="2"))
    place.clock.now = NOON
    await engine.settle(bell)
    assert [name for _, name, _ in await rang(engine)] == ["tea", "nap"]
    await engine.close()


async def test_a_timer_whose_subject_is_parked_fires_once_and_waits_its_turn(place: Place) -> None:
    engine = await place.open()
    await engine.append(asked(NOON, about="jar/a"))
    await engine.settle(sleeper)
    await engine.append(added(MONDAY, "jar/a", 1, "1"))
    await engine.settle(sleeper)
    place.clock.now = NOON
    for _ in range(3):
        await engine.settle(sleeper)
    assert [e.type for e in await everything(engine)].count(TimerElapsed.type) == 1
    assert [aside.waiting for aside in await engine.parked()] == [2]
    engine = await place.crash(engine)
    await engine.redrive(sleeper.name)
    await engine.settle(lucky_sleeper)
    assert [e.type for e in await everything(engine)].count(TimerElapsed.type) == 1
    assert await rang(engine) == [("jar/a", "nap", NOON)]
    await engine.close()
