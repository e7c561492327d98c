"""A worker's sign of life, apart from its work: whoever computes for long still holds what it holds.

Each worker says which parts it runs, and sees who else does. So each knows by itself which partitions are its own, and
within seconds takes over those of a dead one. Nothing that must be right hangs on this: a token fences every write.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from threading import Thread
from typing import Any, Final
from zlib import crc32

import asyncpg

from engine.postgres import SESSION, WORLDLY, Db
from schemas.errors import Unavailable

BEAT_S: Final = 0.5
ALIVE_S: Final = 6.0  # A worker that has said nothing for so long is dead. By the database's clock, which all share.
ANSWER_S_MAX: Final = 3.0

ASKED: Final = """SELECT (SELECT coalesce(md5(string_agg(task || subject, ' ' ORDER BY task)), '') FROM redrive)
                  || (SELECT count(*) || '-' || coalesce(max(number), 0) FROM task WHERE NOT active)"""
# A dead worker's sessions end: held in the midst of a transaction, it would keep what it locked from the others.
ENDED: Final = f"""SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name IN
                   (SELECT '{SESSION}' || holder FROM worker
                    WHERE until < extract(epoch FROM clock_timestamp()) AND holder <> $1)"""


class Heart(Thread):
    """Beats until it is stopped, on a thread and a connection of its own."""

    def __init__(self, url: str, worker: str, changed: Callable[[], None]) -> None:
        super().__init__(name="draad-heart", daemon=True)
        self.worker = worker
        self.skew_s = 0.0  # How far the database's clock is ahead of this machine's.
        self._ahead_s = 0.0  # How far it is ahead of a clock here that nobody sets.
        self._url, self._changed = url, changed
        self._main = asyncio.get_running_loop()
        self._places: dict[str, Sequence[str]] = {"": ()}
        self._alive: Mapping[str, Sequence[str]] = {}
        self._asked = ""
        self._waiting: list[asyncio.Future[None]] = []
        self._loop = asyncio.new_event_loop()
        self._hurry = asyncio.Event()
        self._ended = False

    def now(self) -> datetime:
        """What the database's clock says, which all share: never more, and less by no more than an answer takes.

        Between two beats it is counted on by a clock that nobody sets, so that this machine's own may jump.
        """
        return datetime.fromtimestamp(self._ahead_s + time.monotonic(), UTC)

    async def announce(self, part: str, places: Sequence[str]) -> None:
        """This worker runs that part, which has its work at these places. Returns when others can know."""
        if self._places.get(part) != tuple(places):
            self._places[part] = tuple(places)
            await self.beat()

    def is_ours(self, part: str, place: str) -> bool:
        """Whether this worker is the one to work there, as far as it knows who else is alive."""
        places, workers = self._places.get(part, ()), self._alive.get(part, ())
        if place not in places or self.worker not in workers:
            return False
        turn = places.index(place) + crc32(part.encode())  # So that what remains is not always the first one's.
        return workers[turn % len(workers)] == self.worker

    async def beat(self) -> None:
        """Once more, now. Raises `Unavailable` where the database does not answer."""
        beaten = self._main.create_future()
        self._waiting.append(beaten)
        self._loop.call_soon_threadsafe(self._hurry.set)
        try:
            async with asyncio.timeout(2 * ANSWER_S_MAX):
                await beaten
        except TimeoutError:
            raise Unavailable("PostgreSQL does not answer") from None

    async def stop(self) -> None:
        self._ended = True
        if self.is_alive():
            self._loop.call_soon_threadsafe(self._hurry.set)
            await asyncio.to_thread(self.join, 2 * ANSWER_S_MAX)
        elif not self._loop.is_closed():  # It never started.
            self._loop.close()

    def run(self) -> None:
        with (
            asyncio.Runner(loop_factory=lambda: self._loop) as runner,
            suppress(RuntimeError),
        ):  # Nobody listens any more.
            runner.run(self._live())

    async def _live(self) -> None:
        while not self._ended:
            with suppress(*WORLDLY, asyncpg.InterfaceError):  # Others see that it is silent, and it goes on trying.
                named = {"application_name": SESSION + self.worker}
                db = await asyncpg.connect(
                    self._url, timeout=ANSWER_S_MAX, command_timeout=ANSWER_S_MAX, server_settings=named
                )
                try:
                    await self._go_on(db)
                finally:
                    db.terminate()
            await self._rest()

    async def _go_on(self, db: Db) -> None:
        while not self._ended:
            self._hurry.clear()
            waiting, self._waiting = self._waiting, []
            await self._beat(db)
            for beaten in waiting:
                self._main.call_soon_threadsafe(settle, beaten)
            await self._rest()
        await db.execute("DELETE FROM worker WHERE holder = $1", self.worker)

    async def _rest(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(BEAT_S):
                await self._hurry.wait()

    async def _beat(self, db: Db) -> None:
        await db.execute(ENDED, self.worker)
        async with db.transaction():
            now = float(await db.fetchval("SELECT extract(epoch FROM clock_timestamp())"))
            self.skew_s, self._ahead_s = now - time.time(), now - time.monotonic()
            await db.execute(
                """INSERT INTO worker (holder, part, until) SELECT $1, unnest($2::text[]), $3
                   ON CONFLICT (holder, part) DO UPDATE SET until = excluded.until""",
                self.worker, list(self._places), now + ALIVE_S,
            )  # fmt: skip
            await db.execute("DELETE FROM worker WHERE until < $1", now - ALIVE_S)
            query = "SELECT part, array_agg(holder ORDER BY holder) FROM worker WHERE until > $1 GROUP BY part"
            alive: dict[str, Any] = dict(map(tuple, await db.fetch(query, now)))
            asked = str(await db.fetchval(ASKED))
        if (alive, asked) != (self._alive, self._asked):
            self._alive, self._asked = alive, asked
            self._main.call_soon_threadsafe(self._changed)


def settle(beaten: "asyncio.Future[None]") -> None:
    if not beaten.done():
        beaten.set_result(None)
