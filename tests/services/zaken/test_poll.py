"""A notice that was lost costs time and nothing else: a look at all cases finds what changed unseen."""

import asyncio
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry

from engine.ask import caught_up
from schemas.notice import NoticeReceived
from services.zaken.poll import MISSED, Poll
from services.zaken.seen import seen as view
from tests.services.zaken.test_courier import started
from tests.services.zaken.town_hall import NOW, TownHall, town_hall


async def looked(hall: TownHall, number: int) -> list[str]:
    """The cases that a look finds, after the first `number` that were found before."""
    await hall.polls()
    found = [one for one in await hall.facts("notice.received") if isinstance(one, NoticeReceived)]
    assert {one.what for one in found} <= {MISSED}
    return [one.case_id for one in found[number:]]


async def test_every_case_that_changed_is_found_and_no_other() -> None:
    async with town_hall() as hall:
        hall.zaak.page_size = 2
        cases = [started(hall) for _ in range(5)]
        async with hall.at_work():
            assert await looked(hall, 0) == cases
            await hall.comes(lambda facts: len(facts) == 5, "notice.followed")
            await seen(hall)
            hall.hour.passes(hours=1)
            assert await looked(hall, 5) == []
            hall.zaak.reaches(cases[1], "In behandeling")
            hall.zaak.asks(cases[2])
            hall.zaak.reaches(cases[3], "Afgehandeld")
            hall.zaak.removes(cases[4])
            hall.hour.passes(hours=1)
            assert sorted(await looked(hall, 5)) == sorted(cases[1:])
            ended = await hall.comes(lambda facts: len(facts) == 2, "case.closed")
        assert {fact.subject for fact in ended} == {f"case/{case}" for case in cases[3:]}


async def seen(hall: TownHall) -> None:
    """Until our own view has what was followed."""
    async with asyncio.timeout(20):
        assert await caught_up(hall.engine, view.name)


async def test_one_that_was_closed_long_ago_and_was_open_here_is_found() -> None:
    async with town_hall() as hall:
        case = started(hall)
        async with hall.at_work():
            await hall.polls()
            await hall.comes(lambda facts: len(facts) == 1, "notice.followed")
            await seen(hall)
            hall.hour.passes(hours=1)
            hall.zaak.reaches(case, "Afgehandeld", NOW - timedelta(days=90))
            assert await looked(hall, 1) == [case]
            await hall.comes(lambda facts: bool(facts) and facts[-1].type == "case.closed", "case.")


async def test_one_that_began_and_ended_while_nobody_heard_is_found_for_a_month() -> None:
    async with town_hall() as hall:
        for days in (40, 20):
            case = started(hall)
            hall.zaak.reaches(case, "Afgehandeld", NOW - timedelta(days=days))
        assert await looked(hall, 0) == [case]


async def test_several_machines_that_look_in_the_same_turn_give_one_notice() -> None:
    async with town_hall() as hall:
        case = started(hall)
        assert await looked(hall, 0) == [case]
        assert await looked(hall, 1) == []
        hall.zaak.reaches(case, "In behandeling")
        assert await looked(hall, 1) == [case]  # It changed again.
        hall.hour.passes(hours=1)
        assert await looked(hall, 2) == [case]  # Nobody has followed it yet.


async def test_it_goes_on_when_the_case_system_fails_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.zaken.poll.PAUSE_S_MIN", 0.01)
    async with town_hall() as hall:
        started(hall)
        registry = CollectorRegistry()
        poll = Poll(hall.engine, hall.register(), hall.hour, registry)
        hall.zaak.faults.extend(["500", "nonsense", "another shape", "403"])
        running = asyncio.create_task(poll.run())
        while hall.zaak.faults:
            await hall.engine.store.moved(hall.engine.store.mark(), 0.01)
        assert registry.get_sample_value("draad_zaken_up") == 0
        await hall.comes(lambda facts: len(facts) == 1, "notice.received")
        assert registry.get_sample_value("draad_zaken_missed_total") == 1
        hall.engine.stop()
        async with asyncio.timeout(5):
            await running
        assert registry.get_sample_value("draad_zaken_up") == 1
        assert registry.get_sample_value("draad_zaken_polled_seconds") == NOW.timestamp()
