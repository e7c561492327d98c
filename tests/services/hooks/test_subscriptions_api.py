"""Subscribing over HTTP: once for each request, with bad input refused in a sentence, and a secret shown once."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from draad.parts import PARTS
from draad.scopes import needed
from engine.sqlite import SqliteStore
from services.status.hooks_api import SUBSCRIPTIONS_MAX
from tests.rooms import NOW, Rooms, clock, rooms, told
from tests.services.hooks.test_hooks import GIVEN, SITE

GOOD: Final = {"name": "zaken", "url": "http://127.0.0.1:9/hook", "types": ["case."]}
PATH: Final = "/v1/subscriptions"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Rooms]:
    async with rooms(await SqliteStore.open(str(tmp_path / "draad.db"), clock), site=SITE) as built:
        await built.settle()
        running = asyncio.create_task(built.engine.run(*PARTS))
        yield built
        built.engine.stop()
        await running


async def post(house: Rooms, body: Any, key: str = "k1", path: str = PATH) -> httpx.Response:
    return await house.client.post(path, json=body, headers={"Idempotency-Key": key})


async def test_the_same_request_is_one_subscription_and_shows_its_secret_again(house: Rooms) -> None:
    made = (await post(house, GOOD)).json()
    assert made["secret"].startswith("whsec_")
    assert (await post(house, GOOD)).json() == made
    other = (await post(house, GOOD, "k2")).json()
    assert other["subscription_id"] != made["subscription_id"]
    assert other["secret"] != made["secret"]
    assert (await post(house, GOOD | {"name": "ander"})).json()["subscription_id"] != made["subscription_id"]


async def test_a_secret_stands_in_no_list_and_on_no_log(house: Rooms) -> None:
    made = (await post(house, GOOD | {"secret": GIVEN, "about": "case/k1"})).json()
    own = (await post(house, GOOD, "k2")).json()
    assert made["secret"] == GIVEN
    listed = (await house.client.get(PATH)).json()
    one = await house.client.get(f"{PATH}/{made['subscription_id']}")
    assert one.json() == listed["items"][0]
    assert one.json() == {
        "subscription_id": made["subscription_id"],
        "name": "zaken",
        "url": GOOD["url"],
        "types": ["case."],
        "about": "case/k1",
        "made_at": "2026-11-23T09:00:00.000000Z",
        "ended_at": "",
        "reason": "",
    }
    logged = "".join(envelope.data for envelope in await house.engine.read())
    for secret in (made["secret"], own["secret"]):
        assert secret.removeprefix("whsec_") not in json.dumps(listed) + logged


async def test_a_list_has_pages(house: Rooms) -> None:
    ids = [(await post(house, GOOD, f"k{number}")).json()["subscription_id"] for number in range(3)]
    first = (await house.client.get(PATH, params={"limit": 2})).json()
    rest = (await house.client.get(PATH, params={"limit": 2, "after": first["next"]})).json()
    assert sorted(one["subscription_id"] for one in first["items"] + rest["items"]) == sorted(ids)
    assert rest["next"] == ""
    assert told(await house.client.get(PATH, params={"limit": 101}), 400)


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": "Zaken Systeem"},
        {"url": "https://jan:geheim@zaken.example.nl/"},
        {"url": "http://10.0.0.1/"},
        {"url": "http://169.254.169.254/latest/meta-data"},
        {"url": "https://[::ffff:169.254.169.254]/"},
        {"url": "https://2130706433/"},
        {"url": "https://zaken.example.nl/?bsn=123456782"},
        {"url": "https://zaken.example.nl/" + "a" * 500},
        {"url": 5},
        {"types": []},
        {"types": ["case"]},
        {"types": ["*"]},
        {"types": ["case.*"]},
        {"types": ["token."]},
        {"types": ["record.opened"]},
        {"types": ["message.requested"]},
        {"types": ["subscription."]},
        {"types": ["case.opened "]},
        {"types": ["case."] * 51},
        {"types": "case."},
        {"about": "case"},
        {"about": "case/*"},
        {"about": "../case/"},
        {"about": "case/123456782"},
        {"secret": ""},
        {"secret": "geheim"},
        {"secret": "whsec_geheim!"},
        {"secret": "whsec_" + "QUFB" * 7},
        {"secret": "whsec_" + "QUFB" * 22},
        {"more": "x"},
    ],
    ids=str,
)
async def test_what_is_wrong_is_refused_in_a_sentence_that_quotes_nothing(house: Rooms, wrong: dict[str, Any]) -> None:
    before = await house.engine.ends()
    sentence = told(await post(house, GOOD | wrong), 400)
    for word in ("geheim", "123456782", "169.254", "QUFB"):
        assert word not in sentence
    assert await house.engine.ends() == before


async def test_an_answer_needs_a_key_and_a_body(house: Rooms) -> None:
    assert "Idempotency-Key" in told(await house.client.post(PATH, json=GOOD), 400)
    for raw in (b"", b"[]", b"{", b"nul", b'{"name":"a","name":"b"}', b"\xff", b'{"name":"\\u0000"}'):
        headers = {"Idempotency-Key": "k", "content-type": "application/json"}
        assert told(await house.client.post(PATH, content=raw, headers=headers), 400)


async def test_there_may_be_so_many_at_once(house: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.status.hooks_api.SUBSCRIPTIONS_MAX", 2)
    assert SUBSCRIPTIONS_MAX > 2
    first = (await post(house, GOOD, "k1")).json()
    assert (await post(house, GOOD, "k2")).status_code == 201
    assert told(await post(house, GOOD, "k3"), 400)
    assert (await post(house, GOOD, "k2")).status_code == 201  # A repeat is no third.
    assert (await house.client.delete(f"{PATH}/{first['subscription_id']}")).status_code == 204
    assert (await post(house, GOOD, "k3")).status_code == 201


async def test_what_is_not_there_is_not_found_and_what_ended_takes_nothing(house: Rooms) -> None:
    await post(house, GOOD)
    for method, path in (
        ("GET", "/nobody"),
        ("DELETE", "/nobody"),
        ("GET", "/nobody/undelivered"),
        ("POST", "/nobody/secret"),
        ("POST", "/nobody/replay"),
    ):
        headers = {"Idempotency-Key": "k"}
        body: dict[str, Any] = {"json": {}} if method == "POST" else {}
        assert told(await house.client.request(method, PATH + path, headers=headers, **body), 404)
    made = (await post(house, GOOD)).json()
    at = f"{PATH}/{made['subscription_id']}"
    assert told(await post(house, {"event_ids": ["x"] * 101}, path=f"{at}/replay"), 400)
    assert (await post(house, {"event_ids": ["x"]}, path=f"{at}/replay")).json() == {"replayed": 0, "more": False}
    await house.client.delete(at)
    assert told(await post(house, {}, path=f"{at}/secret"), 400)
    assert told(await post(house, {}, path=f"{at}/replay"), 400)
    assert (await house.client.get(f"{at}/undelivered")).json() == {"items": [], "next": ""}
    assert (await house.client.get(at)).json()["reason"] == "asked"
    assert NOW.isoformat()[:10] in (await house.client.get(at)).json()["ended_at"]


async def test_without_its_view_nobody_knows_whether_it_is_seen(tmp_path: Path) -> None:
    async with rooms(await SqliteStore.open(str(tmp_path / "draad.db"), clock), site=SITE) as built:
        assert told(await post(built, GOOD), 503)
        await built.settle()
        with pytest.MonkeyPatch.context() as patched:  # The parts stand still.
            patched.setattr("services.status.hooks_api.SEEN_S_MAX", 0.1)
            assert told(await post(built, GOOD), 503)
        await built.settle()
        assert (await post(built, GOOD)).status_code == 201


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", PATH, "subscriptions.read"),
        ("GET", f"{PATH}/s1/undelivered", "subscriptions.read"),
        ("POST", PATH, "subscriptions.write"),
        ("DELETE", f"{PATH}/s1", "subscriptions.write"),
        ("POST", f"{PATH}/s1/replay", "subscriptions.write"),
        ("POST", f"{PATH}/s1/secret", "subscriptions.write"),
    ],
)
def test_a_token_needs_a_scope_of_its_own(method: str, path: str, scope: str) -> None:
    assert needed(method, path) == scope
