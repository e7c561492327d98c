"""The desk over HTTP: who comes in, what a story shows, and the stream that keeps it alive."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Final

import pytest

from channels import streaming
from draad.parts import PARTS
from schemas.contact import ContactReceived
from schemas.event import fact
from schemas.party import PartyAddressLinked
from services.desk import news as newses
from services.desk import stream
from services.desk.identity import claims
from services.desk.mask import MASK
from services.desk.news import Fresh, News
from services.desk.place import Place
from services.desk.stream import Gate
from tests.rooms import Rooms, ago, clock, rooms, told
from tests.watcher import BROWSER, WAIT_S, Watcher

TEXTS: Final = re.compile(r'class="entry__text"[^>]*>([^<]*)<')


@pytest.fixture
async def house() -> AsyncIterator[Rooms]:
    async with rooms() as built:
        yield built


async def tell(house: Rooms, text: str, hours_ago: float = 1, channel: str = "phone") -> str:
    """Jan says this. Returns the subject of his story."""
    address = {"kind": "phone", "value": "06 12345678"}
    body = {"channel": channel, "text": text, "at": ago(hours_ago), "address": address}
    answer = await house.post(body, key=f"k-{abs(hash(text))}")
    assert answer.status_code == 201
    await house.settle()
    return f"address/{answer.json()['address_id']}"


async def page(house: Rooms, subject: str) -> str:
    answer = await house.client.get(f"/threads/{subject}", headers=BROWSER)
    assert answer.status_code == 200
    return answer.text


def place(house: Rooms) -> str:
    return str(house.house.news.place)


async def test_nobody_sees_the_desk_without_coming_in(house: Rooms) -> None:
    await house.settle()
    del house.client.headers["authorization"]
    for path in ("/", "/threads/address/a1", "/tasks", "/counter"):
        answer = await house.client.get(path, headers=BROWSER)
        assert (answer.status_code, "Log eerst in" in answer.text) == (401, True)
    assert told(await house.client.get("/live"), 401)
    assert told(await house.client.get("/v1/addresses/a1/stream"), 401)


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
    assert "Niets te doen" in (await house.client.get("/", headers=BROWSER)).text
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


async def test_a_story_is_in_the_order_in_which_it_happened(house: Rooms) -> None:
    for text, hours in (("tweede", 2), ("laatste", 1), ("eerste, laat geboekt", 30), ("derde", 1.5)):
        subject = await tell(house, text, hours)
    html = await page(house, subject)
    assert TEXTS.findall(html) == ["laatste", "derde", "tweede", "eerste, laat geboekt"]
    assert html.count('class="day"') == 2


async def test_two_at_the_same_moment_stand_in_the_order_of_the_log(house: Rooms) -> None:
    for text in ("een", "twee", "drie"):
        subject = await tell(house, text)
    assert TEXTS.findall(await page(house, subject)) == ["drie", "twee", "een"]


async def test_what_a_resident_wrote_is_text_and_never_markup(house: Rooms) -> None:
    html = await page(house, await tell(house, "<script>alert(1)</script><img src=x onerror=y>", 1, "carrier-pigeon"))
    assert "<script>alert" not in html
    assert "&lt;script&gt;" in html
    assert "Carrier pigeon" in html


async def test_what_looks_like_a_bsn_is_shown_nowhere(house: Rooms) -> None:
    html = await page(house, await tell(house, "Mijn BSN is 123456782."))
    assert f"Mijn BSN is {MASK}." in html
    assert "123456782" not in html


async def test_a_long_text_is_folded_and_a_short_one_is_not(house: Rooms) -> None:
    assert "Hele bericht" not in await page(house, await tell(house, "a" * 400))
    assert "Hele bericht" in await page(house, await tell(house, "b" * 401))


async def test_a_place_that_is_none_is_refused_and_not_quoted(house: Rooms) -> None:
    subject = await tell(house, "Goedemorgen")
    answer = await house.client.get(f"/threads/{subject}", params={"before": "Jan"})
    assert "Jan" not in told(answer, 400)


async def test_a_new_contact_comes_down_the_stream(house: Rooms) -> None:
    subject = await tell(house, "Hallo", 2)
    async with Watcher(house, subject, place(house)) as watcher:
        await tell(house, "Goedemorgen")
        sent = await watcher.next()
    assert sent.startswith(f"event: entry\nid: {place(house).partition('p')[0]}p")
    assert "Goedemorgen" in sent
    assert all(line.startswith(("event: ", "id: ", "data: ")) for line in sent.splitlines() if line)


async def test_who_comes_back_gets_what_was_missed_and_no_more(house: Rooms) -> None:
    await tell(house, "gezien", 2)
    seen = place(house)
    subject = await tell(house, "gemist")
    async with Watcher(house, subject, seen) as watcher:
        sent = await watcher.next()
    assert "gemist" in sent
    assert "gezien" not in sent


@pytest.mark.parametrize("other", ["", "Jan", "e9.9p1", "e1.0p", "e1.0p0", "e1.0p1p1", "e1.0p\u0661", "e1.0p1" * 9_999])
async def test_who_comes_with_an_unknown_place_is_told_to_look_anew(house: Rooms, other: str) -> None:
    subject = await tell(house, "Goedemorgen")
    async with Watcher(house, subject, other) as watcher:
        sent = await watcher.next()
    assert sent == f"event: reload\nid: {place(house)}\ndata: \n\n"


async def test_who_comes_before_the_first_look_waits_for_it(house: Rooms) -> None:
    await house.engine.settle(*PARTS)
    async with Watcher(house, "address/a1", "") as watcher:
        await tell(house, "Goedemorgen")
        assert (await watcher.next()).startswith("event: reload\n")


async def test_who_is_too_far_behind_is_told_to_look_anew(house: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(newses, "RECENT_MAX", 3)
    await house.settle()
    places = [await one_more(house, n) for n in range(5)]
    found = [house.house.news.after(each, lambda _: True) for each in places]
    assert [None if fresh is None else len(fresh.rows) for fresh in found] == [None, 3, 2, 1, 0]


async def one_more(house: Rooms, n: int) -> Place:
    """One fact that stands in one entry, and the place after it."""
    note = {"agent_id": "g1", "text": f"nummer {n}", "address_id": "a1"}
    answer = await house.client.post("/v1/contacts/c1/notes", json=note, headers={"Idempotency-Key": f"n{n}"})
    assert answer.status_code == 201
    await house.settle()
    return house.house.news.place


async def test_news_that_starts_late_knows_how_far_it_can_see(house: Rooms) -> None:
    await house.settle()
    places = [await one_more(house, n) for n in range(5)]
    late = News(house.engine, nothing)
    while await late.look():
        pass
    found = [late.after(each, lambda _: True) for each in places]
    assert [None if fresh is None else len(fresh.rows) for fresh in found] == [None, None, None, None, 0]


async def nothing() -> str:
    return ""


async def test_a_fact_is_told_once_every_view_of_the_story_knows_it(house: Rooms) -> None:
    """Else who reads the story anew because of it still reads the old one, and nothing tells him again."""
    await house.settle()
    news, before = house.house.news, house.house.news.place
    linked = PartyAddressLinked(
        at=clock(), party_id="p1", address_id="a1", channel="phone", address="+31612345678", certainty="certain"
    )
    await house.engine.append(fact(linked, key="1"))
    await house.engine.settle(*(part for part in PARTS if part is not claims))
    assert await news.look()
    assert (news.place, news.after(before, lambda _: True)) == (before, Fresh([], before))
    await house.settle()
    found = news.after(before, lambda _: True)
    assert found
    assert [row["type"] for row in found.rows] == [linked.type]


async def test_a_rebuilt_story_is_looked_at_anew(house: Rooms) -> None:
    subject = await tell(house, "Goedemorgen")
    before = house.house.news.place
    await house.engine.rebuild("desk.entry")
    await house.settle()
    assert house.house.news.after(before, lambda _: True) is None
    assert "Goedemorgen" in await page(house, subject)


async def test_an_entry_comes_though_its_neighbour_was_set_aside_and_tried_again(house: Rooms) -> None:
    subject = await tell(house, "eerst", 3)
    before = house.house.news.place
    bad = ContactReceived(at=clock(), contact_id="c1", address_id="a1", channel="phone")
    await house.engine.append(fact(bad, key="bad")._replace(data="{}"))
    await tell(house, "daarna", 2)
    assert house.house.news.after(before, lambda _: True) is None
    assert TEXTS.findall(await page(house, subject)) == ["daarna", "eerst"]


async def test_who_does_not_read_is_dropped(house: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "SEND_S_MAX", 0.05)
    subject = await tell(house, "Hallo", 2)
    async with Watcher(house, subject, place(house)) as watcher:
        watcher.reads.clear()
        await tell(house, "Goedemorgen")
        await asyncio.wait_for(watcher.aborted.wait(), WAIT_S)
        await asyncio.wait_for(asyncio.wait({watcher.task}), WAIT_S)
        assert watcher.gate.watching == 0


async def test_a_stream_ends_now_and_then_so_that_an_ended_session_does(
    house: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "STREAM_S_MAX", 0.0)
    subject = await tell(house, "Hallo")
    async with Watcher(house, subject, place(house)) as watcher:
        assert await watcher.next() == "event: again\ndata: \n\n"


async def test_news_that_is_closed_lets_everybody_go(house: Rooms) -> None:
    subject = await tell(house, "Hallo")
    async with Watcher(house, subject, place(house)) as watcher:
        house.house.news.close()
        await asyncio.wait_for(watcher.task, WAIT_S)


async def test_only_so_many_may_watch_and_only_so_many_may_come() -> None:
    gate = Gate()
    gate.watching = stream.STREAMS_MAX - 1
    assert gate.admits()
    gate.watching = stream.STREAMS_MAX
    assert not gate.admits()
    gate = Gate()
    assert [gate.admits() for _ in range(stream.OPENED_MAX + 1)] == [True] * stream.OPENED_MAX + [False]


@pytest.mark.parametrize("path", ["/live", "/v1/addresses/a1/stream"])
async def test_who_is_not_admitted_is_told_when_to_come_back(
    house: Rooms, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(stream, "OPENED_MAX", 0)
    answer = await house.client.get(path)
    assert told(answer, 429)
    assert answer.headers["retry-after"]


def test_a_line_break_of_any_kind_stays_inside_its_event() -> None:
    assert stream.told("entry", "a\r\nb\rc\nd\u2028e") == (
        "event: entry\ndata: a\ndata: b\ndata: c\ndata: d\u2028e\n\n"
    )
