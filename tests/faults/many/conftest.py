"""Where the workers are: on one broker that tests share, or on three."""

from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from infra.servers import Kafka
from tests.contract.places import Servers, servers
from tests.faults.many.crew import Crew
from tests.faults.many.ground import Ground


@pytest.fixture(scope="session")
def one() -> Servers:
    return servers()


@pytest.fixture(scope="module")
def three() -> Iterator[Kafka]:
    with Kafka(brokers=3) as kafka:
        yield kafka


@pytest.fixture
async def crew(one: Servers, tmp_path: Path, seed: int) -> AsyncIterator[Crew]:
    ground = await Ground(one.kafka, one.postgres).make()
    async with aclosing(ground), Crew(ground, tmp_path, seed) as found:
        yield found


@pytest.fixture
async def crew_of_three(one: Servers, three: Kafka, tmp_path: Path, seed: int) -> AsyncIterator[Crew]:
    ground = await Ground(three, one.postgres, copies=3).make()
    async with aclosing(ground), Crew(ground, tmp_path, seed) as found:
        yield found
