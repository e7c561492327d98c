"""Bare loops between two topics, and bare appends: as anybody writes them with aiokafka, with no state and no promise.

They ask for what cannot be done without: every replica's word (`acks="all"`), no repeats by the client itself, and
offsets committed only after what they stand for.
"""

from asyncio import gather
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from time import perf_counter
from typing import Final
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from bench.many.load import SOURCE, TARGET
from schemas.event import Envelope

WAIT_MS: Final = 1_000


@asynccontextmanager
async def producing(servers: str) -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(bootstrap_servers=servers, acks="all", enable_idempotence=True)
    async with producer:
        yield producer


async def copy_each(servers: str, count: int) -> float:
    """Copy the first `count` contacts, event by event, headers too; tell the events per second."""
    consumer = AIOKafkaConsumer(
        SOURCE,
        bootstrap_servers=servers,
        group_id=f"bare-{uuid4().hex}",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    async with producing(servers) as producer:
        began, copied = perf_counter(), 0
        async with consumer:
            while copied < count:
                found = await consumer.getmany(timeout_ms=WAIT_MS)
                records = [record for records in found.values() for record in records]
                sent = [
                    await producer.send(TARGET, record.value, key=record.key, headers=list(record.headers))
                    for record in records
                ]
                await gather(*sent)
                await consumer.commit()
                copied += len(records)
            return copied / (perf_counter() - began)


async def append_batch(producer: AIOKafkaProducer, facts: Sequence[Envelope]) -> None:
    """Write them down, and wait until all of them are acknowledged."""
    await gather(*[
        await producer.send(TARGET, fact.data.encode(), key=fact.subject.encode()) for fact in facts
    ])  # fmt: skip


async def append_one(producer: AIOKafkaProducer, fact: Envelope) -> None:
    await producer.send_and_wait(TARGET, fact.data.encode(), key=fact.subject.encode())
