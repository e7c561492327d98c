"""Tasks that are about equally far read a partition together, and each of them gets all that follows its own place."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import broker
from engine.broker import Broker, Reader, Sent
from engine.kafka import KafkaStore
from engine.tail import Tails, Way
from schemas.errors import Unavailable
from schemas.event import Envelope
from tests.contract.parts import PARTS, added
from tests.contract.places import MONDAY, KafkaPlace

on_kafka = pytest.mark.xdist_group("kafka")
WHERE: Final = "jar-0"
KEPT: Final = 4


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[KafkaPlace]:
    found = KafkaPlace(tmp_path, partitions=1)
    yield found
    await found.close()


async def store(place: KafkaPlace) -> KafkaStore:
    found = await place.store()
    await found.append([added(MONDAY, "jar/a", n, str(n)) for n in range(10)])
    await found.carried()
    return found


@on_kafka
async def test_all_parts_share_one_reader_of_a_partition_and_leave_none_behind(place: KafkaPlace) -> None:
    engine = await place.open()
    opened: list[Reader] = []
    kafka = engine.store._broker  # type: ignore[attr-defined]  # This one has a broker.
    make: Callable[..., Reader] = kafka.reader

    def noted(*given: Any) -> Reader:
        opened.append(make(*given))
        return opened[-1]

    kafka.reader = noted
    await engine.append(*(added(MONDAY, "jar/a", n, str(n)) for n in range(10)))
    await engine.settle(*PARTS)
    assert len(opened) == len({reader._partition for reader in opened})
    await engine.close()
    assert all(reader._consumer._closed for reader in opened)


@on_kafka
async def test_who_waits_at_a_reader_that_a_further_one_replaces_goes_on_at_once(place: KafkaPlace) -> None:
    found = await store(place)
    behind, further = found._log.way(WHERE), found._log.way(WHERE)
    waiting = asyncio.create_task(found._log.awaited(behind, 0, 100, WHERE))
    await asyncio.sleep(0)  # It has looked once.
    assert further.look(10, 100) == []
    assert [one.envelope.position for one in await waiting] == list(range(1, 11))
    for way in (behind, further):
        await way.close()
    await found.close()


@on_kafka
async def test_when_a_shared_reader_fails_everybody_begins_anew(place: KafkaPlace) -> None:
    found = await store(place)
    ways = [found._log.way(WHERE) for _ in range(3)]
    for way in ways:
        await found._log.awaited(way, 0, 100, WHERE)
    shared = found._log._tails.shared(WHERE)
    assert shared
    shared._error = Unavailable("Kafka cannot be read")
    with pytest.raises(Unavailable):
        ways[0].look(10, 100)
    await found.append([added(MONDAY, "jar/a", 10, "10")])
    for way in ways:
        assert len(await found._log.awaited(way, 10, 100, WHERE)) == 1
        await way.close()
    await found.close()


class Fed(Reader):
    """A reader that fetches when it is told."""

    def __init__(self, log: list[Sent], after: int, news: Callable[[], None]) -> None:
        self._records, self._passed, self._error = [], 0, None
        self._room, self._news = asyncio.Event(), news
        self.since = self._at = after
        self.log, self.closed = log, False

    def fetch(self, most: int) -> None:
        if len(self._records) - self._passed < KEPT:
            more = self.log[self._at : self._at + most]
            self._records.extend(more)
            self._at += len(more)

    async def close(self) -> None:
        self.closed = True


class Feeding(Broker):
    def __init__(self) -> None:
        self.log: list[Sent] = []
        self.readers: list[Fed] = []

    def reader(self, partition: str, after: int, news: Callable[[], None]) -> Reader:
        self.readers.append(Fed(self.log, after, news))
        return self.readers[-1]

    def write(self, count: int) -> None:
        for position in range(len(self.log) + 1, len(self.log) + 1 + count):
            said = Envelope("", "jar.added", "jar/a", "{}", "", "", 0, position, WHERE)
            self.log.append(Sent(1, position, WHERE, said))


VERBS: Final = ("write", "fetch", "look", "come", "go")
Deed = tuple[str, int, int]
DEEDS: Final = st.tuples(st.sampled_from(VERBS), st.integers(0, 5), st.integers(1, 9))


class Walk:
    """Ways along one partition, each with its place."""

    def __init__(self, starts: list[int]) -> None:
        self.feeding = Feeding()
        self.feeding.write(20)
        self.tails = Tails(self.feeding)
        self.ways: dict[int, Way] = {}
        self.at: dict[int, int] = {}
        for n, start in enumerate(starts):
            self.come(n, start)

    def write(self, _: int, many: int) -> None:
        self.feeding.write(many)

    def fetch(self, _: int, many: int) -> None:
        for reader in self.feeding.readers:
            if not reader.closed:
                reader.fetch(many)

    def come(self, n: int, start: int) -> None:
        if n not in self.ways:
            self.ways[n], self.at[n] = self.tails.way(WHERE, lambda: None), start

    def look(self, n: int, limit: int) -> None:
        if n in self.ways:
            found = [one.envelope.position for one in self.ways[n].look(self.at[n], limit)]
            assert found == [*range(self.at[n] + 1, self.at[n] + 1 + len(found))]
            self.at[n] += len(found)

    def go(self, n: int, _: int) -> None:
        if way := self.ways.pop(n, None):
            asyncio.get_running_loop().create_task(way.close())

    async def end(self) -> None:
        for n in [*self.ways]:
            for _ in range(2 * len(self.feeding.log)):
                self.look(n, 3)
                self.fetch(n, 3)
            assert self.at[n] == len(self.feeding.log), "nobody waits for ever"
        for way in self.ways.values():
            await way.close()
        await self.tails.close()
        assert all(reader.closed for reader in self.feeding.readers)


@given(st.lists(DEEDS, max_size=60), st.lists(st.integers(0, 20), min_size=1, max_size=4))
def test_whoever_comes_looks_and_goes_each_gets_all_that_follows_its_place_in_order(
    deeds: list[Deed], starts: list[int]
) -> None:
    async def walked() -> None:
        walk = Walk(starts)
        for verb, n, many in deeds:
            getattr(walk, verb)(n, many)
            await asyncio.sleep(0)
        await walk.end()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(broker, "BEHIND_MAX", KEPT)
        asyncio.run(walked())
