"""What they think is asked behind a link: one score and why, once, and nothing of it can be stuffed."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

import pytest
from hypothesis import given as over
from hypothesis import settings
from hypothesis import strategies as st

from channels.bsn import MASK
from draad.parts import OPINION, PARTS
from engine import ask
from engine.testing import given
from schemas.event import derived
from schemas.opinion import OpinionCounted, OpinionGiven, OpinionWanted
from services.notify.settings import OpinionSettings
from services.resident.opinion import KEPT, WHY_CHARS_MAX
from services.resident.opinions import AGAIN, ANSWERS_MAX, OPEN, counted
from tests.rooms import NOW, rooms
from tests.services.resident.town import BROWSER, BSN, ELSEWHERE, FORM, SITE, Hand, Town

NAME: Final = derived("a question")
KEY: Final = "a" * 24


@pytest.fixture
async def town(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Town]:
    monkeypatch.setattr(ask, "SHOWN_S_MAX", 0.0)
    hand = Hand()
    asking = replace(SITE, opinion=OpinionSettings(sensitive=()))
    async with rooms(clock=hand, site=asking) as house:
        await house.engine.settle(*PARTS, *OPINION)
        del house.client.headers["authorization"]
        yield Town(house, hand)


async def settle(town: Town) -> None:
    await town.house.engine.settle(*PARTS, *OPINION)


async def wanted(town: Town, name: str = NAME, **more: Any) -> str:
    said: dict[str, Any] = {"party_id": "p1", "about": "contact/c1", "channel": "phone", "happened_at": NOW}
    await town.tells(OpinionWanted(at=town.hand.now, opinion_id=name, **(said | more)))
    await settle(town)
    return town.link("o", name)


async def gives(town: Town, path: str, status: int = 200, **fields: str) -> str:
    said = await town.posts(path, status, **({"score": "8", "text": "", "key": KEY} | fields))
    await settle(town)
    return said


async def test_it_says_of_which_day_and_road_it_asks_what_becomes_of_it_and_nothing_else(town: Town) -> None:
    path = await wanted(town, product="paspoort", kind="bijstand")
    said = await town.opens(path)
    assert "Op 23 november 2026 had u contact met ons per telefoon." in said
    assert "Meedoen is vrijwillig." in said
    assert "Uw antwoord is niet anoniem" in said
    assert not any(word in said for word in ("paspoort", "bijstand", "c1", "p1"))
    assert "On 23 November 2026 you were in contact with us by telephone." in await town.opens(f"{path}?lang=en")
    of_case = await wanted(town, derived("another"), about="case/z1", channel="case")
    assert "Op 23 november 2026 waren wij klaar met een zaak van u." in await town.opens(of_case)


async def test_an_answer_is_kept_once_however_often_it_is_sent_and_counts_once(town: Town) -> None:
    path = await wanted(town)
    body = urlencode({"score": "8", "text": "Snel geholpen", "key": KEY})
    sent = [town.house.client.post(path, content=body, headers=FORM) for _ in range(3)]
    assert {answer.status_code for answer in await asyncio.gather(*sent)} == {200}
    await settle(town)
    assert [(one["score"], one["text"]) for one in await town.facts("opinion.given")] == [(8, "Snel geholpen")]
    [one] = await town.facts("opinion.counted")
    assert (one["score"], one.get("before", 0), one["about"]) == (8, 0, "contact/c1")


async def test_a_later_answer_within_a_day_stands_in_place_of_the_first_and_after_it_none_does(town: Town) -> None:
    path = await wanted(town)
    assert "Bedankt voor uw antwoord U gaf ons een 8." in await gives(town, path)
    town.hand.now += AGAIN - timedelta(minutes=1)
    assert "U gaf ons een 3." in await gives(town, path, score="3", key="b" * 24)
    assert [(one["score"], one.get("before", 0)) for one in await town.facts("opinion.counted")] == [(8, 0), (3, 8)]
    town.hand.now += timedelta(minutes=1)
    for said in (await town.opens(path, 410), await gives(town, path, 410, score="10", key="c" * 24)):
        assert "U hebt al geantwoord" in said
    assert len(await town.facts("opinion.given")) == 2


async def test_after_a_month_it_says_that_it_is_over_and_later_nothing_is_there(town: Town) -> None:
    path = await wanted(town)
    town.hand.now += OPEN
    assert "Deze vraag is voorbij" in await town.opens(path, 410)
    assert "Deze vraag is voorbij" in await gives(town, path, 410)
    town.hand.now = NOW + KEPT
    assert "Deze link werkt niet (meer)." in await town.opens(path, 404)
    assert await town.facts("opinion.given") == []


async def test_a_script_that_stuffs_one_question_is_told_that_it_was_answered(town: Town) -> None:
    path = await wanted(town)
    for n in range(ANSWERS_MAX):
        await gives(town, path, score=str(n % 10 + 1), key=f"{n:024x}")
    assert "U hebt al geantwoord" in await gives(town, path, 410, key="f" * 24)
    scores = await town.facts("opinion.counted")
    assert len(scores) == ANSWERS_MAX
    assert sum(one["score"] - one.get("before", 0) for one in scores) == scores[-1]["score"]  # One answer.


WRONG: Final[tuple[tuple[dict[str, str], str], ...]] = (
    ({"score": ""}, "Kies een cijfer van 1 tot en met 10"),
    ({"score": "0"}, "Kies een cijfer"),
    ({"score": "11"}, "Kies een cijfer"),
    ({"score": "8.5"}, "Kies een cijfer"),
    ({"score": "\N{ARABIC-INDIC DIGIT THREE}"}, "Kies een cijfer"),
    ({"score": "9" * 5_000}, "Kies een cijfer"),
    ({"text": "x" * (WHY_CHARS_MAX + 1)}, "Maak uw uitleg korter"),
    ({"text": f"Mijn BSN is {BSN}"}, MASK),
)


async def test_what_is_wrong_is_said_and_nothing_is_kept(town: Town) -> None:
    path = await wanted(town)
    for fields, sentence in WRONG:
        said = await gives(town, path, 400, **fields)
        assert sentence in said
        assert BSN not in said
    assert await town.facts("opinion.given") == []


async def test_a_link_of_something_else_or_none_of_ours_opens_nothing(town: Town) -> None:
    path = await wanted(town)
    visit = town.link("a", NAME).rpartition("/")[2]
    for wrong in (f"/o/{visit}", f"{path}x", town.link("o", derived("never asked")), "/o/x", f"{path}/nonsense"):
        assert "Deze link werkt niet (meer)." in await town.opens(wrong, 404)
    await town.posts(path, 400, score="8")  # No page of ours gave it an id.
    await town.posts(path, 403, ELSEWHERE, score="8", key=KEY)
    await town.posts(f"{path}/decline", 403, ELSEWHERE)
    assert await town.facts("opinion.given") == await town.facts("opinion.declined") == []


async def test_looking_says_nothing_and_who_wants_no_more_is_asked_no_more(town: Town) -> None:
    path = await wanted(town)
    for method in ("GET", "HEAD", "OPTIONS", "PUT", "DELETE"):
        for more in ("", "?score=8", "/decline"):
            await town.house.client.request(method, path + more, headers=BROWSER)
    assert await town.facts("opinion.given") == await town.facts("opinion.declined") == []
    for _ in range(2):
        assert "Wij vragen u dit niet meer" in await town.posts(f"{path}/decline", 200)
    assert [one["party_id"] for one in await town.facts("opinion.declined")] == ["p1"]


async def test_agents_read_the_score_and_why_in_the_story_and_no_number_that_may_be_a_bsn(town: Town) -> None:
    await wanted(town, party_id="unknown.a1", address_id="a1")
    await town.tells(OpinionGiven(at=NOW, opinion_id=NAME, score=8, text=f"Snel, met {BSN}"))
    town.house.client.headers["authorization"] = "none"
    await town.house.enter()
    page = (await town.house.client.get("/threads/address/a1", headers=BROWSER)).text
    assert "Wat de inwoner ervan vond" in page
    assert "Cijfer: 8 van 10." in page
    assert "Snel, met" in page
    assert BSN not in page


ASKED: Final = OpinionWanted(at=NOW, opinion_id="o1", party_id="p1", about="contact/c1", happened_at=NOW)


def answer(hours: int, score: int) -> OpinionGiven:
    return OpinionGiven(at=NOW + timedelta(hours=hours), opinion_id="o1", score=score)


@over(st.lists(st.tuples(st.integers(0, 24 * 32), st.integers(1, 10)), max_size=20))
@settings(max_examples=50, deadline=None)
def test_whatever_is_sent_one_answer_counts_and_it_is_the_last_within_a_day(said: list[tuple[int, int]]) -> None:
    scene, told, first = given(counted, ASKED), list[OpinionCounted](), list[datetime]()
    for hours, score in sorted(said, key=lambda one: one[0]):
        event = answer(hours, score)
        scene.when(event)
        told += [OpinionCounted.model_validate_json(one.data) for one in scene._outcomes]
        if event.at < NOW + OPEN:
            first = first or [event.at]
    within = [
        score
        for hours, score in sorted(said, key=lambda one: one[0])
        if first and NOW + timedelta(hours=hours) < first[0] + AGAIN
    ]
    expected = within[:ANSWERS_MAX][-1] if within else 0
    assert sum(one.score - one.before for one in told) == expected
    assert sum(not one.before for one in told) == bool(within)


def test_what_nobody_asked_for_does_not_count() -> None:
    given(counted).when(answer(1, 8)).then()
