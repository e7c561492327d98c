"""What is small on its way, and would be huge once it is unpacked, is unpacked by nobody."""

import gzip
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Origin

from tests.running import Running, running

SITE: Final = "https://www.example.nl"
UNPACKED: Final = 40_000_000
GROWTH_KB_MAX: Final = 20_000


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("bombs")
    (folder / "channels.toml").write_text(
        f'public_url = "https://contact.example.nl"\n[chat.main]\norigins = ["{SITE}"]\n'
    )
    with running(folder / "draad.db", DRAAD_CHANNELS=str(folder / "channels.toml")) as started:
        yield started


def peak_kb(house: Running) -> int:
    """The most memory that it ever held."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{house.process.pid}/status").read_text())
    assert found
    return int(found[1])


def test_a_packed_body_is_no_json_and_stays_packed(house: Running) -> None:
    packed = gzip.compress(b'{"channel": "phone", "text": "%b"}' % (b"x" * UNPACKED))
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json", "Content-Encoding": "gzip"}
    before = peak_kb(house)
    answer = house.client.post("/v1/contacts", content=packed, headers=headers)
    assert answer.status_code in {400, 413}, answer.text
    assert peak_kb(house) - before < GROWTH_KB_MAX


def test_a_packed_frame_larger_than_a_frame_may_be_ends_the_chat_and_nothing_else(house: Running) -> None:
    before = peak_kb(house)
    at = f"ws://127.0.0.1:{house.port}/chat/main/socket"
    with connect(at, origin=Origin(SITE), proxy=None, compression="deflate") as socket:
        assert "permessage-deflate" in str(socket.response and socket.response.headers)
        socket.send("x" * UNPACKED)
        with pytest.raises(ConnectionClosed) as closed:
            list(socket)
        assert closed.value.rcvd
        assert closed.value.rcvd.code == 1009
    assert peak_kb(house) - before < GROWTH_KB_MAX
    assert house.client.get("/health/live").status_code == 200
