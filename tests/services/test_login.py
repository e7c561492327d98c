"""Logging in with an account of the organisation, against a real provider: who is let in, and who is not."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

import httpx
import pytest
from joserfc.errors import InvalidKeyIdError
from oidc_provider_mock import User, run_server_in_thread  # type: ignore[import-untyped]  # It has no types.
from pydantic import SecretStr

from engine.engine import utc_now
from schemas.errors import Untrusted
from services.desk import login as logins
from services.desk.door import Door, signed
from services.desk.login import Login, Provider
from tests.rooms import KEYS, NOW, Rooms, rooms
from tests.watcher import BROWSER

# The provider that we test against speaks to its own libraries in ways that they ask to change.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

BACK: Final = "http://draad/login/back"
USERS: Final = (
    User(sub="anna", claims={"roles": ["other", "agent"]}),
    User(sub="lea", claims={"roles": ["agent", "team-lead"]}),
    User(sub="pim", claims={"roles": ["gardener"]}),
    User(sub="nora", claims={}),
    User(sub="auth0|17 Jan", claims={"roles": "agent"}),
)


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with run_server_in_thread(user_claims=USERS, require_nonce=True) as server:
        yield f"http://localhost:{server.server_port}"


def provider(found: str, **other: Any) -> Provider:
    said = {"issuer": found, "client_id": "draad", "client_secret": SecretStr("geheim"), "back": BACK}
    return Provider(**{**said, **other})


@pytest.fixture
async def house(issuer: str) -> AsyncIterator[Rooms]:
    async with opened(provider(issuer)) as built:
        yield built


@asynccontextmanager
async def opened(accounts: Provider) -> AsyncIterator[Rooms]:
    async with rooms(accounts=accounts, clock=utc_now) as built:
        await built.settle()
        del built.client.headers["authorization"]
        yield built


async def sent(house: Rooms) -> str:
    answer = await house.client.get("/login")
    assert answer.status_code == 303
    return answer.headers["location"]


async def signed_in(url: str, sub: str) -> str:
    """What somebody does at the provider; the address that it sends them back to."""
    async with httpx.AsyncClient(trust_env=False) as there:
        answer = await there.post(url, data={"sub": sub})
    assert answer.status_code in {302, 303}, answer.text
    return answer.headers["location"]


def changed(url: str, **said: str) -> str:
    parts = urlsplit(url)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()} | said
    return urlunsplit(parts._replace(query=urlencode(query)))


async def login(house: Rooms, sub: str) -> httpx.Response:
    return await house.client.get(await signed_in(await sent(house), sub))


async def test_who_is_not_logged_in_is_shown_the_way(house: Rooms) -> None:
    answer = await house.client.get("/", headers=BROWSER)
    assert (answer.status_code, 'href="/login"' in answer.text) == (401, True)


@pytest.mark.parametrize(("sub", "agent", "role"), [("anna", "anna", "agent"), ("lea", "lea", "team-lead")])
async def test_an_agent_and_a_team_lead_come_in_as_who_they_are(house: Rooms, sub: str, agent: str, role: str) -> None:
    answer = await login(house, sub)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    [cookie] = [value for value in answer.headers.get_list("set-cookie") if value.startswith("draad=")]
    assert all(word in cookie for word in ("HttpOnly", "SameSite=lax", "Path=/"))
    session = house.house.door.whose(house.client.cookies["draad"])
    assert session
    assert (session.agent_id, session.role) == (agent, role)
    assert (await house.client.get("/", headers=BROWSER)).status_code == 200


async def test_behind_tls_the_cookies_go_over_tls_only(issuer: str) -> None:
    async with opened(provider(issuer, back="https://desk.example.nl/login/back")) as house:
        answer = await house.client.get("/login")
        assert "Secure" in answer.headers["set-cookie"]
        entered = await house.client.post(f"/open/{house.house.door.link()}")
        assert "Secure" in entered.headers["set-cookie"]


async def test_the_provider_is_asked_with_pkce_state_and_nonce_and_never_twice_the_same(house: Rooms) -> None:
    one, two = [parse_qs(urlsplit(await sent(house)).query) for _ in range(2)]
    assert one["code_challenge_method"] == ["S256"]
    assert one["response_type"] == ["code"]
    for name in ("state", "nonce", "code_challenge"):
        assert len(one[name][0]) >= 43
        assert one[name] != two[name]


async def test_an_agent_whose_name_fits_no_id_gets_one_that_is_always_the_same(house: Rooms) -> None:
    await login(house, "auth0|17 Jan")
    one = house.house.door.whose(house.client.cookies["draad"])
    await login(house, "auth0|17 Jan")
    two = house.house.door.whose(house.client.cookies["draad"])
    assert one
    assert two
    assert one.agent_id == two.agent_id
    assert "Jan" not in one.agent_id


@pytest.mark.parametrize("sub", ["pim", "nora"])
async def test_who_has_no_role_here_is_told_so(house: Rooms, sub: str) -> None:
    answer = await login(house, sub)
    assert (answer.status_code, "U hebt hier geen rol" in answer.text) == (403, True)
    assert "draad" not in house.client.cookies


async def refused(house: Rooms, back: str) -> None:
    answer = await house.client.get(back)
    assert (answer.status_code, "Inloggen is niet gelukt" in answer.text) == (401, True)
    assert "draad" not in house.client.cookies


@pytest.mark.parametrize("state", ["", "x", "é"])
async def test_another_state_is_not_believed(house: Rooms, state: str) -> None:
    await refused(house, changed(await signed_in(await sent(house), "anna"), state=state))


async def test_the_log_in_of_another_browser_is_not_taken_over(house: Rooms) -> None:
    back = await signed_in(await sent(house), "anna")
    await sent(house)
    await refused(house, back)
    house.client.cookies.clear()
    await refused(house, back)


async def test_another_nonce_is_not_believed(house: Rooms) -> None:
    await refused(house, await signed_in(changed(await sent(house), nonce="of-somebody-else"), "anna"))


async def test_a_code_works_once(house: Rooms) -> None:
    url = await sent(house)
    way = house.client.cookies["draad-login"]
    back = await signed_in(url, "anna")
    assert (await house.client.get(back)).status_code == 303
    house.client.cookies.clear()
    house.client.cookies.set("draad-login", way)
    await refused(house, back)


async def test_a_code_that_is_none_is_not_believed(house: Rooms) -> None:
    await refused(house, changed(await signed_in(await sent(house), "anna"), code="made-up"))
    url = changed(f"{BACK}?error=access_denied", state=parse_qs(urlsplit(await sent(house)).query)["state"][0])
    await refused(house, url)


async def test_a_log_in_that_took_too_long_is_begun_again(issuer: str) -> None:
    now = [utc_now()]
    async with rooms(accounts=provider(issuer), clock=lambda: now[0]) as house:
        del house.client.headers["authorization"]
        back = await signed_in(await sent(house), "anna")
        now[0] += logins.WAY_AGE_MAX
        await refused(house, back)


async def test_an_old_id_token_is_not_believed() -> None:
    with run_server_in_thread(user_claims=USERS, access_token_max_age=timedelta(seconds=-300)) as server:
        async with opened(provider(f"http://localhost:{server.server_port}")) as house:
            await refused(house, await signed_in(await sent(house), "anna"))


async def test_a_token_for_another_or_of_another_is_not_believed(issuer: str) -> None:
    """The provider confirms a code; what it signs must be meant for us, and by whom we asked."""
    for wrong in ({"client_id": "another"}, {"issuer": "http://localhost:1"}):
        one = Login(provider(issuer), KEYS.door, utc_now)
        two = Login(provider(issuer, **wrong), KEYS.door, utc_now)
        url, way = await one.begin()
        two._known, two._until = one._known, one._until
        code = parse_qs(urlsplit(await signed_in(url, "anna")).query)
        claims = one._claims(way, code["code"][0])
        assert (await claims)["sub"] == "anna"
        url, way = await one.begin()
        code = parse_qs(urlsplit(await signed_in(url, "anna")).query)
        token = await told(one, way, code["code"][0])
        assert one._known
        with pytest.raises(Untrusted):
            two._checked(token, one._known[1], one._of(way, "nonce"))


async def told(one: Login, way: str, code: str) -> str:
    assert one._known
    async with one._client() as client:
        token = await client.fetch_token(
            one._known[0]["token_endpoint"],
            code=code,
            code_verifier=one._of(way, "verifier"),
            grant_type="authorization_code",
        )
    return str(token["id_token"])


async def test_a_token_signed_by_somebody_else_is_not_believed(issuer: str) -> None:
    with run_server_in_thread(user_claims=USERS) as other:
        theirs = Login(provider(f"http://localhost:{other.server_port}"), KEYS.door, utc_now)
        ours = Login(provider(issuer), KEYS.door, utc_now)
        await ours.begin()
        url, way = await theirs.begin()
        code = parse_qs(urlsplit(await signed_in(url, "anna")).query)
        token = await told(theirs, way, code["code"][0])
        assert ours._known
        for forged in (token, token[:-4] + "AAAA", token.rpartition(".")[0] + ".", "", "a.b.c"):
            with pytest.raises((Untrusted, InvalidKeyIdError)):
                ours._checked(forged, ours._known[1], theirs._of(way, "nonce"))


async def test_while_the_provider_is_away_that_is_said(issuer: str) -> None:
    async with opened(provider("http://localhost:1")) as house:
        answer = await house.client.get("/login")
        assert (answer.status_code, "Inloggen kan nu even niet" in answer.text) == (503, True)
    async with opened(provider(f"{issuer}/")) as house:  # It calls itself otherwise.
        assert (await house.client.get("/login")).status_code == 503


def test_a_session_from_before_there_were_roles_is_none() -> None:
    door = Door(KEYS.door, lambda: NOW)
    assert door.whose(signed(KEYS.door, "session", NOW)) is None
    assert door.whose(signed(KEYS.door, "session", NOW, "mayor anna")) is None
    found = door.whose(door.admit("anna", "agent"))
    assert found
    assert not found.leads
