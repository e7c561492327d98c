"""The engine: one log of facts, and the parts that read it. `open_engine(url)` chooses where bytes rest.

Crash-only: after any failure a task is thrown away and claimed again from what is stored.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from random import Random
from types import MappingProxyType
from typing import Any, Final

import structlog
from sqlalchemy import Select, Table

from engine.cluster import Cluster
from engine.courier import Delivery, Rounds
from engine.metrics import Meter
from engine.pace import Pace
from engine.processor import Kept, Part, Processor, Projection, courier, kept
from engine.seat import LEASE, Clock, Seat
from engine.store import Answer, Aside, Standing, Store
from schemas.errors import Conflict, Refused, Unavailable
from schemas.event import Envelope, Event

BATCH_MAX: Final = 500  # Events in one transaction: about ten milliseconds in which nobody else gets a turn.
RETRY_S: Final = 0.5

log = structlog.get_logger("engine")


def utc_now() -> datetime:
    return datetime.now(UTC)


class Engine:
    """One log, and everything that runs over it. See the ten promises in `docs/architecture.md`."""

    def __init__(
        self, store: Store, *, clock: Clock | None = None, meter: Meter | None = None, batch_max: int = BATCH_MAX
    ) -> None:
        self.store = store
        self.meter = meter or Meter()
        self._clock, self._batch_max = clock or store.now, batch_max
        self._pace = Pace(0) if store.shared else Pace()  # Where many work, who asks is answered elsewhere.
        self._stopping = asyncio.Event()

    async def append(self, *facts: Envelope) -> None:
        """Write them down, once each. Durable when this returns; `Unavailable` means unknown: append again."""
        await self.store.append(facts)
        self.meter.appended(len(facts))

    async def run(self, *parts: Part) -> None:
        """Step every part through everything it reads, until `stop` is called; then finish the batch at hand."""
        seats = await self._seats(parts)
        # On one machine all of them look together, so that the log is asked once and not by each.
        together = [[seat] for seat in seats] if self.store.shared else [seats]
        async with asyncio.TaskGroup() as group:
            for some in filter(None, together):
                group.create_task(self._tend(some))

    async def settle(self, *parts: Part, random: Random | None = None) -> None:
        """Step every part until there is nothing left to do: for tests and rebuilds. `random` shuffles the turns."""
        seats = await self._seats(parts)
        try:
            moved = True
            while moved:
                order = random.sample(seats, len(seats)) if random else seats
                if self.store.shared:  # Nobody could tell which of them came first.
                    moved = any(await asyncio.gather(*(seat.turn() for seat in order)))
                else:
                    moved = any([await seat.turn() for seat in order])
        finally:
            await asyncio.gather(*map(left, seats))

    def stop(self) -> None:
        """Ask `run` and `follow` to end after the batch at hand."""
        self._stopping.set()

    async def stopped(self, wait_s: float | None = None) -> bool:
        """Wait until `stop` is called, at most so long; whether it was."""
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._stopping.wait()
        return self._stopping.is_set()

    async def follow(
        self,
        name: str,
        *types: type[Event],
        end_s: float = 0.0,
        at_once: int = 1,
        since: Mapping[str, int] = MappingProxyType({}),
    ) -> AsyncIterator[Delivery]:
        """Lend events, in order, to somebody who acts on the world.

        Lending is durable first, so that after a crash what was begun is lent again, marked `begun`. Up to `at_once`
        are begun in one go, and lent one after the other. Every delivery must be ended by
        `await delivery.done(*outcomes)`. Several may be in hand at once: a stop waits for their end, but not longer
        than `end_s`. Of what stands on the log up to `since`, by partition, nothing is lent.
        """
        part = courier(name, *types)
        ways = [
            Rounds(self.store, part, where, self._clock, at_once, since.get(where, 0))
            for where in await self.store.partitions([part])
        ]
        looking = {asyncio.create_task(rounds.found(LEASE)): rounds for rounds in ways}
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            while not self._stopping.is_set():
                await asyncio.wait({stopping, *looking}, return_when=asyncio.FIRST_COMPLETED)
                for task in [task for task in looking if task.done()]:  # Some of each: a busy one leaves room.
                    rounds = looking.pop(task)
                    task.result()
                    try:
                        async for delivery in rounds.hand_out(self._stopping):
                            yield delivery
                    except (Conflict, Unavailable) as error:
                        rounds.failed(error)
                    if self._stopping.is_set():
                        break
                    looking[asyncio.create_task(rounds.found(LEASE))] = rounds
            for rounds in ways:
                await rounds.rest(end_s)
        finally:
            for waiting in (stopping, *looking):
                waiting.cancel()
            await asyncio.gather(stopping, *looking, return_exceptions=True)
            for rounds in ways:
                await rounds.let_go()

    async def state(self, processor: Processor[Kept], subject: str) -> Kept:
        """What this processor knows of this subject now."""
        return kept(processor.state, await self.store.state(processor.name, subject))

    async def table(self, view: Projection) -> Table:
        """The view's table as it stands, to build a `select` on. Ask again for each query: a rebuild replaces it."""
        return await self.store.table(view)

    async def fetch(self, query: Select[Any], values: Mapping[str, Any] | None = None) -> Sequence[Mapping[str, Any]]:
        """The rows. A query that is kept and asked again, with other `values` for its parameters, is compiled once."""
        return (await self.answer(query, values or {})).mappings()

    async def answer(self, query: Select[Any], values: Mapping[str, Any]) -> Answer:
        """As `fetch`, for who reads thousands of rows, and needs no mapping of each."""
        return await self.store.fetch(query, values)

    async def partitions(self) -> Sequence[str]:
        """The log's partitions: order holds within each, and a subject is always in the same one."""
        return await self.store.partitions([])

    async def read(self, after: int = 0, limit: int = 100, partition: str = "") -> Sequence[Envelope]:
        """A partition of the log, in order, after a position."""
        return await self.store.read(after, limit, partition)

    async def ends(self) -> Mapping[str, int]:
        """The last position on each partition."""
        return await self.store.ends()

    async def parked(self) -> Sequence[Aside]:
        return await self.store.asides()

    async def redrive(self, name: str, subject: str | None = None) -> int:
        """Ask that what is parked be tried again, now that the cause is mended; returns how many subjects."""
        return await self.store.redrive(name, subject)

    async def rebuild(self, name: str) -> None:
        """Ask that a part be rebuilt from the start of the log, beside the one that runs."""
        await self.store.rebuild(name)

    async def standings(self) -> Sequence[Standing]:
        return await self.store.standings(self._clock())

    async def close(self) -> None:
        await self.store.close()

    async def _seats(self, parts: Sequence[Part]) -> list[Seat]:
        seats: list[Seat] = []
        for name in dict.fromkeys(part.name for part in parts):
            versions = [part for part in parts if part.name == name]
            seats.extend(
                Seat(self.store, versions, where, self._clock, self.meter, self._pace, self._batch_max)
                for where in await self.store.partitions(versions)
            )
        return seats

    async def _tend(self, seats: Sequence[Seat]) -> None:
        """Round after round, as long as there is something to do for one of them."""
        holding = asyncio.create_task(self._hold(seats))
        where = seats[0].partition
        try:
            while not self._stopping.is_set():
                mark = self.store.mark(where)
                if await self._round(seats):
                    await asyncio.sleep(0)
                else:
                    await self.store.moved(mark, min(seat.wait_s() for seat in seats), where)
        finally:
            holding.cancel()
            await asyncio.gather(*map(left, seats))

    async def _round(self, seats: Sequence[Seat]) -> bool:
        """A turn for each; true if there may be more to do."""
        async with asyncio.TaskGroup() as group:
            turns = [group.create_task(self._turn(seat)) for seat in seats if not await seat.passes()]
        return any(turn.result() for turn in turns)

    async def _turn(self, seat: Seat) -> bool:
        if seat.rests():
            return False
        try:
            return await seat.turn()
        except (Conflict, Unavailable) as error:
            log.warning("engine.retrying", part=seat.name, error=type(error).__name__)
            seat.rest(RETRY_S)
            return False

    async def _hold(self, seats: Sequence[Seat]) -> None:
        while True:
            await asyncio.sleep(LEASE.total_seconds() / 3)
            for seat in seats:
                try:
                    await seat.hold()
                except (Conflict, Unavailable):
                    seat.tasks = []


async def left(seat: Seat) -> None:
    with suppress(Conflict, Unavailable):  # It failed already, or was taken over: nothing to let go.
        await seat.let_go()


@asynccontextmanager
async def open_engine(
    url: str, *, cluster: Cluster | None = None, clock: Clock | None = None, meter: Meter | None = None
) -> AsyncIterator[Engine]:
    """Open the engine that the address names: `memory:`, `sqlite:///path` or `kafka://…`, which is a `cluster`.

    Without a `clock`, time is this machine's, or that which all machines of a cluster share.

    Raises `Refused` with what to do.
    """
    engine = Engine(await open_store(url, clock, cluster), clock=clock, meter=meter)
    try:
        yield engine
    finally:
        engine.stop()
        await engine.close()


async def open_store(url: str, clock: Clock | None, cluster: Cluster | None = None) -> Store:
    """Import only the engine that is asked for, so that a single machine needs no Kafka client."""
    scheme, _, rest = url.partition(":")
    if scheme == "memory":
        from engine.memory import Disk, MemoryStore

        return MemoryStore(Disk(), clock or utc_now)
    if scheme == "sqlite" and rest.startswith("///") and len(rest) > len("///"):
        from engine.sqlite import SqliteStore

        return await SqliteStore.open(rest.removeprefix("///"), clock or utc_now)
    if scheme == "kafka" and cluster:
        from engine.kafka import KafkaStore

        return await KafkaStore.open(cluster, clock)
    raise Refused(
        "the log's address is memory:, sqlite:///path (four slashes for an absolute path) or kafka://host:port"
    )
