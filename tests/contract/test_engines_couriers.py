"""The seventh promise: what the courier finished is never lent again; what it had begun is lent again, as begun."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from engine.courier import Delivery, Rounds
from engine.engine import Engine
from engine.processor import courier
from engine.seat import LEASE
from engine.work import WAITS
from schemas.errors import Conflict
from schemas.event import Envelope, Event, effect
from tests.contract.looks import everything, of
from tests.contract.parts import PARTS, Added, Number, Rang, added
from tests.contract.places import MONDAY, Place

WAIT_S_MAX = 20
TICK = timedelta(microseconds=1)
ROUNDS: list[AsyncIterator[Delivery]] = []  # A round that is forgotten ends, and lets go.


def facts(count: int, about: str = "jar/a") -> list[Envelope]:
    return [added(MONDAY, about, n, f"{about}{n}") for n in range(count)]


def follow(engine: Engine) -> AsyncIterator[Delivery]:
    return engine.follow("courier", Added)


async def lend(engine: Engine, count: int) -> list[Delivery]:
    """The first of a round that nobody ends."""
    ROUNDS.append(follow(engine))
    return await take(ROUNDS[-1], count)


async def take(round_: AsyncIterator[Delivery], count: int) -> list[Delivery]:
    async with asyncio.timeout(WAIT_S_MAX):
        return [await anext(round_) for _ in range(count)]


async def rest(engine: Engine, place: Place, round_: AsyncIterator[Delivery]) -> list[Delivery]:
    """Stop this round; and all that there was still to lend, to the next one."""
    engine.stop()
    async with asyncio.timeout(WAIT_S_MAX):
        assert [delivery async for delivery in round_] == []
        return [delivery for way in await ways(engine, place) async for delivery in way.lend(LEASE)]


def seen(deliveries: list[Delivery]) -> list[tuple[str, bool]]:
    return [(d.envelope.id, d.begun) for d in deliveries]


async def ways(engine: Engine, place: Place, *types: type[Event]) -> list[Rounds]:
    """Another courier of the same name, at work on the same log: its way along each partition."""
    part = courier("courier", *(types or [Added]))
    return [Rounds(engine.store, part, where, place.clock) for where in await engine.store.partitions([part])]


async def twin(engine: Engine, place: Place, about: str = "jar/a") -> Rounds:
    """Its way where this subject is."""
    [where] = {envelope.partition for envelope in await of(engine, about)}
    return next(way for way in await ways(engine, place) if way.partition == where)


async def test_events_are_lent_in_the_order_of_the_log(engine: Engine) -> None:
    await engine.append(*facts(5), *facts(5, "jar/b"))
    await engine.settle(*PARTS)
    lent = await lend(engine, 10)
    for about in ("jar/a", "jar/b"):
        here = [delivery for delivery in lent if delivery.envelope.subject == about]
        assert seen(here) == [(e.id, False) for e in facts(5, about)]
        assert [d.event.amount for d in here] == [*range(5)]


async def test_nothing_is_lent_of_what_stood_on_the_log_before_and_all_that_came_after(place: Place) -> None:
    engine = await place.open()
    await engine.append(*facts(3), *facts(3, "jar/b"))
    await engine.store.carried()
    since = await engine.ends()
    await engine.append(*facts(5), *facts(4, "jar/b"))
    ROUNDS.append(engine.follow("courier", Added, since=since))
    lent = await take(ROUNDS[-1], 3)
    assert sorted(seen(lent)) == sorted((one.id, False) for one in [*facts(5)[3:], *facts(4, "jar/b")[3:]])
    for delivery in lent:
        await delivery.done()
    engine = await place.crash(engine)
    await engine.append(*facts(6))
    ROUNDS.append(engine.follow("courier", Added, since=since))
    assert seen(await take(ROUNDS[-1], 1)) == [(facts(6)[5].id, False)]
    await engine.close()


async def test_what_the_courier_finished_is_never_lent_again(place: Place) -> None:
    engine = await place.open()
    await engine.append(*facts(3))
    for delivery in await lend(engine, 3):
        await delivery.done()
    for _ in range(2):
        engine = await place.crash(engine)
        round_ = follow(engine)
        await engine.append(*facts(4))
        [delivery] = await take(round_, 1)
        assert delivery.event.amount == 3
        assert [(d.event.amount, d.begun) for d in await rest(engine, place, round_)] == [(3, True)]
    await engine.close()


async def test_what_the_courier_had_begun_is_lent_again_as_begun(place: Place) -> None:
    engine = await place.open()
    await engine.append(*facts(4))
    first, second, _ = await lend(engine, 3)
    await second.done()
    for _ in range(2):
        engine = await place.crash(engine)
        again = await lend(engine, 3)
        assert [(d.event.amount, d.begun) for d in again[:2]] == [(0, True), (2, True)]
        assert again[2].event.amount == 3
    assert first.envelope == again[0].envelope
    for delivery in again:
        await delivery.done()
    engine = await place.crash(engine)
    await engine.append(*facts(5))
    assert [d.event.amount for d in await lend(engine, 1)] == [4]
    await engine.close()


async def test_what_came_of_it_is_on_the_log_once_and_names_its_cause(place: Place) -> None:
    engine = await place.open()
    await engine.append(*facts(1))
    await lend(engine, 1)
    engine = await place.crash(engine)
    [delivery] = await lend(engine, 1)
    sent = [Rang(at=MONDAY, about=f"bed/{s}", name="sent", due=MONDAY) for s in "ab"]
    await delivery.done(*sent)
    engine = await place.crash(engine)
    cause, *outcomes = await everything(engine)
    assert {o._replace(position=0, time="", partition="") for o in outcomes} == {
        effect(e, cause=cause, by="courier", nth=n) for n, e in enumerate(sent)
    }
    assert len(outcomes) == len(sent)
    await engine.close()


async def test_a_delivery_ends_once(engine: Engine) -> None:
    await engine.append(*facts(1))
    [delivery] = await lend(engine, 1)
    await delivery.done()
    with pytest.raises(AssertionError, match="ends once"):
        await delivery.done(Rang(at=MONDAY, about="bed/a", name="twice", due=MONDAY))
    assert len(await everything(engine)) == 1


def stall(way: Rounds) -> None:
    """As a process that is stopped: it holds on to nothing any more. It does so by the machine's own time, not ours."""
    assert way._holding
    way._holding.cancel()


async def test_nobody_else_is_lent_anything_while_the_lease_lasts(engine: Engine, place: Place) -> None:
    await engine.append(*facts(2))
    first = await twin(engine, place)
    await take(first.lend(LEASE), 1)
    stall(first)
    place.clock.now += LEASE - TICK
    with pytest.raises(Conflict):
        await take((await twin(engine, place)).lend(LEASE), 1)
    place.clock.now += TICK
    assert [(d.event.amount, d.begun) for d in await take((await twin(engine, place)).lend(LEASE), 1)] == [(0, True)]


async def test_a_stalled_twin_is_fenced(engine: Engine, place: Place) -> None:
    await engine.append(*facts(2))
    stalled = await twin(engine, place)
    [old] = await take(stalled.lend(LEASE), 1)
    stall(stalled)
    place.clock.now += LEASE
    other = (await twin(engine, place)).lend(LEASE)
    [new] = await take(other, 1)
    with pytest.raises(Conflict):
        await old.done(Rang(at=MONDAY, about="bed/a", name="stalled", due=MONDAY))
    await new.done(Rang(at=MONDAY, about="bed/a", name="fresh", due=MONDAY))
    assert [Rang.model_validate_json(e.data).name for e in (await everything(engine))[2:]] == ["fresh"]
    assert [d.event.amount for d in await take(other, 1)] == [1]


async def test_a_delivery_from_before_a_failure_is_fenced_too(engine: Engine, place: Place) -> None:
    await engine.append(*facts(1))
    courier_ = await twin(engine, place)
    before, after = courier_.lend(LEASE), courier_.lend(LEASE)
    [old] = await take(before, 1)
    courier_.forget()
    [new] = await take(after, 1)
    assert new.begun
    with pytest.raises(Conflict):
        await old.done(Rang(at=MONDAY, about="bed/a", name="old", due=MONDAY))
    await new.done()
    assert len(await everything(engine)) == 1


async def test_a_courier_that_stops_lets_go_at_once(engine: Engine, place: Place) -> None:
    await engine.append(*facts(1))
    round_ = follow(engine)
    [delivery] = await take(round_, 1)
    await delivery.done()
    await engine.append(*facts(2))
    assert [d.event.amount for d in await rest(engine, place, round_)] == [1]


async def test_a_courier_that_breaks_off_lets_go_at_once(engine: Engine, place: Place) -> None:
    await engine.append(*facts(2))
    round_ = engine.follow("courier", Added)
    await take(round_, 1)
    await round_.aclose()  # type: ignore[attr-defined]  # What `follow` makes is a generator.
    assert [d.begun for d in await take((await twin(engine, place)).lend(LEASE), 2)] == [True, False]


async def test_two_couriers_of_different_names_are_lent_the_same(engine: Engine) -> None:
    await engine.append(*facts(3))
    other = engine.follow("other", Added)
    one, two = await lend(engine, 3), await take(other, 3)
    assert seen(one) == seen(two)


async def test_a_courier_at_work_is_lent_what_is_appended_meanwhile(engine: Engine) -> None:
    round_ = follow(engine)
    waiting = asyncio.create_task(take(round_, 3))
    for envelope in facts(3):
        await engine.append(envelope)
    assert seen(await asyncio.wait_for(waiting, WAIT_S_MAX)) == [(e.id, False) for e in facts(3)]


async def test_what_is_lent_is_counted(engine: Engine) -> None:
    await engine.append(*facts(3))
    first, *_ = await lend(engine, 3)
    assert [s.lent for s in await engine.standings()] == [3]
    await first.done()
    assert [s.lent for s in await engine.standings()] == [2]


class Kinder(Added):
    """The same event, read by somebody who minds less."""

    amount: Number = 0


async def test_an_event_that_the_courier_cannot_read_is_parked_and_redriven_in_order(place: Place) -> None:
    engine = await place.open()
    one, two, three, other = *facts(3), *facts(1, "jar/b")
    poison = one._replace(data=one.data.replace("amount", "amiss"))
    await engine.append(poison, two, other)
    round_ = follow(engine)
    [delivery] = await take(round_, 1)
    assert delivery.envelope.subject == "jar/b"
    await delivery.done()
    await engine.append(three)
    assert await rest(engine, place, round_) == []
    [aside] = await engine.parked()
    assert (aside.name, aside.subject, aside.reason) == ("courier", "jar/a", "does not fit Added: amount: missing")
    assert aside.waiting == 3
    engine = await place.crash(engine)
    await engine.append(added(MONDAY, "jar/a", 3, "last"))
    assert await engine.redrive("courier") == 1
    mended = engine.follow("courier", Kinder)
    lent = await take(mended, 4)
    assert [d.event.amount for d in lent] == [0, 1, 2, 3]
    assert [d.begun for d in lent] == [False] * 4
    for delivery in lent:
        await delivery.done()
    assert await engine.parked() == []
    assert await rest(engine, place, mended) == []
    await engine.close()


async def test_a_redrive_that_the_courier_still_cannot_read_parks_again(engine: Engine) -> None:
    one, two = facts(2)
    await engine.append(one._replace(data="{}"), two)
    round_ = follow(engine)
    waiting = asyncio.create_task(take(round_, 1))
    mark = -1
    async with asyncio.timeout(WAIT_S_MAX):
        while not (parked := await engine.parked()) or parked[0].waiting < 2:
            await engine.store.moved(mark, 1)
            mark = engine.store.mark()
        await engine.redrive("courier")
        await engine.append(*facts(1, "jar/b"))
        [delivery] = await waiting
    assert delivery.envelope.subject == "jar/b"
    assert await engine.parked() == parked
    assert parked[0].reason != WAITS


class Sterner(Added):
    """The same event, read by somebody who asks more of it."""

    weight: Number


async def test_what_was_begun_and_can_be_read_no_more_is_parked(place: Place) -> None:
    engine = await place.open()
    await engine.append(*facts(1))
    await lend(engine, 1)
    engine = await place.crash(engine)
    async with asyncio.timeout(WAIT_S_MAX):
        for stern in await ways(engine, place, Sterner):
            assert [delivery async for delivery in stern.lend(LEASE)] == []
    assert [(aside.subject, aside.reason) for aside in await engine.parked()] == [
        ("jar/a", "does not fit Sterner: weight: missing")
    ]
    assert [s.lent for s in await engine.standings()] == [0]
    await engine.close()


async def test_several_are_in_hand_at_once_and_a_stop_waits_for_their_end(place: Place) -> None:
    engine = await place.open()
    await engine.append(*facts(3))
    round_ = engine.follow("courier", Added, end_s=WAIT_S_MAX)
    one, two, three = await take(round_, 3)
    await two.done()
    engine.stop()
    ending = asyncio.ensure_future(anext(round_, None))
    await three.done()
    assert not ending.done(), "the first is still in hand"
    await one.done()
    assert await ending is None
    engine = await place.crash(engine)
    assert [d for way in await ways(engine, place) async for d in way.lend(LEASE)] == []
    await engine.close()


async def test_some_are_begun_in_one_go_and_all_of_those_are_lent_again_after_a_crash(place: Place) -> None:
    engine = await place.open()
    await engine.append(*facts(5))
    round_ = engine.follow("courier", Added, at_once=3)
    ROUNDS.append(round_)
    await take(round_, 1)
    begun = (await engine.standings())[0].lent
    assert 1 <= begun <= 3, "as many as were found, and no more than asked for"
    engine = await place.crash(engine)
    again = await lend(engine, 5)
    assert [(d.event.amount, d.begun) for d in again] == [(n, n < begun) for n in range(5)]
    await asyncio.gather(*(delivery.done() for delivery in again))
    engine = await place.crash(engine)
    await engine.append(*facts(6))
    assert [d.event.amount for d in await lend(engine, 1)] == [5]
    await engine.close()


async def test_a_stop_lends_the_rest_of_what_was_begun_and_no_more(place: Place) -> None:
    engine = await place.open()
    await engine.append(*facts(5))
    round_ = engine.follow("courier", Added, end_s=WAIT_S_MAX, at_once=3)
    lent = await take(round_, 1)
    begun = (await engine.standings())[0].lent
    engine.stop()
    lent += await take(round_, begun - 1)
    assert [d.event.amount for d in lent] == [*range(begun)]
    ending = asyncio.ensure_future(anext(round_, None))
    await asyncio.gather(*(delivery.done() for delivery in lent))
    assert await ending is None
    left = [d for way in await ways(engine, place) async for d in way.lend(LEASE)]
    assert [(d.event.amount, d.begun) for d in left] == [(n, False) for n in range(begun, 5)]
    await engine.close()


async def test_what_ends_in_one_moment_ends_each_for_itself(engine: Engine) -> None:
    await engine.append(*facts(3))
    one, two, three = await lend(engine, 3)
    rung = [Rang(at=MONDAY, about="bed/a", name=name, due=MONDAY) for name in ("one", "two", "three")]
    three._token -= 1  # As one from before a failure.
    ends = [delivery.done(event) for delivery, event in zip((one, two, three), rung, strict=True)]
    came = await asyncio.gather(*ends, return_exceptions=True)
    assert [type(each) for each in came] == [type(None), type(None), Conflict]
    assert [Rang.model_validate_json(e.data).name for e in (await everything(engine))[3:]] == ["one", "two"]
    assert [s.lent for s in await engine.standings()] == [1]


async def test_a_stop_waits_for_what_is_in_hand_but_not_for_ever(place: Place) -> None:
    engine = await place.open()
    await engine.append(*facts(1))
    round_ = engine.follow("courier", Added, end_s=0.05)
    [one] = await take(round_, 1)
    engine.stop()
    async with asyncio.timeout(WAIT_S_MAX):
        assert [delivery async for delivery in round_] == []
    with pytest.raises(Conflict):
        await one.done()
    await engine.close()
