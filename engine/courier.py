"""Lending events to a courier, who acts on the world: begun before it acts, done after, and nothing in between."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import structlog

from engine.processor import Courier, opened
from engine.seat import POLL_S_MAX
from engine.store import Changes, Lease, Parked, Pull, Store, Task
from engine.work import WAITS, reason
from schemas.errors import Conflict, Refused, Unavailable
from schemas.event import Envelope, Event, effect

PULL_MAX: Final = 100

log = structlog.get_logger("engine")


@dataclass(slots=True)
class Delivery:
    """An event, lent. `begun` says that it was lent before and never finished: nobody knows what came of it."""

    event: Any
    envelope: Envelope
    begun: bool
    _rounds: "Rounds"
    _token: int
    _ended: bool = False

    async def done(self, *outcomes: Event) -> None:
        """Record what came of it, once. Raises `Conflict` if the delivery has been lent to somebody else."""
        assert not self._ended, "a delivery ends once"
        self._ended = True
        name = self._rounds.part.name
        effects = [effect(e, cause=self.envelope, by=name, nth=n) for n, e in enumerate(outcomes)]
        await self._rounds.end(self.envelope.position, effects, self._token)


@dataclass(slots=True, eq=False)
class Move:
    """What one delivery changes, by who held the task then; and what came of it, once it is written."""

    token: int
    changes: Changes
    came: Exception | None = field(default_factory=lambda: Conflict("this delivery has been lent to somebody else"))


class Rounds:
    """One courier's way along the log. It lends at most `at_once` events in one go, and none up to `since`."""

    def __init__(  # noqa: PLR0913, PLR0917  # What the engine has, handed on.
        self,
        store: Store,
        part: Courier,
        partition: str,
        clock: Callable[[], datetime],
        at_once: int = 1,
        since: int = 0,
    ) -> None:
        self.part, self.partition = part, partition
        self._store, self._clock, self._at_once, self._since = store, clock, at_once, since
        self._holder = uuid4().hex
        self._task: Task | None = None
        self._begun: Sequence[Envelope] = ()  # Lent before and never finished, and not lent again yet.
        self._pull: Pull | None = None  # What follows, looked up and not lent yet.
        self._moves: list[Move] = []  # That wait to be written, all of them together.
        self._writing = asyncio.Lock()  # The task moves by compare-and-set: one push at a time.
        self._holding: asyncio.Task[None] | None = None
        self._in_hand: set[int] = set()
        self._ended = asyncio.Event()

    async def lend(self, lease: timedelta) -> AsyncIterator[Delivery]:
        """Everything there is to lend now. Raises `Conflict` while another courier of this name is at work."""
        while await self.look(lease):
            async for delivery in self.hand_out(asyncio.Event()):
                yield delivery

    async def found(self, lease: timedelta) -> None:
        """Wait until there is something to lend here."""
        while True:
            mark = self._store.mark(self.partition)
            try:
                if await self.look(lease):
                    return
            except (Conflict, Unavailable) as error:
                self.failed(error)
            await self._store.moved(mark, POLL_S_MAX, self.partition)

    async def look(self, lease: timedelta) -> bool:
        """Find out whether there is something to lend, however long that takes. Nothing is begun by it."""
        if not self._store.is_ours(self.part.name, self.partition):
            await self.let_go()
            await self._store.leave(self.part.name, self.partition)
            return False
        if self._task is None:
            self._task = await self._claimed(lease)
            if self._task is None:  # Whoever worked here has not let go yet.
                return False
            self._holding = asyncio.create_task(self._hold(lease))
            self._begun = await self._store.lent(self._task)
            if self._task.position < self._since:
                await self._push(Changes(self._since))
        self._pull = await self._look()
        return bool(self._begun or self._pull)

    async def hand_out(self, stopping: asyncio.Event) -> AsyncIterator[Delivery]:
        """Lend what was found; once it is `stopping`, only what was begun in one go with the last."""
        begun, pull, self._begun, self._pull = self._begun, self._pull, (), None
        for envelope in begun:
            delivery = None if stopping.is_set() else await self._again(envelope)
            if delivery:
                yield delivery
        if pull is None:
            return
        again = bool(pull.redrive)  # First what waits, and then look again.
        waiting = set() if again else set(pull.parked)
        found = pull.redrive or pull.records
        for start in range(0, len(found), self._at_once):
            if stopping.is_set():
                return
            for delivery in await self._begin(found[start : start + self._at_once], waiting, redriven=again):
                yield delivery
        failed = pull.redrive[0].subject if again and waiting else ""
        await self._push(Changes(0 if again else pull.upto, redriven=failed))

    async def end(self, position: int, outcomes: list[Envelope], token: int) -> None:
        await self._push(Changes(0, outcomes=outcomes, done=[position]), token)
        self._in_hand.discard(position)
        self._ended.set()

    async def rest(self, seconds: float) -> None:
        """Wait until everything that was lent has ended, but not for ever."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._task and self._in_hand:
                    self._ended.clear()
                    await self._ended.wait()

    def failed(self, error: Exception) -> None:
        log.warning("engine.retrying", part=self.part.name, error=type(error).__name__)
        self.forget()

    def forget(self) -> None:
        """Throw the task away: it is claimed again from what is stored."""
        self._task, self._begun, self._pull = None, (), None
        self._in_hand.clear()
        self._ended.set()
        if self._holding:
            self._holding.cancel()

    async def let_go(self) -> None:
        task = self._task
        self.forget()
        if task:
            with suppress(Conflict, Unavailable):
                await self._store.lease([task], self._lease(timedelta()))

    async def _claimed(self, lease: timedelta) -> Task | None:
        try:
            tasks = await self._store.claim(self.part, self.partition, self._lease(lease))
        except asyncio.CancelledError:  # Perhaps it is ours already: others are to have it.
            with suppress(Unavailable):
                await self._store.leave(self.part.name, self.partition)
            raise
        return tasks[0] if tasks else None

    def _held(self) -> Task:
        if self._task is None:
            raise Conflict("another courier has taken over")
        return self._task

    async def _look(self) -> Pull | None:
        task = self._held()
        pull = await self._store.pull(self.part, task, limit=PULL_MAX, now=self._clock())
        return pull if pull.records or pull.redrive or pull.upto > task.position else None

    async def _begin(self, found: Sequence[Envelope], waiting: set[str], *, redriven: bool) -> Sequence[Delivery]:
        """Write down that these are begun, then lend them; what cannot be read is set aside, and its subject waits."""
        changes, lent = Changes(0 if redriven else found[-1].position), list[tuple[Envelope, Any]]()
        for envelope in found:
            why = WAITS if envelope.subject in waiting else ""
            try:
                event = None if why else opened(self.part, envelope)
            except ValueError as error:
                why = reason(error)
            if why:
                waiting.add(envelope.subject)
                changes.parked.append(Parked(envelope.position, envelope.subject, why))
                continue
            lent.append((envelope, event))
            changes.begun.append(envelope.position)
            if redriven:
                changes.unparked.append(envelope.position)
        await self._push(changes)
        return [self._delivery(envelope, event, begun=False) for envelope, event in lent]

    async def _again(self, envelope: Envelope) -> Delivery | None:
        """Lend what was begun before; or set it aside, where its courier can read it no more."""
        await self._push(Changes(0))  # Where others have taken over meanwhile, they may have finished it.
        try:
            return self._delivery(envelope, opened(self.part, envelope), begun=True)
        except ValueError as error:
            parked = Parked(envelope.position, envelope.subject, reason(error))
            await self._push(Changes(0, done=[envelope.position], parked=[parked]))
            return None

    def _delivery(self, envelope: Envelope, event: object, *, begun: bool) -> Delivery:
        delivery = Delivery(event, envelope, begun, self, self._held().token)
        self._in_hand.add(envelope.position)
        return delivery

    async def _push(self, changes: Changes, token: int | None = None) -> None:
        """Write it, with all that waits by then. Raises what came of it."""
        move = Move(self._held().token if token is None else token, changes)
        self._moves.append(move)
        async with self._writing:
            if move in self._moves:  # Nobody before us has taken it along.
                moves, self._moves = self._moves, []
                await self._write(moves)
        if move.came:
            raise move.came

    async def _write(self, moves: Sequence[Move]) -> None:
        """All of them that are ours in one transaction. If it breaks off, they are lent again."""
        task = self._task
        ours = [move for move in moves if task and move.token == task.token]
        if not task or not ours:
            return
        try:
            self._task = await self._store.push(
                self.part, task, together([move.changes for move in ours], task.position)
            )
        except Refused as error:
            ours[0].came = error
            for move in ours if len(ours) > 1 else ():  # One of them: each alone.
                await self._write([move])
        except (Conflict, Unavailable) as error:
            self.forget()
            for move in ours:
                move.came = error
        except BaseException:
            self.forget()
            raise
        else:
            for move in ours:
                move.came = None

    def _lease(self, lease: timedelta) -> Lease:
        now = self._clock()
        return Lease(self._holder, now, now + lease)

    async def _hold(self, lease: timedelta) -> None:
        while self._task:
            await asyncio.sleep(lease.total_seconds() / 3)
            try:
                if self._task:
                    await self._store.lease([self._task], self._lease(lease))
            except (Conflict, Unavailable):
                self._task = None


def together(every: Sequence[Changes], position: int) -> Changes:
    """All that these change, in their order, from this position on."""
    return Changes(
        max(position, *(one.position for one in every)),
        outcomes=[outcome for one in every for outcome in one.outcomes],
        unparked=[number for one in every for number in one.unparked],
        parked=[parked for one in every for parked in one.parked],
        redriven=next((one.redriven for one in every if one.redriven), ""),
        begun=[number for one in every for number in one.begun],
        done=[number for one in every for number in one.done],
    )
