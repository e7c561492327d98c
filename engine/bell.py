"""A bell between machines, over Redis: who wrote something rings it, and all others look at once.

It carries no facts and promises nothing. Whoever waits looks by himself now and then too, so that a ring that nobody
heard costs a moment, and Redis may be away for as long as it likes.
"""

import asyncio
import re
import secrets
from collections.abc import Callable
from typing import Final

import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from engine.client import ended
from schemas.errors import Refused

LULL_S: Final = 0.005  # What is rung in this time goes out as one message.
PULSE_S: Final = 2.0  # After so much silence it asks whether Redis is there, and after as much again it is gone.
ANSWER_S_MAX: Final = 2.0
REST_S_MIN: Final = 0.1  # Between two tries; each time twice as long.
REST_S_MAX: Final = 5.0
NAMES_MAX: Final = 100  # Partitions in one message: more are said as "anywhere".
PARTITION: Final = re.compile(r"(?:[a-z][a-z-]{0,59}-[0-9]{1,6})?", re.ASCII)  # Empty is anywhere.
AWAY: Final = (RedisError, OSError)

log = structlog.get_logger("engine")


class Bell:
    """One process's end of it. Those who share a Redis and a name hear each other; `heard` while Redis is there."""

    def __init__(self, url: str, name: str, rang: Callable[[str], None]) -> None:
        """Listen from now on. Raises `Refused` for an address that is none."""
        self.heard = False
        self._name, self._rang = name, rang
        self._me = secrets.token_hex(8)  # By which it knows its own messages.
        try:
            self._redis = Redis.from_url(
                url,
                retry=Retry(NoBackoff(), 0),  # It tries again by itself, and says so.
                socket_timeout=ANSWER_S_MAX,
                socket_connect_timeout=ANSWER_S_MAX,
            )
        except ValueError:
            raise Refused("the address of Redis is redis://:password@host:port/number, or rediss:// with TLS") from None
        self._rung: set[str] = set()
        self._ringing, self._open = asyncio.Event(), asyncio.Event()
        self._silent: str | None = None  # Why, once that was said.
        self._tasks = [asyncio.create_task(self._hear()), asyncio.create_task(self._tell())]

    def ring(self, partition: str) -> None:
        """There is something new on this partition. It only makes a note: a task of its own passes it on."""
        assert PARTITION.fullmatch(partition), "the bell tells of partitions, and of nothing on them"
        self._rung.add(partition if len(self._rung) < NAMES_MAX else "")
        self._ringing.set()

    async def close(self) -> None:
        try:
            await ended(*self._tasks)
        finally:
            self.heard = False
            await self._redis.aclose()
        for task in self._tasks:
            if not task.cancelled():  # It ended by itself: a mistake of ours, or of whoever is called.
                task.result()

    async def _tell(self) -> None:
        """Pass on what is rung, and keep it for as long as Redis is away."""
        while True:
            await self._ringing.wait()
            await self._open.wait()
            await asyncio.sleep(LULL_S)
            rung, self._rung = self._rung, set()
            self._ringing.clear()
            names = [""] if "" in rung else sorted(rung)
            try:
                await self._redis.publish(self._name, " ".join((self._me, *names)))
            except AWAY:  # Whoever listens says so; nobody knows whether it went out, and twice does no harm.
                for name in rung:
                    self.ring(name)
                await asyncio.sleep(REST_S_MIN)

    async def _hear(self) -> None:
        rest_s = REST_S_MIN
        while True:
            try:
                async with self._redis.pubsub() as line:
                    await line.subscribe(self._name)
                    await self._listen(line)
            except AWAY as error:
                rest_s = REST_S_MIN if self.heard else min(2 * rest_s, REST_S_MAX)
                self._gone(type(error).__name__)  # Never its words: they may hold the address.
            await asyncio.sleep(rest_s)

    async def _listen(self, line: PubSub) -> None:
        """Until it is silent. Raises what the connection raises, and `TimeoutError`."""
        asked = False
        while True:
            message = await line.get_message(timeout=PULSE_S)
            if message is None:
                if asked:
                    raise TimeoutError
                asked = True
                await line.ping()
                continue
            asked = False
            if message["type"] == "subscribe":
                self._back()
            elif message["type"] == "message":
                self._take(message["data"])

    def _take(self, message: bytes) -> None:
        sender, *names = message.decode("ascii", "replace").split(" ")
        if sender != self._me:
            for name in names[:NAMES_MAX]:
                if PARTITION.fullmatch(name):
                    self._rang(name)

    def _back(self) -> None:
        self.heard = True
        self._open.set()
        if self._silent is not None:
            log.info("engine.bell.heard")
            self._silent = None
        self._rang("")  # What was rung before, nobody here has heard.

    def _gone(self, why: str) -> None:
        self.heard = False
        self._open.clear()
        if self._silent is None:
            log.warning("engine.bell.silent", error=why)
            self._silent = why
