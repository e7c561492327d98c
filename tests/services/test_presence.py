"""Colleagues at one story see each other, for as long as each is there; and no two answer the same message unawares."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import httpx
import pytest

from draad.neighbours import neighbours
from infra.servers import Redis
from schemas.contact import ContactAnswered
from services.desk.door import AGENT
from services.desk.presence import NODE_S, WRITING_S, Presence, Present
from services.desk.stream import Gate
from services.desk.watching import Watching, interest
from services.desk.words import here
from tests.rooms import Rooms, ago, clock, rooms
from tests.watcher import WAIT_S, Listener

ANNA, BRAM = Present("anna", False), Present("bram", False)


class Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_who_is_there_is_seen_by_others_until_the_last_of_their_pages_is_gone() -> None:
    presence = Presence()
    with presence.at("address/a1", "anna"):
        with presence.at("address/a1", "anna"):
            assert presence.others({"address/a1"}, "bram") == [ANNA]
            assert presence.others({"address/a1"}, "anna") == []
            assert presence.others({"address/a2"}, "bram") == []
        assert presence.others({"address/a2", "address/a1"}, "bram") == [ANNA]
    assert presence.others({"address/a1"}, "bram") == []


def test_who_types_writes_until_it_is_sent_or_they_stop_or_leave() -> None:
    time = Time()
    presence = Presence(time)
    presence.writes("address/a1", "anna")
    with presence.at("address/a1", "anna"):
        assert presence.others({"address/a1"}) == [ANNA], "who is not there does not write"
        presence.writes("address/a1", "anna")
        assert presence.others({"address/a1"}) == [Present("anna", True)]
        time.now = WRITING_S
        assert presence.others({"address/a1"}) == [ANNA]
        presence.writes("address/a1", "anna")
        presence.wrote("address/a1", "anna")
        assert presence.others({"address/a1"}) == [ANNA]
        presence.writes("address/a1", "anna")
    with presence.at("address/a1", "anna"):
        assert presence.others({"address/a1"}) == [ANNA], "who came back has not typed yet"


def test_of_a_neighbour_that_is_not_heard_any_more_nobody_is_there() -> None:
    time = Time()
    here_, there = Presence(time), Presence(time)
    with there.at("address/a1", "bram"):
        here_.heard(there.node, there.told())
        assert here_.others({"address/a1"}) == [BRAM]
        time.now = NODE_S
        assert here_.others({"address/a1"}) == []
        here_.heard(there.node, there.told())
    here_.heard(there.node, there.told())
    assert here_.others({"address/a1"}) == []


@pytest.mark.parametrize("told", ["", "[]", '{"address/a1": 1}', "{" * 10, '"x"', "1" * 1_000_001])
def test_what_no_neighbour_tells_is_let_go(told: str) -> None:
    presence = Presence()
    presence.heard("other", told)
    assert presence.others({"address/a1"}) == []


def test_it_is_said_in_plain_words_and_who_writes_comes_first() -> None:
    writing = Present("cato", True)
    assert here([]) == ""
    assert here([ANNA]) == "anna kijkt hier ook."
    assert here([ANNA, BRAM, writing]) == "cato schrijft een antwoord. anna en bram kijken hier ook."


@pytest.fixture
async def house() -> AsyncIterator[Rooms]:
    async with rooms() as built:
        await built.settle()
        yield built


async def comes_in(house: Rooms) -> str:
    address = {"kind": "phone", "value": "06 12345678"}
    answer = await house.post({"channel": "sms", "text": "Hallo", "at": ago(1), "address": address})
    await house.settle()
    return str(answer.json()["address_id"])


@asynccontextmanager
async def at_desk(house: Rooms, about: str, agent: str) -> AsyncIterator[Listener]:
    gate, of = Gate(), await interest(house.engine, about)
    page = Watching(house.house.news, gate, clock, of, house.house.presence, agent)
    async with Listener(page) as listener:
        yield listener
    assert gate.watching == 0


async def until(listener: Listener, word: str) -> str:
    async with asyncio.timeout(WAIT_S):
        while word not in (sent := await listener.next()):
            pass
    return sent


async def test_two_agents_see_each_other_at_a_story_and_when_one_writes_and_is_gone(house: Rooms) -> None:
    about = f"address/{await comes_in(house)}"
    async with at_desk(house, about, "anna") as anna:
        async with at_desk(house, about, "bram") as bram:
            assert "anna kijkt hier ook." in await until(bram, "event: here")
            assert "bram kijkt hier ook." in await until(anna, "event: here")
            house.house.presence.writes(about, "bram")
            assert "bram schrijft een antwoord." in await until(anna, "event: here")
            await house.settle()
            assert "anna kijkt, bram schrijft" in house.house.news.html
        assert "event: here\ndata: \n" in await until(anna, "event: here")


async def test_who_is_at_a_resident_is_seen_at_the_address_of_that_resident(house: Rooms) -> None:
    name = await comes_in(house)
    party = (await send(house, "/v1/parties", name="Jan")).json()["party_id"]
    await send(house, f"/v1/parties/{party}/addresses", address={"kind": "phone", "value": "06 12345678"})
    await house.settle()
    async with at_desk(house, f"party/{party}", "anna") as anna, at_desk(house, f"address/{name}", "bram") as bram:
        assert "bram kijkt" in await until(anna, "event: here")
        assert "anna kijkt" in await until(bram, "event: here")


async def send(house: Rooms, path: str, **body: object) -> httpx.Response:
    return await house.client.post(path, json=body, headers={"Idempotency-Key": f"k-{len(path)}"})


async def test_an_answer_to_what_a_colleague_answered_meanwhile_is_stopped_once(house: Rooms) -> None:
    name = await comes_in(house)
    del house.client.headers["authorization"]
    seen = await answered(house, name, "anna", "Hallo Jan", "")
    for agent, text, at in (("anna", "En nog iets", seen), ("bram", "Dag Jan", "")):
        assert await answered(house, name, agent, text, at), "her own answer, or a page that says nothing, stops nobody"
    assert await answered(house, name, "bram", "Ook hallo", seen) == ""
    now = "2026-11-23T09:00:00.000001Zp999"
    assert await answered(house, name, "bram", "Ook hallo", now)
    kept = [one for one in await house.engine.read(limit=500) if one.type == ContactAnswered.type]
    assert len(kept) == 4


async def answered(house: Rooms, name: str, agent: str, text: str, seen: str) -> str:
    """Send this answer. Returns the place before it; nothing where it was stopped."""
    session = house.house.door.admit(agent, AGENT)
    known = house.house.door.whose(session)
    assert known
    house.client.cookies.set("draad", session)
    said = {"csrf": known.csrf, "key": text, "way": f"sms {name}", "text": text, "seen": seen}
    answer = await house.client.post(f"/threads/address/{name}/answer", data=said)
    assert answer.status_code in {303, 409}
    await house.settle()
    return "2026-11-23T08:59:59.000000Zp1" if answer.status_code == 303 else ""


@pytest.fixture(scope="module")
def redis() -> Iterator[Redis]:
    with Redis() as found:
        yield found


async def test_colleagues_on_other_nodes_are_seen_over_redis_and_after_it_was_away(redis: Redis) -> None:
    one, two = Presence(), Presence()
    rang = asyncio.Event()
    two.changed.append(rang.set)

    async def two_sees(*expected: Present) -> None:
        async with asyncio.timeout(WAIT_S):
            while two.others({"address/a1"}) != [*expected]:
                rang.clear()
                await rang.wait()

    async with neighbours(redis.url, "x.", one), neighbours(redis.url, "x.", two):
        with one.at("address/a1", "anna"):
            await two_sees(ANNA)
        await two_sees()
        redis.stop()
        redis.start()
        with one.at("address/a1", "anna"):
            await two_sees(ANNA)
    async with neighbours(None, "x.", one):
        assert one.others({"address/a1"}) == []
