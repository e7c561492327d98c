"""A Draad that runs on a file, and the two ways in which tools call it."""

from collections.abc import Iterator

import httpx
import pytest

from tests.klantclient.hands import Hand, hand
from tests.klantclient.houses import BOTH, House
from tests.running import running


@pytest.fixture(scope="package")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    with running(folder / "draad.db", 0, None) as found:
        yield House(found, folder / "draad.db")


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
