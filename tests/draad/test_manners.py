"""How every request is met: nothing is open by accident, and nothing personal stands in an address."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import pytest

from draad import health, manners
from engine.memory import Disk, MemoryStore
from schemas.errors import Unavailable
from tests.rooms import TOKEN, Rooms, clock, rooms, told

OPEN: Final = {"/health/live", "/health/ready", "/v1/openapi.json"}
BSN: Final = "123456782"


@pytest.fixture
async def house() -> AsyncIterator[Rooms]:
    async with rooms() as built:
        await built.settle()
        yield built


async def test_nothing_is_open_but_health_and_the_description(house: Rooms) -> None:
    paths = (await house.client.get("/v1/openapi.json")).json()["paths"]
    del house.client.headers["authorization"]
    for path in {*paths, "/", "/v1/nonsense", "/health", "/health/live/more", "/docs", "/assets", "/open/a/b"} - OPEN:
        for method in ("GET", "POST", "PUT", "DELETE", "OPTIONS"):
            answer = await house.client.request(method, path)
            assert told(answer, 401)
            assert answer.headers["www-authenticate"] == "Bearer"
    for path in OPEN:
        assert (await house.client.get(path)).status_code == 200


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer x", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer é"])
async def test_only_the_token_opens_the_api(house: Rooms, header: str) -> None:
    answer = await house.client.get("/metrics", headers=[(b"authorization", header.encode())])
    assert told(answer, 401)


async def test_a_cookie_that_is_none_opens_nothing(house: Rooms) -> None:
    del house.client.headers["authorization"]
    for cookie in ("draad=x", 'draad="', "=;=", "draad", "draad=" + "0" * 62):
        assert told(await house.client.get("/", headers={"cookie": cookie}), 401)


@pytest.mark.parametrize(
    "path",
    [
        f"/v1/contacts/{BSN}/answers",
        f"/{BSN}",
        f"/?x={BSN}",
        f"/?{BSN}",
        f"/?x=a%20{BSN}",
        "/v1/" + "".join(f"%3{digit}" for digit in BSN),
        "/?x=" + "".join(f"%3{digit}" for digit in BSN),
        f"/assets/{BSN}",
        f"/open/{BSN}",
    ],
)
async def test_an_address_with_a_bsn_is_refused_and_never_repeated(
    house: Rooms, path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = await house.client.get(path)
    assert "BSN" in told(answer, 400)
    assert BSN not in answer.text + str(answer.headers) + "".join(capsys.readouterr())


async def test_other_numbers_in_an_address_are_just_not_there(house: Rooms) -> None:
    assert told(await house.client.get("/v1/contacts/123456789"), 404)


async def test_a_slash_too_many_is_another_address(house: Rooms) -> None:
    for path in ("/v1/contacts/", "/v1/openapi.json/", "/v1/timeline/stream/"):
        answer = await house.client.get(path, follow_redirects=False)
        assert told(answer, 404)


async def test_a_method_that_is_not_taken_is_told_which_are(house: Rooms) -> None:
    answer = await house.client.get("/v1/contacts")
    assert told(answer, 405)
    assert answer.headers["allow"] == "POST"


async def test_every_answer_says_the_version_and_lets_nobody_frame_or_keep_it(house: Rooms) -> None:
    for path in ("/", "/health/live", "/v1/nonsense", "/metrics", "/v1/openapi.json", "/open/x"):
        headers = (await house.client.get(path)).headers
        assert headers["api-version"] == manners.API_VERSION
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
        assert "unsafe" not in policy


async def test_pages_hold_no_script_or_style_of_their_own_and_fetch_nothing_elsewhere(house: Rooms) -> None:
    browser = {"Accept": "text/html"}
    for path in ("/", "/nonsense", f"/open/{house.house.door.link()}", "/open/x"):
        html = (await house.client.get(path, headers=browser)).text
        assert html.startswith("<!doctype html>")
        assert "<style" not in html
        assert " style=" not in html
        assert "http:" not in html
        assert "https:" not in html
        assert html.count("<script") == html.count('<script src="/assets/')


async def test_what_a_page_needs_comes_with_it(house: Rooms) -> None:
    del house.client.headers["authorization"]
    for name in ("desk.css", "desk.js", "icon.svg"):
        answer = await house.client.get(f"/assets/{name}")
        assert answer.status_code == 200
        again = await house.client.get(f"/assets/{name}", headers={"If-None-Match": answer.headers["etag"]})
        assert again.status_code == 304
    for name in ("..%2fapi.py", "%2e%2e/api.py", "nonsense"):
        assert (await house.client.get(f"/assets/{name}")).status_code in {401, 404}


async def test_a_body_that_comes_drop_by_drop_is_not_waited_for(house: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manners, "BODY_S_MAX", 0.05)

    async def drops() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    assert told(await house.client.post("/v1/contacts", content=drops(), headers=headers), 408)


async def test_the_description_names_every_address_and_every_problem(house: Rooms) -> None:
    document = (await house.client.get("/v1/openapi.json")).json()
    assert document["openapi"].startswith("3.")
    assert set(document["paths"]) == {
        "/v1/contacts",
        "/v1/contacts/{contact_id}/answers",
        "/v1/timeline/stream",
        "/health/live",
        "/health/ready",
        "/metrics",
    }
    for path, methods in document["paths"].items():
        for method in methods.values():
            assert "application/problem+json" in method["responses"]["default"]["content"]
            assert (method.get("security") == []) == (path in OPEN)
    assert "Problem" in document["components"]["schemas"]


async def test_it_counts_and_names_no_subject(house: Rooms) -> None:
    contact = (await house.post({"channel": "phone", "text": "Jan"})).json()
    await house.settle()
    text = (await house.client.get("/metrics")).text
    assert "draad_facts_appended_total 1.0" in text
    assert 'draad_behind_events{part="desk.timeline"' in text
    assert contact["address_id"] not in text


async def test_it_is_ready_while_the_log_answers_and_every_part_goes_on(house: Rooms) -> None:
    assert (await house.client.get("/health/ready")).json() == {"status": "ok"}
    standings = await house.engine.standings()
    behind = [standing._replace(behind=5) for standing in standings]
    house.watch._look(behind)
    assert (await house.client.get("/health/ready")).status_code == 200
    house.watch._moved = {
        name: (places, since - health.STUCK_S - 1) for name, (places, since) in house.watch._moved.items()
    }
    house.watch._look(behind)
    answer = await house.client.get("/health/ready")
    assert "desk.timeline stands still" in told(answer, 503)
    assert answer.headers["retry-after"]
    house.watch._look([standing._replace(behind=0) for standing in standings])
    assert (await house.client.get("/health/ready")).status_code == 200
    assert (await house.client.get("/health/live")).status_code == 200


class Unreachable(MemoryStore):
    async def lease(self, *_: object) -> None:
        raise Unavailable("the disk is full: nothing more is written until there is space")


async def test_it_is_not_ready_when_the_log_cannot_be_written() -> None:
    async with rooms(Unreachable(Disk(), clock)) as house:
        assert "the disk is full" in told(await house.client.get("/health/ready"), 503)
        assert (await house.client.get("/health/live")).status_code == 200


async def test_a_page_that_cannot_be_shown_says_so_to_a_person(house: Rooms) -> None:
    answer = await house.client.get("/nonsense", headers={"Accept": "text/html"})
    assert (answer.status_code, "Deze pagina is er niet" in answer.text) == (404, True)
    async with rooms() as unborn:  # No part has run yet, so there is no timeline.
        answer = await unborn.client.get("/", headers={"Accept": "text/html"})
        assert (answer.status_code, "Het lukt nu even niet" in answer.text) == (503, True)
