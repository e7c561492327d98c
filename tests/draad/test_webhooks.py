"""A real Draad with channels: what a provider hears, what is kept over a kill, and what it is told of its file."""

import asyncio
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from channels.loopback import SIGNATURE, batch, signed
from tests.running import Running, command, draad, running

SECRET: Final = "s3cret-of-the-loopback"
ROAD: Final = "/webhooks/loopback/trial"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    (tmp_path / "channels.toml").write_text(
        'public_url = "https://contact.example.nl"\n[loopback.trial]\nsecret = { env = "LOOPBACK_SECRET" }\n'
    )
    return tmp_path / "draad.db"


def settings(log: Path) -> dict[str, Any]:
    return {"DRAAD_CHANNELS": str(log.with_name("channels.toml")), "LOOPBACK_SECRET": SECRET}


def call(house: Running, body: bytes, secret: str = SECRET) -> httpx.Response:
    headers = {SIGNATURE: signed(body, secret.encode())}
    return httpx.post(house.address + ROAD, content=body, headers=headers, timeout=20, trust_env=False)


def one(name: str) -> bytes:
    return batch(messages=[{"id": name, "sender": "jan-de-vries", "text": "Mijn vraag"}])


def types(log: Path) -> list[str]:
    lines = command(log, "log", "--after", "0").stdout.splitlines()
    return [line.split()[2] for line in lines]


def test_what_a_provider_was_thanked_for_outlives_a_kill_and_is_there_once(log: Path) -> None:
    with running(log, **settings(log)) as house:
        assert [call(house, one(f"m{n}")).text for n in range(5)] == ["taken"] * 5
        assert call(house, b"signed, and no batch").status_code == 200
        house.kill()
    with running(log, **settings(log)) as house:
        assert call(house, one("m4")).text == "taken"
        assert call(house, one("m5"), secret="another").status_code == 403
        assert house.stop() == 0
    found = types(log)
    assert (found.count("contact.received"), found.count("quarantine.entered")) == (5, 1)
    [raw] = [path for path in Path(f"{log}.blobs").rglob("*") if path.is_file()]
    assert raw.read_bytes() == b"signed, and no batch"
    said = log.with_suffix(".err").read_text()
    for secret in (SECRET, "jan-de-vries", "Mijn vraag"):
        assert secret not in said


def test_a_mistake_in_the_file_is_a_sentence(log: Path) -> None:
    answer = draad(log, "run", "--port", "0", DRAAD_CHANNELS=settings(log)["DRAAD_CHANNELS"])
    assert (answer.returncode, "a variable for secret in [loopback.trial]" in answer.stderr) == (2, True)
    assert "Traceback" not in answer.stderr
    gone = draad(log, "run", "--port", "0", DRAAD_CHANNELS="nowhere.toml")
    assert (gone.returncode, "cannot be read" in gone.stderr) == (2, True)


def test_the_server_speaks_websocket_and_opens_none_to_strangers(log: Path) -> None:
    async def tried(address: str, **headers: str) -> int:
        try:
            async with connect(address, additional_headers=headers, proxy=None):
                return 101
        except InvalidStatus as error:
            return error.response.status_code

    with running(log, **settings(log)) as house:
        address = house.address.replace("http", "ws")
        for path in ("/", "/webhooks/loopback/trial", "/chat/nothing"):
            assert asyncio.run(tried(address + path)) == 403
        assert asyncio.run(tried(f"{address}/chat/nothing", Origin="https://evil.example")) == 403
        assert house.stop() == 0
