"""Apache Kafka, the real thing: what was acknowledged is there after kills, and the doors are as promised."""

import asyncio
import gc
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaConnectionError, KafkaError

from infra.broker import Kafka
from infra.proxy import Proxy
from infra.server import NotStarted

CASE = TopicPartition("case", 0)

pytestmark = pytest.mark.xdist_group("kafka")  # Its brokers are started once, by one of the test processes.


@pytest.fixture(scope="module")
def kafka() -> Iterator[Kafka]:
    with Kafka(safe=True) as kafka:
        yield kafka


async def make_topic(kafka: Kafka, name: str = "case") -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.address)
    await admin.start()
    try:
        topic = NewTopic(name, num_partitions=1, replication_factor=len(kafka.brokers))
        answer = await admin.create_topics([topic], timeout_ms=20_000)
        assert [error for _, error, _ in answer.topic_errors] in ([0], [36]), answer  # Made, or there already.
    finally:
        await admin.close()


@asynccontextmanager
async def writing(address: str, **options: Any) -> AsyncIterator[AIOKafkaProducer]:
    settings = {"acks": "all", "enable_idempotence": True, "request_timeout_ms": 60_000, **options}
    producer = AIOKafkaProducer(bootstrap_servers=address, **settings)
    try:
        await producer.start()
        yield producer
    finally:
        await producer.stop()


async def read(kafka: Kafka) -> list[bytes]:
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka.address, enable_auto_commit=False)
    consumer.assign([CASE])
    await consumer.start()
    try:
        consumer.seek(CASE, 0)
        end = (await consumer.end_offsets([CASE]))[CASE]
        return [(await consumer.getone()).value for _ in range(end)]
    finally:
        await consumer.stop()


async def test_a_broker_comes_back_with_what_it_acknowledged(kafka: Kafka) -> None:
    await make_topic(kafka)
    async with writing(kafka.address) as producer:
        await producer.send_and_wait("case", b"before the kill")
        kafka.brokers[0].kill()
        await asyncio.to_thread(kafka.brokers[0].start)
        await producer.send_and_wait("case", b"after the kill")
    await asyncio.to_thread(kafka.stop)
    assert not kafka.brokers[0].running
    await asyncio.to_thread(kafka.start)
    assert (await read(kafka))[:2] == [b"before the kill", b"after the kill"]


def test_a_held_broker_is_silent_until_it_is_let_go(kafka: Kafka) -> None:
    kafka.pause()
    assert (kafka.brokers[0].running, kafka.brokers[0].answers()) == (True, False)
    kafka.resume()
    assert kafka.brokers[0].answers()


async def test_no_topic_is_made_by_mistake(kafka: Kafka) -> None:
    async with writing(kafka.address, request_timeout_ms=500) as producer:
        with pytest.raises(KafkaError):
            await producer.send_and_wait("misspelt", b"lost?")


def door(kafka: Kafka, password: str) -> dict[str, Any]:
    return {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": kafka.user,
        "sasl_plain_password": password,
        "ssl_context": ssl.create_default_context(cafile=str(kafka.certificate)),
    }


async def test_the_safe_door_opens_to_the_password_over_tls(kafka: Kafka) -> None:
    await make_topic(kafka)
    async with writing(kafka.safe_address, **door(kafka, kafka.password)) as producer:
        await producer.send_and_wait("case", b"in secret")


@pytest.mark.filterwarnings("ignore:Exception ignored")  # aiokafka forgets to close what was not let in.
async def test_the_safe_door_stays_shut_to_a_wrong_password(kafka: Kafka) -> None:
    with pytest.raises(KafkaConnectionError):
        async with writing(kafka.safe_address, **door(kafka, "guessed")):
            pytest.fail("it was let in")
    gc.collect()  # So that it is told off here, and not in another test.


async def test_who_comes_by_the_proxy_stays_on_the_proxy(kafka: Kafka) -> None:
    await make_topic(kafka)
    broker = kafka.brokers[0]
    async with (
        Proxy(to=broker.back, at=broker.front) as proxy,
        writing(kafka.proxied_address) as producer,
    ):
        await producer.send_and_wait("case", b"through")
        await proxy.cut()
        against_a_wall = asyncio.create_task(producer.send_and_wait("case", b"late"))
        done, _ = await asyncio.wait([against_a_wall], timeout=1)
        assert not done
        await proxy.heal()
        await against_a_wall
    assert (await read(kafka))[-2:] == [b"through", b"late"]


async def in_sync(kafka: Kafka) -> None:
    """Started is not yet in step: a broker that was away first fetches what it missed."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.address)
    await admin.start()
    try:
        behind = True
        while behind:
            await asyncio.sleep(0.2)
            [topic] = await admin.describe_topics(["case"])
            behind = any(len(partition["isr"]) < len(kafka.brokers) for partition in topic["partitions"])
    finally:
        await admin.close()


async def test_a_cluster_goes_on_without_one_broker() -> None:
    with Kafka(brokers=3) as kafka:
        await make_topic(kafka)
        first, *_ = kafka.brokers
        async with writing(kafka.address) as producer:
            await producer.send_and_wait("case", b"all three")
            first.kill()
            await producer.send_and_wait("case", b"one is dead")
            await asyncio.to_thread(first.start)
            await in_sync(kafka)
            await producer.send_and_wait("case", b"all again")
        kafka.kill()
        await asyncio.to_thread(kafka.start)
        assert await read(kafka) == [b"all three", b"one is dead", b"all again"]
    assert not any(broker.folder.exists() for broker in kafka.brokers)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [("process.roles", "desk", "process.roles"), ("log.dirs", "/proc/draad", "/proc/draad")],
)
def test_a_broker_that_does_not_start_is_quoted(name: str, value: str, words: str) -> None:
    with pytest.raises(NotStarted, match=f"(?s)kafka-1.*{words}"), Kafka(overrides={name: value}):
        pytest.fail("it started")
