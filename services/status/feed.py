"""What may be told, as it comes: server-sent events to programs, which may go on wherever they were.

The latest events are read once for all who listen, and only while somebody does. Whoever is further behind reads the
log itself, until they are near.
"""

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, HTTPException, Query, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from channels.streaming import AGAIN_MS, PULSE_S, STREAM_S_MAX, Stream
from engine.cluster import read_by
from engine.engine import Engine
from engine.processor import courier
from schemas.errors import Refused, Unavailable
from schemas.event import Envelope
from services.status.public import EVENTS, PUBLIC, begins, fits, told

RECENT_MAX: Final = 2_000  # Events at hand.
LOOK_MAX: Final = 200  # Events read at once.
LOOK_S_MAX: Final = 0.5
STREAMS_MAX: Final = 50
PLACE: Final = re.compile(r"[A-Za-z0-9._-]*:[0-9]{1,15}(,[A-Za-z0-9._-]*:[0-9]{1,15}){0,999}")

Place = dict[str, int]  # How far each partition was told.


class Feed:
    """The latest events, at hand."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._recent: deque[Envelope] = deque()  # In order within each partition.
        self._floor: Place = {}  # Not everything up to here is at hand.
        self._reached: Place = {}
        self._looking = asyncio.Lock()

    async def look(self) -> Mapping[str, int]:
        """See what is new; and how far that is. Raises `Unavailable`."""
        async with self._looking:
            ends = await self._engine.ends()
            for name in read_by([courier("feed", *EVENTS)], [*ends]):
                if name not in self._reached:  # From here on.
                    self._reached[name] = self._floor[name] = ends[name]
                while self._reached[name] < ends[name]:
                    found = await self._engine.read(self._reached[name], LOOK_MAX, name)
                    self._take(name, found, ends[name])
            return self._reached

    async def after(self, place: Place) -> tuple[Sequence[Envelope], Place]:
        """What came after this place, and the place after it. Raises `Unavailable`."""
        for name, floor in self._floor.items():
            if place.get(name, 0) < floor:
                found = await self._engine.read(place.get(name, 0), LOOK_MAX, name)
                upto = found[-1].position if len(found) == LOOK_MAX else max(floor, *(one.position for one in found), 0)
                return found, place | {name: upto}
        news = [one for one in self._recent if one.position > place.get(one.partition, 0)]
        reached = {name: max(place.get(name, 0), position) for name, position in self._reached.items()}
        return news, place | reached  # Who comes from a node that is ahead of this one is not told it again.

    def _take(self, name: str, found: Sequence[Envelope], end: int) -> None:
        self._reached[name] = found[-1].position if found else end
        self._recent.extend(one for one in found if one.type in PUBLIC)
        while len(self._recent) > RECENT_MAX:
            gone = self._recent.popleft()
            self._floor[gone.partition] = gone.position


class Listener(Stream):
    """What happens, to one program, until it lets go."""

    def __init__(self, feed: "Listening", place: Place, shows: Callable[[Envelope], bool]) -> None:
        super().__init__()
        self._feed, self._place, self._shows = feed, place, shows

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._feed.streams += 1
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._feed.streams -= 1

    async def chunks(self, gone: asyncio.Future[None]) -> AsyncIterator[str]:
        now = asyncio.get_running_loop().time
        until, pulse = now() + STREAM_S_MAX, now()
        yield f"retry: {AGAIN_MS}\n\n"
        while not (self._feed.closed() or gone.done() or now() >= until):
            mark, fresh = self._feed.mark(), ""
            try:
                fresh = await self._fresh()
            except Unavailable:  # The log is away: it says that it is still there, and waits.
                await asyncio.sleep(LOOK_S_MAX)
            if fresh:
                yield fresh
            elif now() >= pulse:
                pulse = now() + PULSE_S
                yield f"event: pulse\nid: {written(self._place)}\ndata:\n\n"
            else:
                await self._feed.moved(mark)

    async def _fresh(self) -> str:
        """What it has not been told yet; empty where there is nothing for it."""
        said: list[str] = []
        before = self._place
        events, after = await self._feed.after(before)
        for one in events:
            self._place = self._place | {one.partition: one.position}
            if self._shows(one):
                said.append(f"id: {written(self._place)}\ndata: {told(one, self._feed.source)}\n\n")
        self._place = after
        return "".join(said) or ("" if len(events) < LOOK_MAX else ": more\n\n")


class Listening(Feed):
    """The feed, and all that its streams have to know."""

    def __init__(self, engine: Engine, source: str, closed: Callable[[], bool]) -> None:
        super().__init__(engine)
        self.source, self.closed, self.streams = source, closed, 0

    def mark(self) -> int:
        return self._engine.store.mark()

    async def moved(self, mark: int) -> None:
        await self._engine.store.moved(mark, LOOK_S_MAX)

    async def after(self, place: Place) -> tuple[Sequence[Envelope], Place]:
        await self.look()
        return await super().after(place)


def router(engine: Engine, source: str, closed: Callable[[], bool]) -> APIRouter:
    """`closed`: whether everybody has to let go, because we stop."""
    routes, feed = APIRouter(prefix="/v1/events", tags=["subscriptions"]), Listening(engine, source, closed)

    @routes.get("", summary="Hear what happens", response_class=Response, responses=ANSWER)
    async def events(
        request: Request,
        types: Annotated[str, Query(max_length=1_000, examples=["case.,task.done"])],
        about: Annotated[str, Query(max_length=200, pattern=r"^([a-z][a-z-]*/[A-Za-z0-9._~/-]*)?$")] = "",
    ) -> Listener:
        """Server-sent events from now on, or from where `Last-Event-ID` says, however long ago that was."""
        wanted = tuple(types.split(","))
        if not any(begins(kind, prefix) for kind in PUBLIC for prefix in wanted):
            raise Refused("types names no type that others may hear of: docs/subscribers.md has them")
        if feed.streams >= STREAMS_MAX:
            raise HTTPException(503, f"{STREAMS_MAX} programs listen already: come back later", {"Retry-After": "5"})
        last = request.headers.get("last-event-id", "")
        place = read(last) if last else dict(await feed.look())
        return Listener(feed, place, lambda one: one.type in PUBLIC and fits(one.type, one.subject, wanted, about))

    return routes


ANSWER: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "Events", "content": {"text/event-stream": {"schema": {"type": "string"}}}}
}


def written(place: Place) -> str:
    return ",".join(f"{name}:{position}" for name, position in sorted(place.items()))


def read(said: str) -> Place:
    """Raises `Refused`."""
    if not PLACE.fullmatch(said):
        raise Refused("Last-Event-ID is no place that we told: leave it out to begin now")
    return {name: int(position) for name, _, position in (each.rpartition(":") for each in said.split(","))}
