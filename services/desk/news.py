"""What is new at the desk, kept at hand for everybody who watches: the work list as it stands, and the latest entries.

There is no queue per watcher: each has only its place, and asks what came after it that is part of its story. So a slow
one costs nothing, and one that was away too long is told to look anew. A place says how far each partition was seen, so
that it means the same on every node.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import structlog
from sqlalchemy import Select, Table, select, union_all

from engine.ask import Row, ask, forget
from engine.cluster import read_by
from engine.engine import Engine
from engine.since import since
from engine.values import filled, slots
from schemas.errors import Unavailable
from services.desk.entry import entry
from services.desk.place import Place
from services.desk.story import VIEWS

RECENT_MAX: Final = 2_000  # Entries that are kept at hand: who is further behind looks anew.
LOOK_MAX: Final = 400  # Entries read at once.
LOOK_S_MIN: Final = 0.02  # Between two looks: what is written meanwhile is seen in one go.
LOOK_S_MAX: Final = 0.5
DRAW_S_MIN: Final = 0.25  # Between two drawings of the work list: each takes as long as some contacts do.
RETRY_S: Final = 0.1
TOLD_EVERY: Final = 50  # Tries in a row: at a first start the views come one by one, and that is no news.
FROM: Final = {view.name: view.version for view in VIEWS}
NAMES: Final = "desk."  # As which they all begin.
NEVER: Final = 2**31

log = structlog.get_logger("desk")

Match = Callable[[Row], bool]


class Fresh(NamedTuple):
    """What came after a place, and the place after it."""

    rows: Sequence[Row]
    place: Place | None


class Stand(NamedTuple):
    """Which entries there are, if there are any yet; how far they are on each partition, and every view of them."""

    edition: str | None
    entered: Mapping[str, int]
    known: Mapping[str, int]


class News:
    """`board` makes the work list, as text. The edition of `place` changes when what was shown may no longer be so."""

    def __init__(self, engine: Engine, board: Callable[[], Awaitable[str]]) -> None:
        self._engine, self._board = engine, board
        self._recent: deque[Row] = deque()  # In order within each partition.
        self._floor: dict[str, int] = {}  # Not everything up to here is at hand.
        self._looked: dict[str, int] = {}  # Everything up to here was looked at.
        self._lags = False  # There is more that some view does not know of yet, and nobody says when it does.
        self.place = Place("", {})  # How far it is. Ask it before a story is read, so that no gap is left.
        self.html = ""  # The work list, once somebody looked.
        self._changed = asyncio.Event()
        self.begun = asyncio.Event()
        self.closed = False

    async def shown(self) -> str:
        """The work list as it stands; where nobody looked yet, it is made now. Raises `Unavailable` without a view."""
        return self.html or await self._board()

    def after(self, place: Place | None, match: Match) -> Fresh | None:
        """What came after this place and is part of the story. None: look anew."""
        if not self.begun.is_set():
            return Fresh((), place)
        if place is None or place.edition != self.place.edition:
            return None
        if not all(place.saw(partition, floor) for partition, floor in self._floor.items()):
            return None
        behind = {partition for partition, reached in self.place.reached.items() if not place.saw(partition, reached)}
        new: list[Row] = []
        for row in reversed(self._recent):
            if not behind:
                break  # All that is older was seen.
            if not place.saw(row["partition"], row["position"]):
                new.append(row)
            else:
                behind.discard(row["partition"])
        # Whoever comes from a node that is ahead of this one saw more, and is not told it again.
        return Fresh([row for row in reversed(new) if match(row)], place.joined(self.place))

    def changing(self) -> asyncio.Event:
        """An event that is set when there is something new after now."""
        return self._changed

    def close(self) -> None:
        """Let everybody go."""
        self.closed = True
        self.ring()

    async def run(self) -> None:
        """Keep it up to date, until it is closed."""
        now = asyncio.get_running_loop().time
        draw_at, failed = now(), 0
        while not self.closed:
            mark, more = self._engine.store.mark(), False
            try:
                more = await self._listen()
                if now() >= draw_at:
                    await self._draw()
                    draw_at = now() + DRAW_S_MIN
                failed = 0
            except Unavailable:
                failed += 1
                if failed % TOLD_EVERY == 0:
                    log.warning("desk.news.retrying")
                await asyncio.sleep(RETRY_S)
                continue
            if not more:
                await asyncio.sleep(LOOK_S_MIN)
                if not self._lags:
                    await self._engine.store.moved(mark, LOOK_S_MAX)

    async def look(self) -> bool:
        """See what is new; true if there may be more."""
        more = await self._listen()
        await self._draw()
        return more or self._lags

    async def _listen(self) -> bool:
        """Hear what happened; true if there may be more."""
        before, more = self.place, await self._follow()
        if self.place != before:
            self.ring()
        return more

    async def _draw(self) -> None:
        """The list of what there is to do."""
        html = await self._board()
        if html != self.html:
            self.html = html
            self.ring()

    async def _follow(self) -> bool:
        """Take what was entered since; true if there may be more.

        Whoever is told of an entry and reads anew, reads what follows from it: so every view has to know of it.
        """
        stand = await standing(self._engine)
        self._lags = stand.known != stand.entered
        if stand.edition is None:
            return False
        if stand.edition != self.place.edition:
            await self._begin(stand.edition)
            return True
        ahead = {name: at for name, at in stand.known.items() if at > self._looked.get(name, 0)}
        return await self._read(ahead, stand.edition) if ahead else False

    async def _read(self, ahead: Mapping[str, int], edition: str) -> bool:
        """Read on, up to these positions; true if it was too much for once."""
        rows, upto = await since(self._engine, entry, self._looked, ahead, LOOK_MAX)
        if rows and (await standing(self._engine)).edition != edition:
            return True  # Nobody knows of which one these are.
        self._take(rows)
        self._looked |= upto
        return upto != ahead

    async def _begin(self, edition: str) -> None:
        """From here on: what was before stands in the stories."""
        forget(self._engine)
        ends = await entered_last(self._engine)
        if (await standing(self._engine)).edition != edition:
            return  # It changed while we read: the next look begins again.
        self._recent.clear()
        self._floor, self._looked, self.place = dict(ends), dict(ends), Place(edition, ends)
        self.begun.set()

    def _take(self, rows: Sequence[Row]) -> None:
        self._recent.extend(rows)
        if rows:
            last = {row["partition"]: row["position"] for row in rows}
            self.place = self.place._replace(reached={**self.place.reached, **last})
        while len(self._recent) > RECENT_MAX:
            gone = self._recent.popleft()
            self._floor[gone["partition"]] = gone["position"]

    def ring(self) -> None:
        """Have everybody who watches look at what they watch."""
        self._changed.set()
        self._changed = asyncio.Event()


async def standing(engine: Engine) -> Stand:
    """The task that keeps the entries, and how much it has set aside: what is tried again comes out of turn."""
    tasks = [one for one in await engine.store.active(NAMES) if one.task.version >= FROM.get(one.task.name, NEVER)]
    ours = [one for one in tasks if one.task.name == entry.name]
    if not ours:
        return Stand(None, {}, {})
    entered = {one.task.partition: one.task.position for one in ours}
    known = dict(entered)
    for task, _ in tasks:
        if task.partition in known:
            known[task.partition] = min(known[task.partition], task.position)
    return Stand(f"{min(one.task.number for one in ours)}.{sum(one.parked for one in ours)}", entered, known)


async def entered_last(engine: Engine) -> Mapping[str, int]:
    """The position up to which each partition was told."""
    names = read_by([entry], await engine.partitions())
    rows = await ask(engine, ends, [entry], (len(names),), filled("partition", names))
    return {row["partition"]: row["position"] for row in rows}


def ends(row: Table, many: int) -> Select[Any]:
    stretches = (
        select(row.c.partition, row.c.position)
        .where(row.c.partition == where)
        .order_by(row.c.position.desc())
        .limit(1)
        .subquery()
        for where in slots("partition", many)
    )
    every = union_all(*(select(one) for one in stretches)).subquery()
    return select(every)
