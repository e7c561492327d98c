"""Reading the partitions of a log: who waits for news, and what has surely come."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, NamedTuple

from engine.broker import Broker, Reader, Sent
from engine.tail import Tails, Way
from schemas.errors import Unavailable
from schemas.event import Envelope

NEWS_S_MAX: Final = 10.0  # What is on Kafka already has to come within this time.


class Follower(NamedTuple):
    """Where somebody is who reads the log itself, and what he knows of those who wrote it."""

    reader: Reader
    told: int
    at: int  # What lies between was told before.
    heard: dict[int, int]


class Partitions:
    """All partitions of a log, for one process."""

    def __init__(self, broker: Broker) -> None:
        self._broker, self._tails = broker, Tails(broker)
        self._followers: dict[str, Follower] = {}
        self._looking = asyncio.Lock()
        self._marks: dict[str, int] = {}
        self._bells: dict[str, asyncio.Event] = {}

    def mark(self, partition: str = "") -> int:
        return self._marks.get(partition, 0)

    def wake(self, partition: str = "") -> None:
        """There is something new here; without a name: somewhere."""
        for name in {partition, ""}:
            self._marks[name] = self.mark(name) + 1
            if bell := self._bells.pop(name, None):
                bell.set()

    def wake_all(self) -> None:
        for name in [*self._bells]:
            self.wake(name)

    async def moved(self, mark: int, wait_s: float, partition: str = "") -> None:
        if self.mark(partition) == mark:
            bell = self._bells.setdefault(partition, asyncio.Event())
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await bell.wait()

    def way(self, partition: str) -> Way:
        """For a task, which reads along with the others."""
        return self._tails.way(partition, lambda: self.wake(partition))

    def reader(self, partition: str, after: int) -> Reader:
        """For a single look."""
        return self._broker.reader(partition, after, lambda: self.wake(partition))

    async def awaited(self, reader: Reader | Way, after: int, limit: int, partition: str) -> list[Sent]:
        """What is on Kafka already, and only has to come."""
        until = asyncio.get_running_loop().time() + NEWS_S_MAX
        while not (found := reader.look(after, limit)):
            mark, left = self.mark(partition), until - asyncio.get_running_loop().time()
            if left <= 0:
                raise Unavailable("Kafka hands over nothing, though there is something")
            await self.moved(mark, left, partition)
        return found

    async def at(self, partition: str, positions: Sequence[int]) -> list[Envelope]:
        """Single events."""
        found = []
        for position in positions:
            reader = self.reader(partition, position - 1)
            try:
                found.append((await self.awaited(reader, position - 1, 1, partition))[0].envelope)
            finally:
                await reader.close()
        return found

    async def read(self, after: int, limit: int, partition: str) -> list[Envelope]:
        """What follows, each event once. Whoever reads on from where he was knows every repeat."""
        async with self._looking:
            [end] = (await self._broker.ends([partition])).values()
            before = self._followers.pop(partition, None)
            if before and not before.told <= after <= before.at:
                await before.reader.close()
                before = None
            reader, _, at, heard = before or Follower(self.reader(partition, after), after, after, {})
            found: list[Envelope] = []
            try:
                while at < end and len(found) < limit:
                    for origin, sequence, _, envelope in await self.awaited(reader, at, limit, partition):
                        at = envelope.position
                        if sequence > heard.get(origin, 0) and len(found) < limit:
                            heard[origin] = sequence
                            found.append(envelope)
            except BaseException:
                await reader.close()
                raise
            told = found[-1].position if found else after
            self._followers[partition] = Follower(reader, told, told if len(found) == limit else at, heard)
            return found

    async def close(self) -> None:
        self.wake_all()
        async with self._looking:  # Whoever reads still puts his reader back.
            await asyncio.gather(*(follower.reader.close() for follower in self._followers.values()))
        await self._tails.close()
