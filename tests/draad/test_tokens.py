"""Tokens of programs: what they open over HTTP, and the commands that make, show and revoke them."""

import json
import re
import time
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from limits import RateLimitItemPerMinute

from draad.rates import GUESS, LIMITS, Rates
from draad.scopes import EVERYTHING, WORDS, chosen, needed
from draad.settings import Misconfigured
from draad.tokens import AGE_MAX, asked, day_of, until
from schemas.event import fact
from schemas.token import TokenIssued, TokenRevoked
from services.access.gate import ID_CHARS, digest
from services.access.tokens import tokens
from services.desk.words import HERE
from services.klantinteracties.app import PREFIX
from tests.rooms import KEYS, NOW, WHOLE, Rooms, rooms, told
from tests.running import ROOT, Running, command, running

WAIT_S: Final = 20.0


@pytest.fixture
async def house() -> AsyncIterator[Rooms]:
    async with rooms(site=WHOLE) as built:
        yield built


async def issue(house: Rooms, name: str, *scopes: str, days: float = 9) -> str:
    token = (name + "0" * 8)[:ID_CHARS] + "s" * 32
    issued = TokenIssued(
        at=NOW,
        token_id=token[:ID_CHARS],
        name=name,
        scopes=scopes,
        due=NOW + timedelta(days=days),
        digest=digest(KEYS.programs, token),
    )
    await house.engine.append(fact(issued, key="issued"))
    await seen(house)
    return token


async def seen(house: Rooms) -> None:
    await house.engine.settle(tokens)
    await house.house.gate.look()


def bearer(token: str, scheme: str = "Bearer") -> dict[str, str]:
    return {"Authorization": f"{scheme} {token}"}


def filled(path: str) -> str:
    return re.sub(r"\{\w+\}", "x1", path)


async def test_every_address_of_the_api_has_a_scope(house: Rooms) -> None:
    """What is added to the API is added to the table too, so that nobody has to be given everything for it."""
    paths = (await house.client.get("/v1/openapi.json")).json()["paths"]
    asked_for = {needed(method.upper(), filled(path)) for path, methods in paths.items() for method in methods}
    without = {
        path
        for path, methods in paths.items()
        for method in methods
        if needed(method.upper(), filled(path)) == EVERYTHING and not path.startswith("/health/")
    }
    assert without == set()
    assert {word for word in WORDS if not word.startswith("klantinteracties.")} <= asked_for


async def test_a_token_opens_what_its_scope_says_and_nothing_else(house: Rooms) -> None:
    brought = {scope: await issue(house, f"t{n:02}", scope) for n, scope in enumerate(WORDS)}
    paths = (await house.client.get("/v1/openapi.json")).json()["paths"]
    asked_for = [
        (method.upper(), filled(path))
        for path, methods in paths.items()
        for method in methods
        if not path.startswith("/health/") and not path.endswith("/stream")
    ]
    for scope, token in brought.items():
        for method, path in asked_for:
            answer = await house.client.request(method, path, headers=bearer(token), json={})
            if needed(method, path) == scope:
                assert answer.status_code not in {401, 403}
            else:
                assert "scope" in told(answer, 403)


async def test_a_token_is_brought_as_each_api_has_it(house: Rooms) -> None:
    token = await issue(house, "tool", "metrics.read", "klantinteracties.read")
    await house.settle()
    for path, known, other in (("/metrics", "Bearer", "Token"), (f"{PREFIX}/actoren", "Token", "Bearer")):
        assert (await house.client.get(path, headers=bearer(token, known))).status_code == 200
        assert (await house.client.get(path, headers=bearer(token, known.lower()))).status_code == 200
        assert (await house.client.get(path, headers=bearer(token, other))).status_code == 401


async def test_desk_tools_are_told_in_their_own_words_why_a_token_opens_nothing(house: Rooms) -> None:
    old = await issue(house, "old", "klantinteracties.read", days=0)
    gone = await issue(house, "gone", "klantinteracties.read")
    small = await issue(house, "small", "klantinteracties.read")
    await house.engine.append(fact(TokenRevoked(at=NOW, token_id=gone[:ID_CHARS]), key="revoked"))
    await seen(house)
    for token, status, word in ((old, 401, "verlopen"), (gone, 401, "ingetrokken"), (small, 403, "toestemming")):
        answer = await house.client.post(f"{PREFIX}/actoren", json={}, headers=bearer(token, "Token"))
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/json"
        assert word in answer.json()["detail"]
        assert answer.json()["code"] == ("permission_denied" if status == 403 else "authentication_failed")
    await seen(house)
    facts = [json.loads(one.data) for one in await house.engine.read(limit=1000) if one.type == "token.refused"]
    assert sorted(one["name"] for one in facts) == ["gone", "old", "small"]
    assert {one["scope"] for one in facts} == {"klantinteracties.write"}


async def test_pages_and_what_is_in_no_table_take_no_token(house: Rooms) -> None:
    token = await issue(house, "all", *WORDS)
    for path in ("/", "/threads/address/a1", "/v1/nonsense", "/looked"):
        assert (await house.client.get(path, headers=bearer(token))).status_code == 403


async def test_expired_revoked_and_without_the_scope_are_told_and_written_down_by_name(house: Rooms) -> None:
    old = await issue(house, "old", "metrics.read", days=0)
    gone = await issue(house, "gone", "metrics.read")
    small = await issue(house, "small", "contacts.write")
    await house.engine.append(fact(TokenRevoked(at=NOW, token_id=gone[:ID_CHARS]), key="revoked"))
    await seen(house)
    for token, status, word in ((old, 401, "expired"), (gone, 401, "revoked"), (small, 403, "scope")):
        answer = await house.client.get("/metrics", headers=bearer(token))
        assert word in told(answer, status)
        assert answer.headers.get("www-authenticate") == ("Bearer" if status == 401 else None)
        assert token not in answer.text
    await seen(house)
    facts = [one for one in await house.engine.read(limit=1000) if one.type == "token.refused"]
    said = sorted((json.loads(one.data)["name"], json.loads(one.data)["why"]) for one in facts)
    assert said == [("gone", "revoked"), ("old", "expired"), ("small", "scope")]
    assert all(token not in str(facts) for token in (old, gone, small))


async def test_who_looks_with_a_token_is_written_down_under_its_name(house: Rooms) -> None:
    token = await issue(house, "portal", "records.read")
    await house.settle()
    answer = await house.client.get("/v1/parties/p1/timeline", headers=bearer(token))
    assert answer.status_code == 200, answer.text
    [looked] = [json.loads(one.data) for one in await house.engine.read(limit=1000) if one.type == "record.opened"]
    assert looked["agent_id"] == "portal"


async def test_guesses_are_limited_and_a_good_token_from_the_same_address_is_not() -> None:
    few = dict(LIMITS) | {GUESS: RateLimitItemPerMinute(3, namespace=GUESS)}
    async with rooms(rates=Rates(limits=few, clock=lambda: 0.0)) as house:
        token = await issue(house, "good", "metrics.read")
        guesses = [token[:-1] + sign for sign in "abcdef"]
        answers = [await house.client.get("/metrics", headers=bearer(guess)) for guess in guesses]
        assert [answer.status_code for answer in answers] == [401, 401, 401, 429, 429, 429]
        assert (await house.client.get("/metrics", headers=bearer(token))).status_code == 200


async def test_a_token_is_not_called_wrong_where_nobody_can_see_whether_it_holds() -> None:
    async with rooms() as house:
        answer = await house.client.get("/metrics", headers=bearer("x" * 40))
        assert "cannot be seen now" in told(answer, 503)
        assert answer.headers["retry-after"]
        assert (await house.client.get("/metrics")).status_code == 200


def test_the_document_says_what_each_scope_opens() -> None:
    said = re.findall(r"^\| `([a-z.]+)` \| ", (ROOT / "docs/tokens.md").read_text(), re.MULTILINE)
    facts = {"token.issued", "token.revoked", "token.used", "token.refused"}
    assert {word for word in said if word not in facts} == {*WORDS}


def test_a_scope_may_be_said_again_or_after_a_comma() -> None:
    assert chosen(["metrics.read, contacts.write", "metrics.read"]) == ("contacts.write", "metrics.read")


@given(st.lists(st.text(max_size=30), max_size=5))
def test_whatever_is_written_as_scopes_is_words_of_the_table_or_refused(given_: list[str]) -> None:
    try:
        words = chosen(given_)
    except Misconfigured:
        return
    assert words
    assert set(words) <= set(WORDS)


@given(st.text(max_size=20) | st.from_regex(r"[0-9]{1,5}d") | st.dates().map(str), st.integers(-1000, 1000))
def test_whatever_is_written_as_the_end_lies_ahead_and_not_too_far_or_is_refused(text: str, hours: int) -> None:
    now = NOW + timedelta(hours=hours)
    try:
        due = until(text, now)
    except Misconfigured:
        return
    assert now < due <= now + AGE_MAX


@given(st.dates(NOW.date(), (NOW + AGE_MAX - timedelta(days=1)).date()))
def test_a_day_is_the_last_on_which_it_holds(day: Any) -> None:
    due = until(str(day), NOW)
    assert day_of(due) == str(day)
    assert due.astimezone(HERE).time() == datetime.min.time()


@pytest.mark.parametrize("name", ["Kiss", "kiss test", "-kiss", "k" * 61, "é", "kiss\n"])
def test_a_name_is_one_that_may_stand_in_a_log(name: str) -> None:
    with pytest.raises(Misconfigured, match="--name"):
        asked(["metrics.read"], "9d", name, NOW)


def status(house: Running, token: str, path: str = "/metrics") -> int:
    return httpx.get(f"{house.address}{path}", headers=bearer(token), trust_env=False, timeout=WAIT_S).status_code


def token_of(log: Path, *words: str) -> str:
    made = command(log, "token", "create", *words)
    assert made.returncode == 0, made.stderr
    assert re.fullmatch(r"[A-Za-z0-9]{40}\n", made.stdout)
    assert made.stdout.strip() not in made.stderr
    return made.stdout.strip()


def test_made_used_shown_and_revoked_beside_the_running_one(tmp_path: Path) -> None:
    log = tmp_path / "draad.db"
    with running(log) as house:
        token = token_of(log, "--scope", "metrics.read", "--until", "30d", "--name", "grafana")
        again = command(log, "token", "create", "--scope", "metrics.read", "--until", "30d", "--name", "grafana")
        assert (again.returncode, "already" in again.stderr) == (1, True)
        assert status(house, token) == 200
        assert status(house, token, "/v1/work") == 403
        waits(lambda: str(datetime.now(HERE).date()) in command(log, "token", "list").stdout)
        listed = command(log, "token", "list").stdout
        assert all(word in listed for word in ("grafana", token[:ID_CHARS], "metrics.read", "holds"))
        assert token not in listed
        assert "grafana is revoked" in command(log, "token", "revoke", "grafana").stdout
        assert status(house, token) == 401
        assert house.stop() == 0
    shown = command(log, "log", "--type", "token.*", "--json", "--data", "--after", "0").stdout
    types = [json.loads(line)["type"] for line in shown.splitlines()]
    assert [types.count(f"token.{word}") for word in ("issued", "used", "revoked", "refused")] == [1, 1, 1, 2]
    assert token not in shown + log.with_suffix(".err").read_text()
    assert token.encode() not in log.read_bytes()


def waits(so: Any) -> None:
    ends = time.monotonic() + WAIT_S
    while not so():
        assert time.monotonic() < ends
        time.sleep(0.1)


def test_made_while_none_runs_it_opens_the_next_and_a_revoked_name_is_free_again(tmp_path: Path) -> None:
    log = tmp_path / "draad.db"
    nowhere = command(log, "token", "create", "--scope", "metrics.read", "--until", "9d")
    assert (nowhere.returncode, "there is no log" in nowhere.stderr) == (1, True)
    with running(log) as house:
        house.stop()
    assert command(log, "token", "list").stdout == "There are no tokens yet: draad token create makes one.\n"
    first = token_of(log, "--scope", "metrics.read,contacts.write", "--until", "9d", "--name", "kiss")
    assert command(log, "token", "revoke", first[:ID_CHARS]).returncode == 0
    for name in ("kiss", "never", first[:ID_CHARS]):
        gone = command(log, "token", "revoke", name)
        assert (gone.returncode, "no token of that name holds" in gone.stderr) == (1, True)
    second = token_of(log, "--scope", "metrics.read", "--until", "9d", "--name", "kiss")
    unnamed = token_of(log, "--scope", "metrics.read", "--until", "9d")
    assert f"token-{unnamed[:ID_CHARS].lower()}" in command(log, "token", "list").stdout
    with running(log) as house:
        waits(lambda: status(house, second) == 200)
        assert (status(house, unnamed), status(house, first)) == (200, 401)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--scope", "everything", "--until", "9d"), "--scope takes one or more of appointments.read"),
        (("--scope", "", "--until", "9d"), "--scope takes"),
        (("--scope", "metrics.read", "--until", "2020-01-01"), "--until must lie ahead"),
        (("--scope", "metrics.read", "--until", "9999d"), "at most 731 days"),
        (("--scope", "metrics.read", "--until", "tomorrow"), "--until takes a day"),
        (("--scope", "metrics.read", "--until", "9d", "--name", "Jan Jansen"), "--name takes small letters"),
    ],
)
def test_a_wrong_word_is_answered_in_a_sentence(tmp_path: Path, words: tuple[str, ...], sentence: str) -> None:
    refused = command(tmp_path / "draad.db", "token", "create", *words)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert sentence in refused.stderr
