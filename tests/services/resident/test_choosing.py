"""The page of the free hours: what may be chosen, what becomes of it, and that only one of two has an hour."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

import httpx
import pytest
from icalendar import Calendar

from schemas.appointment import AppointmentCancelled
from services.desk.appointments import appointments
from services.resident import choosing
from services.resident.choosing import AHEAD
from tests.contract.places import Place
from tests.rooms import rooms
from tests.services.resident.town import (
    BROWSER,
    ELSEWHERE,
    FORM,
    HOURS,
    SEEN,
    SITE,
    STARTS,
    Hand,
    Town,
    hidden,
    words,
)

ELEVEN, NOON = (datetime(2026, 12, 3, hour, tzinfo=UTC) for hour in (10, 11))  # As clocks here show them.
KEY: Final = "a" * 24
WORKING: Final = (appointments, *HOURS)  # All that such a page stands on.
GONE: Final = "Deze tijd is niet meer vrij"


def stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}"


def chosen(to: datetime, key: str = KEY, **more: str) -> dict[str, str]:
    return {**SEEN, "key": key, "to": stamp(to), **more}


async def moves(town: Town, path: str, to: datetime, key: str = KEY) -> str:
    """They press the button; and once more after a while, as somebody who was told that it took long."""
    assert "Wij weten nog niet of het is gelukt" in await town.posts(f"{path}/hour", 202, **chosen(to, key))
    return await town.posts(f"{path}/hour", 200, **chosen(to, key))


async def hours(town: Town, path: str) -> str:
    return await town.opens(f"{path}/move")


async def test_the_free_hours_are_shown_by_day_as_the_clocks_of_the_branch_have_them(town: Town) -> None:
    path = town.link("a", await town.books())
    await town.offers(ELEVEN, NOON)
    await town.offers(NOON + timedelta(days=1), day="2026-12-04")
    said = await hours(town, path)
    assert "Uw afspraak is nu op donderdag 3 december 2026 om 10:30 uur." in said
    first, second = said.index("donderdag 3 december 2026 2 tijden vrij"), said.index("vrijdag 4 december 2026 1 tijd")
    assert first < said.index("11:00") < said.index("12:00") < second
    english = await town.opens(f"{path}/move?lang=en")
    assert "Friday 4 December 2026 1 free time" in english


async def test_who_chooses_an_hour_has_it_and_the_old_one_is_free_for_others(town: Town) -> None:
    await town.offers(STARTS, ELEVEN)
    path, other = town.link("a", await town.books(code="BK417")), town.link("a", await town.books("jcc-2", NOON))
    assert "10:30" not in (await hours(town, other)).partition("Wanneer wilt u komen?")[2]
    said = await moves(town, path, ELEVEN)
    assert "Uw afspraak is verzet" in said
    assert "donderdag 3 december 2026 om 11:00 uur" in said
    assert "donderdag 3 december 2026 om 11:00 uur" in await town.opens(path)
    [change] = await town.facts("appointment.changed")
    assert (change["starts_at"], change["by"], change["branch"]) == ("2026-12-03T10:00:00Z", "party", "main")
    free = (await hours(town, other)).partition("Wanneer wilt u komen?")[2]
    assert ("10:30" in free, "11:00" in free) == (True, False)
    assert "Uw afspraak is verzet" in await town.posts(f"{path}/hour", 200, **chosen(ELEVEN))  # Pressed once more.
    assert len(await town.facts("appointment.changed")) == 1
    town.hand.now += timedelta(hours=1)
    await town.says("appointments/changes", reference="jcc-1", starts_at=(STARTS + timedelta(days=1)).isoformat())
    assert "Uw afspraak is intussen veranderd" in await town.posts(f"{path}/hour", 409, **chosen(ELEVEN))
    calendar = Calendar.from_ical((await town.house.client.get(f"{path}/calendar.ics")).text)
    assert calendar.events[0].start == STARTS + timedelta(days=1)


async def test_who_confirmed_the_old_hour_is_asked_again(town: Town) -> None:
    await town.offers(ELEVEN)
    path = town.link("a", await town.books())
    await town.posts(f"{path}/confirm", 200, **SEEN)
    await moves(town, path, ELEVEN)
    assert "Ja, ik kom" in await town.opens(path)


async def test_of_two_who_choose_one_hour_one_has_it_and_the_other_reads_so_and_sees_what_is_left(town: Town) -> None:
    await town.offers(ELEVEN, NOON)
    first, second = [town.link("a", await town.books(name)) for name in ("jcc-1", "jcc-2")]
    both = [
        town.house.client.post(f"{path}/hour", content=urlencode(chosen(ELEVEN)), headers=FORM)
        for path in (first, second)
    ]
    assert {answer.status_code for answer in await asyncio.gather(*both)} == {202}
    await town.settle()
    [winner] = [each["appointment_id"] for each in await town.facts("appointment.changed")]
    had, lost = (first, second) if first == town.link("a", winner) else (second, first)
    assert "Uw afspraak is verzet" in await town.posts(f"{had}/hour", 200, **chosen(ELEVEN))
    said = await town.posts(f"{lost}/hour", 409, **chosen(ELEVEN))
    assert f"Uw afspraak is nog niet verzet {GONE}" in said
    left = said.partition("Wanneer wilt u komen?")[2]
    assert ("11:00" in left, "12:00" in left) == (False, True)
    assert "om 10:30 uur" in await town.opens(lost)


async def test_an_hour_that_is_cancelled_is_free_for_others_however_it_was_cancelled(town: Town) -> None:
    await town.offers(ELEVEN, NOON)
    first, text = town.link("a", await town.books("jcc-1", ELEVEN)), await town.books("jcc-2", NOON)
    third = town.link("a", await town.books("jcc-3"))
    assert "Een medewerker zoekt een andere tijd" in await hours(town, third)  # Nothing is free.
    await town.posts(f"{first}/cancel", 200, hour=stamp(ELEVEN))
    assert "11:00" in await hours(town, third)
    await town.tells(AppointmentCancelled(at=town.hand.now, appointment_id=text, by="party"))  # As AFZEGGEN does.
    assert "12:00" in await hours(town, third)


async def test_where_nothing_is_free_and_for_whom_nothing_will_do_another_hour_is_asked_in_words(town: Town) -> None:
    path = town.link("a", await town.books())
    assert "Een medewerker zoekt een andere tijd" in await hours(town, path)
    await town.offers(ELEVEN)
    assert "Vraag een andere tijd" in await hours(town, path)
    assert "Een medewerker zoekt een andere tijd" in await town.opens(f"{path}/ask")
    await town.posts(f"{path}/move", 200, text="Liever op zaterdag", key=KEY)
    assert [task["kind"] for task in await town.facts("task.opened")] == ["move"]


@pytest.mark.parametrize(
    "more",
    [
        {"to": ""},
        {"to": "morgen"},
        {"to": "2026-12-03T10:00:00Z"},
        {"to": "2026-12-03"},
        {"hour": "x"},
        {"to": "9" * 999},
    ],
)
async def test_what_is_no_hour_is_asked_again_and_nothing_is_kept(town: Town, more: dict[str, str]) -> None:
    await town.offers(ELEVEN)
    path = town.link("a", await town.books())
    assert "Kies een tijd" in await town.posts(f"{path}/hour", 400, **chosen(ELEVEN) | more)
    assert await town.facts("hour.asked") == []


@pytest.mark.parametrize(
    "to",
    [
        NOON,  # Never offered.
        STARTS,  # Their own.
        ELEVEN + timedelta(minutes=30),  # For another product.
        datetime(2026, 11, 23, 8, tzinfo=UTC),  # It has been.
        ELEVEN + AHEAD + timedelta(days=20),
        datetime(9999, 12, 31, 23, tzinfo=UTC),
    ],
)
async def test_an_hour_that_is_not_free_for_them_is_refused_in_a_sentence_and_nothing_is_kept(
    town: Town, to: datetime
) -> None:
    await town.offers(ELEVEN, STARTS, places=2)
    await town.offers(ELEVEN + timedelta(minutes=30), product="licence")
    await town.offers(datetime(2026, 11, 23, 8, tzinfo=UTC), day="2026-11-23")
    path = town.link("a", await town.books())
    assert GONE in await town.posts(f"{path}/hour", 409, **chosen(to))
    assert await town.facts("hour.asked") == await town.facts("appointment.changed") == []


async def test_where_the_last_hour_went_to_another_it_is_said_and_asked_in_words(town: Town) -> None:
    path = town.link("a", await town.books())
    said = await town.posts(f"{path}/hour", 409, **chosen(ELEVEN))
    assert "Deze tijd is niet meer vrij, en er zijn geen andere tijden meer." in said
    assert "Wanneer kunt u wel?" in said


async def test_whoever_saw_another_hour_or_is_here_or_off_or_over_moves_nothing(town: Town) -> None:
    await town.offers(ELEVEN, NOON, places=3)
    path = town.link("a", await town.books())
    await town.says("appointments/changes", reference="jcc-1", starts_at=(STARTS + timedelta(days=1)).isoformat())
    assert "Uw afspraak is intussen veranderd." in await town.posts(f"{path}/hour", 409, **chosen(ELEVEN))
    here, off = town.link("a", await town.books("jcc-2")), town.link("a", await town.books("jcc-3"))
    await town.says("appointments/arrivals", reference="jcc-2")
    await town.posts(f"{off}/cancel", 200, **SEEN)
    assert "Wij weten dat u er bent" in await town.posts(f"{here}/hour", 200, **chosen(ELEVEN))
    assert "Uw afspraak gaat niet door" in await town.posts(f"{off}/hour", 200, **chosen(ELEVEN))
    over = town.link("a", await town.books("jcc-4"))
    town.hand.now = STARTS
    assert "Deze afspraak is voorbij" in await town.posts(f"{over}/hour", 200, **chosen(NOON))
    assert await town.facts("hour.asked") == []
    assert [one["by"] for one in await town.facts("appointment.changed") if "by" in one] == []


async def test_who_cancels_while_it_is_decided_has_cancelled_and_the_hour_is_free_again(town: Town) -> None:
    await town.offers(ELEVEN)
    visit = await town.books()
    path, other = town.link("a", visit), town.link("a", await town.books("jcc-2"))
    answer = await town.house.client.post(f"{path}/hour", content=urlencode(chosen(ELEVEN)), headers=FORM)
    assert answer.status_code == 202
    await town.tells(AppointmentCancelled(at=town.hand.now, appointment_id=visit, by="party"))
    assert "Uw afspraak gaat niet door" in await town.posts(f"{path}/hour", 409, **chosen(ELEVEN))
    assert "Uw afspraak gaat niet door" in await town.opens(path)
    assert "11:00" in await hours(town, other)


async def test_a_button_that_another_site_pressed_or_a_form_that_is_none_of_ours_is_not_believed(town: Town) -> None:
    await town.offers(ELEVEN)
    path = town.link("a", await town.books())
    await town.posts(f"{path}/hour", 403, ELSEWHERE, **chosen(ELEVEN))
    await town.posts(f"{path}/hour", 400, **chosen(ELEVEN, key="mine"))
    await town.posts(f"{path[:-3]}AAA/hour", 404, **chosen(ELEVEN))
    for step in ("move", "hour", "ask"):
        await town.house.client.get(f"{path}/{step}", headers=BROWSER)
    assert await town.facts("hour.asked") == []


async def test_what_was_chosen_stays_chosen_where_it_cannot_be_written_down(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    from schemas.errors import Unavailable  # Only here.

    await town.offers(ELEVEN, NOON)
    path = town.link("a", await town.books())

    async def away(*_facts: Any) -> None:
        raise Unavailable("the log is away")

    monkeypatch.setattr(town.house.engine, "append", away)
    answer = await town.house.client.post(f"{path}/hour", content=urlencode(chosen(NOON)), headers=FORM)
    assert (answer.status_code, hidden(answer.text, "key")) == (503, KEY)
    assert f'value="{stamp(NOON)}" checked' in answer.text
    assert "Het lukt nu even niet." in words(answer)


# On both engines, with everything at work.


@pytest.fixture
async def busy(place: Place) -> AsyncIterator[Town]:
    hand = Hand()
    async with rooms(await place.store(), clock=hand, site=SITE) as house:
        await house.engine.settle(*WORKING)
        working = asyncio.create_task(house.engine.run(*WORKING))
        yield Busy(house, hand)
        house.engine.stop()
        await working


class Busy(Town):
    """Its parts work by themselves; a test waits until it is as it says."""

    async def settle(self) -> None:
        return

    async def sees(self, path: str, word: str) -> str:
        async with asyncio.timeout(60):
            while True:
                answer = await self.house.client.get(path, headers=BROWSER)
                if answer.status_code == httpx.codes.OK and word in words(answer):
                    return words(answer)
                await asyncio.sleep(0.02)


async def test_ten_who_press_at_once_are_told_the_truth_and_one_has_it(
    busy: Busy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choosing, "DECIDED_S_MAX", 60.0)  # However slow this machine is now.
    paths = [busy.link("a", await busy.books(f"jcc-{nth}")) for nth in range(10)]
    await busy.offers(ELEVEN, NOON)
    for path in paths:
        await busy.sees(f"{path}/move", "11:00")
    client = busy.house.client
    pressed = [client.post(f"{path}/hour", content=urlencode(chosen(ELEVEN)), headers=FORM) for path in paths * 2]
    answers = await asyncio.gather(*pressed)
    told = [(path, answer.status_code) for path, answer in zip(paths * 2, answers, strict=True)]
    assert sorted(status for _, status in told) == [200] * 2 + [409] * 18
    [winner] = {path for path, status in told if status == httpx.codes.OK}
    for path in paths:
        await busy.sees(path, "om 11:00 uur" if path == winner else "om 10:30 uur")
    assert all(GONE in words(answer) for answer in answers if answer.status_code != httpx.codes.OK)
