"""Tells subscribers what happened: by a webhook each, in order for each subject, until they have it.

Two couriers. The first says who is owed what: it looks at who listens. The second brings what is due. What it may have
brought before a crash it brings again, under the same webhook-id.
"""

import asyncio
import ssl
from collections import deque
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge

from engine.ask import ask
from engine.courier import Delivery
from engine.engine import Engine
from engine.work import reason
from schemas.errors import Conflict, Unavailable
from schemas.event import Event, fact
from schemas.subscription import (
    SubscriptionDue,
    SubscriptionEnded,
    SubscriptionOwed,
    SubscriptionPostponed,
    SubscriptionTold,
    SubscriptionWithheld,
    SubscriptionWoken,
)
from services.status.book import LOOK_S, Book, Subscriber, first
from services.status.outside import Outside
from services.status.public import EVENTS, told
from services.status.signing import Signer, signatures
from services.status.waiting import MANY, after, waiting
from services.status.webhook import MEDIA_TYPE, PARALLEL_MAX, TOLD, Answer, Way

OWING: Final = "status.owing"
TELLING: Final = "status.hooks"
IN_HAND_MAX: Final = 100  # Events of which it is being written down who is owed them.
QUEUE_MAX: Final = 1_000  # Of one subscriber: what is due beyond it is due again later.
FAILED_MAX: Final = 3  # After so many failures in a row it was away; when it is back, what waits for it is woken,
WAKE_S: Final = 0.5  # `MANY` at a time, so long after one another.
SILENT_MAX: Final = 3  # Who does not answer so many times in a row
REST_S: Final = 30.0  # is left alone for so long.
RETRY_S: Final = 0.5
END_S_MAX: Final = 5.0  # At a stop, what is on its way may still end.
OUTCOMES: Final = ("told", "postponed", "withheld")
BOTH: Final = timedelta(days=1)  # For so long a secret that was replaced signs as well.

CROWDED: Final = Answer("crowded")
RESTS: Final = Answer("rests")
BROKEN: Final = Answer("broken-here")

log = structlog.get_logger("hooks")


@dataclass
class Line:
    """What is due to one subscriber now, and how they have been lately."""

    who: Subscriber
    way: Way
    due: deque[Delivery] = field(default_factory=deque)
    busy: int = 0
    silent: int = 0
    rests_until: float = 0.0
    failed: int = 0  # Tries in a row that came to nothing.
    away: bool = True  # Some may wait for it, also since before we started.


class Hooks:
    """Beside the parts, on every machine that works."""

    def __init__(  # noqa: PLR0913, PLR0917  # All that it stands on.
        self,
        engine: Engine,
        signer: Signer,
        outside: Outside,
        source: str,
        clock: Callable[[], datetime],
        registry: CollectorRegistry | None = None,
    ) -> None:
        self._engine, self._signer, self._outside, self._source, self._clock = engine, signer, outside, source, clock
        self._book = Book(engine)
        self._lines: dict[str, Line] = {}
        self._serving: set[asyncio.Task[None]] = set()
        self._group: asyncio.TaskGroup | None = None
        self._context = ssl.create_default_context()
        self._counted = Counter("draad_subscribers_told_total", "What came of it", ["outcome"], registry=registry)
        for outcome in OUTCOMES:
            self._counted.labels(outcome)  # Shown before it happens, as zero.
        silent = Gauge("draad_subscribers_silent", "Subscribers that do not answer", registry=registry)
        silent.set_function(lambda: sum(line.silent >= SILENT_MAX for line in self._lines.values()))

    async def run(self) -> None:
        """Until the engine stops."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._owe())
            group.create_task(self._tell())

    async def _owe(self) -> None:
        """Write down who is owed what, from the first subscription on."""
        while not (subscribers := await self._subscribers()):
            if await self._engine.stopped(LOOK_S):
                return
        room, since = asyncio.Semaphore(IN_HAND_MAX), first(subscribers.values())
        async with asyncio.TaskGroup() as group:
            async for delivery in self._engine.follow(
                OWING, *EVENTS, end_s=END_S_MAX, at_once=IN_HAND_MAX, since=since
            ):
                subscribers = await self._subscribers()
                if subscribers is None:
                    return  # It is lent again.
                owed = self._owed(delivery, subscribers)
                await room.acquire()
                group.create_task(self._written(delivery, owed, room))  # Tasks begin in the order of their making.

    def _owed(self, delivery: Delivery, subscribers: Mapping[str, Subscriber]) -> list[Event]:
        envelope = delivery.envelope
        who = [one for one in subscribers.values() if one.hears(envelope)]
        if not who:
            return []
        said: dict[str, Any] = {"about": envelope.subject, "event_id": envelope.id, "kind": envelope.type}
        said |= {"at": self._clock(), "body": told(envelope, self._source)}
        return [SubscriptionOwed(subscription_id=one.subscription_id, **said) for one in who]

    async def _written(self, delivery: Delivery, outcomes: Sequence[Event], room: asyncio.Semaphore) -> None:
        try:
            await self._ended(delivery, *outcomes)
        finally:
            room.release()

    async def _ended(self, delivery: Delivery, *outcomes: Event) -> None:
        try:
            await delivery.done(*outcomes)
        except (Conflict, Unavailable) as error:  # It is lent again.
            log.warning("hooks.unsaid", error=type(error).__name__)

    async def _subscribers(self) -> Mapping[str, Subscriber] | None:
        """All there ever were, however long it takes to see them; nothing, if we have to stop before."""
        while True:
            try:
                return await self._book.read()
            except Unavailable:
                if await self._engine.stopped(RETRY_S):
                    return None

    async def _tell(self) -> None:
        """Bring what is due: each subscriber has a line, and holds up nobody else."""
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                async for delivery in self._engine.follow(
                    TELLING, SubscriptionDue, end_s=END_S_MAX, at_once=IN_HAND_MAX
                ):
                    subscribers = await self._subscribers()
                    if subscribers is None:
                        return  # It is lent again.
                    one = subscribers.get(delivery.event.subscription_id)
                    if one is None or one.ended_at:
                        group.create_task(self._ended(delivery, self._withheld(delivery.event)))
                        continue
                    line = self._line(one)
                    if len(line.due) >= QUEUE_MAX:
                        group.create_task(self._ended(delivery, self._postponed(delivery.event, CROWDED)))
                        continue
                    line.who = one
                    line.due.append(delivery)
                    if line.busy < PARALLEL_MAX:
                        line.busy += 1
                        self._begin(self._serve(line))
                for serving in self._serving:  # They had the time of a stop. What is left is lent again.
                    serving.cancel()
        finally:
            for line in self._lines.values():
                await line.way.close()

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        assert self._group, "nothing is due before"
        serving = self._group.create_task(work)
        self._serving.add(serving)
        serving.add_done_callback(self._serving.discard)

    async def _wake(self, line: Line) -> None:
        """All that waits for it need not wait any longer: a few at a time, until it is away again."""
        values: dict[str, Any] = {"subscription_id": line.who.subscription_id, "after": ""}
        try:
            while not line.away and not await self._engine.stopped(WAKE_S):
                if len(line.due) >= MANY:
                    continue
                rows = await ask(self._engine, after, [waiting], (), values)
                if not rows:
                    return
                values["after"] = rows[-1]["about"]
                names = ("subscription_id", "about", "event_id", "attempt")
                woken = [SubscriptionWoken(at=self._clock(), **{name: row[name] for name in names}) for row in rows]
                await self._engine.append(*(fact(one, key=f"{one.event_id} {one.attempt}") for one in woken))
        except Unavailable:
            line.away = True  # What it is told next wakes the others.

    def _line(self, one: Subscriber) -> Line:
        if one.subscription_id not in self._lines:
            self._lines[one.subscription_id] = Line(one, Way(self._outside, one.url, self._context))
        return self._lines[one.subscription_id]

    async def _serve(self, line: Line) -> None:
        """Bring what is in the line, until it is empty."""
        try:
            while line.due:
                delivery = line.due.popleft()
                outcomes = await self._attempt(line, delivery.event)
                await self._ended(delivery, *outcomes)
                self._counted.labels(outcomes[-1].type.removeprefix("subscription.")).inc()
                if line.away and not line.failed and isinstance(outcomes[-1], SubscriptionTold):
                    line.away = False
                    self._begin(self._wake(line))
        finally:
            line.busy -= 1

    async def _attempt(self, line: Line, due: SubscriptionDue) -> Sequence[Event]:
        """What came of it, whatever happens."""
        now = asyncio.get_running_loop().time
        if now() < line.rests_until:
            return [self._postponed(due, RESTS)]
        try:
            answer = await self._brought(line, due)
        except Exception as error:  # noqa: BLE001  # A bug, or a secret sealed with another key: the others go on.
            log.error("hooks.failed", subscription=due.subscription_id, error=reason(error))  # noqa: TRY400
            answer = BROKEN
        line.silent = line.silent + 1 if answer.silent else 0
        line.failed = 0 if answer == TOLD else line.failed + 1
        line.away = line.away or line.failed >= FAILED_MAX
        if line.silent >= SILENT_MAX:
            line.rests_until = now() + REST_S
        if answer == TOLD:
            return [SubscriptionTold(at=self._clock(), attempt=due.attempt, **of(due))]
        if answer.word == "gone":
            ended = SubscriptionEnded(at=self._clock(), subscription_id=due.subscription_id, reason="gone")
            return [ended, self._withheld(due)]
        return [self._postponed(due, answer)]

    async def _brought(self, line: Line, due: SubscriptionDue) -> Answer:
        now, body = self._clock(), due.body.encode()
        moment = int(now.timestamp())
        headers = {
            "Content-Type": MEDIA_TYPE,
            "User-Agent": "Draad",
            "webhook-id": due.event_id,
            "webhook-timestamp": str(moment),
            "webhook-signature": signatures(self._secrets(line.who, now), due.event_id, moment, body),
        }
        return await line.way.tried(headers, body, now)

    def _secrets(self, one: Subscriber, now: datetime) -> list[bytes]:
        """The one that it has; and for a while the one that it had."""
        sealed = [one.sealed]
        if one.sealed_before and now < one.secret_at + BOTH:
            sealed.append(one.sealed_before)
        return [self._signer.open(each, one.subscription_id) for each in sealed]

    def _postponed(self, due: SubscriptionDue, answer: Answer) -> SubscriptionPostponed:
        how: dict[str, Any] = {"attempt": due.attempt, "reason": answer.word, "wait_s": answer.wait_s}
        return SubscriptionPostponed(at=self._clock(), **how, **of(due))

    def _withheld(self, due: SubscriptionDue) -> SubscriptionWithheld:
        return SubscriptionWithheld(at=self._clock(), **of(due))


def of(due: SubscriptionDue) -> dict[str, Any]:
    return {"subscription_id": due.subscription_id, "about": due.about, "event_id": due.event_id}
