"""The timeline as server-sent events, to one watcher. Who does not read in time is dropped, and comes back."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Final

import structlog
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.desk.feed import Feed
from services.desk.page import today

PULSE_S: Final = 10.0  # So often it says that it is still there, and what day it is.
SEND_S_MAX: Final = 10.0  # A watcher that takes nothing for so long is dropped.
STREAM_S_MAX: Final = 900.0  # Then it must ask again, so that an ended session ends here too.
CHUNK_MAX: Final = 20  # Entries that are under way to one watcher at a time.
AGAIN_MS: Final = 2_000
STREAMS_MAX: Final = 200
OPENED_MAX: Final = 400  # Streams that may be opened in one minute.
MINUTE_S: Final = 60.0
ABORT: Final = "draad.abort"  # How the server lets go of a connection whose other end does not read.
BREAK: Final = re.compile(r"\r\n|\r|\n")

log = structlog.get_logger("desk")


class Gate:
    """How many watch, and how many came lately."""

    def __init__(self) -> None:
        self.watching = 0
        self._opened: list[float] = []

    def admits(self) -> bool:
        now = asyncio.get_running_loop().time()
        self._opened = [at for at in self._opened if now - at < MINUTE_S]
        if self.watching >= STREAMS_MAX or len(self._opened) >= OPENED_MAX:
            return False
        self._opened.append(now)
        return True


class Stream(Response):
    """What happens on the timeline after `place`, until somebody lets go."""

    media_type = "text/event-stream"

    def __init__(self, feed: Feed, gate: Gate, place: str, clock: Callable[[], datetime]) -> None:
        super().__init__()
        del self.headers["content-length"]
        self._feed, self._gate, self._place, self._clock = feed, gate, place, clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._gate.watching += 1
        gone = asyncio.ensure_future(disconnected(receive))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            async for chunk in self._chunks(gone):
                async with asyncio.timeout(SEND_S_MAX):
                    await send({"type": "http.response.body", "body": chunk.encode(), "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except TimeoutError:
            log.info("desk.stream.dropped")
            if abort := scope.get("extensions", {}).get(ABORT):
                abort["now"]()
        finally:
            gone.cancel()
            self._gate.watching -= 1

    async def _chunks(self, gone: asyncio.Future[None]) -> AsyncIterator[str]:
        now = asyncio.get_running_loop().time
        until, pulse = now() + STREAM_S_MAX, now() + PULSE_S
        yield f"retry: {AGAIN_MS}\n{self._pulse()}"
        while not self._feed.closed and not gone.done():
            if now() >= until:
                yield told("again", "")
                return
            if now() >= pulse:
                pulse = now() + PULSE_S
                yield self._pulse()
            changing = self._feed.changing()
            if news := self._news():
                yield news
                continue
            waiting = asyncio.ensure_future(changing.wait())
            either = (waiting, gone)
            await asyncio.wait(either, timeout=pulse - now(), return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()

    def _news(self) -> str:
        entries = self._feed.after(self._place)
        if entries is None:
            self._place = self._feed.place
            return told("reload", "", self._place)
        entries = entries[:CHUNK_MAX]
        parts = [told("entry", entry.html, self._feed.named(entry.position)) for entry in entries]
        if entries:
            self._place = self._feed.named(entries[-1].position)
        return "".join(parts)

    def _pulse(self) -> str:
        return told("pulse", today(self._clock()))


def told(event: str, data: str, place: str = "") -> str:
    """One server-sent event. A line break of any kind begins a new field of data."""
    lines = "".join(f"data: {line}\n" for line in BREAK.split(data))
    name = f"id: {place}\n" if place else ""
    return f"event: {event}\n{name}{lines}\n"


async def disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
