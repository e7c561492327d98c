"""Apache Kafka as a log: facts out, facts in, and nothing left to a default that can lose one.

A partition is named `<topic>-<number>`; the first word of a subject is its topic, and the subject is the key. Every
record carries its origin (who wrote it) and a sequence that only grows: whoever reads skips what it has passed.
"""

import asyncio
from bisect import bisect_right
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, OffsetOutOfRangeError
from aiokafka.partitioner import DefaultPartitioner
from aiokafka.protocol.api import Request

from engine.client import BROKEN, Client, answered, cancelled
from schemas.errors import DraadError, Refused, Unavailable
from schemas.event import TYPE_PREFIX, Envelope

REQUEST_MS_MAX: Final = 10_000
PRODUCE_S_MAX: Final = 20
WAIT_MS: Final = 2_000  # How long the broker holds a request back while there is no news: idle readers cost little.
LOOK_MS: Final = 1_000  # Between two looks at whether there were news.
FETCH_BYTES_MAX: Final = 2**20
BATCH_BYTES_MAX: Final = 512 * 1024
AHEAD_MAX: Final = 3_000  # Records fetched that nobody has passed yet, per reader;
BEHIND_MAX: Final = 3_000  # and those that are kept for others who read along.
SILENT_MAX: Final = 5  # Looks in a row without news, a second each, before it asks whether there is any.
KNOWN_MAX: Final = 10_000  # Subjects whose partition is remembered.

# Every default that could lose, skip or double a record is set here.
COMMON: Final[Mapping[str, Any]] = {"request_timeout_ms": REQUEST_MS_MAX, "client_id": "draad"}
PRODUCER: Final[Mapping[str, Any]] = {
    **COMMON,
    "acks": "all",
    "enable_idempotence": True,
    "linger_ms": 0,
    "max_batch_size": BATCH_BYTES_MAX,
    "max_request_size": 2 * BATCH_BYTES_MAX,
}
CONSUMER: Final[Mapping[str, Any]] = {
    **COMMON,
    "group_id": None,  # Positions are kept in the database, with what was made of them.
    "enable_auto_commit": False,
    "auto_offset_reset": "none",  # A position that the topic no longer has is refused, never skipped in silence.
    "isolation_level": "read_committed",
    "fetch_max_wait_ms": WAIT_MS,
    "max_partition_fetch_bytes": FETCH_BYTES_MAX,
}
GONE: Final = (
    "{0} does not hold position {1} any more: it was deleted, made anew or its retention is too short. "
    "Restore it, or begin anew with another DRAAD_PREFIX and an empty database"
)

log = structlog.get_logger("engine")


class Sent(NamedTuple):
    """An event on its way: who wrote it, as the how manieth, and where it goes."""

    origin: int
    sequence: int
    partition: str
    envelope: Envelope


def place(partition: str) -> TopicPartition:
    topic, _, number = partition.rpartition("-")
    return TopicPartition(topic, int(number))


class Broker:
    """One process's connections to the cluster. Once they are closed, none is opened: nobody would let go of it."""

    def __init__(self, servers: str, prefix: str, source: str, security: Mapping[str, Any]) -> None:
        self.prefix, self._source = prefix, source.encode()
        self._options = {"bootstrap_servers": servers, **security}
        self._producer: Client | None = None
        self._asker: Client | None = None
        self._readers: set[Reader] = set()
        self._closed = False
        self._counts: dict[str, int] = {}
        self._known: dict[str, str] = {}
        self.produced: dict[str, int] = {}  # Per partition the last position that was written from here.

    async def topics(self, topics: Sequence[str]) -> dict[str, int]:
        """How many partitions each topic has. Raises `Refused` for one that is not there."""
        producer = await self._ready()
        for topic in topics:
            with suppress(KafkaError):  # Unknown, or not ours to see: it has no partitions.
                self._counts[topic] = len(await producer.partitions_for(self.prefix + topic) or ())
            if not self._counts.get(topic):
                raise Refused(f"topic {self.prefix}{topic} does not exist: run `draad topics apply`")
        return dict(self._counts)

    async def cluster(self) -> str:
        """The name that the cluster gave itself when it was made."""
        return str((await self._asked(lambda admin: admin.describe_cluster()))["cluster_id"])

    async def ask(self, request: Request[Any]) -> Any:  # noqa: ANN401  # Each request has an answer of its own.
        """What any broker answers."""
        return await self._asked(lambda admin: admin._send_request(request))  # noqa: SLF001  # There is no door.

    async def _asked(self, question: Callable[[AIOKafkaAdminClient], Awaitable[Any]]) -> Any:  # noqa: ANN401  # As above.
        admin = Client(AIOKafkaAdminClient(**COMMON, **self._options))
        try:
            return await answered(question(await admin.ready()))
        finally:
            await admin.stop()

    def partitions(self) -> list[str]:
        return [f"{topic}-{n}" for topic in sorted(self._counts) for n in range(self._counts[topic])]

    def partition_of(self, subject: str) -> str:
        """Where a subject lives: Kafka's own murmur2, in every client the same. Raises `Refused`."""
        known = self._known.get(subject)
        if known is None:
            topic = subject.partition("/")[0]
            if topic not in self._counts:
                raise Refused("this subject has no topic here: name its topic in infra/kafka/topics.yaml")
            numbers = list(range(self._counts[topic]))
            known = f"{topic}-{DefaultPartitioner()(subject.encode(), numbers, numbers)}"
            if len(self._known) >= KNOWN_MAX:
                self._known.clear()
            self._known[subject] = known
        return known

    async def produce(self, sent: Sequence[Sent]) -> None:
        """Write these down, in order per partition, each acknowledged by every replica that must have it."""
        try:
            producer = await self._ready()
            batches: dict[str, list[Any]] = {}
            for one in sent:
                add(producer, batches.setdefault(one.partition, []), one, self._source)
            sending = (self._send(producer, partition, made) for partition, made in batches.items())
            async with asyncio.timeout(PRODUCE_S_MAX):
                done = await asyncio.gather(*sending, return_exceptions=True)
            for error in done:
                if error is not None:
                    raise TimeoutError if isinstance(error, asyncio.CancelledError) else error
        except BROKEN as error:
            await self.forget()
            raise Unavailable(f"Kafka does not take it ({type(error).__name__})") from None

    async def _send(self, producer: AIOKafkaProducer, partition: str, batches: Sequence[Any]) -> None:
        topic, number = place(self.prefix + partition)
        for batch in batches:
            batch.close()
            written = await (await producer.send_batch(batch, topic, partition=number))
            self.produced[partition] = max(self.produced.get(partition, 0), written.offset + batch.record_count())

    def reader(self, partition: str, after: int, news: Callable[[], None]) -> "Reader":
        self._expect_open()
        reader = Reader(self, AIOKafkaConsumer(**CONSUMER, **self._options), partition, after, news)
        self._readers.add(reader)
        return reader

    def forget_reader(self, reader: "Reader") -> None:
        self._readers.discard(reader)

    async def ends(self, partitions: Sequence[str]) -> dict[str, int]:
        """The position of the last event of each."""
        return await self._edges(partitions, lambda asker, places: asker.end_offsets(places))

    async def starts(self, partitions: Sequence[str]) -> dict[str, int]:
        """The position before the first event of each."""
        return await self._edges(partitions, lambda asker, places: asker.beginning_offsets(places))

    async def _edges(
        self, partitions: Sequence[str], ask: Callable[[AIOKafkaConsumer, list[TopicPartition]], Awaitable[Any]]
    ) -> dict[str, int]:
        """On a connection of its own: on a reader's, an answer waits behind a fetch that waits for news."""
        places = {partition: place(self.prefix + partition) for partition in partitions}
        self._expect_open()
        asker = self._asker = self._asker or Client(AIOKafkaConsumer(**CONSUMER, **self._options))
        try:
            consumer = await asker.ready()
            every = {self.prefix + topic for topic in self._counts}
            await answered(consumer._client.set_topics(every))  # noqa: SLF001  # Else each unknown one costs 0.1 s.
            found = await answered(ask(consumer, list(places.values())))
        except Unavailable:
            if self._asker is asker:
                self._asker = None
            await asker.stop()
            raise
        return {partition: int(found[where]) for partition, where in places.items()}

    async def forget(self) -> None:
        """A producer that failed once numbers its records wrongly ever after: the next one is new."""
        producer, self._producer = self._producer, None
        if producer:
            await producer.stop()

    async def close(self) -> None:
        self._closed = True
        clients = [client.stop() for client in (self._producer, self._asker) if client]
        await asyncio.gather(*clients, *(reader.close() for reader in self._readers))

    def _expect_open(self) -> None:
        if self._closed:
            raise Unavailable("the connections to Kafka are closed")

    async def _ready(self) -> AIOKafkaProducer:
        self._expect_open()
        producer = self._producer = self._producer or Client(AIOKafkaProducer(**PRODUCER, **self._options))
        try:
            return await producer.ready()
        except Unavailable:
            if self._producer is producer:
                await self.forget()
            raise


class Reader:
    """A way along one partition, for one or for several who are near each other. It fetches ahead, and tells `news`."""

    def __init__(
        self, broker: Broker, consumer: AIOKafkaConsumer, partition: str, after: int, news: Callable[[], None]
    ) -> None:
        self._broker, self._consumer, self._partition, self._after = broker, consumer, partition, after
        self._client = Client(consumer)
        self._where, self._news = place(broker.prefix + partition), news
        self._records: list[Sent] = []
        self._passed = 0  # So many of them somebody has passed.
        self._room = asyncio.Event()
        self._error: DraadError | None = None
        self.since = after  # It has what follows this position,
        self._at = after  # up to this one.
        self._silent, self._behind = 0, False
        consumer.assign([self._where])
        self._fetching = asyncio.create_task(self._fetch())

    def look(self, after: int, limit: int) -> list[Sent]:
        """What has come in after this position. Raises what fetching failed with."""
        first = bisect_right(self._records, after, key=position_of)
        found = self._records[first : first + limit]
        self._passed = max(self._passed, first)
        if self._passed >= 2 * BEHIND_MAX:
            self.since = position_of(self._records[BEHIND_MAX - 1])
            del self._records[:BEHIND_MAX]
            self._passed -= BEHIND_MAX
        if len(self._records) - self._passed < AHEAD_MAX:
            self._room.set()
        if not found and self._error:
            raise self._error
        return found

    def holds(self, after: int) -> bool:
        """Whether what follows this position is the next that it gives."""
        return self.since <= after <= self._at

    async def _fetch(self) -> None:
        try:
            await self._go_on()
        except OffsetOutOfRangeError:
            self._error = Refused(GONE.format(self._where.topic, self._after))
        except BROKEN as error:
            self._error = Unavailable(f"Kafka cannot be read ({type(error).__name__})")
        except DraadError as error:
            self._error = error
        except asyncio.CancelledError:
            if cancelled():
                raise
            self._error = Unavailable("a reader was stopped by nobody: it begins anew")
        except (KeyError, ValueError):
            self._error = Refused(f"topic {self._where.topic} holds a record that Draad did not write")
        self._news()

    async def _go_on(self) -> None:
        await self._client.ready()
        self._consumer.seek(self._where, self._after)
        while True:
            found = await self._consumer.getmany(self._where, timeout_ms=LOOK_MS, max_records=AHEAD_MAX)
            self._silent = 0 if found else self._silent + 1
            if self._silent % SILENT_MAX == SILENT_MAX - 1:
                await self._check()
            if records := found.get(self._where):
                self._at = records[-1].offset + 1
                self._records.extend(opened(record, self._partition) for record in records)
                self._room.clear()
                self._news()
                if len(self._records) - self._passed >= AHEAD_MAX:
                    await self._room.wait()

    async def _check(self) -> None:
        """It has been silent. Raises `Refused` where the topic is no more.

        Raises `Unavailable` where the log moved all the while, or back: whoever begins anew is told what is gone.
        """
        if not self._consumer.partitions_for_topic(self._where.topic):
            raise Refused(GONE.format(self._where.topic, self._at))
        with suppress(Unavailable):  # Kafka is away: there is nothing to be seen.
            [end] = (await self._broker.ends([self._partition])).values()
            if end < self._at or (self._silent > SILENT_MAX and self._behind):
                log.warning("engine.reader.stands-still", partition=self._partition)
                self._error = Unavailable("a reader stood still though the log moved: it begins anew")
            self._behind = end > self._at
        if self._error:
            raise self._error

    async def close(self) -> None:
        self._fetching.cancel()
        try:
            await asyncio.gather(self._fetching, return_exceptions=True)
        finally:
            await self._client.stop()
            self._broker.forget_reader(self)


def position_of(one: Sent) -> int:
    return one.envelope.position


def add(producer: AIOKafkaProducer, batches: list[Any], one: Sent, source: bytes) -> None:
    """Put it into the last batch of its partition, or a new one where that is full."""
    envelope = one.envelope
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_source", source),
        ("ce_id", envelope.id.encode()),
        ("ce_type", (TYPE_PREFIX + envelope.type).encode()),
        ("ce_time", envelope.time.encode()),
        ("ce_depth", b"%d" % envelope.depth),
        ("ce_causationid", envelope.cause.encode()),
        ("draad_origin", b"%d:%d" % (one.origin, one.sequence)),
        ("content-type", b"application/json"),
    ]
    key, value = envelope.subject.encode(), envelope.data.encode()
    for _ in range(2):
        if batches and batches[-1].append(key=key, value=value, timestamp=None, headers=headers):
            return
        batches.append(producer.create_batch())
    raise Refused("the event is larger than a batch")


def opened(record: ConsumerRecord[bytes, bytes], partition: str) -> Sent:
    """An event's position is the offset after it, so that 0 is before the first."""
    headers = dict(record.headers)
    origin, _, sequence = headers["draad_origin"].partition(b":")
    envelope = Envelope(
        id=headers["ce_id"].decode(),
        type=headers["ce_type"].decode().removeprefix(TYPE_PREFIX),
        subject=(record.key or b"").decode(),
        data=(record.value or b"").decode(),
        time=headers["ce_time"].decode(),
        cause=headers["ce_causationid"].decode(),
        depth=int(headers["ce_depth"]),
        position=record.offset + 1,
        partition=partition,
    )
    return Sent(int(origin), int(sequence), partition, envelope)
