"""The desk on many nodes: a log of several partitions, one database, and everybody sees everything once."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final
from uuid import uuid4

import pytest
from sqlalchemy import select

from draad.parts import PARTS
from engine.cluster import Cluster
from engine.kafka import KafkaStore
from engine.wanted import load
from schemas.contact import ContactReceived
from schemas.event import Envelope, Event, fact
from schemas.party import PartyAddressLinked, PartyRegistered
from services.desk import news as newses
from services.desk.entry import entry
from services.desk.news import News, entered_last
from services.desk.place import Place
from tests.contract.places import make_database, make_topics, servers
from tests.rooms import NOW, Rooms, clock, rooms
from tests.tools import everywhere
from tests.watcher import COUNTED, WAIT_S, Reader, name_of, walked

TOPICS: Final = tuple(load().topics)
PARTITIONS: Final = 3
ADDRESSES: Final = 40
CONTACTS: Final = 300
LATE: Final = 60  # Of these, so old that an overdue follows.
TOPIC: Final = "address"
PARTY: Final = "party/p1"  # Whose all these addresses are.

pytestmark = pytest.mark.xdist_group("kafka")  # Its broker is started once, by one of the test processes.


@pytest.fixture
async def town() -> Cluster:
    """Topics and a database of its own."""
    here, name = await asyncio.to_thread(servers), f"t{uuid4().hex[:12]}"
    await asyncio.gather(
        make_topics(here.kafka.address, [f"{name}.{topic}" for topic in TOPICS], PARTITIONS),
        make_database(here.postgres, name, "pattern"),
    )
    return Cluster(here.kafka.address, here.postgres.url(name), TOPICS, prefix=f"{name}.")


@asynccontextmanager
async def node(town: Cluster) -> AsyncIterator[Rooms]:
    """One that works and shows."""
    async with rooms(await KafkaStore.open(town, clock)) as built, asyncio.TaskGroup() as group:
        group.create_task(built.engine.run(*PARTS))
        group.create_task(built.house.news.run())
        try:
            await asyncio.wait_for(built.house.news.begun.wait(), WAIT_S)
            yield built
        finally:
            built.house.news.close()
            built.engine.stop()


@pytest.fixture
async def nodes(town: Cluster) -> AsyncIterator[tuple[Rooms, Rooms]]:
    async with node(town) as one, node(town) as two:
        await one.engine.append(*(fact(event, key=f"party {nth}") for nth, event in enumerate(party())))
        await quiet(one, two)
        yield one, two


async def quiet(*nodes: Rooms) -> None:
    """Everything is worked out, and every node has seen it."""
    for each in nodes:
        await each.engine.store.carried()  # Only what is on the log can be behind.
        while (
            not await everywhere(each.engine, PARTS)
            or any(standing.behind for standing in await each.engine.standings())
            or await entered_last(each.engine) != each.house.news.place.reached
        ):
            await each.engine.store.moved(each.engine.store.mark(), 0.1)


def party() -> Sequence[Event]:
    def linked(n: int) -> PartyAddressLinked:
        ids = {"party_id": "p1", "address_id": f"a{n}", "channel": "phone", "address": "+31612345678"}
        return PartyAddressLinked(at=NOW, certainty="certain", **ids)

    jan = PartyRegistered(at=NOW, party_id="p1", kind="person", name="Jan")
    return [jan, *(linked(n) for n in range(ADDRESSES))]


def contact(n: int) -> Envelope:
    at = NOW.replace(day=NOW.day - 3 if n < LATE else NOW.day)
    event = ContactReceived(
        at=at, contact_id=f"c{n}", address_id=f"a{n % ADDRESSES}", channel="phone", text=f"nummer {n}"
    )
    return fact(event, key=str(n))


async def come_in(nodes: Sequence[Rooms], first: int = 0, last: int = CONTACTS) -> None:
    """Contacts on many addresses, some at each node, a few at a time."""
    for n in range(first, last, 5):
        await nodes[n // 5 % len(nodes)].engine.append(*(contact(m) for m in range(n, min(n + 5, last))))


async def rows(node: Rooms) -> list[Any]:
    table = await node.engine.table(entry)
    return list(await node.engine.fetch(select(table).where(table.c.type.in_(COUNTED))))


async def names(node: Rooms) -> set[str]:
    found = [name_of(row) for row in await rows(node)]
    assert len(set(found)) == len(found)
    return set(found)


def all_of(*readers: Reader, count: int = CONTACTS + LATE) -> Callable[[], bool]:
    return lambda: all(len(reader.shown) == count for reader in readers)


def more_than(count: int, reader: Reader) -> Callable[[], bool]:
    return lambda: len(reader.shown) > count


async def test_every_node_shows_everything_once(nodes: tuple[Rooms, Rooms]) -> None:
    one, two = Reader(PARTY), Reader(PARTY)
    async with asyncio.TaskGroup() as group:
        for reader, at in zip((one, two), nodes, strict=True):
            await reader.open(at)
            group.create_task(reader.follow(at, all_of(reader)))
        group.create_task(come_in(nodes))
    stored = await names(nodes[0])
    assert one.shown == two.shown == stored
    assert {row["partition"] for row in await rows(nodes[1])} == {f"{TOPIC}-{n}" for n in range(PARTITIONS)}
    assert one.edition == two.edition
    assert one.reloads == two.reloads == 0
    where = {name_of(row): (row["partition"], row["position"]) for row in await rows(nodes[0])}
    for reader in (one, two):
        for n in range(PARTITIONS):
            positions = [place for name, place in map(where.__getitem__, reader.told) if name == f"{TOPIC}-{n}"]
            assert positions == sorted(positions), "each partition is told in order"


async def test_who_comes_back_to_another_node_misses_nothing_and_sees_nothing_twice(
    nodes: tuple[Rooms, Rooms],
) -> None:
    reader = Reader(PARTY)
    await reader.open(nodes[0])

    async def wander() -> None:
        for turn in range(CONTACTS):
            if len(reader.shown) == CONTACTS + LATE:
                return
            await reader.follow(nodes[turn % 2], more_than(len(reader.shown), reader))

    async with asyncio.TaskGroup() as group:
        wandering = group.create_task(wander())
        group.create_task(come_in(nodes))
    assert wandering.done()
    assert reader.shown == await names(nodes[1])
    assert reader.reloads == 0  # So that all of it came down the streams, and was told once.
    assert len(reader.told) == CONTACTS + LATE


async def test_a_place_that_is_ahead_of_a_node_is_waited_for(nodes: tuple[Rooms, Rooms], town: Cluster) -> None:
    """A node that has not looked for a while tells nothing again of what its neighbour told."""
    one, _ = nodes
    behind = News(one.engine, nothing)
    while not behind.begun.is_set() or await behind.look():
        await behind.look()
    reader = Reader(PARTY)
    await reader.open(one)
    async with asyncio.TaskGroup() as group:
        group.create_task(reader.follow(one, all_of(reader)))
        group.create_task(come_in(nodes))
    assert told_by(behind, Place.read(reader.place)) == []
    while await behind.look():
        pass
    assert told_by(behind, Place.read(reader.place)) == []
    await come_in(nodes, CONTACTS, CONTACTS + 1)
    await reader.follow(one, all_of(reader, count=CONTACTS + LATE + 1))
    await behind.look()
    place = Place.read(reader.place)
    assert place
    assert told_by(behind, place) == []
    [newest] = [row for row in await rows(one) if row["contact_id"] == f"c{CONTACTS}"]
    earlier = place.past(newest["partition"], newest["position"] - 1)
    assert told_by(behind, earlier) == [newest["contact_id"]]


async def nothing() -> str:
    return ""


def told_by(news: News, place: Place | None) -> list[str] | None:
    """The contacts that came in after this place, as far as it knows."""
    fresh = news.after(place, lambda row: row["type"] == ContactReceived.type)
    return None if fresh is None else [row["contact_id"] for row in fresh.rows]


async def test_a_rebuild_meanwhile_loses_nothing_on_any_node(nodes: tuple[Rooms, Rooms]) -> None:
    one, two = Reader(PARTY), Reader(PARTY)
    for reader, at in zip((one, two), nodes, strict=True):
        await reader.open(at)
    before = one.edition
    assert two.edition == before

    async def rebuild() -> None:
        await one.follow(nodes[0], lambda: len(one.shown) > CONTACTS // 3)
        await nodes[1].engine.rebuild(entry.name)
        await one.follow(nodes[0], lambda: one.edition != before and all_of(one)())

    async with asyncio.TaskGroup() as group:
        group.create_task(two.follow(nodes[1], lambda: two.edition != before and all_of(two)()))
        group.create_task(rebuild())
        group.create_task(come_in(nodes))
    assert one.shown == two.shown == await names(nodes[0])
    assert one.edition == two.edition != before
    assert one.reloads >= 1
    assert two.reloads >= 1


async def test_what_is_set_aside_changes_the_edition_on_every_node_alike(nodes: tuple[Rooms, Rooms]) -> None:
    one, two = Reader(PARTY), Reader(PARTY)
    for reader, at in zip((one, two), nodes, strict=True):
        await reader.open(at)
    before = one.edition
    for n in range(2):  # On two addresses, so that the counts of partitions may have to be added.
        await nodes[n].engine.append(contact(CONTACTS + n)._replace(data="{}"))
    number = before.partition(".")[0]
    for reader, at in zip((one, two), nodes, strict=True):
        await reader.follow(at, lambda edition=f"{number}.2", seen=reader: seen.edition == edition)  # type: ignore[misc]
    assert one.edition == two.edition == f"{number}.2"


async def test_pages_lead_through_everything_once_while_more_comes_in(nodes: tuple[Rooms, Rooms]) -> None:
    """Most happened at the very same moment, and stand at equal positions of several partitions."""
    reader = Reader(PARTY)
    await reader.open(nodes[0])
    async with asyncio.TaskGroup() as group:
        group.create_task(reader.follow(nodes[0], all_of(reader, count=120 + LATE)))
        group.create_task(come_in(nodes, last=120))
    there, seen = await rows(nodes[0]), list[str]()
    async for name in walked(nodes[1], PARTY):
        seen.append(name)
        if len(seen) % 21 == 0:
            await nodes[0].engine.append(contact(120 + len(seen)))
    order = sorted(there, key=lambda row: (row["at"], row["partition"], row["position"]), reverse=True)
    old = [name_of(row) for row in order]
    assert len({row["position"] for row in there}) < len(there)
    assert [name for name in seen if name in set(old)] == old
    assert len(set(seen)) == len(seen)


async def test_who_was_away_is_told_all_that_came_on_a_partition_or_to_look_anew(
    nodes: tuple[Rooms, Rooms], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(newses, "RECENT_MAX", 4 * PARTITIONS)
    await come_in(nodes, last=120)
    await quiet(*nodes)
    late = News(nodes[1].engine, nothing)
    while not late.begun.is_set() or await late.look():
        await late.look()
    news, table = nodes[0].house.news, await nodes[0].engine.table(entry)
    every = await nodes[0].engine.fetch(select(table.c.partition, table.c.position))
    for name, reached in news.place.reached.items():
        positions = sorted(row["position"] for row in every if row["partition"] == name)
        assert reached == positions[-1]
        found = [news.after(news.place.past(name, one), lambda _: True) for one in positions]
        counts = [None if fresh is None else len(fresh.rows) for fresh in found]
        told = [count for count in counts if count is not None]
        assert told == [*range(len(told))][::-1], "all of it, and nothing after what is not at hand any more"
        assert counts[: -len(told)] == [None] * (len(counts) - len(told))
        assert late.after(late.place.past(name, reached - 1), lambda _: True) is None
    assert told_by(late, late.place) == []
