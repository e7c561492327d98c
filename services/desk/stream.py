"""What is new at the desk, to one watcher."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Final

from starlette.types import Receive, Scope, Send

from channels.streaming import AGAIN_MS, PULSE_S, STREAM_S_MAX, Stream
from services.desk.news import News
from services.desk.page import today

CHUNK_MAX: Final = 20  # Entries that are under way to one watcher at a time.
STREAMS_MAX: Final = 200
OPENED_MAX: Final = 400  # Streams that may be opened in one minute.
MINUTE_S: Final = 60.0
BREAK: Final = re.compile(r"\r\n|\r|\n")


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


class DeskStream(Stream):
    """What is new, until somebody lets go. What that is to this watcher, `fresh` says."""

    def __init__(self, news: News, gate: Gate, clock: Callable[[], datetime]) -> None:
        super().__init__()
        self._news, self._gate, self._clock = news, gate, clock

    def fresh(self) -> str:
        """The events that this watcher has not been told yet; nothing where there are none."""
        raise NotImplementedError

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._gate.watching += 1
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._gate.watching -= 1

    async def chunks(self, gone: asyncio.Future[None]) -> AsyncIterator[str]:
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
