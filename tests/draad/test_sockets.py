"""WebSockets and what else stands open to all: from pages that we know, within limits, and nowhere else."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

import pytest
from limits import RateLimitItemPerMinute

from draad import manners
from draad.manners import Manners, opening_of
from draad.problem import Answers
from draad.rates import LIMITS, SOCKET, VISITOR, Rates
from engine.engine import Engine
from engine.memory import Disk, MemoryStore
from services.access.gate import Gate
from services.desk.door import Door
from services.desk.page import Page
from services.intake.form import Form, FormSettings
from tests.rooms import Rooms, clock, rooms

OWN: Final = "https://contact.example.nl"
SITE: Final = "https://www.example.nl"


class Talk:
    """An application that accepts every WebSocket, and stays until it is let go."""

    def __init__(self) -> None:
        self.opened, self.go = 0, asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        self.opened += 1
        await self.go.wait()


def around(talk: Talk, **limits: int) -> Manners:
    few = dict(LIMITS) | {kind: RateLimitItemPerMinute(n, namespace=kind) for kind, n in limits.items()}
    rates = Rates(limits=few, clock=lambda: 0.0)
    engine = Engine(MemoryStore(Disk(), clock))
    answers, gate = (
        Answers(Page(), Form(engine, b"pepper", b"key", clock, FormSettings())),
        Gate(engine, b"key", "x" * 32, clock),
    )
    door = Door(b"door", clock)
    return Manners(talk, door=door, answers=answers, gate=gate, rates=rates, origins=[SITE])


async def opened(app: Manners, path: str = "/chat/socket", origin: str = SITE, query: bytes = b"") -> bool:
    """Whether it was accepted; it stays open."""
    said: asyncio.Queue[Any] = asyncio.Queue()

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    headers = [(b"host", b"contact.example.nl"), *([(b"origin", origin.encode())] if origin else [])]
    scope = {
        "type": "websocket", "path": path, "query_string": query, "headers": headers, "client": ("10.0.0.1", 1)
    }  # fmt: skip
    task = asyncio.create_task(app(scope, receive, said.put))
    kept.append(task)
    message = await said.get()
    if message["type"] == "websocket.close":
        assert message["code"] == 1008
        await task
    return bool(message["type"] == "websocket.accept")


kept: Final[list[asyncio.Task[None]]] = []


@pytest.fixture
async def talk() -> AsyncIterator[Talk]:
    made = Talk()
    yield made
    made.go.set()
    await asyncio.gather(*kept)
    kept.clear()


@pytest.mark.parametrize("origin", [SITE, OWN])
async def test_a_page_that_we_know_may_talk(talk: Talk, origin: str) -> None:
    assert await opened(around(talk), origin=origin)


@pytest.mark.parametrize(
    "origin",
    ["", "null", "https://evil.example", f"{SITE}.evil.example", "https://xcontact.example.nl", "//" + SITE[8:]],
)
async def test_a_page_of_others_may_not(talk: Talk, origin: str) -> None:
    assert not await opened(around(talk), origin=origin)


@pytest.mark.parametrize("path", ["/", "/chats", "/v1/addresses/a1/stream", "/contact", "/webhooks/chat/main"])
async def test_only_where_it_is_allowed(talk: Talk, path: str) -> None:
    assert not await opened(around(talk), path)


async def test_no_address_holds_a_bsn(talk: Talk) -> None:
    assert not await opened(around(talk), query=b"x=123456782")


async def test_a_remote_address_opens_so_many_in_a_while(talk: Talk) -> None:
    app = around(talk, **{SOCKET: 2})
    assert [await opened(app) for _ in range(3)] == [True, True, False]


async def test_so_many_are_open_at_once(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manners, "SOCKETS_MAX", 2)
    app = around(talk)
    assert [await opened(app) for _ in range(3)] == [True, True, False]
    talk.go.set()
    await asyncio.gather(*kept)
    assert await opened(app), "those that are closed make room"


@pytest.fixture
async def house() -> AsyncIterator[Rooms]:
    async with rooms() as built:
        del built.client.headers["authorization"]
        yield built


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/chat/no-such.js", {"cross-origin-resource-policy": "cross-origin", "cache-control": "no-cache"}),
        ("/contact/nothing", {"cross-origin-resource-policy": "same-origin", "x-frame-options": "DENY"}),
        ("/journey/nothing", {"access-control-allow-origin": "*", "cache-control": "no-store"}),
    ],
)
async def test_what_stands_open_says_who_may_use_it(house: Rooms, path: str, headers: dict[str, str]) -> None:
    answer = await house.client.get(path)
    assert answer.status_code == 404, "open, and nothing there"
    assert {name: answer.headers[name] for name in headers} == headers
    assert "default-src 'none'" in answer.headers["content-security-policy"]


async def test_visitors_are_counted_by_address() -> None:
    few = dict(LIMITS) | {VISITOR: RateLimitItemPerMinute(2, namespace=VISITOR)}
    async with rooms(rates=Rates(limits=few, clock=lambda: 0.0)) as house:
        del house.client.headers["authorization"]
        answers = [(await house.client.post("/contact/nothing")).status_code for _ in range(3)]
        assert answers == [404, 404, 429]


def test_each_opening_has_a_limit() -> None:
    assert {opening.kind for opening in manners.OPENINGS} <= set(LIMITS)
    assert opening_of("/assets/../v1") is None
