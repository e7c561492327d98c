"""Steps of a journey are counted once each, of our products and pages only, and of nobody who does not want it."""

import json
from collections.abc import AsyncIterator
from typing import Any, Final

import httpx
import pytest

from draad.site import Site
from engine.memory import Disk, MemoryStore
from schemas.errors import Unavailable
from services.intake.journey import BEACON_BYTES_MAX, JourneySettings
from tests.rooms import Rooms, clock, rooms

ORIGIN: Final = "https://www.example.nl"
SITE: Final = Site(journey=JourneySettings(origins=(ORIGIN,), products=("paspoort", "rijbewijs")))
STEP: Final = {"product": "paspoort", "step": "started", "id": "0123456789abcdef0123456789abcdef"}


@pytest.fixture
async def house() -> AsyncIterator[Rooms]:
    async with rooms(site=SITE) as built:
        del built.client.headers["authorization"]
        yield built


async def tell(house: Rooms, body: Any, **headers: str) -> httpx.Response:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    said = {"origin": ORIGIN, "content-type": "text/plain;charset=UTF-8"} | headers
    answer = await house.client.post("/journey", content=raw, headers=said)
    assert (answer.status_code, answer.content) == (204, b""), "it never says more"
    assert "set-cookie" not in answer.headers
    return answer


async def kept(house: Rooms) -> list[dict[str, Any]]:
    return [json.loads(fact.data) | {"subject": fact.subject} for fact in await house.engine.read()]


async def test_a_step_is_counted_once_however_often_it_is_told(house: Rooms) -> None:
    for _ in range(3):
        await tell(house, STEP)
    [fact] = await kept(house)
    assert (fact["product"], fact["step"], fact["subject"]) == ("paspoort", "started", "journey/paspoort")
    assert STEP["id"] not in str(fact), "what a page rolled is kept by nobody"
    await tell(house, STEP | {"id": "f" * 32})
    await tell(house, STEP | {"step": "completed"})
    assert len(await kept(house)) == 3


async def test_our_own_pages_may_tell_too(house: Rooms) -> None:
    await tell(house, STEP, origin="http://draad")
    assert len(await kept(house)) == 1


@pytest.mark.parametrize(
    "headers",
    [{"sec-gpc": "1"}, {"dnt": "1"}, {"origin": "https://elders.example"}, {"origin": "null"}, {"origin": ""}],
)
async def test_who_does_not_want_it_and_who_is_none_of_ours_is_not_counted(
    house: Rooms, headers: dict[str, str]
) -> None:
    await tell(house, STEP, **headers)
    assert await kept(house) == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[]",
        b"[" * BEACON_BYTES_MAX,
        b" " * (BEACON_BYTES_MAX + 1),
        b'{"product": "paspoort", "product": "rijbewijs", "step": "started", "id": "0123456789abcdef"}',
        STEP | {"product": "trouwen"},
        STEP | {"product": "<script>"},
        STEP | {"step": "gone"},
        STEP | {"id": "jan@example.nl"},
        STEP | {"id": "kort"},
        STEP | {"id": None},
        STEP | {"bsn": "123456782"},
        {"product": "paspoort"},
    ],
)
async def test_what_is_no_step_of_ours_is_dropped_without_a_word(house: Rooms, body: Any) -> None:
    await tell(house, body)
    assert await kept(house) == []


class Broken(MemoryStore):
    """A log that cannot be reached."""

    async def append(self, facts: Any) -> None:
        raise Unavailable("the disk is full")


async def test_a_page_never_waits_for_a_log_that_is_away() -> None:
    async with rooms(Broken(Disk(), clock), site=SITE) as house:
        await tell(house, STEP)


async def test_nothing_is_counted_unless_somebody_says_what() -> None:
    async with rooms() as house:
        await tell(house, STEP, origin="http://draad")
        assert await kept(house) == []


async def test_pages_of_others_may_take_the_script(house: Rooms) -> None:
    answer = await house.client.get("/journey/journey.js")
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert answer.headers["content-type"].startswith("text/javascript")
    assert "sendBeacon" in answer.text
    assert "cookie" not in answer.text.lower().replace("no cookie", "")
