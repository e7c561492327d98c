"""Whatever a subscriber does, nobody else waits for it, and there is an answer soon."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from ipaddress import ip_network
from time import monotonic
from typing import Final

import httpx
import pytest

from services.status import webhook
from services.status.outside import Outside, Way
from services.status.webhook import DRAIN_BYTES_MAX, WAIT_S_MAX, Answer, patience, tried
from tests.rooms import NOW
from tests.services.hooks.subscriber import DRIP, DRIP_HEAD, HUGE, NONSENSE, RESET, SILENCE, Subscriber, listening

INNER: Final = (ip_network("127.0.0.0/8"),)
HASTE_S: Final = 0.3


@asynccontextmanager
async def way() -> AsyncIterator[Way]:
    opened = Way(Outside(INNER), ssl.create_default_context(), httpx.Limits(max_connections=2))
    try:
        yield opened
    finally:
        await opened.aclose()


async def once(one: Subscriber) -> Answer:
    async with way() as there:
        return await tried(there, one.url, {"webhook-id": "e1"}, b"{}", NOW)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "ANSWER_S_MAX", HASTE_S)
    monkeypatch.setattr(webhook, "DRAIN_S_MAX", HASTE_S)


@pytest.mark.parametrize(
    ("answer", "means"),
    [
        ("200 OK", Answer("told")),
        ("202 Accepted", Answer("told")),
        ("204 No Content", Answer("told")),
        ("299 Whatever", Answer("told")),
        (DRIP, Answer("told")),  # The status is what counts.
        (HUGE, Answer("told")),
        ("301 Moved", Answer("redirects")),
        ("302 Found", Answer("redirects")),
        ("307 Temporary", Answer("redirects")),
        ("304 Not Modified", Answer("redirects")),
        ("400 Bad Request", Answer("status-400")),
        ("404 Not Found", Answer("status-404")),
        ("410 Gone", Answer("gone")),
        ("429 Too Many", Answer("status-429")),
        ("500 Oops", Answer("status-500")),
        ("503 Later", Answer("status-503")),
        (RESET, Answer("broke-off", silent=True)),
        (NONSENSE, Answer("broke-off", silent=True)),
        (SILENCE, Answer("too-slow", silent=True)),
        (DRIP_HEAD, Answer("too-slow", silent=True)),
    ],
)
async def test_each_answer_means_something(hasty: None, answer: str, means: Answer) -> None:
    async with listening(answer) as one:
        one.more = "Location: http://127.0.0.1:9/inner\r\n"
        began = monotonic()
        assert await once(one) == means
        assert monotonic() - began < 3 * HASTE_S + 1
        assert len(one.heard) == 1  # Not tried again by itself, and not led anywhere else.


async def test_nobody_there_is_unreachable() -> None:
    async with listening() as one:
        pass
    assert await once(one) == Answer("unreachable", silent=True)


async def test_where_nobody_may_be_told_no_connection_is_made() -> None:
    async with listening() as one:
        closed = Way(Outside(), ssl.create_default_context(), httpx.Limits())
        assert await tried(closed, one.url, {}, b"{}", NOW) == Answer("not-open")
        await closed.aclose()
        assert one.connections == 0


async def test_a_connection_is_used_again_unless_too_much_came_over_it(hasty: None) -> None:
    async with listening("200 OK", "500 Oops", HUGE, "200 OK") as one, way() as there:
        for _ in range(3):
            await tried(there, one.url, {}, b"{}", NOW)
        assert one.connections == 1
        assert await tried(there, one.url, {}, b"{}", NOW) == Answer("told")
        assert one.connections == 2
    assert DRAIN_BYTES_MAX < 1_000_000


async def test_a_certificate_that_nobody_vouches_for_gets_nothing() -> None:
    async def lookup(host: str, port: int) -> list[str]:
        return ["127.0.0.1"]

    async with listening() as one:
        there = Way(Outside(INNER, lookup), ssl.create_default_context(), httpx.Limits())
        answer = await tried(there, f"https://zaken.example.nl:{one.port}/hook", {}, b"{}", NOW)
        await there.aclose()
    assert answer.silent
    assert one.heard == []


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("", 0),
        ("0", 0),
        ("120", 120),
        ("99999999999999999999", WAIT_S_MAX),
        ("-5", 0),
        ("1.5", 0),
        ("١٢", 0),
        ("soon", 0),
        ("Mon, 23 Nov 2026 09:10:00 GMT", 600),
        ("Mon, 23 Nov 2026 08:00:00 GMT", 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", WAIT_S_MAX),
        ("Mon, 99 Nov 2026 09:10:00 GMT", 0),
    ],
)
def test_how_long_it_asks_to_be_left_alone(said: str, seconds: int) -> None:
    assert patience(said, NOW) == seconds
    assert patience(said, NOW + timedelta(days=400_000)) in {0, seconds, WAIT_S_MAX}


async def test_a_header_without_end_is_refused(hasty: None) -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n" + b"x-more: " + b"x" * 10_000_000 + b"\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(endless, "127.0.0.1", 0)
    async with server, way() as there:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        assert (await tried(there, url, {}, b"{}", NOW)).silent
