"""Whatever a subscriber does, nobody else waits for it, and there is an answer soon."""

import asyncio
import ssl
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from time import monotonic
from typing import Final

import pytest

from infra.certificate import certify
from infra.server import HERE
from services.status import webhook
from services.status.outside import Outside
from services.status.webhook import DRAIN_BYTES_MAX, WAIT_S_MAX, Answer, patience
from tests.rooms import NOW
from tests.services.hooks.subscriber import DRIP, DRIP_HEAD, HUGE, NONSENSE, RESET, SILENCE, listening, way

INNER: Final = (ip_network("127.0.0.0/8"),)
HASTE_S: Final = 0.3


async def once(url: str) -> Answer:
    async with way(url, Outside(INNER)) as there:
        return await there.tried({"webhook-id": "e1"}, b"{}", NOW)


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
        assert await once(one.url) == means
        assert monotonic() - began < 3 * HASTE_S + 1
        assert len(one.heard) == 1  # Not tried again by itself, and not led anywhere else.


async def test_nobody_there_is_unreachable() -> None:
    async with listening() as one:
        pass
    assert await once(one.url) == Answer("unreachable", silent=True)


async def test_where_nobody_may_be_told_no_connection_is_made() -> None:
    async with listening() as one, way(one.url, Outside()) as closed:
        assert await closed.tried({}, b"{}", NOW) == Answer("not-open")
        assert one.connections == 0


async def test_a_connection_is_used_again_unless_too_much_came_over_it(hasty: None) -> None:
    async with listening("200 OK", "500 Oops", HUGE, "200 OK") as one, way(one.url, Outside(INNER)) as there:
        for _ in range(3):
            await there.tried({}, b"{}", NOW)
        assert one.connections == 1
        assert await there.tried({}, b"{}", NOW) == Answer("told")
        assert one.connections == 2
    assert DRAIN_BYTES_MAX < 1_000_000


async def test_only_who_has_the_name_in_the_address_gets_it_over_tls(tmp_path: Path) -> None:
    async def lookup(host: str, port: int) -> list[str]:
        return [HERE]

    certificate, outside = certify(tmp_path, "zaken.example.nl"), Outside(INNER, lookup)
    shown, trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context(cafile=certificate.authority)
    shown.load_cert_chain(certificate.chain, certificate.key)
    async with listening(tls=shown) as one:
        for host, trusted, means in (
            ("zaken.example.nl", trusting, Answer("told")),
            ("ander.example.nl", trusting, Answer("unreachable", silent=True)),
            ("zaken.example.nl", None, Answer("unreachable", silent=True)),
        ):
            async with way(f"https://{host}:{one.port}/hook", outside, trusted) as there:
                assert await there.tried({}, b"{}", NOW) == means
    assert len(one.heard) == 1


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

    async with await asyncio.start_server(endless, HERE, 0) as server:
        assert (await once(f"http://{HERE}:{server.sockets[0].getsockname()[1]}/")).silent
