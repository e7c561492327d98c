"""Server-sent events to one watcher. Who does not read in time is dropped, and comes back."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Final

import structlog
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from services.desk.news import News
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
    """What is new, until somebody lets go. What that is to this watcher, `fresh` says."""

    media_type = "text/event-stream"

    def __init__(self, news: News, gate: Gate, clock: Callable[[], datetime]) -> None:
        super().__init__()
        del self.headers["content-length"]
        self._news, self._gate, self._clock = news, gate, clock

    def fresh(self) -> str:
        """The events that this watcher has not been told yet; nothing where there are none."""
        raise NotImplementedError

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
        while not self._news.closed and not gone.done():
            if now() >= until:
                yield told("again", "")
                return
            if now() >= pulse:
                pulse = now() + PULSE_S
                yield self._pulse()
            changing = self._news.changing()
            if fresh := self.fresh():
                yield fresh
                continue
            waiting = asyncio.ensure_future(changing.wait())
            either = (waiting, gone)
            await asyncio.wait(either, timeout=pulse - now(), return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()

    def _pulse(self) -> str:
        return told("pulse", today(self._clock()))


def told(event: str, data: str, place: object = "") -> str:
    """One server-sent event. A line break of any kind begins a new field of data."""
    lines = "".join(f"data: {line}\n" for line in BREAK.split(data))
    name = f"id: {place}\n" if place else ""
    return f"event: {event}\n{name}{lines}\n"


async def disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
