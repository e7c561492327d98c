"""A client of Kafka leaves nothing open: neither where it is not answered, nor where nobody waits for its end."""

import asyncio
from collections.abc import Iterator
from typing import Any, Final

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from engine import client as clients
from engine.broker import CONSUMER, PRODUCER
from engine.client import Client, answered
from infra.broker import Kafka
from schemas.errors import Unavailable
from tests.contract.places import make_topics, servers
from tests.engine.strangers import answering

pytestmark = pytest.mark.xdist_group("kafka")

WAIT_S_MAX: Final = 30.0
TOPIC: Final = "nobody-reads-this"


class Host:
    """Somebody who says nothing, and sees who is connected."""

    def __init__(self) -> None:
        self.came, self.left = asyncio.Event(), asyncio.Event()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.came.set()
        await reader.read()
        writer.close()
        self.left.set()


@pytest.fixture
def kafka() -> Iterator[Kafka]:
    found = servers().kafka
    yield found
    found.resume()


def at_work(producer: AIOKafkaProducer) -> dict[str, bool]:
    """What of it is still there."""
    tasks = {"sender": producer._sender.sender_task, "metadata": producer.client._sync_task}
    there = {name: task is not None and not task.done() for name, task in tasks.items()}
    return there | {str(name): connection.connected() for name, connection in producer.client._conns.items()}


async def in_the_midst(kafka: Kafka) -> tuple[Client, AIOKafkaProducer, "asyncio.Task[Any]"]:
    """A producer whose batch is on its way to a Kafka that does not answer any more."""
    client = Client(AIOKafkaProducer(**PRODUCER, bootstrap_servers=kafka.address))
    producer = await client.ready()
    assert await producer.partitions_for(TOPIC)  # It knows where to, before nobody answers.
    assert any(at_work(producer).values())
    kafka.pause()
    batch = producer.create_batch()
    batch.append(key=b"jar/a", value=b"{}", timestamp=None)
    sending = asyncio.create_task(wait_for_answer(producer, batch))
    while not producer._sender._in_flight:  # noqa: ASYNC110  # It has no event for that.
        await asyncio.sleep(0.01)
    return client, producer, sending


async def wait_for_answer(producer: AIOKafkaProducer, batch: Any) -> None:
    await (await producer.send_batch(batch, TOPIC, partition=0))


@pytest.fixture
async def topic(kafka: Kafka) -> None:
    await make_topics(kafka.address, [TOPIC], 1)


async def test_who_no_longer_waits_for_a_start_does_not_break_it_off(kafka: Kafka) -> None:
    client = Client(AIOKafkaConsumer(**CONSUMER, bootstrap_servers=kafka.address))
    waiting = asyncio.create_task(client.ready())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait({waiting})
    assert waiting.cancelled()
    assert await client.ready()
    await client.stop()


async def test_a_start_that_is_not_answered_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "ANSWER_S_MAX", 0.1)
    monkeypatch.setattr(clients, "CLOSE_S_MAX", 0.1)
    host = Host()
    async with answering(host) as address, asyncio.timeout(WAIT_S_MAX):
        client = Client(AIOKafkaConsumer(**CONSUMER, bootstrap_servers=address))
        await host.came.wait()
        with pytest.raises(Unavailable, match="in time"):
            await client.ready()
        await client.stop()
        await host.left.wait()


async def test_who_waits_for_a_start_that_another_stops_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "CLOSE_S_MAX", 0.1)
    host = Host()
    async with answering(host) as address, asyncio.timeout(WAIT_S_MAX):
        client = Client(AIOKafkaConsumer(**CONSUMER, bootstrap_servers=address))
        waiting = asyncio.create_task(client.ready())
        await host.came.wait()
        await client.stop()
        with pytest.raises(Unavailable):
            await waiting
        await host.left.wait()


@pytest.mark.usefixtures("topic")
@pytest.mark.parametrize("cancelled", [False, True], ids=["too long", "cancelled"])
async def test_a_stop_that_does_not_come_to_its_end_leaves_nothing_at_work(
    kafka: Kafka, monkeypatch: pytest.MonkeyPatch, cancelled: bool
) -> None:
    monkeypatch.setattr(clients, "CLOSE_S_MAX", 0.1)
    async with asyncio.timeout(WAIT_S_MAX):
        client, producer, sending = await in_the_midst(kafka)
        stopping = asyncio.create_task(client.stop())
        await asyncio.sleep(0)
        if cancelled:
            stopping.cancel()
        await asyncio.wait({stopping})
        assert stopping.cancelled() == cancelled
        while any(at_work(producer).values()):  # noqa: ASYNC110  # What is cut off takes some turns to end.
            await asyncio.sleep(0.01)
        sending.cancel()
        await asyncio.wait({sending})


async def ended_by_another() -> None:
    """What aiokafka does where its own task was cancelled: whoever waits for it is told so, though nobody meant him."""
    raise asyncio.CancelledError


async def of_a_dead_line() -> None:
    """What uvloop says of a connection that is gone: aiokafka hands it on."""
    raise RuntimeError("unable to perform operation; the handler is closed")


async def test_a_line_that_is_gone_is_told_while_it_is_asked_and_not_while_it_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(Unavailable, match="does not answer"):
        await answered(of_a_dead_line())
    host = Host()
    async with answering(host) as address, asyncio.timeout(WAIT_S_MAX):
        consumer = AIOKafkaConsumer(**CONSUMER, bootstrap_servers=address)
        monkeypatch.setattr(consumer, "stop", of_a_dead_line)
        client = Client(consumer)
        await host.came.wait()
        client._starting.cancel()
        await client.stop()


async def test_whoever_asks_a_client_that_another_stops_is_told() -> None:
    with pytest.raises(Unavailable, match="stopped before it answered"):
        await answered(ended_by_another())


async def test_whoever_is_cancelled_while_he_asks_is_cancelled() -> None:
    asking = asyncio.create_task(answered(asyncio.Event().wait()))
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.wait({asking})
    assert asking.cancelled()


async def test_a_stop_that_finds_its_own_tasks_cancelled_cancels_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "CLOSE_S_MAX", 5)
    host = Host()
    async with answering(host) as address, asyncio.timeout(WAIT_S_MAX):
        consumer = AIOKafkaConsumer(**CONSUMER, bootstrap_servers=address)
        monkeypatch.setattr(consumer, "stop", ended_by_another)
        client = Client(consumer)
        await host.came.wait()
        client._starting.cancel()
        await client.stop()
