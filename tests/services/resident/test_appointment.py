"""The page of an appointment: confirmed, cancelled and moved by who is expected, once, and as long as it can be."""

import asyncio
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from icalendar import Calendar

from engine.work import stamp
from services.resident.appointment import KEPT
from tests.services.resident.town import (
    FORM,
    SEEN,
    STARTS,
    Town,
)


async def test_it_says_when_and_where_and_by_which_code(town: Town) -> None:
    said = await town.opens(town.link("a", await town.books(code="BK417")))
    assert "donderdag 3 december 2026 om 10:30 uur" in said
    assert "Waar Stadhuis Uw code BK417" in said
    assert "Bellen kan ook: 14 020." in said
    english = await town.opens(town.link("a", await town.books("jcc-2")) + "?lang=en")
    assert "Thursday 3 December 2026 at 10:30" in english


async def test_whoever_confirms_has_confirmed_once_however_often_they_press(town: Town) -> None:
    path = town.link("a", await town.books())
    sent = [town.house.client.post(f"{path}/confirm", content=urlencode(SEEN), headers=FORM) for _ in range(3)]
    assert {answer.status_code for answer in await asyncio.gather(*sent)} == {200}
    await town.posts(f"{path}/confirm", 200, **SEEN)
    await town.posts(f"{path}/confirm", 200, **SEEN)
    assert len(await town.facts("appointment.confirmed")) == 1
    assert "Wij weten dat u komt." in await town.opens(path)


async def test_whoever_cancels_is_asked_first_and_then_it_is_off_and_nothing_is_offered(town: Town) -> None:
    path = town.link("a", await town.books())
    assert "Wilt u uw afspraak afzeggen?" in await town.opens(f"{path}/cancel")
    assert await town.facts("appointment.cancelled") == []
    for _ in range(2):
        await town.posts(f"{path}/cancel", 200, **SEEN)
    [off] = await town.facts("appointment.cancelled")
    assert off["by"] == "party"
    for page in ("", "/cancel", "/move"):
        said = await town.opens(path + page)
        assert "Uw afspraak gaat niet door" in said
        assert "afzeggen" not in said
    await town.posts(f"{path}/confirm", 200, **SEEN)
    await town.posts(f"{path}/move", 200, text="Vrijdag")
    assert await town.facts("appointment.confirmed") == await town.facts("task.opened") == []
    assert (await town.house.client.get(f"{path}/calendar.ics")).status_code == 404


async def test_it_is_off_for_whoever_cancels_what_a_clock_ahead_of_ours_changed(town: Town) -> None:
    path, friday = town.link("a", await town.books()), STARTS + timedelta(days=1)
    ahead = (town.hand.now + timedelta(minutes=5)).isoformat()
    await town.says("appointments/changes", reference="jcc-1", starts_at=friday.isoformat(), at=ahead)
    town.hand.now += timedelta(minutes=1)
    await town.posts(f"{path}/cancel", 200, hour=stamp(friday))
    assert "Uw afspraak gaat niet door" in await town.opens(path)


async def test_whoever_saw_another_hour_is_shown_this_one_before_anything_is_done(town: Town) -> None:
    path = town.link("a", await town.books())
    await town.says("appointments/changes", reference="jcc-1", starts_at=(STARTS + timedelta(days=1)).isoformat())
    for deed in ("confirm", "cancel"):
        said = await town.posts(f"{path}/{deed}", 409, **SEEN)
        assert "Uw afspraak is intussen veranderd." in said
        assert "vrijdag 4 december 2026 om 10:30 uur" in said
    assert await town.facts("appointment.confirmed") == await town.facts("appointment.cancelled") == []


async def test_who_confirmed_an_hour_has_not_confirmed_the_one_it_is_moved_to(town: Town) -> None:
    path = town.link("a", await town.books())
    await town.posts(f"{path}/confirm", 200, **SEEN)
    town.hand.now += timedelta(hours=1)
    await town.says("appointments/changes", reference="jcc-1", starts_at=(STARTS + timedelta(days=1)).isoformat())
    assert "Ja, ik kom" in await town.opens(path)


async def test_a_wish_for_another_hour_is_a_task_and_the_appointment_stands(town: Town) -> None:
    path = town.link("a", await town.books(code="BK417"))
    assert "Schrijf eerst iets op" in await town.posts(f"{path}/move", 400, text=" ")
    key = "a" * 24
    for _ in range(2):
        said = await town.posts(f"{path}/move", 200, text="Liever op vrijdag", key=key)
    assert "Uw afspraak blijft staan tot u van ons hoort." in said
    [task] = await town.facts("task.opened")
    assert (task["text"], task["kind"], task["owner"]) == ("Liever op vrijdag", "move", "kcc")
    assert task["title"] == "Verzet de afspraak van donderdag 3 december 2026 10:30, Stadhuis, code BK417"
    assert "Ja, ik kom" in await town.opens(path)


async def test_calendars_know_it_as_the_one_that_was_mailed(town: Town) -> None:
    appointment = await town.books()
    answer = await town.house.client.get(f"{town.link('a', appointment)}/calendar.ics")
    assert answer.headers["content-type"].startswith("text/calendar")
    found = Calendar.from_ical(answer.text)
    [event] = found.events
    assert (found["method"], event.start, event.end) == ("PUBLISH", STARTS, STARTS + timedelta(minutes=20))
    assert str(event["uid"]).startswith(f"appointment-{appointment}@")
    assert (event["sequence"], event["summary"]) == (1, "Afspraak Gemeente Voorbeeld")
    assert "passport" not in answer.text


async def test_calendars_replace_the_hour_that_was_moved_and_read_as_its_page_does(town: Town) -> None:
    path = town.link("a", await town.books())
    await town.says("appointments/changes", reference="jcc-1", starts_at=(STARTS + timedelta(days=1)).isoformat())
    answer = await town.house.client.get(f"{path}/calendar.ics?lang=en")
    [event] = Calendar.from_ical(answer.text).events
    assert (event["sequence"], event["summary"]) == (2, "Appointment Gemeente Voorbeeld")


@pytest.mark.parametrize(
    ("steps", "later", "sentence"),
    [
        ([], timedelta(days=10, hours=1), "Deze afspraak is voorbij"),
        (["arrivals"], timedelta(), "Wij weten dat u er bent"),
        (["arrivals", "servings"], timedelta(), "Deze afspraak is voorbij"),
    ],
)
async def test_when_the_hour_has_come_nothing_is_offered(
    town: Town, steps: list[str], later: timedelta, sentence: str
) -> None:
    path = town.link("a", await town.books())
    for step in steps:
        await town.says(f"appointments/{step}", reference="jcc-1")
    town.hand.now += later
    said = await town.opens(path)
    assert sentence in said
    assert "afzeggen" not in said
    await town.posts(f"{path}/cancel", 200, **SEEN)
    assert await town.facts("appointment.cancelled") == []


async def test_a_month_later_the_page_of_an_appointment_is_no_more(town: Town) -> None:
    path = town.link("a", await town.books())
    town.hand.now = STARTS + KEPT
    await town.opens(path)
    town.hand.now += timedelta(seconds=1)
    await town.opens(path, 404)
