"""The desk over HTTP: who comes in, what the page shows, and the stream that keeps it alive."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Final, Self

import pytest
from starlette.types import Message

from services.desk import feed as feeds
from services.desk import reading, stream
from services.desk.feed import Feed
from services.desk.stream import Gate, Stream
from tests.rooms import Rooms, ago, clock, rooms, told

TEXTS: Final = re.compile(r'class="entry__text"[^>]*>([^<]*)<')
BROWSER: Final = {"Accept": "text/html,application/xhtml+xml"}
WAIT_S: Final = 10.0


@pytest.fixture
async def house() -> AsyncIterator[Rooms]:
    async with rooms() as built:
        yield built


async def tell(house: Rooms, text: str, hours_ago: float, channel: str = "phone") -> None:
    answer = await house.post({"channel": channel, "text": text, "at": ago(hours_ago)}, key=f"k-{abs(hash(text))}")
    assert answer.status_code == 201
    await house.settle()


async def page(house: Rooms, path: str = "/") -> str:
    answer = await house.client.get(path, headers=BROWSER)
    assert answer.status_code == 200
    return answer.text


async def test_nobody_sees_the_desk_without_coming_in(house: Rooms) -> None:
    await house.settle()
    del house.client.headers["authorization"]
    answer = await house.client.get("/", headers=BROWSER)
    assert (answer.status_code, "Log eerst in" in answer.text) == (401, True)
    assert told(await house.client.get("/v1/timeline/stream"), 401)


async def test_a_link_shows_a_button_and_the_button_opens_the_desk_once(house: Rooms) -> None:
    await house.settle()
    del house.client.headers["authorization"]
    path = f"/open/{house.house.door.link()}"
    for _ in range(2):
        shown = await house.client.get(path)
        assert "<form" in shown.text
        assert "set-cookie" not in shown.headers
    opened = await house.client.post(path)
    cookie = opened.headers["set-cookie"]
    assert opened.headers["location"] == "/"
    assert all(word in cookie for word in ("HttpOnly", "SameSite=strict", "Path=/"))
    assert "Nog geen contacten" in await page(house)
    house.client.cookies.clear()
    for again in (await house.client.get(path), await house.client.post(path)):
        assert (again.status_code, "set-cookie" in again.headers) == (410, False)


async def test_who_leaves_is_out_though_the_cookie_comes_back(house: Rooms) -> None:
    await house.settle()
    await house.enter()
    cookie = house.client.cookies["draad"]
    assert (await house.client.post("/close")).status_code == 200
    house.client.cookies.set("draad", cookie)
    assert told(await house.client.get("/"), 401)


async def test_a_session_opens_the_desk_and_nothing_else(house: Rooms) -> None:
    await house.settle()
    await house.enter()
    assert told(await house.post({"channel": "phone"}), 401)
    assert told(await house.client.get("/metrics"), 401)


async def test_the_timeline_is_in_the_order_in_which_it_happened(house: Rooms) -> None:
    for text, hours in (("tweede", 2), ("laatste", 1), ("eerste, laat geboekt", 30), ("derde", 1.5)):
        await tell(house, text, hours)
    html = await page(house)
    assert TEXTS.findall(html) == ["laatste", "derde", "tweede", "eerste, laat geboekt"]
    assert html.count('class="day"') == 2


async def test_two_at_the_same_moment_stand_in_the_order_of_the_log(house: Rooms) -> None:
    for text in ("een", "twee", "drie"):
        await tell(house, text, 1)
    assert TEXTS.findall(await page(house)) == ["drie", "twee", "een"]


async def test_what_a_resident_wrote_is_text_and_never_markup(house: Rooms) -> None:
    await tell(house, "<script>alert(1)</script><img src=x onerror=y>", 1, channel="carrier-pigeon")
    html = await page(house)
    assert "<script>alert" not in html
    assert "&lt;script&gt;" in html
    assert "Carrier pigeon" in html


async def test_a_long_text_is_folded_and_a_short_one_is_not(house: Rooms) -> None:
    await tell(house, "a" * 400, 1)
    assert "<details>" not in await page(house)
    await tell(house, "b" * 401, 1)
    assert "<details>" in await page(house)


async def test_many_entries_are_shown_a_page_at_a_time(house: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "PAGE_MAX", 3)
    for n in range(7):
        await tell(house, f"nummer {n}", 7 - n)
    seen: list[str] = []
    path = "/"
    for _ in range(3):
        html = await page(house, path)
        seen += TEXTS.findall(html)
        path = re.findall(r'href="(/\?before=[^"]*)"', html)[0].replace("&amp;", "&")
    assert seen == [f"nummer {n}" for n in (6, 5, 4, 3, 2, 1, 0)]


async def test_a_place_that_is_none_is_refused_and_not_quoted(house: Rooms) -> None:
    await house.settle()
    answer = await house.client.get("/", params={"before": "Jan"})
    assert "Jan" not in told(answer, 400)


class Watcher:
    """The other end of a stream, that reads what it is sent."""

    def __init__(self, house: Rooms, place: str, feed: Feed | None = None) -> None:
        self.gate = Gate()
        self._stream = Stream(feed or house.house.feed, self.gate, place, clock)
        self._sent: asyncio.Queue[str] = asyncio.Queue()
        self._gone = asyncio.Event()
        self.aborted = asyncio.Event()
        self.reads = asyncio.Event()
        self.reads.set()

    async def __aenter__(self) -> Self:
        scope = {"type": "http", "extensions": {stream.ABORT: {"now": self.aborted.set}}}
        self.task = asyncio.create_task(self._stream(scope, self._receive, self._send))
        assert "event: pulse\ndata: 2026-11-23\n" in await self.next()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._gone.set()
        await asyncio.wait_for(self.task, WAIT_S)
        assert self.gate.watching == 0

    async def _receive(self) -> Message:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        await self.reads.wait()
        if message["type"] == "http.response.body" and message["body"]:
            self._sent.put_nowait(message["body"].decode())

    async def next(self) -> str:
        return await asyncio.wait_for(self._sent.get(), WAIT_S)


async def test_a_new_contact_comes_down_the_stream(house: Rooms) -> None:
    await house.settle()
    async with Watcher(house, house.house.feed.place) as watcher:
        await tell(house, "Goedemorgen", 1)
        sent = await watcher.next()
    assert "event: entry\nid: e1.0p1\n" in sent.replace(house.house.feed.place, "e1.0p1")
    assert "Goedemorgen" in sent
    assert all(line.startswith(("event: ", "id: ", "data: ")) for line in sent.splitlines() if line)


async def test_who_comes_back_gets_what_was_missed_and_no_more(house: Rooms) -> None:
    await tell(house, "gezien", 2)
    place = house.house.feed.place
    await tell(house, "gemist", 1)
    async with Watcher(house, place) as watcher:
        sent = await watcher.next()
    assert "gemist" in sent
    assert "gezien" not in sent


@pytest.mark.parametrize("place", ["", "Jan", "e9.9p1", "e1.0p"])
async def test_who_comes_with_an_unknown_place_is_told_to_look_anew(house: Rooms, place: str) -> None:
    await tell(house, "Goedemorgen", 1)
    async with Watcher(house, place) as watcher:
        sent = await watcher.next()
    assert sent == f"event: reload\nid: {house.house.feed.place}\ndata: \n\n"


async def test_who_comes_before_the_first_look_waits_for_it(house: Rooms) -> None:
    async with Watcher(house, house.house.feed.place) as watcher:
        await tell(house, "Goedemorgen", 1)
        assert (await watcher.next()).startswith("event: reload\n")


async def test_who_is_too_far_behind_is_told_to_look_anew(house: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "RECENT_MAX", 3)
    places = []
    for n in range(5):
        await tell(house, f"nummer {n}", 1)
        places.append(house.house.feed.place)
    found = [house.house.feed.after(place) for place in places]
    assert [None if entries is None else len(entries) for entries in found] == [None, 3, 2, 1, 0]


async def test_a_feed_that_starts_late_knows_how_far_it_can_see(house: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "RECENT_MAX", 3)
    places = []
    for n in range(5):
        await tell(house, f"nummer {n}", 1)
        places.append(house.house.feed.place)
    late = Feed(house.engine, house.house.feed._page)
    while await late.look():
        pass
    assert [None if (e := late.after(place)) is None else len(e) for place in places] == [None, 3, 2, 1, 0]


async def test_a_rebuilt_timeline_is_looked_at_anew(house: Rooms) -> None:
    await tell(house, "Goedemorgen", 1)
    place = house.house.feed.place
    await house.engine.rebuild("desk.timeline")
    await house.settle()
    assert house.house.feed.after(place) is None
    assert "Goedemorgen" in await page(house)


async def test_who_does_not_read_is_dropped(house: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "SEND_S_MAX", 0.05)
    await house.settle()
    async with Watcher(house, house.house.feed.place) as watcher:
        watcher.reads.clear()
        await tell(house, "Goedemorgen", 1)
        await asyncio.wait_for(watcher.aborted.wait(), WAIT_S)
        await asyncio.wait_for(asyncio.wait({watcher.task}), WAIT_S)
        assert watcher.gate.watching == 0


async def test_a_stream_ends_now_and_then_so_that_an_ended_session_does(
    house: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "STREAM_S_MAX", 0.0)
    await house.settle()
    async with Watcher(house, house.house.feed.place) as watcher:
        assert await watcher.next() == "event: again\ndata: \n\n"


async def test_a_closed_feed_lets_everybody_go(house: Rooms) -> None:
    await house.settle()
    async with Watcher(house, house.house.feed.place) as watcher:
        house.house.feed.close()
        await asyncio.wait_for(watcher.task, WAIT_S)


async def test_only_so_many_may_watch_and_only_so_many_may_come(monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate()
    gate.watching = stream.STREAMS_MAX - 1
    assert gate.admits()
    gate.watching = stream.STREAMS_MAX
    assert not gate.admits()
    gate = Gate()
    assert [gate.admits() for _ in range(stream.OPENED_MAX + 1)] == [True] * stream.OPENED_MAX + [False]


async def test_who_is_not_admitted_is_told_when_to_come_back(house: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "OPENED_MAX", 0)
    answer = await house.client.get("/v1/timeline/stream")
    assert told(answer, 429)
    assert answer.headers["retry-after"]


def test_a_line_break_of_any_kind_stays_inside_its_event() -> None:
    assert stream.told("entry", "a\r\nb\rc\nd\u2028e") == (
        "event: entry\ndata: a\ndata: b\ndata: c\ndata: d\u2028e\n\n"
    )
