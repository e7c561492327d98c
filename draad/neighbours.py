"""Nodes tell each other who is at which story, over Redis. While it is away each node knows its own colleagues only."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import structlog
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from engine.client import ended
from services.desk.presence import NODE_S, Presence

CHANNEL: Final = "draad:presence"
BEAT_S: Final = NODE_S / 3  # So often everything is told again, whether it changed or not.
LULL_S: Final = 0.05  # What changes in this time is told in one go.
ANSWER_S_MAX: Final = 2.0
REST_S: Final = 1.0
AWAY: Final = (RedisError, OSError)

log = structlog.get_logger("desk")


class Neighbours:
    """One node's end of it. Those who share a Redis and a `prefix` hear each other."""

    def __init__(self, url: str, prefix: str, presence: Presence) -> None:
        once = Retry(NoBackoff(), 0)  # It is told again by itself.
        self._redis = Redis.from_url(
            url, retry=once, socket_timeout=ANSWER_S_MAX, socket_connect_timeout=ANSWER_S_MAX, decode_responses=True
        )
        self._channel, self._presence = f"{CHANNEL}:{prefix}", presence
        self._changed = asyncio.Event()
        presence.changed.append(self._changed.set)

    async def run(self) -> None:
        """Until it is cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._tell())
                group.create_task(self._hear())
        finally:
            await self._redis.aclose()

    async def _tell(self) -> None:
        said = ""
        while True:
            self._changed.clear()
            now = self._presence.told()
            try:
                await self._redis.publish(self._channel, f"{self._presence.node} {now}")
                said = now
            except AWAY:  # Whoever listens says so.
                await asyncio.sleep(REST_S)
            await self._wait(said)

    async def _wait(self, said: str) -> None:
        """Until there is something else to tell, or everything is to be told again."""
        try:
            async with asyncio.timeout(BEAT_S):
                while self._presence.told() == said:
                    await self._changed.wait()
                    self._changed.clear()
                    await asyncio.sleep(LULL_S)
        except TimeoutError:
            return

    async def _hear(self) -> None:
        while True:
            try:
                async with self._redis.pubsub() as line:
                    await line.subscribe(self._channel)
                    while True:
                        message = await line.get_message(ignore_subscribe_messages=True, timeout=BEAT_S)
                        if message:
                            node, _, told = message["data"].partition(" ")
                            self._presence.heard(node, told)
            except AWAY as error:
                log.warning("desk.neighbours.silent", error=type(error).__name__)  # Never its words.
            await asyncio.sleep(REST_S)


@asynccontextmanager
async def neighbours(url: str | None, prefix: str, presence: Presence) -> AsyncIterator[None]:
    """Tell and hear meanwhile, if there is a Redis to do it over."""
    task = asyncio.create_task(Neighbours(url, prefix, presence).run()) if url else None
    try:
        yield
    finally:
        await ended(task)
