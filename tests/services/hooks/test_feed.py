"""Whoever listens hears what happens, and goes on wherever they were; a look costs the log once for all."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from starlette.types import Message

from engine.engine import Engine
from schemas.case import CaseClosed, CaseOpened
from schemas.errors import Refused
from schemas.event import Event, fact
from schemas.token import TokenUsed
from services.status import feed as module
from services.status.feed import Feed, Listener, Listening, read, written
from services.status.public import fits
from tests.contract.places import Place
from tests.rooms import NOW
from tests.running import running

SOURCE: Final = "urn:nld:oin:00000001234567890000:systeem:draad"


def opened(case: str) -> Event:
    return CaseOpened(at=NOW, case_id=case, party_id="p1", kind="permit", title="Dakkapel van J. Jansen")


async def happen(engine: Engine, *events: Event) -> None:
    await engine.append(*(fact(event, key="k") for event in events))
    await engine.store.carried()


@asynccontextmanager
async def hearing(feed: Listening, last: str = "", types: tuple[str, ...] = ("case.",)) -> AsyncIterator[Any]:
    """The other end of a stream: a function that waits for the next event, as its place and what it says."""
    place = read(last) if last else dict(await feed.look())
    stream = Listener(feed, place, lambda one: fits(one.type, one.subject, types))
    sent, gone = asyncio.Queue[str](), asyncio.Event()

    async def receive() -> Message:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        for event in message.get("body", b"").decode().split("\n\n"):
            if "\ndata: {" in event:
                sent.put_nowait(event)

    async def following() -> tuple[str, dict[str, Any]]:
        async with asyncio.timeout(30):
            head, _, data = (await sent.get()).partition("\ndata: ")
        return head.removeprefix("id: "), json.loads(data)

    task = asyncio.create_task(stream({"type": "http", "extensions": {}}, receive, send))
    try:
        yield following
    finally:
        gone.set()
        await task
        assert feed.streams == 0


async def test_a_program_hears_what_happens_and_goes_on_where_it_was(place: Place) -> None:
    engine = await place.open()
    feed = Listening(engine, SOURCE, lambda: False)
    await happen(engine, opened("before"))
    async with hearing(feed) as following:
        await happen(engine, opened("k1"), TokenUsed(at=NOW, token_id="t1"))
        last, event = await following()
    assert event["subject"] == "case/k1"
    assert event["data"] == {"at": "2026-11-23T09:00:00Z", "case_id": "k1", "party_id": "p1", "kind": "permit"}
    await happen(
        engine, *(opened(f"k{number}") for number in range(2, 8)), CaseClosed(at=NOW, case_id="k1", outcome="x")
    )
    for same in (feed, Listening(engine, SOURCE, lambda: False)):  # This node; and one that was started since.
        async with hearing(same, last) as following:
            heard = [await following() for _ in range(7)]
        assert {event["subject"] for _, event in heard} == {f"case/k{number}" for number in range(1, 8)}
        async with hearing(same, heard[3][0]) as following:
            assert [await following() for _ in range(3)] == heard[4:]
    await engine.close()


async def test_who_is_far_behind_hears_all_of_it(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RECENT_MAX", 3)
    monkeypatch.setattr(module, "LOOK_MAX", 2)
    engine = await place.open()
    feed = Listening(engine, SOURCE, lambda: False)
    begin = written(dict(await feed.look()))
    await happen(engine, *(opened(f"k{number}") for number in range(20)))
    async with hearing(feed, begin) as following:
        heard = [(await following())[1]["subject"] for _ in range(20)]
        await happen(engine, opened("last"))
        assert (await following())[1]["subject"] == "case/last"
    assert sorted(heard) == sorted(f"case/k{number}" for number in range(20))
    await engine.close()


async def test_who_comes_from_a_node_that_is_ahead_is_told_nothing_again(place: Place) -> None:
    engine = await place.open()
    ahead, behind = (Listening(engine, SOURCE, lambda: False) for _ in range(2))
    await behind.look()
    await happen(engine, opened("k1"))
    seen = dict(await ahead.look())
    news, after = await Feed.after(behind, seen)
    assert (list(news), after) == ([], seen)
    await engine.close()


def test_over_http_it_is_told_as_it_happens_until_draad_stops(tmp_path: Path) -> None:
    with running(tmp_path / "draad.db") as house:
        client = house.client
        for query, last in (({}, ""), ({"types": "token."}, ""), ({"types": "case."}, "nonsense")):
            headers = {"Last-Event-ID": last} if last else {}
            assert client.get("/v1/events", params=query, headers=headers).status_code == 400
        with client.stream("GET", "/v1/events", params={"types": "case."}) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            lines = answer.iter_lines()
            assert next(lines) == "retry: 2000"
            said = {"party_id": "p1", "kind": "permit", "title": "Dakkapel"}
            assert client.post("/v1/cases", json=said, headers={"Idempotency-Key": "k"}).status_code == 201
            event = json.loads(next(line for line in lines if line.startswith("data: {")).removeprefix("data: "))
            assert event["type"] == "nl.klantcontacten.case.opened"
            assert house.stop() == 0
            assert "data: {" not in "".join(lines)  # It ends.


@pytest.mark.parametrize("wrong", ["x", ":", ":-1", "case-1", ":1,", ":1;:2", "a b:1", ":" + "9" * 16, ":1," * 2000])
def test_a_place_that_we_never_told_is_refused(wrong: str) -> None:
    with pytest.raises(Refused):
        read(wrong)


def test_a_place_is_read_as_it_was_written() -> None:
    for place in ({"": 7}, {"case-0": 118, "task-11": 0}):
        assert read(written(place)) == place
