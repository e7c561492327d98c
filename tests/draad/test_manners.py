"""How every request is met: nothing is open by accident, and nothing personal stands in an address."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from typing import Final, NamedTuple

import httpx
import pytest
from limits import RateLimitItemPerMinute
from structlog.testing import capture_logs

from draad import health, manners
from draad.rates import GUESS, LIMITS, Rates
from engine.memory import Disk, MemoryStore
from schemas.errors import Unavailable
from tests.draad.paths import PATHS
from tests.rooms import TOKEN, WHOLE, Rooms, clock, rooms, told

OPEN: Final = {"/health/live", "/health/ready", "/v1/openapi.json"}
BSN: Final = "123456782"
PRINTED: Final = "1234.56.782"  # The same, as it stands on paper.


@pytest.fixture
async def house() -> AsyncIterator[Rooms]:
    async with rooms(site=WHOLE) as built:
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
        f"/v1/contacts/{PRINTED}",
        f"/?x={PRINTED}",
    ],
)
async def test_an_address_with_a_bsn_is_refused_and_never_repeated(
    house: Rooms, path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = await house.client.get(path)
    assert "BSN" in told(answer, 400)
    said = answer.text + str(answer.headers) + "".join(capsys.readouterr())
    assert not any(bsn in said for bsn in (BSN, PRINTED))


async def test_other_numbers_in_an_address_are_just_not_there(house: Rooms) -> None:
    assert told(await house.client.get("/v1/contacts/123456789"), 404)


async def test_a_slash_too_many_is_another_address(house: Rooms) -> None:
    for path in ("/v1/contacts/", "/v1/openapi.json/", "/v1/addresses/a1/stream/"):
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
    for name in ("base.css", "desk.css", "work.js", "icon.svg"):
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
    assert set(document["paths"]) == PATHS
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
    assert 'draad_behind_events{part="desk.entry"' in text
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
    assert "desk.entry stands still" in told(answer, 503)
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
    async with rooms() as unborn:  # No part has run yet, so there is nothing to show.
        answer = await unborn.client.get("/", headers={"Accept": "text/html"})
        assert (answer.status_code, "Het lukt nu even niet" in answer.text) == (503, True)


def browser(house: Rooms, address: str) -> httpx.AsyncClient:
    """Somebody else, without a token, at this address."""
    transport = httpx.ASGITransport(app=house.house.app, raise_app_exceptions=False, client=(address, 1))
    return httpx.AsyncClient(transport=transport, base_url="http://draad")


def refused(answer: httpx.Response) -> int:
    """The seconds to wait, of a request that came too soon."""
    assert told(answer, 429).startswith(("these are too many requests", "too many requests without"))
    assert re.fullmatch(r"[1-9]\d*", answer.headers["retry-after"])
    return int(answer.headers["retry-after"])


class Limited(NamedTuple):
    house: Rooms
    wait: Callable[[int], None]


@pytest.fixture
async def limited() -> AsyncIterator[Limited]:
    """A house whose clock stands still but for `wait`."""
    now = [0.0]

    def wait(seconds: int) -> None:
        now[0] += seconds

    few = {kind: RateLimitItemPerMinute(3, namespace=kind) for kind in LIMITS}
    async with rooms(rates=Rates(limits=few, clock=lambda: now[0])) as built:
        await built.settle()
        yield Limited(built, wait)


async def test_a_program_that_asks_too_often_is_told_when_to_come_back(limited: Limited) -> None:
    for _ in range(3):
        assert (await limited.house.client.get("/v1/openapi.json")).status_code == 200
    for method, path in (("GET", "/metrics"), ("POST", "/v1/contacts"), ("GET", "/"), ("GET", "/v1/nonsense")):
        seconds = refused(await limited.house.client.request(method, path))
    limited.wait(seconds)
    assert (await limited.house.client.get("/metrics")).status_code == 200
    assert refused(await limited.house.client.get("/metrics"))


async def test_a_person_who_asks_too_often_is_told_on_a_page(limited: Limited) -> None:
    await limited.house.enter()
    html = {"Accept": "text/html"}
    for _ in range(3):
        assert (await limited.house.client.get("/", headers=html)).status_code == 200
    answer = await limited.house.client.get("/", headers=html)
    assert (answer.status_code, "Het lukt nu even niet" in answer.text) == (429, True)
    assert answer.headers["content-type"].startswith("text/html")
    limited.wait(int(answer.headers["retry-after"]))
    assert (await limited.house.client.get("/", headers=html)).status_code == 200


async def test_sessions_and_links_are_counted_each_by_itself(limited: Limited) -> None:
    door = limited.house.house.door
    links = [door.link() for _ in range(5)]
    async with browser(limited.house, "10.0.0.1") as proxy:  # All of them come by it.
        for link in links:
            for _ in range(3):
                assert (await proxy.get(f"/open/{link}")).status_code == 200
        assert refused(await proxy.get(f"/open/{links[0]}"))
        for session in [door.enter(link) for link in links[1:]]:
            assert (await proxy.get("/", headers={"Cookie": f"draad={session}"})).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/metrics", {"Authorization": "Bearer guessed"}, 401),
        ("GET", "/", {"Authorization": "Basic guessed"}, 401),
        ("POST", "/v1/contacts", {}, 401),
        ("GET", "/", {"Cookie": "draad=ended"}, 401),
        ("GET", "/open/guessed", {}, 410),
        ("POST", "/open/guessed", {}, 410),
        ("GET", "/assets/desk.css", {}, 200),
        ("GET", "/v1/openapi.json", {"Authorization": "Bearer guessed"}, 200),
        ("POST", "/close", {}, 200),
    ],
)
async def test_strangers_are_counted_by_address_and_shut_out_nobody_who_is_known(
    limited: Limited, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    link = limited.house.house.door.link()
    async with browser(limited.house, "10.0.0.1") as here, browser(limited.house, "10.0.0.2") as there:
        for _ in range(3):
            assert (await here.request(method, path, headers=headers)).status_code == status
        claimed = {"X-Forwarded-For": "1.2.3.4", "Forwarded": "for=1.2.3.4", "X-Real-IP": "1.2.3.4"}
        seconds = refused(await here.request(method, path, headers=headers | claimed))
        assert (await there.request(method, path, headers=headers)).status_code == status

        token = {"Authorization": f"Bearer {TOKEN}"}
        assert (await here.get("/metrics", headers=token)).status_code == 200
        assert (await here.post(f"/open/{link}")).status_code == 303
        for known in ("/", "/assets/desk.css"):
            assert (await here.get(known)).status_code == 200

        here.cookies.clear()
        limited.wait(seconds)
        assert (await here.request(method, path, headers=headers)).status_code == status


async def test_health_is_never_limited(limited: Limited) -> None:
    async with browser(limited.house, "10.0.0.1") as probe:
        for path in ("/health/live", "/health/ready") * 10:
            assert (await probe.get(path)).status_code == 200


async def test_a_request_has_one_line_with_its_route_also_where_it_was_refused_and_health_only_where_it_is_bad(
    house: Rooms,
) -> None:
    with capture_logs() as logs:
        async with browser(house, "10.0.0.1") as here:
            here.cookies.set("draad", "a-session-that-ended")
            paths = {"/threads/address/a1": "/threads/{kind}/{name}", "/v1/work": "/v1/work", "/nonsense": ""}
            for path in paths:
                assert (await here.get(path)).status_code == 401
            for path in ("/health/live", "/health/ready"):
                assert (await here.get(path)).status_code == 200
            house.watch._moved["intake.courier"] = ((0,), -10 * health.STUCK_S)
            assert (await here.get("/health/ready")).status_code == 503
    lines = [(line["route"], line["status"]) for line in logs if line["event"] == "http.answered"]
    assert lines == [*((route, 401) for route in paths.values()), ("/health/ready", 503)]


async def test_what_is_refused_is_counted_by_limit_alone() -> None:
    async with rooms() as house, browser(house, "10.9.8.7") as guesser:
        for _ in range(LIMITS[GUESS].amount):
            assert told(await guesser.get("/metrics", headers={"Authorization": "Bearer guessed"}), 401)
        assert refused(await guesser.get("/metrics", headers={"Authorization": "Bearer guessed"}))
        text = (await house.client.get("/metrics")).text
        assert 'draad_rate_limited_total{limit="guess"} 1.0' in text
        assert 'draad_rate_limited_total{limit="session"} 0.0' in text
        assert "10.9.8.7" not in text


@pytest.mark.parametrize(
    ("client", "who"),
    [
        (("203.0.113.7", 1), "203.0.113.7"),
        (("::ffff:203.0.113.7", 1), "203.0.113.7"),
        (("2001:db8:1:2:3:4:5:6", 1), "2001:db8:1:2::"),
        (("2001:db8:1:2::1", 2), "2001:db8:1:2::"),
        (("fe80::1%eth0", 1), "fe80::"),
        (("what: a proxy may write anything", 1), "what: a proxy may write anything"),
        (("", 1), ""),
        (None, ""),
    ],
)
def test_an_address_is_one_machine_or_one_network(client: tuple[str, int] | None, who: str) -> None:
    assert manners.remote({"client": client}) == who
