"""Carries what agents wrote, and says of each message what came of it: sent, failed, postponed or unknown.

Each address has a lane: what is for it goes one after the other, and holds up nobody else. Nothing is sent twice: where
nobody knows whether it was taken, after an answer that says nothing as after a crash, it is looked for at the provider,
and is unknown where it is not found.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Final

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge

from channels.channel import Message, Reconciler, Sender, Undeliverable
from engine.courier import Delivery
from engine.engine import Engine
from engine.work import reason
from schemas.errors import Ambiguous, Conflict, Refused, Unavailable
from schemas.message import MessageFailed, MessagePostponed, MessageRequested, MessageSent, MessageUnknown
from services.intake.breaker import Breaker
from services.intake.budget import Budget

NAME: Final = "intake.courier"
IN_HAND_MAX: Final = 64  # Messages on their way at once.
AT_ONCE: Final = 16  # That are begun in one go.
SEND_S_MAX: Final = 30.0
LOOK_S_MAX: Final = 60.0  # A provider may list late what it took.
END_S_MAX: Final = 5.0  # At a stop, what is on its way may still end.
OUTCOMES: Final = ("sent", "failed", "postponed", "unknown")

log = structlog.get_logger("courier")


class Nobody:
    """Where nobody can be answered."""

    name = "nobody"

    async def send(self, message: Message) -> str:  # noqa: ARG002  # As every sender has it.
        raise Undeliverable("nobody can be answered on this channel", "no-road")


class Courier:
    """Takes messages to the roads on which somebody can be answered."""

    def __init__(  # noqa: PLR0913, PLR0917  # All that it stands on.
        self,
        engine: Engine,
        senders: Mapping[str, Sender],
        clock: Callable[[], datetime],
        registry: CollectorRegistry | None = None,
        inboxes: Mapping[str, Collection[str]] | None = None,
        budget: Budget | None = None,
        breaker: Breaker | None = None,
    ) -> None:
        self._engine, self._senders, self._clock = engine, senders, clock
        self._inboxes = inboxes or {}  # The names of each road's inboxes.
        self._budget = budget or Budget(engine, {}, clock)
        self._breaker = breaker or Breaker()
        self._lanes: dict[str, deque[Delivery]] = {}
        self._room = asyncio.Semaphore(IN_HAND_MAX)
        self._counted = Counter(
            "draad_messages_total", "What became of messages", ["channel", "outcome"], registry=registry
        )
        for channel in senders:
            for outcome in OUTCOMES:
                self._counted.labels(channel, outcome)  # Shown before it happens, as zero.
        resting = Gauge("draad_roads_resting", "Roads that take nothing now", registry=registry)
        resting.set_function(lambda: len(self._breaker.resting()))

    async def run(self) -> None:
        """Until the engine stops."""
        async with asyncio.TaskGroup() as group:
            async for delivery in self._engine.follow(NAME, MessageRequested, end_s=END_S_MAX, at_once=AT_ONCE):
                await self._room.acquire()
                address = delivery.event.address_id
                lane = self._lanes.get(address)
                if lane is None:
                    lane = self._lanes[address] = deque()
                    group.create_task(self._carry(address, lane))
                lane.append(delivery)

    async def _carry(self, address: str, lane: deque[Delivery]) -> None:
        """All that is in the lane, in order. Behind what is postponed nothing overtakes."""
        behind = False
        while lane:
            delivery = lane.popleft()
            try:
                outcome = self._postponed(delivery) if behind and not delivery.begun else await self._attempt(delivery)
                behind = isinstance(outcome, MessagePostponed)
                await delivery.done(outcome)
                self._counted.labels(outcome.channel, outcome.type.removeprefix("message.")).inc()
            except (Conflict, Unavailable) as error:  # It is lent again, as begun.
                log.warning("courier.unsaid", error=type(error).__name__)
            finally:
                self._room.release()
        del self._lanes[address]

    async def _attempt(self, delivery: Delivery) -> "Outcome":
        request: MessageRequested = delivery.event
        said = {"message_id": request.message_id, "address_id": request.address_id, "channel": request.channel}
        sender = self._senders.get(request.channel) or Nobody()
        try:
            message = message_of(request, self._clock(), self._inboxes.get(request.channel, ()))
            if message.automatic and not delivery.begun:
                await self._budget.ask(request.channel)
            if delivery.begun:
                found = await look_for(sender, message)
            else:
                with self._breaker.passing((request.channel, message.inbox), request.address_id):
                    found = await hand_over(sender, message)
            return MessageSent(at=self._clock(), reference=found, **said)
        except Refused as error:
            word = error.word if isinstance(error, Undeliverable) else "refused"
            return MessageFailed(at=self._clock(), reason=word, **said)
        except Unavailable:
            return self._postponed(delivery)
        except Ambiguous:
            return MessageUnknown(at=self._clock(), **said)
        except Exception as error:  # noqa: BLE001  # A bug of a channel: nobody knows what it did before.
            log.error("courier.failed", channel=request.channel, error=reason(error))  # noqa: TRY400
            return MessageUnknown(at=self._clock(), **said)

    def _postponed(self, delivery: Delivery) -> MessagePostponed:
        request: MessageRequested = delivery.event
        return MessagePostponed(
            at=self._clock(),
            message_id=request.message_id,
            address_id=request.address_id,
            channel=request.channel,
        )


Outcome = MessageSent | MessageFailed | MessagePostponed | MessageUnknown


async def hand_over(sender: Sender, message: Message) -> str:
    """The provider's own id of it, once it took it or is found to have it. Raises `Ambiguous` where nobody can say."""
    if message.valid_s is not None and message.valid_s <= 0:
        raise Undeliverable("nobody needs it any more", "too-late")
    try:
        async with asyncio.timeout(SEND_S_MAX):
            return await sender.send(message)
    except (Ambiguous, TimeoutError):
        return await look_for(sender, message)


async def look_for(sender: Sender, message: Message) -> str:
    """The provider's own id of what it may have taken. Raises `Ambiguous` where it is not found, or cannot be asked."""
    found = None
    if isinstance(sender, Reconciler):
        with suppress(Refused, Unavailable, TimeoutError):  # That it cannot be asked does not say that it was not sent.
            async with asyncio.timeout(LOOK_S_MAX):
                found = await sender.reconcile(message)
    if not found:
        raise Ambiguous("perhaps it was sent, and it is not found at the provider: a person has to look")
    return found


def message_of(request: MessageRequested, now: datetime, inboxes: Collection[str] = ()) -> Message:
    """What came in by another road has no inbox on this one: its answer leaves by the first."""
    return Message(
        message_id=request.message_id,
        address_id=request.address_id,
        address=request.address,
        inbox=request.inbox if request.inbox in inboxes else next(iter(inboxes), request.inbox),
        text=request.text,
        title=request.title,
        thread_id=request.thread_id,
        reply_to=request.reply_to,
        at=request.written_at,
        valid_s=(request.until - now).total_seconds() if request.until else None,
        automatic=bool(request.notification_id),
        language=request.language,
        calendar=request.calendar,
        unsubscribe=request.unsubscribe,
        template=request.template,
        values=request.values,
    )
