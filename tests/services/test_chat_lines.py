"""What a chat shows of the log, whoever is rung for it, and what a browser hears while the log is away."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import select
from starlette.websockets import WebSocket

from channels.channel import Secrets
from channels.chat import Chat, Inbox, open_channel
from draad.manners import remote
from draad.rates import LIMITS, Rates
from engine.engine import Engine
from engine.memory import Disk, MemoryStore
from schemas.contact import ContactAnswered, ContactMade, ContactReceived
from schemas.conversation import ConversationClosed
from schemas.errors import Unavailable
from schemas.event import Envelope, fact
from services.intake.chat import REMOTE_LIMIT, SESSION_LIMIT, Chats
from services.intake.courier import Courier
from services.intake.lines import lines
from services.intake.outbox import outbox
from tests.services.chats import WAIT_S
from tests.services.places import ENGINES, MONDAY, engine_at, tell

pytestmark = pytest.mark.xdist_group("servers")
SITE: Final = "https://draad.example"


@pytest.fixture(params=ENGINES)
async def engine(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Engine]:
    async with engine_at(ENGINES[request.param](tmp_path)) as opened:
        yield opened


def chat() -> Chat:
    return open_channel({"main": Inbox()}, Secrets(b"pepper", b"tokens"), SITE)


def chats(engine: Engine, rates: Rates | None = None) -> Chats:
    return Chats(engine, chat(), rates or Rates(), lambda: MONDAY, remote)


def asked(address: str, minutes: int, channel: str = "chat") -> ContactReceived:
    at = MONDAY + timedelta(minutes=minutes)
    name = f"{address}-{minutes}"
    return ContactReceived(
        at=at, contact_id=name, address_id=address, channel=channel, text=name, kind="chat", reference=name
    )


def answered(address: str, minutes: int, **more: Any) -> ContactAnswered:
    said = {"channel": "chat", "message_id": f"m-{minutes}", "text": "antwoord"} | more
    at = MONDAY + timedelta(minutes=minutes)
    return ContactAnswered(at=at, contact_id=f"{address}-1", address_id=address, agent_id="a-1", **said)


def closed(address: str) -> ConversationClosed:
    return ConversationClosed(at=MONDAY, conversation_id=f"{address}-1", address_id=address, reason="agent")


async def shown(engine: Engine, address: str) -> list[tuple[str, str]]:
    table = await engine.table(lines)
    rows = await engine.fetch(select(table).where(table.c.address_id == address).order_by(table.c.position))
    return [(row["by"], row["name"]) for row in rows]


async def test_a_chat_shows_what_was_said_in_it_and_nothing_of_other_channels(engine: Engine) -> None:
    made = ContactMade(
        at=MONDAY, contact_id="c", address_id="s1", agent_id="a-1", channel="chat", message_id="m-9", text="Nog iets."
    )
    await tell(
        engine,
        asked("s1", 1),
        answered("s1", 2),
        answered("s1", 3, channel="email"),
        answered("s1", 4, message_id=""),
        answered("s1", 5, text=""),
        asked("p1", 1, "whatsapp"),
        made,
        closed("s1"),
        closed("p1"),
    )
    assert await shown(engine, "s1") == [("resident", "s1-1"), ("agent", "m-2"), ("agent", "m-9"), ("closed", "s1-1")]
    assert await shown(engine, "p1") == []


async def test_whoever_has_news_is_rung_and_nobody_else(engine: Engine) -> None:
    here = chats(engine)
    await tell(engine, asked("s1", 1), asked("s2", 1))
    one, two = here.enter("s1"), here.enter("s2")
    while await here.look():
        pass
    assert (one.is_set(), two.is_set()) == (True, True), "at first it knows of nobody how far they are"
    one.clear()
    two.clear()
    await tell(engine, answered("s2", 2))
    while await here.look():
        pass
    assert (one.is_set(), two.is_set()) == (False, True)


class Away(MemoryStore):
    """A log that is away for the first facts."""

    times = 2

    async def append(self, facts: Any) -> None:
        if self.times:
            self.times -= 1
            raise Unavailable("away")
        await super().append(facts)


class Browser:
    """The other end of a WebSocket, without a network between."""

    def __init__(self) -> None:
        self.sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.sent.put_nowait({"type": "websocket.connect"})
        scope = {
            "type": "websocket",
            "path": "/chat/main/socket",
            "headers": [(b"origin", SITE.encode())],
            "client": ("192.0.2.1", 1),
        }
        self.socket = WebSocket(scope, self.sent.get, self.heard.put)  # type: ignore[arg-type]

    def say(self, **frame: Any) -> None:
        self.sent.put_nowait({"type": "websocket.receive", "text": json.dumps(frame)})

    async def next(self, kind: str) -> Any:
        async with asyncio.timeout(WAIT_S):
            while True:
                message = await self.heard.get()
                frame = json.loads(message.get("text", "{}"))
                if kind in frame:
                    return frame[kind]


async def met(here: Chats, browser: Browser) -> "asyncio.Task[None]":
    browser.say(hello={"ticket": "", "place": 0, "language": "nl"})
    task = asyncio.create_task(here.meet(browser.socket, "main"))
    await browser.next("welcome")
    return task


async def test_while_the_log_is_away_nothing_is_acknowledged_and_the_browser_says_it_again() -> None:
    engine = Engine(Away(Disk(), lambda: MONDAY), clock=lambda: MONDAY)
    await engine.settle(lines)
    browser = Browser()
    task = await met(chats(engine), browser)
    said = {"id": "0123456789abcdef", "text": "Hallo"}
    for _ in range(2):
        browser.say(say=said)
        held = await browser.next("held")
        assert (held["id"], held["why"]) == (said["id"], "away")
        assert await facts(engine) == []
    browser.say(say=said)
    assert await browser.next("kept") == {"id": said["id"]}
    assert [envelope.type for envelope in await facts(engine)] == ["contact.received"]
    browser.sent.put_nowait({"type": "websocket.disconnect", "code": 1001})
    await asyncio.wait_for(task, WAIT_S)
    await engine.close()


async def test_an_answer_is_sent_as_soon_as_it_is_written_down() -> None:
    engine = Engine(MemoryStore(Disk(), lambda: MONDAY), clock=lambda: MONDAY)
    async with asyncio.timeout(WAIT_S), asyncio.TaskGroup() as group:
        group.create_task(engine.run(outbox))
        group.create_task(Courier(engine, {"chat": chat()}, lambda: MONDAY).run())
        await engine.append(*(fact(event, key=event.type) for event in (asked("s1", 1), answered("s1", 2))))
        while "message.sent" not in {envelope.type for envelope in await facts(engine)}:
            await engine.store.moved(engine.store.mark(), 0.02)
        engine.stop()
    [sent] = [json.loads(envelope.data) for envelope in await facts(engine) if envelope.type == "message.sent"]
    assert (sent["message_id"], sent["reference"], sent["channel"]) == ("m-2", "m-2", "chat")
    await engine.close()


async def test_who_opens_a_socket_and_says_nothing_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.intake.chat.HELLO_S_MAX", 0.01)
    engine = Engine(MemoryStore(Disk(), lambda: MONDAY), clock=lambda: MONDAY)
    browser = Browser()
    await asyncio.wait_for(chats(engine).meet(browser.socket, "main"), WAIT_S)
    assert [browser.heard.get_nowait()["type"] for _ in range(2)] == ["websocket.accept", "websocket.close"]
    await engine.close()


async def test_a_flood_over_many_sessions_of_one_address_has_a_limit_too() -> None:
    engine = Engine(MemoryStore(Disk(), lambda: MONDAY), clock=lambda: MONDAY)
    await engine.settle(lines)
    limits = dict(LIMITS) | {REMOTE_LIMIT: type(LIMITS[REMOTE_LIMIT])(2, namespace="few")}
    here = chats(engine, Rates(limits=limits, clock=lambda: 0.0))
    browsers = [Browser() for _ in range(3)]
    tasks = [await met(here, browser) for browser in browsers]
    outcomes = []
    for n, browser in enumerate(browsers):
        browser.say(say={"id": f"0123456789abcde{n}", "text": "Hallo"})
        message: dict[str, Any] = {}
        while not {"kept", "held"} & message.keys():
            message = json.loads((await asyncio.wait_for(browser.heard.get(), WAIT_S)).get("text", "{}"))
        outcomes.append("kept" if "kept" in message else message["held"]["why"])
        browser.sent.put_nowait({"type": "websocket.disconnect", "code": 1001})
    assert outcomes == ["kept", "kept", "often"]
    await asyncio.wait_for(asyncio.gather(*tasks), WAIT_S)
    await engine.close()


async def facts(engine: Engine) -> list[Envelope]:
    return list(await engine.read())


def test_the_limits_of_the_chat_are_limits_of_the_house() -> None:
    assert {SESSION_LIMIT, REMOTE_LIMIT} <= LIMITS.keys()
