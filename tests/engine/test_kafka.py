"""What only a log of many partitions can do wrong."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from itertools import starmap
from pathlib import Path
from types import NoneType
from typing import Final

import pytest
from sqlalchemy import Column, MetaData, String, Table

from engine import broker, partitions
from engine.ask import places
from engine.batch import Batch, keep
from engine.broker import Reader
from engine.cluster import read_by
from engine.courier import PULL_MAX, Rounds
from engine.engine import Engine
from engine.kafka import KafkaStore
from engine.pace import Pace
from engine.postgres import TASK
from engine.processor import Put, courier, projection
from engine.seat import LEASE, Seat
from engine.store import Changes, Lease, Task
from engine.tasks import only_one_on
from schemas.errors import Conflict, Refused, Unavailable
from schemas.event import Envelope
from tests.contract.looks import everything, history, shown
from tests.contract.parts import PARTS, Added, Counted, Noted, added, book, tally
from tests.contract.places import MONDAY, KafkaPlace

pytestmark = pytest.mark.xdist_group("kafka")

FACTS: Final = [added(MONDAY, f"jar/{s}", n, f"{s}{n}") for n in range(5) for s in "abcdef"]
WAIT_S_MAX: Final = 30

SEEN: Final = Table("seen", MetaData(), Column("id", String(36), primary_key=True), Column("type", String))


def see(event: Counted, envelope: Envelope) -> list[Put]:
    return [Put({"id": envelope.id, "type": event.type})]


def see_more(event: Counted | Noted, envelope: Envelope) -> list[Put]:
    return [Put({"id": envelope.id, "type": event.type})]


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[KafkaPlace]:
    found = KafkaPlace(tmp_path, partitions=3)
    yield found
    await found.close()


def store_of(engine: Engine) -> KafkaStore:
    assert isinstance(engine.store, KafkaStore)
    return engine.store


async def test_a_new_version_of_a_view_may_read_more_topics(place: KafkaPlace) -> None:
    engine = await place.open()
    await engine.append(*FACTS)
    await engine.settle(*PARTS, projection("seen", SEEN, see))
    wider = projection("seen", SEEN, see_more, version=2)
    await engine.settle(*PARTS, wider)
    assert [(s.task.version, s.task.active) for s in await engine.standings() if s.task.name == "seen"] == [(2, True)]
    types = [row["type"] for row in await shown(engine, wider)]
    assert (types.count(Counted.type), types.count(Noted.type)) == (len(FACTS), len(FACTS))
    await engine.close()


async def test_parts_that_begin_or_are_rebuilt_at_the_same_moment_share_no_view(place: KafkaPlace) -> None:
    """A view that is nobody's any more is known by its number, and dropped."""
    engine = await place.open()
    await engine.append(*FACTS)
    await asyncio.gather(*(engine.settle(part) for part in PARTS))
    await asyncio.gather(*(engine.rebuild(part.name) for part in PARTS))
    rows = await store_of(engine)._db.fetch("SELECT DISTINCT view, name, active FROM task WHERE kind <> 'road'")
    assert len({view for view, *_ in rows}) == len(rows) == 2 * len(PARTS)
    await engine.close()


async def test_a_part_that_has_begun_somewhere_is_known_to_be_behind_everywhere(place: KafkaPlace) -> None:
    engine = await place.open()
    where = read_by([tally], await engine.partitions())
    assert await engine.store.claim(tally, where[0], Lease("a", MONDAY, MONDAY))
    assert set(await places(engine)) == {(tally.name, each) for each in where}
    await engine.append(*FACTS)
    await engine.store.carried()
    assert [standing.behind for standing in await engine.standings()] == [len(FACTS)]
    await engine.close()


async def test_what_is_produced_again_is_skipped_by_whoever_reads(place: KafkaPlace) -> None:
    engine = await place.open()
    await engine.append(*FACTS)
    await engine.settle(*PARTS)
    log, kafka = store_of(engine)._log, store_of(engine)._broker
    before, ends = await everything(engine), await engine.ends()
    for partition in [where for where, end in ends.items() if end]:
        reader = log.reader(partition, 0)
        await kafka.produce(await log.awaited(reader, 0, 10, partition))  # As after a crash that forgot it.
        await reader.close()
    engine = await place.crash(engine)
    await engine.settle(*PARTS)
    assert sum((await engine.ends()).values()) > sum(ends.values())  # It is there twice,
    assert history(await everything(engine)) == history(before)  # and read once.
    assert (await engine.state(tally, "jar/a")).amounts == tuple(range(5))
    await engine.close()


async def test_of_what_is_written_together_only_what_is_at_fault_is_left_out(place: KafkaPlace) -> None:
    engine = await place.open()
    await engine.append(*FACTS)
    await engine.settle(*PARTS)
    database = store_of(engine)._db
    rows = await database.fetch(f"SELECT {TASK} FROM task WHERE name = $1", tally.name)
    right, poison, stolen = (Batch(tally, t, 0, Changes(t.position), {}, 0, ()) for t in starmap(Task, rows))
    right.changes.states["jar/right"] = "{}"
    poison.changes.states["jar/poison"] = "\x00"
    stolen.changes.states["jar/stolen"] = "{}"
    stolen = stolen._replace(task=stolen.task._replace(token=stolen.task.token - 1))
    answers = await keep(database, [poison, right, stolen])
    assert [type(answer) for answer in answers] == [Refused, NoneType, Conflict]
    there = "SELECT subject FROM state WHERE subject IN ('jar/right', 'jar/poison', 'jar/stolen')"
    assert await database.fetch(there) == [("jar/right",)]
    await engine.close()


async def test_partitions_are_dealt_out_fairly_and_taken_back(place: KafkaPlace) -> None:
    one, two = await place.open(), await place.open()
    await one.append(*FACTS)
    parts = (tally, book)
    async with asyncio.timeout(WAIT_S_MAX), asyncio.TaskGroup() as group:
        running = [group.create_task(engine.run(*parts)) for engine in (one, two)]
        while not fair(held(one), held(two)):  # noqa: ASYNC110  # Until each has what is his, and no more.
            await asyncio.sleep(0.05)
        two.stop()
        await running[1]
        await two.close()
        while len(held(one)) < 6:  # noqa: ASYNC110  # Until it has all.
            await asyncio.sleep(0.05)
        one.stop()
        await running[0]
    await one.settle(*PARTS)
    assert len(history(await everything(one))["jar/a", Counted.type]) == 5
    await one.close()


def fair(one: set[tuple[str, str]], two: set[tuple[str, str]]) -> bool:
    """Each part is dealt out as evenly as three partitions allow, and nothing is held twice."""
    shares = [Counter(name for name, _ in each) for each in (one, two)]
    return not one & two and all(sorted(share[part.name] for share in shares) == [1, 2] for part in (tally, book))


def held(engine: Engine) -> set[tuple[str, str]]:
    return {(watch.task.name, watch.task.partition) for watch in store_of(engine)._watches.values()}


async def test_who_failed_and_whose_turn_is_over_holds_nothing(
    place: KafkaPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = await place.open(), await place.open()
    where = next(where for where in await one.partitions() if where.startswith("jar"))
    for engine in (one, two):
        await engine.store.partitions([tally])
    seats = [Seat(engine.store, [tally], where, place.clock, engine.meter, Pace(), 10) for engine in (one, two)]
    for engine in (one, two):
        monkeypatch.setattr(engine.store, "is_ours", lambda *_: True)

    async def away(_: object) -> None:
        raise Unavailable("Kafka does not answer")

    monkeypatch.setattr(store_of(one)._broker, "starts", away)
    with pytest.raises(Unavailable):
        await seats[0].turn()
    await seats[1].turn()
    assert seats[1].tasks == []  # Held by somebody who lives.
    monkeypatch.setattr(one.store, "is_ours", lambda *_: False)
    assert not await seats[0].turn()
    await seats[1].turn()
    assert [task.name for task in seats[1].tasks] == [tally.name]
    for engine in (one, two):
        await engine.close()


async def test_who_stops_in_the_midst_of_a_claim_holds_nothing(place: KafkaPlace) -> None:
    engine = await place.open()
    post = courier("post", Noted)
    where = (await engine.store.partitions([post]))[0]
    database, rounds = store_of(engine)._db, Rounds(engine.store, post, where, place.clock)
    waits = "SELECT 1 FROM pg_locks JOIN pg_database d ON d.oid = database WHERE locktype = 'advisory' AND NOT granted"
    async with asyncio.timeout(WAIT_S_MAX):
        async with database.transaction() as db:
            await only_one_on(db, post.name)
            looking = asyncio.create_task(rounds.look(LEASE))
            while not await database.fetch(f"{waits} AND datname = $1", place.name):
                pass
            looking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await looking
    assert await database.fetch("SELECT DISTINCT holder FROM task WHERE name = $1", post.name) == [("",)]
    await engine.close()


async def test_a_reader_that_stands_still_is_replaced(place: KafkaPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker, "SILENT_MAX", 2)
    engine = await place.open()
    async with asyncio.timeout(WAIT_S_MAX), asyncio.TaskGroup() as group:
        running = group.create_task(engine.run(tally))
        tails = store_of(engine)._log._tails
        while len(tails._shared) < 3:  # noqa: ASYNC110  # Until it works.
            await asyncio.sleep(0.05)
        for reader in [*tails._shared.values()]:
            await reader._client.ready()
            reader._consumer.pause(reader._where)
        await engine.append(*FACTS)
        while (await engine.state(tally, "jar/f")).amounts != tuple(range(5)):  # noqa: ASYNC110  # Until it has gone on.
            await asyncio.sleep(0.1)
        engine.stop()
        await running
    await engine.close()


async def test_a_look_at_the_log_that_fails_leaves_no_reader_behind(
    place: KafkaPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, readers = await place.open(), list[Reader]()
    await engine.append(*FACTS)
    await store_of(engine).road.idle()
    where = next(where for where, end in (await engine.ends()).items() if end)
    log = store_of(engine)._log
    make = log.reader

    def noted(partition: str, after: int) -> Reader:
        readers.append(make(partition, after))
        return readers[-1]

    monkeypatch.setattr(log, "reader", noted)
    monkeypatch.setattr(partitions, "NEWS_S_MAX", 0.0)  # Nothing comes so fast.
    with pytest.raises(Unavailable, match="hands over nothing"):
        await engine.read(0, 10, where)
    assert [reader._consumer._closed for reader in readers] == [True]
    await engine.close()


async def test_whoever_goes_on_after_the_close_opens_nothing_that_nobody_would_close(place: KafkaPlace) -> None:
    engine = await place.open()
    lines = store_of(engine)._broker
    where = (await engine.partitions())[0]
    left = lines.reader(where, 0, lambda: None)
    await left._client.ready()
    await engine.close()
    assert left._consumer._closed
    assert left._fetching.done()
    with pytest.raises(Unavailable, match="closed"):
        lines.reader(where, 0, lambda: None)
    with pytest.raises(Unavailable, match="closed"):
        await lines.ends([where])
    with pytest.raises(Unavailable, match="closed"):
        await lines.topics(["jar"])


def apart(engine: Engine) -> tuple[str, str]:
    """Two subjects on different partitions."""
    places = {store_of(engine)._broker.partition_of(f"jar/{name}"): f"jar/{name}" for name in "abcdefgh"}
    one, two, *_ = places.values()
    return one, two


async def test_a_partition_that_is_slow_to_find_what_it_has_holds_no_courier_up(
    place: KafkaPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = await place.open()
    slow, quick = apart(engine)
    store, silence = store_of(engine), asyncio.Event()
    where, lent = store._broker.partition_of(slow), store.lent

    async def lent_late(task: Task) -> Sequence[Envelope]:
        if task.partition == where:
            await silence.wait()
        return await lent(task)

    monkeypatch.setattr(store, "lent", lent_late)
    await engine.append(added(MONDAY, slow, 0, "slow"), added(MONDAY, quick, 1, "quick"))
    round_ = engine.follow("courier", Added)
    async with asyncio.timeout(WAIT_S_MAX):
        first = await anext(round_)
        silence.set()
        second = await anext(round_)
    assert [first.envelope.subject, second.envelope.subject] == [quick, slow]
    await engine.close()


async def test_a_partition_with_much_to_lend_leaves_room_for_others(place: KafkaPlace) -> None:
    engine = await place.open()
    about = apart(engine)
    facts = [added(MONDAY, subject, n, f"{subject}{n}") for subject in about for n in range(2 * PULL_MAX)]
    await engine.append(*facts)
    await engine.settle(*PARTS)
    round_ = engine.follow("courier", Added)
    async with asyncio.timeout(WAIT_S_MAX):
        subjects = [(await anext(round_)).envelope.subject for _ in range(2 * PULL_MAX)]
    assert set(subjects) == set(about)
    await engine.close()
