"""What a subscriber is told of one subject: one after the other, each until it has it, for three days at most.

A lane is one subscriber and one subject. At most one of what is owed there is under way, so that nothing overtakes.
What is not taken is tried again at the times of `LADDER`, or sooner where the subscriber is found to be back; what is
not taken for three days has failed, and the next one has its turn.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from engine.processor import State, processor
from schemas.event import Event, derived
from schemas.subscription import (
    SubscriptionDue,
    SubscriptionFailed,
    SubscriptionOwed,
    SubscriptionPostponed,
    SubscriptionTold,
    SubscriptionWithheld,
    SubscriptionWoken,
)
from schemas.timer import TimerCleared, TimerElapsed, TimerSet

NAME: Final = "status.lanes"
SECOND: Final = timedelta(seconds=1)
MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)
LADDER: Final = (5 * SECOND, 30 * SECOND, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR)
TRIED_FOR: Final = timedelta(hours=72)  # From when it was owed.
JITTER: Final = 0.2  # Of each wait, more or less: so that a subscriber who comes back does not meet all at once.
OWED_MAX: Final = 200  # In one lane,
CHARS_MAX: Final = 400_000  # and of all of it together.
CHAIN_MAX: Final = 2  # So many follow upon one another directly; a timer begins a chain of causes anew.


class Owed(State, frozen=True):
    """One event that the subscriber has not got yet."""

    event_id: str
    kind: str
    body: str
    owed_at: datetime


class Lane(State, frozen=True):
    """What is owed, in order; how often the first was tried in a row; and how many went directly one upon another.

    `waits`: for its next try, at the hour of its timer.
    """

    owed: tuple[Owed, ...] = ()
    tried: int = 0
    chain: int = 0
    waits: bool = False


def tell(
    lane: Lane,
    event: SubscriptionOwed
    | SubscriptionTold
    | SubscriptionPostponed
    | SubscriptionWithheld
    | SubscriptionWoken
    | TimerElapsed,
) -> tuple[Lane, list[Event]]:
    match event:
        case SubscriptionOwed():
            return owed(lane, event)
        case SubscriptionTold() | SubscriptionPostponed() if under_way(lane, event.event_id):
            return tried(lane, event)
        case SubscriptionWithheld():
            return Lane(), []  # Nobody listens any more.
        case SubscriptionWoken():
            return woken(lane, event)
        case TimerElapsed() if lane.owed:
            return lane.but(chain=0, waits=False), [due(lane, event.at, event.about)]
        case _:
            return lane, []


def under_way(lane: Lane, event_id: str) -> bool:
    return bool(lane.owed) and lane.owed[0].event_id == event_id


def tried(lane: Lane, event: SubscriptionTold | SubscriptionPostponed) -> tuple[Lane, list[Event]]:
    if isinstance(event, SubscriptionPostponed):
        return postponed(lane, event)
    return following(lane.but(owed=lane.owed[1:], tried=0), event, [])


def woken(lane: Lane, event: SubscriptionWoken) -> tuple[Lane, list[Event]]:
    """At once, if this is what it waits for; said twice, or too late, it changes nothing."""
    if not lane.waits or not under_way(lane, event.event_id) or event.attempt != lane.tried:
        return lane, []
    cleared = TimerCleared(at=event.at, about=event.subject, name=NAME)
    return lane.but(chain=0, waits=False), [cleared, due(lane, event.at, event.subject)]


def owed(lane: Lane, event: SubscriptionOwed) -> tuple[Lane, list[Event]]:
    """It has its turn at once, or after the others."""
    if any(one.event_id == event.event_id for one in lane.owed):
        return lane, []
    one = Owed(event.event_id, event.kind, event.body, event.at)
    if len(lane.owed) >= OWED_MAX or sum(len(other.body) for other in lane.owed) + len(one.body) > CHARS_MAX:
        return lane, [failed(one, event, 0, "crowded")]
    after = lane.but(owed=(*lane.owed, one), chain=0)
    return after, [] if lane.owed else [due(after, event.at, event.subject)]


def postponed(lane: Lane, event: SubscriptionPostponed) -> tuple[Lane, list[Event]]:
    """Again later; or, after three days, never again by itself."""
    first, times = lane.owed[0], lane.tried + 1
    again = event.at + wait(first.event_id, times, event.wait_s)
    if event.at >= first.owed_at + TRIED_FOR:
        lost = failed(first, event, times, event.reason)
        return following(lane.but(owed=lane.owed[1:], tried=times), event, [lost])
    return lane.but(tried=times, waits=True), [TimerSet(at=event.at, about=event.subject, name=NAME, due=again)]


def wait(event_id: str, tried: int, asked_s: int) -> timedelta:
    """How long it is left alone after so many tries: as long as it asked, within bounds, or as the ladder says."""
    step = LADDER[min(tried, len(LADDER)) - 1]
    if asked_s:
        step = min(max(asked_s * SECOND, LADDER[0]), LADDER[-1])
    share = int(derived(f"{event_id} {tried}")[:8], 16) / 0xFFFFFFFF  # The same on each reading of the log.
    return step * (1 + JITTER * (share if asked_s else 2 * share - 1))


def following(
    lane: Lane, event: SubscriptionTold | SubscriptionPostponed, said: list[Event]
) -> tuple[Lane, list[Event]]:
    """The next one has its turn, if there is one."""
    if not lane.owed:
        return lane.but(chain=0), said
    if lane.chain < CHAIN_MAX:
        return lane.but(chain=lane.chain + 1), [*said, due(lane, event.at, event.subject)]
    return lane, [*said, TimerSet(at=event.at, about=event.subject, name=NAME, due=event.at)]


def due(lane: Lane, at: datetime, subject: str) -> SubscriptionDue:
    first = lane.owed[0]
    _, subscription, about = subject.split("/", 2)
    return SubscriptionDue(
        at=at,
        subscription_id=subscription,
        about=about,
        event_id=first.event_id,
        kind=first.kind,
        body=first.body,
        attempt=lane.tried + 1,
    )


def failed(one: Owed, event: SubscriptionOwed | SubscriptionPostponed, tried: int, reason: str) -> SubscriptionFailed:
    said: dict[str, Any] = {"event_id": one.event_id, "kind": one.kind, "body": one.body, "owed_at": one.owed_at}
    said |= {"subscription_id": event.subscription_id, "about": event.about}
    return SubscriptionFailed(at=event.at, attempt=tried, reason=reason, **said)


lanes: Final = processor(NAME, tell)
