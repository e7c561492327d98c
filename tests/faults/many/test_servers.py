"""Kafka's brokers and PostgreSQL are killed and come back: what was acknowledged meanwhile is not lost either."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import pytest

from infra.broker import Broker
from infra.servers import Kafka, Postgres
from tests.faults.conftest import Tell
from tests.faults.many.audit import audit
from tests.faults.many.crew import Crew
from tests.faults.many.facts import SLOTS

pytestmark = [pytest.mark.xdist_group("faults-servers"), pytest.mark.timeout(600)]

ALL: Final = range(SLOTS)
BROKERS_AWAY_S: Final = 60.0
SLOWLY_S: Final = 0.5  # Between two appends, so that what is taken meanwhile is worked off in a bearable time.
DATABASE_KILLS: Final = 5
DATABASE_AWAY_S_MAX: Final = 4.0
WORK_S_MAX: Final = 2.0


@asynccontextmanager
async def killed(server: Kafka | Broker | Postgres) -> AsyncIterator[None]:
    """Dead in the block, and back after it."""
    server.kill()
    try:
        yield
    finally:
        await asyncio.to_thread(server.start)


async def test_each_of_three_brokers_in_turn_may_die(crew_of_three: Crew, three: Kafka, tell: Tell) -> None:
    crew = crew_of_three
    await crew.hire(*ALL)
    await crew.goes_on()
    for broker in crew.dice.sample(three.brokers, len(three.brokers)):
        async with killed(broker):
            await crew.goes_on()
        await crew.until(crew.ground.in_step, "every copy in sync")
        await crew.goes_on()
    tell(f"each of three brokers killed and back: {await audit(crew)}")


async def test_while_all_brokers_are_dead_facts_are_taken_and_wait(
    crew_of_three: Crew, three: Kafka, tell: Tell
) -> None:
    crew = crew_of_three
    await crew.hire(*ALL, pause_s=SLOWLY_S)
    await crew.goes_on()
    before = {slot: crew.kept(slot) for slot in ALL}
    victim = crew.dice.randrange(SLOTS)
    async with killed(three):
        await crew.lasts(BROKERS_AWAY_S)
        await crew.until(crew.all_miss_kafka, "everybody misses Kafka")
        await crew.accepts()
        taken = sum(crew.kept(slot) - before[slot] for slot in ALL)
        waiting = await crew.ground.unsent()
        assert len(waiting) >= SLOTS
        await crew.kill(victim)  # What it took and could not bring, others bring.
    await crew.hire(victim, pause_s=SLOWLY_S)

    async def brought() -> bool:
        left = "SELECT 1 FROM outbox WHERE origin = $1 AND sequence <= $2 LIMIT 1"
        return not [one for one in waiting if await crew.ground.fetch(left, *one)]

    seconds = await crew.until(brought, "all that waited is on Kafka")
    await crew.goes_on()
    sums = await audit(crew)
    tell(
        f"all three brokers dead for {BROKERS_AWAY_S:.0f} s, and a worker too: {taken} facts taken meanwhile, "
        f"on Kafka {seconds:.1f} s after all were back: {sums}"
    )


async def test_the_database_may_die_under_load(crew: Crew, tell: Tell) -> None:
    await crew.hire(*ALL)
    for _ in range(DATABASE_KILLS):
        await crew.goes_on()
        await crew.lasts(crew.dice.uniform(0, WORK_S_MAX))
        async with killed(crew.ground.postgres):
            await crew.lasts(crew.dice.uniform(0, DATABASE_AWAY_S_MAX))
    await crew.goes_on()
    tell(f"PostgreSQL killed {DATABASE_KILLS} times: {await audit(crew)}")
