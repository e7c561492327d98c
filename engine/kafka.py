"""Many machines: the log on Apache Kafka, everything known from it in PostgreSQL, in one transaction per batch.

Nothing is produced that was not committed first: outcomes, and facts from outside too, go into an outbox with the rest
of their transaction, and from there to Kafka, in order, each with its origin and sequence. What is produced again
after a crash is skipped by whoever reads it.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from functools import partial
from typing import Any, Final

from sqlalchemy import Select, Table

from engine.batch import Batch, keep
from engine.bell import Bell
from engine.broker import GONE, Broker, Sent
from engine.cluster import Cluster, read_by
from engine.gone import nothing_gone
from engine.heart import Heart
from engine.partitions import Partitions
from engine.postgres import CARRIED, Database, active, compiled, due, held, next_due, stand
from engine.processor import Part, Projection
from engine.road import Road
from engine.store import Active, Answer, Aside, Changes, Lease, Pull, Standing, Task, Timer
from engine.tables import view_of
from engine.taking import Claim, Wanted, carry, claims
from engine.tasks import ask_rebuild, ask_redrive, let_go, only_one_on, replace, same_deployment, tasks_of
from engine.together import Together
from engine.watch import Asked, Known, Watch, begun, known, moment
from engine.work import stamp
from schemas.errors import Conflict, Refused, Unavailable
from schemas.event import Envelope

DUE_MAX: Final = 500
ENDS_S_MAX: Final = 2.0


class KafkaStore:
    """A store on a Kafka cluster and a PostgreSQL database, shared by any number of workers."""

    shared = True
    unkind = False

    def __init__(self, broker: Broker, database: Database, heart: Heart, clock: Callable[[], datetime] | None) -> None:
        self._broker, self._db, self._heart, self.now = broker, database, heart, clock or heart.now
        self._log = Partitions(broker)
        self.road = Road(broker, database, self.now, heart.worker, self._log.wake)
        self._known = Together[Asked, Known](partial(known, database))
        self._keeping = Together[Batch, None](partial(keep, database))
        self._taking = Together[Wanted, Claim](partial(claims, database, broker, heart.worker))
        self._letting = Together[tuple[Task, int], None](partial(let_go, database))
        self._watches: dict[int, Watch] = {}
        self._leases: dict[tuple[str, str], Lease] = {}
        self._bell: Bell | None = None
        self._asked = 0
        self._ends: Mapping[str, int] = {}

    @classmethod
    async def open(cls, cluster: Cluster, clock: Callable[[], datetime] | None = None) -> "KafkaStore":
        """Connect. Raises `Refused` or `Unavailable` with one sentence that says what is wrong; writes nothing then."""
        broker = Broker(cluster.servers, cluster.prefix, cluster.source, cluster.security)
        try:
            counts = await broker.topics(cluster.topics)
            name = await broker.cluster()
            ends = await broker.ends(broker.partitions())
            database = await Database.open(cluster.database)
        except BaseException:
            await broker.close()
            raise
        store: KafkaStore | None = None

        def changed() -> None:
            if store:
                store._others_asked()

        heart = Heart(cluster.database, database.worker, changed)
        try:
            async with database.transaction() as db:
                await same_deployment(db, name, cluster.prefix, counts, ends)
            await nothing_gone(broker, database)
            heart.start()
            await heart.beat()
            store = cls(broker, database, heart, clock)
            await store.road.open()
            if cluster.redis:
                store._bell = Bell(cluster.redis, f"draad {cluster.prefix}", store._log.wake)
        except BaseException:
            if store:
                await store.close()
            else:
                await heart.stop()
                await broker.close()
                await database.close()
            raise
        return store

    @property
    def skew_s(self) -> float:
        """How far the database's clock is ahead of this machine's."""
        return self._heart.skew_s

    async def append(self, facts: Sequence[Envelope]) -> None:
        await self.road.append(facts)

    async def partitions(self, parts: Sequence[Part]) -> Sequence[str]:
        found: Sequence[str] = self._broker.partitions()
        for name in {part.name for part in parts}:
            found = read_by([part for part in parts if part.name == name], self._broker.partitions())
            await self._heart.announce(name, found)
        return found

    def is_ours(self, part: str, partition: str) -> bool:
        return self._heart.is_ours(part, partition)

    async def claim(self, part: Part, partition: str, lease: Lease) -> list[Task]:
        before = self._leases.get((part.name, partition))
        if before and before.holder != lease.holder and before.until > lease.now:
            raise Conflict(f"{part.name} is at work elsewhere")
        self._leases[part.name, partition] = lease
        asked, reads = self._asked, read_by([part], self._broker.partitions())
        tasks, start, end = await self._taking.ask(Wanted(part, partition, reads))
        await self._drop_all(part.name, partition)
        for one in tasks:
            await carry(self._db, self._broker, one)
            if not start <= one.task.position <= end:
                raise Refused(GONE.format(f"topic partition {partition}", one.task.position))
            reader, mine = self._log.way(partition), -1 if one.redrive else asked
            self._watches[one.task.number] = begun(one, end, reader, mine, len(tasks))
        return [one.task for one in tasks]

    async def lease(self, tasks: Sequence[Task], lease: Lease) -> None:
        """The heart holds on to them; here only whoever shares this process is kept apart."""
        if not tasks:
            await self._db.fetch("SELECT 1")
        for task in tasks:
            watch = self._held(task)
            self._leases[task.name, task.partition] = lease
            if lease.until <= lease.now:
                await self._drop(task.number)
                await self._letting.ask((task, watch.produced))

    async def leave(self, part: str, partition: str) -> None:
        """Whoever claimed and failed has let go of nothing, and nobody takes what a living worker holds."""
        if (part, partition) in self._leases:
            await self._taking.over()
            await self._drop_all(part, partition)
            free = "UPDATE task SET holder = '' WHERE name = $1 AND partition = $2 AND holder = $3"
            async with self._db.transaction() as db:
                await only_one_on(db, part)
                await db.execute(free, part, partition, self._heart.worker)
            self._leases.pop((part, partition), None)

    async def pull(self, part: Part, task: Task, *, limit: int, now: datetime) -> Pull:
        watch, records = self._held(task), list[Envelope]()
        active = task if task.active else self._sibling(task)
        watch.found = await self._arrived(watch, limit, None if task.active else active.position)
        upto = watch.found[-1].envelope.position if watch.found else task.position
        heard = dict(watch.heard)
        for origin, sequence, _, envelope in watch.found:
            if sequence > heard.get(origin, 0):
                heard[origin] = sequence
                if envelope.type in part.reads:
                    records.append(envelope)
        asked = watch.asked != self._asked
        late = task.active and not watch.found and (watch.pending or "") <= stamp(now) and watch.pending is not None
        if not (records or asked or late):
            if not watch.found and watch.cleared < watch.produced:
                await self._db.fetch(CARRIED, [task.number], [watch.produced])
                watch.cleared = watch.produced
            return Pull((), upto, {}, {}, set(), {}, (), (), set(), moment(watch.pending), watch.tasks)
        again = await self._redriven(watch, limit) if asked else []
        due_now = await self._due(watch, stamp(now)) if late else []
        told = "SELECT position FROM parked WHERE task = $1 AND subject = $2 AND told"
        return Pull(
            records=records,
            upto=upto,
            **(await self._known.ask(Asked(part, watch, [*records, *again])))._asdict(),
            held=await held(self._db, active, task.position, upto) if active is not task else {},
            due=due_now,
            redrive=again,
            told={row[0] for row in await self._db.fetch(told, task.number, again[0].subject)} if again else set(),
            next_due=moment(watch.pending),
            tasks=watch.tasks,
        )

    def clear(self, part: Part, task: Task) -> int:  # noqa: ARG002  # Its readers skip what is not for it themselves.
        return 0

    async def push(self, part: Part, task: Task, changes: Changes) -> Task:
        watch, time = self._held(task), stamp(self.now())
        heard = dict(watch.heard)
        for origin, sequence, _, envelope in watch.found:
            if envelope.position <= changes.position and sequence > heard.get(origin, 0):
                heard[origin] = sequence
        sent = [
            Sent(task.number, n, self._broker.partition_of(e.subject), e._replace(time=time))
            for n, e in enumerate(changes.outcomes, start=watch.produced + 1)
        ]
        await self._keeping.ask(Batch(part, task, watch.view, changes, heard, watch.produced, sent))
        watch.task, watch.heard = task._replace(position=changes.position), heard
        if sent:
            watch.cleared = watch.produced
        if changes.timers or changes.fired:
            watch.pending = ""
        watch.aside = watch.aside or bool(changes.parked)
        if sent:
            await self._broker.produce(sent)
            watch.produced = sent[-1].sequence
        self._log.wake()
        if self._bell and (changes.rows or changes.parked):
            self._bell.ring(task.partition)
        return watch.task

    async def lent(self, task: Task) -> Sequence[Envelope]:
        rows = await self._db.fetch("SELECT position FROM lent WHERE task = $1 ORDER BY position", task.number)
        return await self._log.at(task.partition, [row[0] for row in rows])

    async def rebuild(self, name: str) -> None:
        async with self._db.transaction() as db:
            await ask_rebuild(db, name)
        self._others_asked()

    async def switch(self, old: Task, new: Task) -> Task | None:
        """All partitions at once, since they share a view. Once all are near, each waits for the others."""
        view = self._held(new).view
        async with self._db.transaction() as db:
            await db.execute(CARRIED, [old.number], [self._held(old).produced])
            replaced = await replace(db, old, new, view)
        if isinstance(replaced, bool):
            return old if replaced else None
        for number in replaced:
            await self._drop(number)
        watch = self._held(new)
        watch.task, watch.pending, watch.asked = new._replace(active=True), "", -1
        self._others_asked()
        return watch.task

    async def redrive(self, name: str, subject: str | None) -> int:
        async with self._db.transaction() as db:
            asked = await ask_redrive(db, name, subject)
        self._others_asked()
        return asked

    async def asides(self) -> Sequence[Aside]:
        query = """SELECT t.name, p.subject, (array_agg(p.reason ORDER BY p.position))[1], min(p.position), count(*)
                   FROM parked p JOIN task t ON t.number = p.task AND t.active GROUP BY t.name, p.task, p.subject
                   ORDER BY 1, 4, 2"""
        return [Aside(*row) for row in await self._db.fetch(query)]

    async def carried(self) -> None:
        await self.road.idle()

    async def ends(self) -> Mapping[str, int]:
        return await self._broker.ends(self._broker.partitions())

    @property
    def waiting(self) -> int | None:
        return self.road.waiting if self.road.away else None

    async def standings(self, now: datetime) -> Sequence[Standing]:
        try:
            if not (self.road.away and self._ends):
                async with asyncio.timeout(ENDS_S_MAX):
                    self._ends = await self.ends()
        except (Unavailable, TimeoutError):
            if not self._ends:
                raise
        ends = self._ends  # While Kafka is away, what was last known of it.
        async with self._db.transaction() as db:
            return await stand(db, stamp(now), ends)

    async def active(self, names: str = "") -> Sequence[Active]:
        return await active(self._db, names)

    async def state(self, name: str, subject: str) -> str | None:
        query = """SELECT value FROM state JOIN task ON number = task AND active
                   WHERE name = $1 AND partition = $2 AND subject = $3"""
        rows = await self._db.fetch(query, name, self._broker.partition_of(subject), subject)
        return str(rows[0][0]) if rows else None

    async def table(self, view: Projection) -> Table:
        rows = await self._db.fetch("SELECT min(view) FROM task WHERE name = $1 AND active", view.name)
        if rows[0][0] is None:
            raise Unavailable(f"{view.name} has not run yet")
        return view_of(view.table, rows[0][0])

    async def fetch(self, query: Select[Any], values: Mapping[str, Any]) -> Answer:
        text, standing, order = compiled(query)
        asked = {**standing, **values}
        return await self._db.answer(text, *(asked[name] for name in order))

    async def read(self, after: int, limit: int, partition: str) -> Sequence[Envelope]:
        await self.road.idle()
        return await self._log.read(after, limit, partition)

    def mark(self, partition: str = "") -> int:
        return self._log.mark(partition)

    async def moved(self, mark: int, wait_s: float, partition: str = "") -> None:
        await self._log.moved(mark, wait_s, partition)

    async def close(self) -> None:
        """All of it, whatever closing one of them comes to."""
        async with AsyncExitStack() as last_first:
            for close in (self._db.close, self._broker.close, self._heart.stop, self._log.close):
                last_first.push_async_callback(close)
            for number in self._watches:
                last_first.push_async_callback(self._drop, number)
            last_first.push_async_callback(self.road.close)
            if self._bell:
                last_first.push_async_callback(self._bell.close)

    def _others_asked(self) -> None:
        """Somebody asked for a redrive or a rebuild, or the workers are other ones: all look again."""
        self._asked += 1
        self._log.wake_all()

    def _held(self, task: Task) -> Watch:
        watch = self._watches.get(task.number)
        if watch is None or watch.task.token != task.token:
            raise Conflict(f"{task.name} has been taken over")
        return watch

    def _sibling(self, task: Task) -> Task:
        for watch in self._watches.values():
            if watch.task.active and (watch.task.name, watch.task.partition) == (task.name, task.partition):
                return watch.task
        raise Conflict(f"{task.name} has been taken over")

    async def _drop(self, number: int) -> None:
        """Know no more of a task. While a reader closes, somebody else may drop the next one."""
        watch = self._watches.pop(number, None)
        if watch:
            await watch.reader.close()

    async def _drop_all(self, part: str, partition: str) -> None:
        for watch in [*self._watches.values()]:
            if (watch.task.name, watch.task.partition) == (part, partition):
                await self._drop(watch.task.number)

    async def _arrived(self, watch: Watch, limit: int, upto: int | None) -> list[Sent]:
        """What has come in; and whatever this worker wrote before it asks, it finds."""
        task, reader = watch.task, watch.reader
        if upto is not None:
            found = (
                await self._log.awaited(reader, task.position, limit, task.partition) if task.position < upto else []
            )
            return [one for one in found if one.envelope.position <= upto]
        found = reader.look(task.position, limit)
        if not found:
            await self.road.idle()
            watch.goal = max(watch.goal, self._broker.produced.get(task.partition, 0))
            if task.position < watch.goal:
                return await self._log.awaited(reader, task.position, limit, task.partition)
        return found

    async def _redriven(self, watch: Watch, limit: int) -> list[Envelope]:
        """The parked events of one subject that somebody asked to try again."""
        task, asked = watch.task, self._asked
        watch.tasks = len(await tasks_of(self._db, task.name, task.partition))
        query = """SELECT position FROM parked p JOIN
                   (SELECT task, subject FROM redrive WHERE task = $1 ORDER BY subject LIMIT 1) r
                   USING (task, subject) ORDER BY position LIMIT $2"""
        positions = [row[0] for row in await self._db.fetch(query, task.number, limit)]
        if not positions:
            watch.asked = asked  # There is no more to do for it.
        return await self._log.at(task.partition, positions)

    async def _due(self, watch: Watch, now: str) -> list[Timer]:
        watch.pending = await next_due(self._db, watch.task)
        if watch.pending is None or watch.pending > now:
            return []
        late = await due(self._db, watch.task, now, DUE_MAX)
        if late and (await self._broker.ends([watch.task.partition]))[watch.task.partition] > watch.task.position:
            return []  # Whatever cancels a timer is read before it fires.
        return late
