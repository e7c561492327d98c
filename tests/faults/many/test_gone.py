"""The log loses what a worker has still to read: the worker ends with a sentence, and never skips ahead."""

from typing import Final

import pytest

from engine.engine import Engine, utc_now
from engine.kafka import KafkaStore
from schemas.event import Envelope
from tests.contract.places import make_topics
from tests.faults.conftest import Tell
from tests.faults.many.audit import model
from tests.faults.many.crew import SURELY_S, Crew
from tests.faults.many.facts import PARTITIONS, added
from tests.faults.many.ground import Ground
from tests.faults.many.worker import REFUSES
from tests.faults.parts import CALLERS, counting

pytestmark = [pytest.mark.xdist_group("faults-gone"), pytest.mark.timeout(600)]

MORE: Final = 20  # Facts of each caller that lie unread.
SENTENCE: Final = "any more: it was deleted, made anew or its retention is too short. Restore it, or begin anew"


async def refuses(crew: Crew, sentence: str = SENTENCE) -> None:
    """It ends by itself, with the sentence. So does the next one, at its start."""
    for again in (True, False):
        worker = crew.workers.pop(0)
        try:
            assert await worker.ends_within(SURELY_S), "it goes on"
        finally:
            await worker.kill()
        assert worker.code == REFUSES, worker.said()
        assert sentence in worker.said().splitlines()[-1], worker.said()
        if again:
            await crew.begin(0)


async def say_more(ground: Ground) -> list[Envelope]:
    """Facts that nobody steps; returns the whole log."""
    engine = Engine(await KafkaStore.open(ground.cluster, utc_now))
    try:
        for caller in range(CALLERS):
            await engine.append(*(added(caller, 10**6 + number, ground.start) for number in range(MORE)))
        assert isinstance(engine.store, KafkaStore)
        await engine.store.road.idle()
    finally:
        await engine.close()
    return (await ground.log()).records


async def nothing_skipped(ground: Ground, records: list[Envelope]) -> None:
    """What is kept is what follows from all that stood before its position, and from nothing after it."""
    at = {held.partition: held.position for held in await ground.held()}
    stepped = model([record for record in records if record.position <= at.get(record.partition, 0)])
    kept = {key: value for key, value in (await ground.states()).items() if key[0] == counting.name}
    assert kept == {key: value for key, value in stepped.items() if key[0] == counting.name}


@pytest.mark.parametrize("held", [False, True], ids=["at rest", "held"])
async def test_a_retention_that_passes_a_worker_is_told(crew: Crew, held: bool, tell: Tell) -> None:
    await crew.hire(0)
    await crew.goes_on()
    if held:
        crew.workers[0].pause()
    else:
        await crew.dismiss(0)
    records = await say_more(crew.ground)
    await crew.ground.expire()
    if held:
        crew.workers[0].wake()
    else:
        await crew.begin(0)
    await refuses(crew)
    await nothing_skipped(crew.ground, records)
    tell(f"retention passed a worker {'that was held' if held else 'at rest'}: refused, nothing skipped")


async def test_a_topic_that_is_deleted_under_a_worker_and_made_anew_is_told(crew: Crew, tell: Tell) -> None:
    ground = crew.ground
    await crew.hire(0)
    await crew.goes_on()
    await ground.delete_topics()
    worker = crew.workers.pop(0)
    try:
        assert await worker.ends_within(SURELY_S), "it goes on"
    finally:
        await worker.kill()
    assert worker.code == REFUSES, worker.said()
    assert SENTENCE in worker.said().splitlines()[-1], worker.said()
    before, states = await ground.positions(), await ground.states()
    await make_topics(ground.kafka.address, ground.topics, PARTITIONS)
    await crew.begin(0)
    await refuses(crew)
    assert (await ground.positions(), await ground.states()) == (before, states)
    tell("topics deleted under a worker, and made anew: refused, nothing skipped")
