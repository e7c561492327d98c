"""The network to Kafka or to PostgreSQL is cut, cut one way, broken off and slow, for one worker of two."""

from collections.abc import AsyncIterator
from typing import Final

import pytest

from infra.proxy import HERE, Proxy, Way
from tests.contract.places import Servers
from tests.faults.conftest import Tell
from tests.faults.many.audit import audit
from tests.faults.many.crew import Crew, Worker

pytestmark = [pytest.mark.xdist_group("faults-network"), pytest.mark.timeout(600)]

FAR, NEAR = 0, 1  # The slot of who is behind the bad network, and of who is not.
RESETS: Final = 10
BETWEEN_S_MAX: Final = 0.5
SLOW_MS: Final = 150
SILENT_S: Final = 5.0


@pytest.fixture
async def kafka_far(one: Servers) -> AsyncIterator[Proxy]:
    [broker] = one.kafka.brokers
    async with Proxy(to=broker.back, at=broker.front) as proxy:
        yield proxy


@pytest.fixture
async def postgres_far(one: Servers) -> AsyncIterator[Proxy]:
    async with Proxy(to=one.postgres.port) as proxy:
        yield proxy


async def misses_kafka(crew: Crew, far: Worker) -> None:
    """It says that Kafka is away, and takes facts all the same."""

    async def so() -> bool:
        return far.misses_kafka

    await crew.until(so, "it misses Kafka")
    await crew.accepts()


async def test_the_network_to_kafka_may_be_cut_broken_off_and_slow(crew: Crew, kafka_far: Proxy, tell: Tell) -> None:
    far = await crew.begin(FAR, servers=crew.ground.kafka.proxied_address)
    await crew.hire(NEAR)
    await far.ready()
    await crew.goes_on()
    await kafka_far.cut()
    await misses_kafka(crew, far)
    await kafka_far.heal()
    await crew.goes_on()
    for _ in range(RESETS):
        kafka_far.reset()
        await crew.lasts(crew.dice.uniform(0, BETWEEN_S_MAX))
    await crew.goes_on()
    kafka_far.slow(latency_ms=SLOW_MS, jitter_ms=SLOW_MS)
    await crew.goes_on()
    await kafka_far.heal()
    await crew.goes_on()
    tell(f"network to Kafka cut, broken off {RESETS} times, slow: {await audit(crew)}")


async def test_the_network_to_kafka_may_be_dumb_or_deaf(crew: Crew, kafka_far: Proxy, tell: Tell) -> None:
    far = await crew.begin(FAR, servers=crew.ground.kafka.proxied_address)
    await crew.hire(NEAR)
    await far.ready()
    await crew.goes_on()
    kafka_far.swallow(Way.DOWN)  # What it sends arrives, and it is never told so.
    await misses_kafka(crew, far)
    await kafka_far.heal()
    await crew.goes_on()
    kafka_far.swallow(Way.UP)
    await crew.lasts(SILENT_S)
    await kafka_far.heal()
    await crew.goes_on()
    sums = await audit(crew)
    tell(f"network to Kafka cut one way, and the other: {sums}")
    assert sums.repeats > 0


async def test_who_is_cut_off_from_the_database_is_replaced_and_refused(
    crew: Crew, postgres_far: Proxy, tell: Tell
) -> None:
    direct = crew.ground.cluster.database
    database = direct.replace(f"{HERE}:{crew.ground.postgres.port}", f"{HERE}:{postgres_far.port}")
    assert database != direct
    far = await crew.begin(FAR, database=database)
    await crew.hire(NEAR)
    await far.ready()
    took = []
    for way in (None, Way.UP, Way.DOWN):
        await crew.goes_on()
        await crew.share()
        held = await crew.holds(FAR)
        if way:
            postgres_far.swallow(way)  # It comes late, after `heal`: a commit too.
        else:
            await postgres_far.cut()
        took.append(await crew.steps(held, but=far.holder))
        await postgres_far.heal()
    await crew.goes_on()
    refused = crew.look().fenced[FAR]
    sums = await audit(crew)
    seconds = ", ".join(f"{second:.1f}" for second in took)
    tell(f"network to PostgreSQL cut, and cut either way: taken over after {seconds} s, {refused} refused: {sums}")
