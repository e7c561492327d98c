"""The chat's own road: a WebSocket per browser, and the script that opens it. What is acknowledged is kept.

A browser says each message again until it hears `kept`, and each place it read to, so that a lost connection loses
nothing. There is no queue per browser: each has only its place, and asks the view what came after it.
"""

import asyncio
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import structlog
from fastapi import APIRouter
from sqlalchemy import and_, select
from starlette.responses import FileResponse
from starlette.types import Scope
from starlette.websockets import WebSocket, WebSocketDisconnect

from channels.address import Address
from channels.channel import Inbound
from channels.chat import SOCKET, TEXT_CHARS_MAX, Chat, is_open
from engine.engine import Engine
from engine.since import since
from schemas.errors import Refused, Unavailable
from schemas.event import fact
from schemas.message import MessageDelivered
from services.intake.lines import AGENT, lines

WIDGET: Final = Path(__file__).parent / "assets" / "chat.js"
FRAME_BYTES_MAX: Final = 65_536
HELLO_S_MAX: Final = 10.0  # Who opens a socket and says nothing, is let go.
SEND_S_MAX: Final = 10.0
PULSE_S: Final = 10.0  # So often a browser hears that we are there, and we look by ourselves.
LOOK_S_MIN: Final = 0.02
LOOK_S_MAX: Final = 0.5
RETRY_S: Final = 1.0
LOOK_MAX: Final = 500  # Lines seen in one look.
LINES_MAX: Final = 100  # Lines in one frame.
GOT_MAX: Final = 100  # Answers that one frame says have come.
HELD_MAX: Final = 200  # Messages in a row over the limit, after which the connection is closed.
SOCKETS_EACH_MAX: Final = 5  # Of one session: tabs that were copied.
NAME_CHARS_MAX: Final = 120
SESSION_LIMIT: Final = "chat-session"  # Messages of one session, and
REMOTE_LIMIT: Final = "chat-remote"  # of one remote address.
POLICY: Final = 1008  # Codes of the WebSocket protocol.
TOO_BIG: Final = 1009
LATER: Final = 1013

log = structlog.get_logger("chat")

Frame = Mapping[str, Any]


class Takes(Protocol):
    """The limits of the house: nothing, or the seconds to wait."""

    async def take(self, kind: str, who: str) -> float | None: ...


class Gone(Exception):
    """This browser is let go, with a code of the WebSocket protocol."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class Chats:
    """Every browser that is here now."""

    def __init__(
        self,
        engine: Engine,
        chat: Chat,
        rates: Takes,
        clock: Callable[[], datetime],
        remote: Callable[[Scope], str],
    ) -> None:
        """`remote` says of a connection where it comes from."""
        self.engine, self.chat, self.rates, self.clock, self.remote = engine, chat, rates, clock, remote
        self._here: dict[str, list[asyncio.Event]] = {}
        self._reached: dict[str, int] = {}
        self._own = urlsplit(chat.public_url)
        self._closed = False

    def router(self) -> APIRouter:
        routes = APIRouter(include_in_schema=False)

        @routes.get("/chat/widget.js")
        async def widget() -> FileResponse:
            return FileResponse(WIDGET, media_type="text/javascript")

        @routes.websocket("/chat/{inbox}/socket")
        async def socket(socket: WebSocket, inbox: str) -> None:
            await self.meet(socket, inbox)

        return routes

    async def meet(self, socket: WebSocket, inbox: str) -> None:
        """Everything with one browser, from its hello until one of us goes."""
        settings = self.chat.inboxes.get(inbox)
        own = f"{self._own.scheme}://{self._own.netloc}"
        if settings is None or socket.headers.get("origin") not in (*settings.origins, own):
            await socket.close(POLICY)
            return
        await socket.accept()
        line = Line(self, socket, inbox)
        try:
            await line.talk()
        except Gone as gone:
            await socket.close(gone.code)
        except (WebSocketDisconnect, TimeoutError, OSError):
            log.info("chat.left", inbox=inbox)

    def enter(self, address_id: str) -> asyncio.Event:
        """Be rung when there is something new for this address. Raises `Gone` where too many are."""
        here = self._here.setdefault(address_id, [])
        if len(here) >= SOCKETS_EACH_MAX:
            raise Gone(LATER)
        bell = asyncio.Event()
        here.append(bell)
        return bell

    def leave(self, address_id: str, bell: asyncio.Event) -> None:
        self._here[address_id].remove(bell)
        if not self._here[address_id]:
            del self._here[address_id]

    async def run(self) -> None:
        """Ring whoever has news, until it is closed."""
        while not self._closed:
            mark = self.engine.store.mark()
            try:
                if await self.look():
                    continue
            except Unavailable:
                log.warning("chat.retrying")
                await asyncio.sleep(RETRY_S)
            await asyncio.sleep(LOOK_S_MIN)
            await self.engine.store.moved(mark, LOOK_S_MAX)

    def close(self) -> None:
        self._closed = True

    async def look(self) -> bool:
        """Ring for what is new in the view; true if there may be more."""
        at = {task.partition: task.position for task, _ in await self.engine.store.active(lines.name)}
        if at.keys() - self._reached.keys():  # What was before, each looks for by itself.
            self._reached = at | self._reached
            for bells in self._here.values():
                ring(bells)
        ahead = {where: position for where, position in at.items() if position > self._reached[where]}
        if not ahead:
            return False
        rows, upto = await since(self.engine, lines, self._reached, ahead, LOOK_MAX)
        self._reached |= upto
        for row in rows:
            ring(self._here.get(row["address_id"], ()))
        return upto != ahead


class Line:
    """One browser's connection."""

    def __init__(self, chats: Chats, socket: WebSocket, inbox: str) -> None:
        self._chats, self._socket, self._inbox = chats, socket, inbox
        self._sending = asyncio.Lock()
        self._ticket = self._address_id = self._language = ""
        self._place = self._held = 0

    async def talk(self) -> None:
        try:
            async with asyncio.timeout(HELLO_S_MAX):
                hello = inside(await self._next(), "hello")
        except TimeoutError:
            raise Gone(POLICY) from None
        bell = self._chats.enter(await self._welcome(hello))
        telling = asyncio.create_task(self._tell(bell))
        hearing = asyncio.create_task(self._hear())
        try:
            done, _ = await asyncio.wait({telling, hearing}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            telling.cancel()
            hearing.cancel()
            await asyncio.gather(telling, hearing, return_exceptions=True)
            self._chats.leave(self._address_id, bell)

    async def _welcome(self, hello: Frame) -> str:
        """The session that it comes back to, or a new one."""
        chat, given = self._chats.chat, text_of(hello, "ticket")
        session = chat.session(self._inbox, given)
        if session is None:
            given = chat.ticket(self._inbox, name := secrets.token_hex(16))
            session = Address("chat", name)
        else:
            self._place = number_of(hello, "place")
        self._ticket, self._address_id = given, chat.pseudonym(session)
        self._language = "en" if text_of(hello, "language") == "en" else "nl"
        settings = chat.inboxes[self._inbox]
        title = settings.title_en if self._language == "en" else settings.title_nl
        await self._send({"welcome": {"ticket": given, "title": title, "place": self._place, **self._state()}})
        return self._address_id

    def _state(self) -> dict[str, Any]:
        settings = self._chats.chat.inboxes[self._inbox]
        closed = settings.closed_en if self._language == "en" else settings.closed_nl
        return {"notice": "" if is_open(settings, self._chats.clock()) else closed}

    async def _tell(self, bell: asyncio.Event) -> None:
        """What was said after its place, now and whenever the bell rings."""
        while True:
            bell.clear()
            try:
                while await self._news():
                    pass
            except Unavailable:
                log.warning("chat.retrying")
            try:
                async with asyncio.timeout(PULSE_S):
                    await bell.wait()
            except TimeoutError:
                await self._send({"pulse": self._state()})

    async def _news(self) -> bool:
        table = await self._chats.engine.table(lines)
        mine = and_(table.c.address_id == self._address_id, table.c.position > self._place)
        rows = await self._chats.engine.fetch(
            select(table).where(mine).order_by(table.c.position).limit(LINES_MAX),
        )
        if rows:
            told = ("position", "name", "by", "text", "at")
            await self._send({"lines": [{name: row[name] for name in told} for row in rows]})
            self._place = rows[-1]["position"]
        return len(rows) == LINES_MAX

    async def _hear(self) -> None:
        while True:
            match await self._next():
                case {"say": dict(said)}:
                    await self._say(said)
                case {"got": list(names)}:
                    await self._got([name for name in names[:GOT_MAX] if isinstance(name, str)])
                case _:
                    raise Gone(POLICY)

    async def _say(self, said: Frame) -> None:
        """Keep it, and only then say so. What is over the limit is not kept: the browser says it again later."""
        name = text_of(said, "id")
        if (wait := await self._wait()) is not None:
            self._held += 1
            if self._held > HELD_MAX:
                raise Gone(POLICY)
            await self._send({"held": {"id": name, "wait_s": round(wait, 1), "why": "often"}})
            return
        self._held = 0
        chats = self._chats
        headers = {"ticket": self._ticket, "language": self._language}
        inbound = Inbound(self._inbox, "", headers, json.dumps(said).encode(), chats.clock(), SOCKET)
        try:
            heard = chats.chat.read(inbound)
            await chats.engine.append(*(fact(told.event, key=told.key) for told in heard.facts))
        except Refused:
            await self._send({"refused": {"id": name, "chars_max": TEXT_CHARS_MAX}})
        except Unavailable:
            await self._send({"held": {"id": name, "wait_s": RETRY_S, "why": "away"}})
        else:
            await self._send({"kept": {"id": name}})

    async def _wait(self) -> float | None:
        own = await self._chats.rates.take(SESSION_LIMIT, self._address_id)
        return (
            own
            if own is not None
            else await self._chats.rates.take(REMOTE_LIMIT, self._chats.remote(self._socket.scope))
        )

    async def _got(self, names: Sequence[str]) -> None:
        """These answers are on the screen: of what was really said to this session, that is a fact."""
        chats = self._chats
        try:
            table = await chats.engine.table(lines)
            mine = and_(table.c.address_id == self._address_id, table.c.by == AGENT, table.c.name.in_(names))
            found = [row["name"] for row in await chats.engine.fetch(select(table.c.name).where(mine).limit(GOT_MAX))]
            came = [
                MessageDelivered(at=chats.clock(), message_id=name, address_id=self._address_id, channel="chat")
                for name in found
            ]
            if came:
                await chats.engine.append(*(fact(event, key=event.message_id) for event in came))
        except Unavailable:
            return  # The browser says it again.
        await self._send({"noted": list(names)})

    async def _next(self) -> Frame:
        """The next frame. Raises `Gone` where it is none of ours."""
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1005))
        raw = message.get("text") or ""
        if len(raw.encode("utf-8", "surrogatepass")) > FRAME_BYTES_MAX:
            raise Gone(TOO_BIG)
        try:
            frame = json.loads(raw)
        except (ValueError, RecursionError):
            raise Gone(POLICY) from None
        if not isinstance(frame, dict):
            raise Gone(POLICY)
        return frame

    async def _send(self, frame: Frame) -> None:
        async with self._sending, asyncio.timeout(SEND_S_MAX):
            await self._socket.send_text(json.dumps(frame, ensure_ascii=False))


def ring(bells: Sequence[asyncio.Event]) -> None:
    for bell in bells:
        bell.set()


def inside(frame: Frame, name: str) -> Frame:
    found = frame.get(name)
    if not isinstance(found, dict):
        raise Gone(POLICY)
    return found


def text_of(frame: Frame, name: str) -> str:
    found = frame.get(name)
    return found[:200] if isinstance(found, str) else ""


def number_of(frame: Frame, name: str) -> int:
    found = frame.get(name)
    return found if type(found) is int and 0 <= found < 2**62 else 0
