"""The latest entries, ready to show, shared by everybody who watches.

There is no queue per watcher: each has only its place, and asks what came after it. So a slow one costs nothing, and
one that was away too long is told to look anew.
"""

import asyncio
import re
from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple

import structlog

from engine.engine import Engine
from schemas.errors import Unavailable
from services.desk.page import Page
from services.desk.reading import Row, logged_after, logged_last
from services.desk.timeline import timeline

RECENT_MAX: Final = 500  # Entries that are kept ready: who is further behind looks anew.
LOOK_MAX: Final = 200  # Entries read at once.
LOOK_S_MIN: Final = 0.02  # Between two looks: what is written meanwhile is seen in one go.
LOOK_S_MAX: Final = 0.5
RETRY_S: Final = 1.0
PLACE: Final = re.compile(r"e(\d{1,9}\.\d{1,9})p(\d{1,18})")

log = structlog.get_logger("desk")


class Entry(NamedTuple):
    """One entry as it is shown, and its place on the log."""

    position: int
    html: str


class Feed:
    """What is new on the timeline. `edition` changes when what was shown before may no longer be so."""

    def __init__(self, engine: Engine, page: Page) -> None:
        self._engine, self._page = engine, page
        self._recent: deque[Entry] = deque()
        self._floor = 0  # Not everything up to here is at hand.
        self._edition = ""
        self._position = 0
        self._changed = asyncio.Event()
        self.begun = asyncio.Event()  # Set once there is a timeline to show.
        self.closed = False

    @property
    def place(self) -> str:
        """Where the timeline is now: what to ask `after` next time."""
        return self.named(self._position)

    def named(self, position: int) -> str:
        return f"e{self._edition}p{position}"

    def after(self, place: str) -> Sequence[Entry] | None:
        """The entries after this place, in the order in which they were logged. None: too much has changed."""
        if not self._edition:
            return ()  # It has not looked yet.
        found = PLACE.fullmatch(place)
        if found is None or found[1] != self._edition or int(found[2]) < self._floor:
            return None
        return [entry for entry in self._recent if entry.position > int(found[2])]

    def changing(self) -> asyncio.Event:
        """An event that is set when there is something new after now."""
        return self._changed

    def close(self) -> None:
        """Let everybody go."""
        self.closed = True
        self._ring()

    async def run(self) -> None:
        """Keep it up to date, until it is closed."""
        while not self.closed:
            mark = self._engine.store.mark()
            try:
                if await self.look():
                    continue
            except Unavailable:
                log.warning("desk.feed.retrying")
                await asyncio.sleep(RETRY_S)
            await asyncio.sleep(LOOK_S_MIN)
            await self._engine.store.moved(mark, LOOK_S_MAX)

    async def look(self) -> bool:
        """See what is new; true if there may be more."""
        edition = await self._current_edition()
        if edition is None:
            return False
        if edition != self._edition:
            await self._begin(edition)
            return True
        newer = await logged_after(self._engine, self._position, LOOK_MAX)
        if newer:
            self._take(newer)
            self._ring()
        return len(newer) == LOOK_MAX

    async def _current_edition(self) -> str | None:
        """The task that keeps the timeline, and how much it has set aside: what is tried again comes out of turn."""
        for standing in await self._engine.standings():
            if standing.task.name == timeline.name and standing.task.active:
                return f"{standing.task.number}.{standing.parked}"
        return None

    async def _begin(self, edition: str) -> None:
        latest = await logged_last(self._engine, RECENT_MAX + 1)  # One more, to know whether there are.
        self._recent.clear()
        self._floor = self._position = 0
        self._edition = edition
        self._take(latest)
        self.begun.set()
        self._ring()

    def _take(self, rows: Sequence[Row]) -> None:
        for row in rows:
            self._recent.append(Entry(row["position"], self._page.entry(row)))
            self._position = row["position"]
        while len(self._recent) > RECENT_MAX:
            self._floor = self._recent.popleft().position

    def _ring(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
