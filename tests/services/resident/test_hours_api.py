"""The free hours over HTTP: a day is told as a whole, once, and what cannot be is refused with a reason."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, Final

import httpx
import pytest

from draad.site import Site
from services.intake.branches import branches
from services.intake.visits import HOURS_MAX, PLACES_MAX
from services.notify.texts import read_texts
from tests.rooms import NOW, TOKEN, Rooms, rooms, told
from tests.services.resident.town import HOURS, SAID

SITE: Final = Site(
    branches({"main": {"title": "Stadhuis"}, "island": {"title": "Kralendijk", "zone": "America/Curacao"}}),
    notify=SAID,
    texts=read_texts(),
)
BODY: Final = {"product": "passport", "day": "2026-12-03", "hours": [{"starts_local": "2026-12-03T10:30"}]}
BSN: Final = "123456782"


@pytest.fixture
async def house() -> AsyncIterator[Rooms]:
    async with rooms(site=SITE) as built:
        await built.engine.settle(*HOURS)
        yield built


async def offers(house: Rooms, body: Any, key: str = "k1", **headers: str) -> httpx.Response:
    named = {"Idempotency-Key": key, **headers}
    answer = await house.client.post("/v1/appointments/hours", json=body, headers=named)
    await house.engine.settle(*HOURS)
    return answer


async def left(
    house: Rooms, day: str = "2026-12-03", branch: str = "main", product: str = "passport"
) -> dict[str, int]:
    asked = {"branch": branch, "day": day, "product": product}
    answer = await house.client.get("/v1/appointments/hours", params=asked)
    assert answer.status_code == 200, answer.text
    return {row["starts_at"]: row["free"] for row in answer.json()["hours"]}


async def kept(house: Rooms) -> list[dict[str, Any]]:
    return [json.loads(one.data) for one in await house.engine.read() if one.type == "hour.offered"]


async def test_a_day_that_is_told_is_kept_once_and_can_be_looked_up(house: Rooms) -> None:
    hours = [*BODY["hours"], {"starts_at": "2026-12-03T10:00:00+00:00", "places": 3}]
    for _ in range(2):
        answer = await offers(house, BODY | {"hours": hours})
        assert (answer.status_code, answer.json()) == (201, {"hours": 2})
    assert await left(house) == {"2026-12-03T09:30:00Z": 1, "2026-12-03T10:00:00Z": 3}
    assert await left(house, day="2026-12-04") == await left(house, product="licence") == {}
    [fact] = await kept(house)
    assert (fact["day"], fact["since"], fact["until"]) == ("2026-12-03", "2026-12-02T23:00:00Z", "2026-12-03T23:00:00Z")


async def test_a_day_is_replaced_as_a_whole_and_a_list_that_comes_late_changes_nothing(house: Rooms) -> None:
    await offers(house, BODY | {"at": NOW.isoformat()})
    await offers(house, BODY | {"hours": [{"starts_local": "2026-12-03T11:00"}]}, key="k2")
    await offers(house, BODY | {"at": (NOW - timedelta(minutes=1)).isoformat()}, key="k3")
    assert await left(house) == {"2026-12-03T10:00:00Z": 1}
    await offers(house, BODY | {"hours": []}, key="k4")
    assert await left(house) == {}


async def test_a_day_on_an_island_is_told_in_two_parts_of_ours(house: Rooms) -> None:
    evening = {"starts_local": "2026-12-03T20:00"}
    body = BODY | {"branch": "island", "hours": [*BODY["hours"], evening]}
    assert (await offers(house, body)).status_code == 201
    assert [fact["day"] for fact in await kept(house)] == ["2026-12-03", "2026-12-04"]
    assert await left(house, branch="island") == {"2026-12-03T14:30:00Z": 1, "2026-12-04T00:00:00Z": 1}
    await offers(house, body | {"hours": [evening]}, key="k2")
    assert await left(house, branch="island") == {"2026-12-04T00:00:00Z": 1}


async def test_as_many_hours_as_there_can_be_are_taken_and_one_more_is_not(house: Rooms) -> None:
    day = [f"2026-12-03T{minute // 60:02}:{minute % 60:02}" for minute in range(0, 24 * 60, 5)]
    hours = [{"starts_local": each, "places": PLACES_MAX} for each in day]
    assert len(hours) == HOURS_MAX
    assert (await offers(house, BODY | {"hours": hours})).status_code == 201
    assert len(await left(house)) == HOURS_MAX
    told(await offers(house, BODY | {"hours": [*hours, hours[0]]}, key="k2"), 400)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"branch": "nowhere"}, "branch is none of ours"),
        ({"day": "2028-12-01"}, "more than two years ahead"),
        ({"day": "1999-12-31"}, "before the year 2000"),
        ({"day": "9999-12-31"}, "more than two years ahead"),
        ({"day": "2026-02-30"}, "day"),
        ({"day": "morgen"}, "day"),
        ({"day": 3}, "day"),
        ({"product": "Paspoort!"}, "product"),
        ({"product": f"p-{BSN}"}, "BSN"),
        ({"hours": None}, "hours"),
        ({"hours": [{}]}, "hours"),
        ({"hours": [{"starts_local": "2026-12-04T10:30"}]}, "not on this day"),
        ({"hours": [{"starts_at": "2026-12-03T23:00:00+00:00"}]}, "not on this day"),
        ({"hours": [{"starts_at": "9999-12-31T23:59:59-01:00"}]}, "not on this day"),
        ({"hours": [{"starts_local": "2026-12-03T10:30", "starts_at": "2026-12-03T09:30:00Z"}]}, "hours"),
        ({"hours": [{"starts_local": "2026-12-03T10:30"}, {"starts_at": "2026-12-03T09:30:00Z"}]}, "listed twice"),
        ({"hours": [{"starts_local": "2026-12-03T10:30", "places": 0}]}, "hours"),
        ({"hours": [{"starts_local": "2026-12-03T10:30", "places": PLACES_MAX + 1}]}, "hours"),
        ({"hours": [{"starts_local": "2026-12-03T10:30", "name": "J. Bakker"}]}, "hours"),
        ({"at": "1999-01-01T00:00:00Z"}, "at lies before"),
        ({"name": "J. Bakker"}, "extra_forbidden"),
    ],
)
async def test_what_cannot_be_is_refused_and_nothing_is_kept(
    house: Rooms, wrong: dict[str, Any], sentence: str
) -> None:
    refusal = told(await offers(house, BODY | wrong), 400)
    assert sentence in refusal
    assert "Bakker" not in refusal
    assert await kept(house) == []


async def test_without_a_key_or_a_token_nothing_is_kept(house: Rooms) -> None:
    told(await house.client.post("/v1/appointments/hours", json=BODY), 400)
    told(await offers(house, BODY, authorization="Bearer nobody"), 401)
    assert await kept(house) == []
    assert "authorization" in house.client.headers


async def test_where_residents_have_no_pages_nobody_is_offered_an_hour_and_it_is_said_so() -> None:
    async with rooms() as bare:
        said = {"Idempotency-Key": "k1", "authorization": f"Bearer {TOKEN}"}
        answer = await bare.client.post("/v1/appointments/hours", json=BODY, headers=said)
        assert "residents have no pages here" in told(answer, 409)
        asked = {"branch": "main", "day": "2026-12-03", "product": "passport"}
        assert "residents have no pages here" in told(
            await bare.client.get("/v1/appointments/hours", params=asked), 409
        )
        assert await kept(bare) == []
