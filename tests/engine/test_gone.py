"""A topic that was deleted and made anew has its old name: it is told from the old one all the same."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from engine.kafka import KafkaStore
from schemas.errors import Refused
from tests.contract.parts import PARTS, added
from tests.contract.places import MONDAY, KafkaPlace, make_topics, servers

pytestmark = pytest.mark.xdist_group("kafka")

FACTS: Final = [added(MONDAY, f"jar/{s}", n, f"{s}{n}") for n in range(3) for s in "abc"]
BED: Final = "bed"  # A topic on which nothing is said here.


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[KafkaPlace]:
    found = KafkaPlace(tmp_path, partitions=1)
    yield found
    await found.close()


async def made_anew(place: KafkaPlace, topic: str, records: int = 0) -> None:
    """Another topic by the same name, with so many records of whatever kind."""
    name, address = f"{place.name}.{topic}", servers().kafka.address
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    try:
        await admin.delete_topics([name])
        while name in await admin.list_topics():
            pass
    finally:
        await admin.close()
    await make_topics(address, [name], 1)
    async with AIOKafkaProducer(bootstrap_servers=address) as producer:
        for _ in range(records):
            await producer.send_and_wait(name, b"{}")


async def test_a_topic_that_was_made_anew_and_filled_past_our_place_is_refused_and_nothing_is_written(
    place: KafkaPlace,
) -> None:
    engine = await place.open()
    await engine.append(*FACTS)
    await engine.settle(*PARTS)
    reached = (await engine.ends())["jar-0"]
    await engine.close()
    await made_anew(place, "jar", records=reached + 5)
    for _ in range(2):  # It is no surprise the second time either.
        with pytest.raises(
            Refused, match=f"jar-0 does not hold position {reached} any more: it was deleted, made anew"
        ):
            await place.open()


async def test_a_topic_on_which_nothing_was_said_yet_may_be_made_anew(place: KafkaPlace) -> None:
    engine = await place.open()
    await engine.append(*FACTS)
    await engine.settle(*PARTS)
    await engine.close()
    await made_anew(place, BED)
    engine = await place.open()
    assert isinstance(engine.store, KafkaStore)
    again = dict(await engine.store._db.fetch("SELECT name, id FROM topic"))
    await engine.close()
    assert len(set(again.values())) == len(place.TOPICS)
    await made_anew(place, BED)
    engine = await place.open()
    assert isinstance(engine.store, KafkaStore)
    found = dict(await engine.store._db.fetch("SELECT name, id FROM topic"))
    await engine.close()
    assert {name for name, one in found.items() if again[name] != one} == {f"{place.name}.{BED}"}


async def test_a_database_that_does_not_know_the_ids_yet_learns_them(place: KafkaPlace) -> None:
    engine = await place.open()
    await engine.append(*FACTS)
    await engine.settle(*PARTS)
    assert isinstance(engine.store, KafkaStore)
    known = await engine.store._db.fetch("SELECT name, id FROM topic ORDER BY name")
    await engine.store._db.fetch("UPDATE topic SET id = ''")  # As a Draad before this one left it.
    await engine.close()
    engine = await place.open()
    assert isinstance(engine.store, KafkaStore)
    assert await engine.store._db.fetch("SELECT name, id FROM topic ORDER BY name") == known
    await engine.close()
