"""Facts from outside on their way to Kafka: durable in the outbox first, known again, and in order.

While Kafka is away they wait there, acknowledged, and are brought along later, once.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

import structlog

from engine.broker import Broker, Sent
from engine.postgres import CARRIED, Database, Db, post, unsent
from engine.work import stamp
from schemas.errors import Conflict, DraadError, Refused, Unavailable
from schemas.event import Envelope

GROUP_MAX: Final = 1_000  # Facts in one transaction.
CARRY_MAX: Final = 2_000  # Facts on their way at a time.
CLEAR_MIN: Final = 500  # Facts that are on Kafka and still in the outbox; fewer are cleared when it has a moment.
RETRY_S: Final = 0.5
LOOK_S: Final = 2.0  # Between two looks for what a dead worker left behind.
WAITING_MAX: Final = 1_000_000  # Facts that may wait for Kafka.
SEEN_DAYS: Final = 31  # How long a repeat is known: promised is 30.
KAFKA, POSTGRES = "kafka", "postgres"
AWAY: Final = {KAFKA: "engine.kafka-away", POSTGRES: "engine.postgres-away"}
BACK: Final = {KAFKA: "engine.kafka-back", POSTGRES: "engine.postgres-back"}
LEFT: Final = "SELECT origin, max(sequence) FROM outbox JOIN task ON number = origin AND kind = 'road' GROUP BY origin"

Job = tuple[Sequence[Envelope], "asyncio.Future[None]"]

log = structlog.get_logger("engine")


class NoKafka(Unavailable):
    """It is Kafka that does not answer, and not PostgreSQL."""


@dataclass(slots=True)
class Outbox:
    """Where an origin is: the last sequence it has written, and the last one that is on Kafka."""

    origin: int
    written: int
    carried: int
    cleared: int = 0  # Up to this one they are out of the outbox too, at least.
    taken: int = -1  # The last sequence on its way; -1 while nobody is sure of it.
    fresh: list[Sent] = field(default_factory=list)  # What follows on that, at hand.

    @property
    def waiting(self) -> int:
        return self.written - self.carried


class Road:
    """One worker's own way in: an origin among the tasks, and its outbox. That of a dead worker is taken over."""

    def __init__(
        self, broker: Broker, database: Database, clock: Callable[[], datetime], worker: str, wrote: Callable[[], None]
    ) -> None:
        self._broker, self._db, self._clock, self._worker, self._wrote = broker, database, clock, worker, wrote
        self._box = Outbox(0, 0, 0)
        self._jobs: asyncio.Queue[Job] = asyncio.Queue()
        self._asking: list[Job] = []  # Whose facts are being written.
        self._more, self._idle = asyncio.Event(), asyncio.Event()
        self._at_work: list[asyncio.Task[None]] = []
        self._forgot = 0
        self._owes = False  # What was acknowledged elsewhere has to be on Kafka before anything from here.
        self._missing = ""  # Which of the two does not answer.

    @property
    def waiting(self) -> int:
        """Facts that are acknowledged, and not yet on Kafka."""
        return self._box.waiting

    @property
    def away(self) -> bool:
        """Whether it is Kafka that does not answer."""
        return self._missing == KAFKA

    async def open(self) -> None:
        await self._begin()
        self._at_work = [asyncio.create_task(work()) for work in (self._take, self._carry, self._look_around)]

    async def append(self, facts: Sequence[Envelope]) -> None:
        for fact in facts:
            self._broker.partition_of(fact.subject)  # Refused here, before anybody waits for it.
        if self.waiting + len(facts) > WAITING_MAX:
            raise Unavailable("Kafka is away and the outbox is full: try again later")
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._jobs.put_nowait((facts, future))
        await future

    async def idle(self) -> None:
        """Wait until everything that has been acknowledged here is on Kafka, or cannot get there now."""
        box, goal = self._box, self._box.written
        while box.carried < goal and box is self._box and not self._missing:
            self._idle.clear()
            await self._idle.wait()

    async def close(self) -> None:
        for task in self._at_work:
            task.cancel()
        await asyncio.gather(*self._at_work, return_exceptions=True)
        while not self._jobs.empty():
            self._asking.append(self._jobs.get_nowait())
        for _, future in self._asking:  # Nobody waits for an answer that does not come; most have theirs.
            future.cancel()
        with suppress(DraadError):  # Else it is produced again by whoever takes over, and skipped by who reads.
            await self._db.fetch(CARRIED, [self._box.origin], [self._box.carried])

    async def _begin(self) -> None:
        """Take an origin that a dead worker left; else a new one. While Kafka is away, what others left is owed."""
        self._owes = True
        if not self.away:
            await self._bring_all()
        async with self._db.transaction() as db:
            row = await adopted(db, self._worker) or await db.fetchrow(
                """INSERT INTO task (name, version, kind, position, active, token, holder, until)
                   VALUES ('', 1, 'road', 0, true, 0, $1, 0) RETURNING number, sent""",
                self._worker,
            )
            left = await unsent(db, row[0], 1)
        self._box = Outbox(row[0], row[1], left[0].sequence - 1 if left else row[1])
        self._more.set()
        self._idle.set()  # Whoever waits for what was before looks again.

    async def _bring_all(self) -> None:
        """Bring what was acknowledged anywhere to Kafka: whoever said it goes on here, behind it."""
        self._owes = False
        try:
            for origin, last in await self._db.fetch(LEFT):
                await self._bring(origin, last)
        except DraadError:
            self._owes = True
            raise

    async def _take(self) -> None:
        """Group commit: whoever asks while a commit is under way is in the next one."""
        while True:
            group = self._asking = [await self._jobs.get()]
            while len(group) < GROUP_MAX and not self._jobs.empty():
                group.append(self._jobs.get_nowait())
            if await self._answer(group):
                for job in group:  # One of them is at fault: each by itself.
                    await self._answer([job])

    async def _answer(self, group: Sequence[Job]) -> bool:
        """Write them down and tell whoever asked; true if some of several is refused."""
        error: DraadError | None = None
        try:
            await self._write([fact for facts, _ in group for fact in facts])
        except Refused as refused:
            if len(group) > 1:
                return True
            error = refused
        except DraadError as failed:
            error = failed
        for _, future in group:
            if error and not future.done():
                future.set_exception(error)
            elif not future.done():  # Else whoever asked has gone.
                future.set_result(None)
        return False

    async def _write(self, facts: Sequence[Envelope]) -> None:
        time, box = stamp(self._clock()), self._box
        try:
            async with self._db.transaction() as db:
                new = await unknown(db, facts, self._clock().toordinal())
                first = await db.fetchval(
                    "UPDATE task SET sent = sent + $3 WHERE number = $1 AND holder = $2 RETURNING sent - $3",
                    box.origin, self._worker, len(new),
                )  # fmt: skip
                if first is None:
                    raise Conflict("this worker was thought dead")  # noqa: TRY301  # Nothing may be committed.
                sent = [
                    Sent(box.origin, sequence, self._broker.partition_of(fact.subject), fact._replace(time=time))
                    for sequence, fact in enumerate(new, start=first + 1)
                ]
                carried = box.carried if box.carried - box.cleared >= CLEAR_MIN else 0
                if carried:
                    await db.execute(CARRIED, [box.origin], [carried])
                await post(db, sent)
        except Conflict:
            await self._begin()
            raise Unavailable("this worker was thought dead: try again") from None
        if first == (box.fresh[-1].sequence if box.fresh else box.taken) and len(box.fresh) < CARRY_MAX:
            box.fresh.extend(sent)
        box.cleared = carried or box.cleared
        box.written = first + len(sent)  # Also what an earlier write of unknown end has left.
        if box.waiting:
            self._more.set()

    async def _carry(self) -> None:
        """Produce what is in the outbox, in order, for as long as it takes."""
        while True:
            await self._more.wait()
            self._more.clear()
            try:
                while self.waiting:
                    await (self._bring_all() if self._owes else self._carry_some(self._box))
                await self._db.fetch(CARRIED, [self._box.origin], [self._box.carried])
                self._misses("")
            except DraadError as error:
                self._misses("" if isinstance(error, Refused) else KAFKA if isinstance(error, NoKafka) else POSTGRES)
                await asyncio.sleep(RETRY_S)
                self._more.set()

    async def _carry_some(self, box: Outbox) -> None:
        sent, box.fresh, written = box.fresh, [], box.written
        if not sent or sent[0].sequence != box.carried + 1:
            box.taken = -1
            async with self._db.transaction() as db:
                await db.execute(CARRIED, [box.origin], [box.carried])
                sent = await unsent(db, box.origin, CARRY_MAX)
        box.taken = sent[-1].sequence if sent else written  # Then others have brought them.
        try:
            await self._produce(sent)
        except DraadError:
            box.taken, box.fresh = -1, []
            raise
        box.carried = box.taken
        self._idle.set()
        self._misses("")
        self._wrote()

    async def _produce(self, sent: Sequence[Sent]) -> None:
        try:
            await self._broker.produce(sent)
        except Unavailable as error:
            raise NoKafka(str(error)) from None

    def _misses(self, server: str) -> None:
        before, self._missing = self._missing, server
        if before != server:
            self._idle.set()
            if before:
                log.warning(BACK[before], waiting=self.waiting)
            if server:
                log.warning(AWAY[server], waiting=self.waiting)

    async def _look_around(self) -> None:
        """Carry what dead workers had acknowledged, and now and then forget what need not be known any more."""
        while True:
            await asyncio.sleep(LOOK_S)
            with suppress(DraadError):  # It is looked for again.
                while await self._carry_for_another():
                    pass
                await self._forget()

    async def _carry_for_another(self) -> bool:
        async with self._db.transaction() as db:
            row = await adopted(db, self._worker, left_only=True)
        if row is None:
            return False
        try:
            await self._bring(*row)
        finally:  # Also where Kafka is away: then it is anybody's again.
            await self._db.fetch("UPDATE task SET holder = '' WHERE number = $1 AND holder = $2", row[0], self._worker)
        self._wrote()
        return True

    async def _bring(self, origin: int, last: int) -> None:
        """Carry for another road. Its worker may live and do the same: readers skip what they have passed."""
        async with self._db.transaction() as db:
            left = await unsent(db, origin, CARRY_MAX)
        while left and left[0].sequence <= last:
            await self._produce(left)
            async with self._db.transaction() as db:
                await db.execute(CARRIED, [origin], [left[-1].sequence])
                left = await unsent(db, origin, CARRY_MAX)

    async def _forget(self) -> None:
        today = self._clock().toordinal()
        if today != self._forgot:
            await self._db.fetch("DELETE FROM fact WHERE day < $1", today - SEEN_DAYS)
            self._forgot = today


async def adopted(db: Db, worker: str, *, left_only: bool = False) -> tuple[int, int] | None:
    """An origin whose worker is dead, ours from now on."""
    left = "AND EXISTS (SELECT 1 FROM outbox WHERE origin = number)" if left_only else ""
    row = await db.fetchrow(
        f"""UPDATE task SET holder = $1 WHERE number =
            (SELECT number FROM task WHERE kind = 'road' {left} AND holder NOT IN (SELECT holder FROM worker
             WHERE until > extract(epoch FROM clock_timestamp())) ORDER BY number LIMIT 1 FOR UPDATE SKIP LOCKED)
            RETURNING number, sent""",
        worker,
    )
    return (row[0], row[1]) if row else None


async def unknown(db: Db, facts: Sequence[Envelope], day: int) -> list[Envelope]:
    """Those that were never seen before, each once."""
    query = """INSERT INTO fact SELECT DISTINCT id, $2::int FROM unnest($1::uuid[]) AS id ORDER BY id
               ON CONFLICT DO NOTHING RETURNING id::text"""
    new = {row[0] for row in await db.fetch(query, [fact.id for fact in facts], day)}
    return [fact for fact in facts if fact.id in new and not new.remove(fact.id)]  # type: ignore[func-returns-value]
