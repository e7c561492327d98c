"""The topics that rivals play on: filled here, watched here, and read here when the play is over."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.partitioner import DefaultPartitioner

CHUNK: Final = 2_000  # Coins written at once.
BATCH_BYTES_MAX: Final = 512 * 1024
READ_BYTES_MAX: Final = 4 * 2**20
SILENCE_MS: Final = 10_000


class Record(NamedTuple):
    """What is put into a topic."""

    key: bytes
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()


class Place(NamedTuple):
    """Where the play is."""

    servers: str
    partitions: int
    database: str = ""  # PostgreSQL, for who needs one.


class Stage:
    """One connection of each kind to the broker, for whoever arranges the play."""

    def __init__(
        self,
        place: Place,
        producer: AIOKafkaProducer,
        admin: AIOKafkaAdminClient,
        askers: Mapping[bool, AIOKafkaConsumer],
    ) -> None:
        self.servers, self.partitions, self.database = place
        self._producer, self._admin, self._askers = producer, admin, askers

    async def topic(self, name: str) -> None:
        """Make it. The one broker holds the one copy."""
        await self._admin.create_topics([NewTopic(name, self.partitions, 1)])
        await self._producer.partitions_for(name)

    async def fill(self, topic: str, records: Iterable[Record]) -> None:
        """Write them down in their order, each where Kafka's own partitioner puts its key."""
        numbers = list(range(self.partitions))
        batches: dict[int, Any] = {}
        for record in records:
            number = DefaultPartitioner()(record.key, numbers, numbers)
            batch = batches.setdefault(number, self._producer.create_batch())
            if not self._append(batch, record):
                await self._send(topic, {number: batch})
                batches[number] = self._producer.create_batch()
                assert self._append(batches[number], record)
        await self._send(topic, batches)

    @staticmethod
    def _append(batch: Any, record: Record) -> bool:  # noqa: ANN401  # aiokafka brings no types along.
        return (
            batch.append(key=record.key, value=record.value, timestamp=None, headers=list(record.headers)) is not None
        )

    async def _send(self, topic: str, batches: Mapping[int, Any]) -> None:
        for number, batch in batches.items():
            batch.close()
            await (await self._producer.send_batch(batch, topic, partition=number))

    def places(self, topic: str) -> list[TopicPartition]:
        return [TopicPartition(topic, number) for number in range(self.partitions)]

    async def ends(self, topic: str, *, committed: bool = False) -> dict[TopicPartition, int]:
        """Up to where it is written; or up to where it is certain, with no transaction open before that."""
        found: dict[TopicPartition, int] = await self._askers[committed].end_offsets(self.places(topic))
        return found

    async def length(self, topic: str) -> int:
        """How many records were written there, also those that were taken back. A transaction's end counts as one."""
        return sum((await self.ends(topic)).values())

    async def certain(self, topic: str) -> bool:
        return await self.ends(topic) == await self.ends(topic, committed=True)

    async def passed(self, group: str, topic: str) -> bool:
        """Whether this group has told the broker that it is done with all of this topic."""
        told = await self._admin.list_consumer_group_offsets(group)
        return all(place in told and told[place].offset >= end for place, end in (await self.ends(topic)).items())

    async def read(self, topic: str, *, committed: bool) -> AsyncIterator[ConsumerRecord]:
        """All records, partition by partition in their order: those that count, or those that were taken back too."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.servers,
            enable_auto_commit=False,
            isolation_level="read_committed" if committed else "read_uncommitted",
            max_partition_fetch_bytes=READ_BYTES_MAX,
        )
        async with consumer:
            for place, end in (await self.ends(topic, committed=committed)).items():
                consumer.assign([place])
                await consumer.seek_to_beginning()
                while await consumer.position(place) < end:
                    found = await consumer.getmany(timeout_ms=SILENCE_MS)
                    for record in found.get(place, ()):
                        yield record


@asynccontextmanager
async def stage_at(place: Place) -> AsyncIterator[Stage]:
    servers = place.servers
    producer = AIOKafkaProducer(
        bootstrap_servers=servers,
        acks="all",
        enable_idempotence=True,
        max_batch_size=BATCH_BYTES_MAX,
        max_request_size=2 * BATCH_BYTES_MAX,
    )
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    written = AIOKafkaConsumer(bootstrap_servers=servers, isolation_level="read_uncommitted")
    certain = AIOKafkaConsumer(bootstrap_servers=servers, isolation_level="read_committed")
    async with producer, written, certain:
        await admin.start()
        try:
            yield Stage(place, producer, admin, {False: written, True: certain})
        finally:
            await admin.close()
