"""A bare loop between two topics: it reads batches and writes them again, with no state and no promise.

It shows what the broker and the client allow on this machine. Every record is acknowledged by all replicas that must.
"""

from asyncio import Future, gather
from collections.abc import Sequence
from time import perf_counter
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition

BATCH_BYTES_MAX: Final = 512 * 1024
FETCH_BYTES_MAX: Final = 4 * 2**20
WAIT_MS: Final = 1_000


async def copy(servers: str, source: str, target: str, count: int) -> float:
    """Copy the first `count` records of `source` to the same partitions of `target`; tell the events per second."""
    producer = AIOKafkaProducer(
        bootstrap_servers=servers,
        acks="all",
        enable_idempotence=True,
        max_batch_size=BATCH_BYTES_MAX,
        max_request_size=2 * BATCH_BYTES_MAX,
    )
    consumer = AIOKafkaConsumer(
        bootstrap_servers=servers,
        enable_auto_commit=False,
        max_partition_fetch_bytes=FETCH_BYTES_MAX,
        isolation_level="read_committed",
    )
    async with producer, consumer:
        places = [TopicPartition(source, number) for number in await producer.partitions_for(source)]
        began, copied = perf_counter(), 0
        consumer.assign(places)
        await consumer.seek_to_beginning()
        waiting: list[Future[Any]] = []
        while copied < count:
            found = await consumer.getmany(timeout_ms=WAIT_MS)
            sent = [
                await producer.send_batch(batch, target, partition=place.partition)
                for place, records in found.items()
                for batch in batches(producer, records)
            ]
            copied += sum(map(len, found.values()))
            await gather(*waiting)  # Of the round before: while these are on their way, the next ones are read.
            waiting = sent
        await gather(*waiting)
        return copied / (perf_counter() - began)


def batches(producer: AIOKafkaProducer, records: Sequence[ConsumerRecord]) -> list[Any]:
    """The same keys and values, in as few batches as hold them."""
    made = [producer.create_batch()]
    for record in records:
        if made[-1].append(key=record.key, value=record.value, timestamp=None) is None:
            made.append(producer.create_batch())
            made[-1].append(key=record.key, value=record.value, timestamp=None)
    for batch in made:
        batch.close()
    return made
