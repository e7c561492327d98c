"""One reader of each partition for all tasks of a process that are near its end; whoever is far behind reads alone.

So a fact is fetched and opened once, however many tasks step it.
"""

import asyncio
from collections import Counter
from collections.abc import Callable

from engine.broker import Broker, Reader, Sent
from schemas.errors import DraadError


class Tails:
    """Of each partition the reader that is furthest: whoever comes near it reads along."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._shared: dict[str, Reader] = {}
        self._ways: Counter[str] = Counter()
        self._closing: set[asyncio.Task[None]] = set()

    def way(self, partition: str, news: Callable[[], None]) -> "Way":
        self._ways[partition] += 1
        return Way(self, partition, news)

    def shared(self, partition: str) -> Reader | None:
        return self._shared.get(partition)

    def open(self, partition: str, after: int, news: Callable[[], None]) -> Reader:
        return self._broker.reader(partition, after, news)

    def share(self, partition: str, reader: Reader) -> None:
        self.forget(partition)
        self._shared[partition] = reader

    def forget(self, partition: str) -> None:
        if reader := self._shared.pop(partition, None):
            self.drop(reader)

    def drop(self, reader: Reader) -> None:
        """Close it, though nobody waits for that."""
        closing = asyncio.create_task(reader.close())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    def left(self, partition: str) -> None:
        """One way less. After the last one nobody reads here."""
        self._ways[partition] -= 1
        if not self._ways[partition]:
            self.forget(partition)

    async def close(self) -> None:
        for partition in [*self._shared]:
            self.forget(partition)
        await asyncio.gather(*self._closing)


class Way:
    """One task's way along one partition, which only goes forward."""

    def __init__(self, tails: Tails, partition: str, news: Callable[[], None]) -> None:
        self._tails, self._partition, self._news = tails, partition, news
        self._alone: Reader | None = None

    def look(self, after: int, limit: int) -> list[Sent]:
        """What has come in after this position. Raises what fetching failed with."""
        reader = self._reader(after)
        try:
            return reader.look(after, limit)
        except DraadError:
            if reader is self._tails.shared(self._partition):
                self._tails.forget(self._partition)  # The others begin anew, each in its place.
            raise

    def _reader(self, after: int) -> Reader:
        shared, alone = self._tails.shared(self._partition), self._alone
        if shared and shared.holds(after):
            self._alone = None
            if alone:
                self._tails.drop(alone)
            return shared
        reader = alone or self._tails.open(self._partition, after, self._news)
        behind = shared is not None and after < shared.since
        self._alone = reader if behind else None
        if not behind:  # Nobody is further: from now on it is the one for all.
            self._tails.share(self._partition, reader)
            self._news()  # Whoever waited for the one before looks again.
        return reader

    async def close(self) -> None:
        alone, self._alone = self._alone, None
        if alone:
            await alone.close()
        self._tails.left(self._partition)
