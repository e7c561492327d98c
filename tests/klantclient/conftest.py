"""A Draad, on a file or on many machines, and the two ways in which tools call it."""

from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from infra.servers import Redis
from tests.klantclient.hands import Hand, hand
from tests.klantclient.houses import BOTH, MANY, ONE, House
from tests.many import deployed
from tests.running import running
from tests.story.town import eventually


@pytest.fixture(scope="package", params=[ONE, pytest.param(MANY, marks=pytest.mark.xdist_group("servers"))])
def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    log = folder / "draad.db"
    with ExitStack() as opened:
        settings = deployed(opened.enter_context(Redis()), folder) if request.param == MANY else {}
        if settings:
            opened.enter_context(running(log, 0, None, "work", **settings))
        verb = "desk" if settings else "run"
        found = House(opened.enter_context(running(log, 0, None, verb, **settings)), log, settings)
        known = found.token(*BOTH)
        eventually(lambda: served(found, known))  # Whoever comes before its views are built is told to wait.
        yield found


def served(house: House, token: str) -> bool:
    headers = {"Authorization": f"Token {token}"}
    return httpx.get(f"{house.url}klantcontacten", headers=headers, trust_env=False).is_success


@pytest.fixture(scope="package")
def token(house: House) -> str:
    """Of a desk tool, which reads and writes."""
    return house.token(*BOTH)


@pytest.fixture(scope="package")
def call(house: House, token: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hand]:
    with hand(house.url, token, tmp_path_factory.mktemp("client") / "client.err") as found:
        yield found


@pytest.fixture(scope="package")
def tool(house: House, token: str) -> Iterator[httpx.Client]:
    """As a desk tool written by hand calls it."""
    headers = {"Authorization": f"Token {token}", "Accept": "application/json"}
    with httpx.Client(base_url=house.url, headers=headers, timeout=20, trust_env=False) as client:
        yield client
