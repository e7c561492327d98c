"""The chat's WebSocket: a real process, and real connections to it."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from channels.chat import TEXT_CHARS_MAX
from tests.services.chats import WAIT_S, House, chat_house, tab


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with chat_house(tmp_path_factory.mktemp("chat") / "draad.db") as running:
        yield running


def said(house: House, text: str) -> list[dict[str, Any]]:
    return [contact for contact in house.facts("contact.received") if contact["text"] == text]


def name(text: str) -> str:
    return text.encode().hex().ljust(32, "0")[:64]


async def test_what_is_acknowledged_is_on_the_log_and_comes_back_as_a_line(house: House) -> None:
    async with asyncio.timeout(WAIT_S), tab(house) as here:
        await here.say(say={"id": name("hallo"), "text": "Hallo, ik ben Joëlle 🌷"})
        assert await here.next("kept") == {"id": name("hallo")}
        [contact] = said(house, "Hallo, ik ben Joëlle 🌷")
        [line] = await here.lines(1)
        assert (line["by"], line["name"], line["text"]) == ("resident", name("hallo"), contact["text"])
    assert (contact["channel"], contact["kind"]) == ("chat", "chat")
    assert contact["language"] == "nl"


async def test_the_same_message_said_again_is_one_contact_and_acknowledged_each_time(house: House) -> None:
    async with asyncio.timeout(WAIT_S), tab(house) as here, tab(house, here.welcome["ticket"]) as copy:
        for one in (here, copy, here, copy):
            await one.say(say={"id": name("dubbel"), "text": "dubbel"})
        for one in (here, copy, here, copy):
            assert await one.next("kept") == {"id": name("dubbel")}
    assert len(said(house, "dubbel")) == 1


async def test_an_answer_comes_to_the_browser_and_is_delivered_once_the_browser_says_so(house: House) -> None:
    async with asyncio.timeout(WAIT_S), tab(house) as here:
        await here.say(say={"id": name("vraag"), "text": "vraag"})
        await here.next("kept")
        [contact] = said(house, "vraag")
        house.answer(contact, "Goedemorgen.", "m-answer")
        line = (await here.lines(2))[-1]
        assert (line["by"], line["name"], line["text"]) == ("agent", "m-answer", "Goedemorgen.")
        assert not [fact for fact in house.facts("message.delivered") if fact["message_id"] == "m-answer"]
        for _ in range(2):
            await here.say(got=["m-answer", "m-of-somebody-else"])
            assert await here.next("noted") == ["m-answer", "m-of-somebody-else"]
    delivered = [fact for fact in house.facts("message.delivered") if fact["address_id"] == contact["address_id"]]
    assert [fact["message_id"] for fact in delivered] == ["m-answer"]


async def test_who_comes_back_reads_on_from_the_place_it_saw_last(house: House) -> None:
    async with asyncio.timeout(WAIT_S):
        async with tab(house) as here:
            await here.say(say={"id": name("eerst"), "text": "eerst"})
            await here.next("kept")
            [line] = await here.lines(1)
            ticket = here.welcome["ticket"]
        [contact] = said(house, "eerst")
        house.answer(contact, "terwijl u weg was", "m-away")
        async with tab(house, ticket, line["position"]) as again:
            assert again.welcome["ticket"] == ticket
            assert [one["text"] for one in await again.lines(1)] == ["terwijl u weg was"]
        async with tab(house, ticket) as anew:
            assert [one["text"] for one in await anew.lines(2)] == ["eerst", "terwijl u weg was"]


async def test_nobody_reads_the_chat_of_somebody_else(house: House) -> None:
    async with asyncio.timeout(WAIT_S), tab(house) as here:
        ticket = here.welcome["ticket"]
        await here.say(say={"id": name("geheim"), "text": "geheim"})
        await here.next("kept")
        body, _, signature = ticket.rpartition(".")
        for forged in ("", "x", f"{body}.{signature[:-1]}a", body.replace("main", "other") + f".{signature}"):
            if forged == ticket:
                continue
            async with tab(house, forged) as stranger:
                assert stranger.welcome["ticket"] not in {ticket, forged}
                await stranger.say(say={"id": name("vreemd"), "text": "van een ander"})
                assert [line["text"] for line in await stranger.lines(1)] == ["van een ander"]


@pytest.mark.parametrize(
    ("origin", "inbox"), [("http://evil.example", "main"), (None, "main"), ("null", "main"), ("", "none")]
)
async def test_only_the_sites_of_the_inbox_may_open_it(house: House, origin: str | None, inbox: str) -> None:
    at = f"ws://127.0.0.1:{house.port}/chat/{inbox}/socket"
    more: Any = {"origin": house.origin if origin == "" else origin}
    with pytest.raises(InvalidStatus) as refused:
        async with asyncio.timeout(WAIT_S), connect(at, proxy=None, **more):
            pass
    assert refused.value.response.status_code == 403


async def test_a_flood_is_told_to_wait_and_nothing_acknowledged_is_lost(house: House) -> None:
    kept: list[str] = []
    waits: list[float] = []
    async with asyncio.timeout(WAIT_S), tab(house) as here:
        for n in range(40):
            await here.say(say={"id": name(f"vloed {n}"), "text": f"vloed {n}"})
            while True:
                frame = json.loads(await here.socket.recv())
                if "kept" in frame:
                    kept.append(frame["kept"]["id"])
                    break
                if "held" in frame:
                    assert frame["held"]["why"] == "often"
                    waits.append(frame["held"]["wait_s"])
                    break
    assert kept[:30] == [name(f"vloed {n}") for n in range(30)]
    assert waits
    stored = {contact["reference"] for contact in house.facts("contact.received")}
    flood = {one for one in stored if one in {name(f"vloed {n}") for n in range(40)}}
    assert flood == set(kept)


async def test_a_text_has_a_limit_and_at_the_limit_it_passes(house: House) -> None:
    async with asyncio.timeout(WAIT_S), tab(house) as here:
        await here.say(say={"id": name("net"), "text": "ë" * TEXT_CHARS_MAX})
        assert await here.next("kept") == {"id": name("net")}
        for wrong in ("x" * (TEXT_CHARS_MAX + 1), "", "a\x00b"):
            await here.say(say={"id": name("fout"), "text": wrong})
            assert (await here.next("refused"))["id"] == name("fout")
        await here.say(say={"id": "short", "text": "x"})
        assert (await here.next("refused"))["id"] == "short"


@pytest.mark.parametrize(
    "frame", ["", "{", "[]", "[" * 10_000, '{"hello":7}', '{"say":{}}', "{}", '{"hello":{}}x', '"' + "x" * 70_000 + '"']
)
async def test_who_does_not_speak_as_we_do_is_let_go(house: House, frame: str) -> None:
    at = f"ws://127.0.0.1:{house.port}/chat/main/socket"
    async with asyncio.timeout(WAIT_S), connect(at, origin=house.origin, proxy=None) as socket:  # type: ignore[arg-type]
        await socket.send(frame)
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
    assert closed.value.rcvd
    assert closed.value.rcvd.code in {1008, 1009}


async def test_a_session_has_so_many_tabs_and_no_more(house: House) -> None:
    async with asyncio.timeout(WAIT_S), tab(house) as one:
        ticket = one.welcome["ticket"]
        async with tab(house, ticket), tab(house, ticket), tab(house, ticket), tab(house, ticket):
            async with tab(house, ticket) as sixth:
                with pytest.raises(ConnectionClosed) as closed:
                    await sixth.socket.recv()
            assert closed.value.rcvd
            assert closed.value.rcvd.code == 1013
        async with tab(house, ticket) as again:
            await again.say(say={"id": name("weer"), "text": "weer"})
            assert await again.next("kept") == {"id": name("weer")}


async def test_a_closed_conversation_is_said_to_whoever_chats(house: House) -> None:
    async with asyncio.timeout(WAIT_S), tab(house) as here:
        await here.say(say={"id": name("klaar"), "text": "klaar"})
        await here.next("kept")
        [contact] = said(house, "klaar")
        ids = {"conversation_id": contact["contact_id"], "address_id": contact["address_id"]}
        house.tell("conversation.closed", "k", reason="agent", **ids)
        assert [line["by"] for line in await here.lines(2)] == ["resident", "closed"]


async def test_what_was_acknowledged_outlives_the_process_and_what_was_not_is_said_again(tmp_path: Path) -> None:
    log = tmp_path / "draad.db"
    kept: list[str] = []
    with chat_house(log) as first:
        port = first.port
        async with asyncio.timeout(WAIT_S), tab(first) as here:
            ticket = here.welcome["ticket"]
            for n in range(10):
                await here.say(say={"id": name(f"nr {n}"), "text": f"nr {n}"})
            kept += [(await here.next("kept"))["id"] for _ in range(4)]
            first.kill()
    with chat_house(log, port) as second:
        async with asyncio.timeout(WAIT_S), tab(second, ticket) as again:
            stored = {contact["reference"] for contact in second.facts("contact.received")}
            assert set(kept) <= stored
            for n in range(10):
                await again.say(say={"id": name(f"nr {n}"), "text": f"nr {n}"})
            for _ in range(10):
                await again.next("kept")
            texts = [line["text"] for line in await again.lines(10)]
        assert sorted(texts) == [f"nr {n}" for n in range(10)]
        assert len(second.facts("contact.received")) == 10


async def test_outside_opening_hours_it_says_so_and_listens_all_the_same(tmp_path: Path) -> None:
    with chat_house(tmp_path / "draad.db", opening="mon 00:00-00:01") as house:
        async with asyncio.timeout(WAIT_S), tab(house) as here:
            assert here.welcome["notice"].startswith("We zijn nu gesloten.")
            await here.say(say={"id": name("laat"), "text": "laat"})
            assert await here.next("kept") == {"id": name("laat")}
        async with asyncio.timeout(WAIT_S), tab(house, language="en") as english:
            assert english.welcome["notice"].startswith("We are closed now.")
