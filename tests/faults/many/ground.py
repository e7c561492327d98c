"""Topics and a database of one test's own on real servers, and plain looks at them that trust no part of the engine."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from uuid import uuid4

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from engine.broker import Sent, opened
from engine.cluster import Cluster
from engine.postgres import Db
from engine.work import stamp
from infra.servers import Kafka, Postgres
from schemas.event import Envelope
from tests.contract.places import make_database, make_topics
from tests.faults.many.facts import PARTITIONS, TOPICS
from tests.faults.parts import counting

READ_BYTES_MAX: Final = 4 * 2**20
READ_MS: Final = 1_000
DELETE_MS_MAX: Final = 20_000
STAMPED: Final = {"message.timestamp.type": "LogAppendTime"}  # As topics.yaml has it.


class Held(NamedTuple):
    """A partition of the counting: how far it is, and by whom."""

    partition: str
    position: int
    holder: str


class Log(NamedTuple):
    """The whole log, partition by partition: each record once, and how many stand there again."""

    records: list[Envelope]
    repeats: int
    arrived: dict[str, datetime]  # By its id, when the broker wrote it down, by its own clock.


@dataclass
class Ground:
    kafka: Kafka
    postgres: Postgres
    copies: int = 1
    name: str = field(default_factory=lambda: f"f{uuid4().hex[:10]}")
    start: datetime = field(default_factory=lambda: datetime.now(UTC))
    _line: Db | None = None

    @property
    def prefix(self) -> str:
        return f"{self.name}."

    @property
    def topics(self) -> list[str]:
        return [self.prefix + topic for topic in TOPICS]

    @property
    def cluster(self) -> Cluster:
        return Cluster(self.kafka.address, self.postgres.url(self.name), TOPICS, prefix=self.prefix)

    async def make(self) -> "Ground":
        await make_topics(self.kafka.address, self.topics, PARTITIONS, self.copies, STAMPED)
        await make_database(self.postgres, self.name, "pattern")
        return self

    async def database(self) -> Db:
        """A connection that is kept, for who looks again and again; and a new one after the database was away."""
        if self._line is None or self._line.is_closed():
            self._line = await asyncpg.connect(self.postgres.url(self.name))
        return self._line

    async def aclose(self) -> None:
        if self._line:
            await self._line.close()

    @asynccontextmanager
    async def admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka.address)
        await admin.start()
        try:
            yield admin
        finally:
            await admin.close()

    async def fetch(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in await (await self.database()).fetch(query, *values)]

    async def held(self) -> list[Held]:
        query = "SELECT partition, position, holder FROM task WHERE name = $1 ORDER BY 1"
        return [Held(*row) for row in await self.fetch(query, counting.name)]

    async def positions(self) -> dict[tuple[str, str], int]:
        """How far every part is on every partition."""
        query = "SELECT name, partition, position FROM task WHERE kind <> 'road'"
        return {(name, where): position for name, where, position in await self.fetch(query)}

    async def states(self) -> dict[tuple[str, str], str]:
        """By part and subject, what is kept."""
        query = "SELECT name, subject, value FROM state JOIN task ON number = task AND active"
        return {(name, subject): value for name, subject, value in await self.fetch(query)}

    async def nobody_lives(self) -> bool:
        """Whether all are dead, and known to be."""
        return not await self.fetch("SELECT 1 FROM worker WHERE until > extract(epoch FROM clock_timestamp())")

    async def left(self) -> Mapping[str, int]:
        """What waits to be done, if anything does."""
        tables, db = ("outbox", "timer", "parked", "lent", "redrive"), await self.database()
        counts = {table: await db.fetchval(f"SELECT count(*) FROM {table}") for table in tables}
        return {table: count for table, count in counts.items() if count}

    async def unsent(self) -> list[tuple[int, int]]:
        """Of the facts from outside that wait in an outbox, the last one of each origin."""
        query = "SELECT origin, max(sequence) FROM outbox JOIN task ON number = origin WHERE kind = 'road' GROUP BY 1"
        return [(row[0], row[1]) for row in await self.fetch(query)]

    async def nothing_due(self, by: datetime) -> bool:
        """Whether every alarm has rung that stood due by then."""
        return not await self.fetch("SELECT 1 FROM timer WHERE NOT fired AND due <= $1 LIMIT 1", stamp(by))

    async def standing(self) -> list[tuple[Any, ...]]:
        """How every task stands, and what it has still to produce: for whoever must find out why."""
        query = """SELECT t.number, t.name, t.partition, t.position, t.token, t.holder, t.sent, count(o.origin)
                   FROM task t LEFT JOIN outbox o ON o.origin = t.number GROUP BY t.number ORDER BY 1"""
        return await self.fetch(query)

    async def in_step(self) -> bool:
        """Whether every copy of every partition is in sync."""
        async with self.admin() as admin:
            told = await admin.describe_topics(self.topics)
        partitions = [partition for topic in told for partition in topic["partitions"]]
        assert len(partitions) == len(TOPICS) * PARTITIONS
        return all(len(partition["isr"]) == self.copies for partition in partitions)

    async def log(self) -> Log:
        """Read all of it with a plain client, and skip, by origin and sequence, what stands there again."""
        records, repeats, arrived = list[Envelope](), 0, dict[str, datetime]()
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.kafka.address, enable_auto_commit=False, max_partition_fetch_bytes=READ_BYTES_MAX
        )
        async with consumer:
            for topic in self.topics:
                for number in range(PARTITIONS):
                    heard: dict[int, int] = {}
                    for sent, ms in await self._raw(consumer, TopicPartition(topic, number)):
                        if sent.sequence > heard.get(sent.origin, 0):
                            heard[sent.origin] = sent.sequence
                            records.append(sent.envelope)
                            arrived[sent.envelope.id] = datetime.fromtimestamp(ms / 1000, UTC)
                        else:
                            repeats += 1
        return Log(records, repeats, arrived)

    async def _raw(self, consumer: AIOKafkaConsumer, where: TopicPartition) -> Sequence[tuple[Sent, int]]:
        consumer.assign([where])
        await consumer.seek_to_beginning()
        end = (await consumer.end_offsets([where]))[where]
        partition, found = f"{where.topic.removeprefix(self.prefix)}-{where.partition}", list[tuple[Sent, int]]()
        while await consumer.position(where) < end:
            got = await consumer.getmany(where, timeout_ms=READ_MS)
            found.extend((opened(record, partition), record.timestamp) for record in got.get(where, ()))
        return found

    async def ends(self) -> dict[TopicPartition, int]:
        places = [TopicPartition(topic, number) for topic in self.topics for number in range(PARTITIONS)]
        async with AIOKafkaConsumer(bootstrap_servers=self.kafka.address) as consumer:
            found: dict[TopicPartition, int] = await consumer.end_offsets(places)
            return found

    async def expire(self) -> None:
        """Do what a retention does that is too short: delete all that was written so far."""
        async with self.admin() as admin:
            gone = {where: RecordsToDelete(end) for where, end in (await self.ends()).items()}
            await admin.delete_records(gone, timeout_ms=DELETE_MS_MAX)

    async def delete_topics(self) -> None:
        async with self.admin() as admin:
            await admin.delete_topics(self.topics)
