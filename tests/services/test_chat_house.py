"""The chat in a real `draad run`: its script for pages of others, its socket through the manners of the house."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.running import Running, running
from tests.services.chats import WAIT_S, House, tab

SITE = "https://www.example.nl"
PLAN = f"""
public_url = "https://contact.example.nl"
[chat.main]
origins = ["{SITE}"]
"""


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    path = tmp_path / "channels.toml"
    path.write_text(PLAN)
    return path


@pytest.fixture
def house(tmp_path: Path, plan: Path) -> Iterator[Running]:
    with running(tmp_path / "draad.db", DRAAD_CHANNELS=str(plan)) as started:
        yield started


def door(house: Running, log: Path) -> House:
    return House(log, house.port, house.process)  # type: ignore[arg-type]  # Only its port is asked.


def test_the_script_may_be_shown_on_pages_of_others_and_sets_no_cookie(house: Running) -> None:
    answer = httpx.get(f"{house.address}/chat/widget.js", trust_env=False)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/javascript; charset=utf-8")
    assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
    assert answer.headers["cache-control"] == "no-cache"
    assert "set-cookie" not in answer.headers
    again = httpx.get(
        f"{house.address}/chat/widget.js", headers={"If-None-Match": answer.headers["etag"]}, trust_env=False
    )
    assert again.status_code in {200, 304}


async def test_a_message_stands_on_the_timeline_and_outlives_the_process(tmp_path: Path, plan: Path) -> None:
    log = tmp_path / "draad.db"
    said = {"id": "5f1b6c1e7a554b0c9a530d9b8f6f2f10", "text": "Is het loket open?"}
    with running(log, DRAAD_CHANNELS=str(plan)) as first:
        port = first.port
        async with asyncio.timeout(WAIT_S), tab(door(first, log), origin=SITE) as here:
            ticket = here.welcome["ticket"]
            await here.say(say=said)
            assert await here.next("kept") == {"id": said["id"]}
            assert [line["text"] for line in await here.lines(1)] == [said["text"]]
        first.kill()
    with running(log, port=port, DRAAD_CHANNELS=str(plan)) as second:
        async with asyncio.timeout(WAIT_S), tab(door(second, log), ticket, origin=SITE) as again:
            assert again.welcome["ticket"] == ticket
            assert [line["text"] for line in await again.lines(1)] == [said["text"]]
            await again.say(say=said)
            assert await again.next("kept") == {"id": said["id"]}
        assert second.stop() == 0


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
async def test_another_site_is_turned_away(house: Running, origin: str) -> None:
    at = f"ws://127.0.0.1:{house.port}/chat/main/socket"
    with pytest.raises(InvalidStatus) as refused:
        async with asyncio.timeout(WAIT_S), connect(at, proxy=None, origin=origin):  # type: ignore[arg-type]
            pass
    assert refused.value.response.status_code == 403


def test_nobody_comes_in_by_the_road_of_webhooks(house: Running) -> None:
    answer = httpx.post(f"{house.address}/webhooks/chat/main", json={"id": "x" * 20, "text": "x"}, trust_env=False)
    assert answer.status_code == 403


async def test_it_stops_while_somebody_chats(house: Running, tmp_path: Path) -> None:
    async with asyncio.timeout(WAIT_S), tab(door(house, tmp_path), origin=SITE):
        assert await asyncio.to_thread(house.stop) == 0
