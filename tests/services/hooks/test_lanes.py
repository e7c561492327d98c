"""A lane: in order, one at a time, for three days; and a seeded play of everything that may go wrong."""

from collections import defaultdict
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

import pytest

from engine.processor import DEPTH_MAX
from engine.testing import given
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
from services.status.lanes import CHAIN_MAX, JITTER, LADDER, NAME, OWED_MAX, TRIED_FOR, Lane, lanes, tell, wait
from tests.rooms import NOW

Heard = SubscriptionOwed | SubscriptionTold | SubscriptionPostponed | SubscriptionWoken | TimerElapsed

ON: Final[dict[str, Any]] = {"subscription_id": "s1", "about": "case/k1"}
SUBJECT: Final = "subscription/s1/case/k1"


def owed(name: str, at: datetime = NOW, body: str = "{}") -> SubscriptionOwed:
    return SubscriptionOwed(at=at, event_id=name, kind="case.closed", body=body, **ON)


def due(name: str, at: datetime = NOW, attempt: int = 1) -> SubscriptionDue:
    return SubscriptionDue(at=at, event_id=name, kind="case.closed", body="{}", attempt=attempt, **ON)


def told(name: str, at: datetime = NOW) -> SubscriptionTold:
    return SubscriptionTold(at=at, event_id=name, **ON)


def postponed(name: str, at: datetime = NOW, wait_s: int = 0) -> SubscriptionPostponed:
    return SubscriptionPostponed(at=at, event_id=name, reason="status-500", wait_s=wait_s, **ON)


def failed(name: str, at: datetime, attempt: int, reason: str = "status-500") -> SubscriptionFailed:
    said: dict[str, Any] = {"kind": "case.closed", "body": "{}", "owed_at": NOW}
    return SubscriptionFailed(at=at, event_id=name, attempt=attempt, reason=reason, **said, **ON)


def elapsed(at: datetime) -> TimerElapsed:
    return TimerElapsed(at=at, about=SUBJECT, name=NAME, due=at)


def again(name: str, tried: int, at: datetime = NOW, wait_s: int = 0) -> TimerSet:
    return TimerSet(at=at, about=SUBJECT, name=NAME, due=at + wait(name, tried, wait_s))


def test_what_is_owed_is_due_at_once_and_the_next_when_it_is_told() -> None:
    given(lanes).when(owed("e1")).then(due("e1"))
    given(lanes, owed("e1")).when(owed("e2")).then()
    given(lanes, owed("e1"), owed("e2")).when(told("e1")).then(due("e2"))
    given(lanes, owed("e1"), owed("e2"), told("e1")).when(told("e2")).then()


def test_the_same_is_owed_once() -> None:
    given(lanes, owed("e1")).when(owed("e1")).then()
    given(lanes, owed("e1"), told("e1")).when(owed("e1")).then(due("e1"))  # Somebody asked for it again.


def test_what_is_told_of_another_event_changes_nothing() -> None:
    given(lanes, owed("e1")).when(told("e2")).then()
    given(lanes, owed("e1"), owed("e2")).when(postponed("e2")).then()
    given(lanes).when(elapsed(NOW)).then()


def test_what_is_not_taken_is_tried_again_and_nothing_overtakes_it() -> None:
    given(lanes, owed("e1"), owed("e2")).when(postponed("e1")).then(again("e1", 1))
    given(lanes, owed("e1"), postponed("e1")).when(owed("e2")).then()
    given(lanes, owed("e1"), postponed("e1"), owed("e2")).when(elapsed(NOW)).then(due("e1", attempt=2))


def woken(name: str, attempt: int, at: datetime = NOW) -> SubscriptionWoken:
    return SubscriptionWoken(at=at, event_id=name, attempt=attempt, **ON)


def test_what_waits_goes_at_once_when_its_subscriber_is_back_and_once() -> None:
    soon = NOW + timedelta(seconds=1)
    cleared = TimerCleared(at=soon, about=SUBJECT, name=NAME)
    scene = given(lanes, owed("e1"), owed("e2"), postponed("e1"))
    scene.when(woken("e1", 1, soon)).then(cleared, due("e1", soon, attempt=2))
    given(lanes, owed("e1"), postponed("e1"), woken("e1", 1)).when(woken("e1", 1)).then()


def test_it_is_woken_from_no_try_but_the_one_that_failed() -> None:
    given(lanes, owed("e1")).when(woken("e1", 0)).then()  # It is under way.
    given(lanes, owed("e1"), postponed("e1")).when(woken("e1", 2)).then()
    given(lanes, owed("e1"), owed("e2"), postponed("e1")).when(woken("e2", 1)).then()
    given(lanes, owed("e1"), postponed("e1"), elapsed(NOW)).when(woken("e1", 1)).then()


def test_it_is_tried_for_three_days_and_then_the_next_has_its_turn() -> None:
    late = NOW + TRIED_FOR
    almost = late - timedelta(seconds=1)
    given(lanes, owed("e1"), owed("e2")).when(postponed("e1", almost)).then(again("e1", 1, almost))
    given(lanes, owed("e1"), owed("e2")).when(postponed("e1", late)).then(
        failed("e1", late, 1), due("e2", late, attempt=2)
    )


def test_a_subscription_that_ended_is_owed_nothing() -> None:
    withheld = SubscriptionWithheld(at=NOW, event_id="e1", **ON)
    given(lanes, owed("e1"), owed("e2")).when(withheld).then()
    given(lanes, owed("e1"), owed("e2"), withheld).when(elapsed(NOW)).then()


def test_a_lane_that_is_full_takes_no_more() -> None:
    full = [owed(f"e{number}") for number in range(OWED_MAX)]
    given(lanes, *full[:-1]).when(full[-1]).then()
    given(lanes, *full).when(owed("more")).then(failed("more", NOW, 0, "crowded"))
    long = [owed(f"e{number}", body="x" * 20_000) for number in range(20)]
    lost = failed("more", NOW, 0, "crowded")
    given(lanes, *long).when(owed("more")).then(lost)


@pytest.mark.parametrize(("tried", "step"), [*enumerate((*LADDER, LADDER[-1], LADDER[-1]), start=1)])
def test_each_wait_is_that_of_the_ladder_a_fifth_more_or_less(tried: int, step: timedelta) -> None:
    waits = [wait(f"e{number}", tried, 0) for number in range(200)]
    assert all(step * (1 - JITTER) <= one <= step * (1 + JITTER) for one in waits)
    assert max(waits) - min(waits) > step * JITTER
    assert wait("e1", tried, 0) == wait("e1", tried, 0)


@pytest.mark.parametrize(("asked", "least"), [(1, 5), (60, 60), (10_000_000, 6 * 3600)])
def test_who_asks_to_be_left_alone_is_within_bounds(asked: int, least: int) -> None:
    waits = [wait(f"e{number}", 1, asked).total_seconds() for number in range(50)]
    assert all(least <= one <= least * (1 + JITTER) for one in waits)


@pytest.mark.parametrize("seed", range(300))
def test_whatever_goes_wrong_each_is_told_in_order_or_has_failed(seed: int) -> None:  # noqa: C901  # A whole engine.
    """The lane as an engine runs it: facts in order, timers at their hour, and a chain of causes that has an end."""
    dice, lane, now = Random(seed), Lane(), NOW
    names = [f"e{number}" for number in range(dice.randint(1, 12))]
    coming: list[tuple[Heard, int]] = [
        (owed(name, NOW + timedelta(hours=number)), 2) for number, name in enumerate(names)
    ]
    badness, wakes, queue = dice.choice([0.0, 0.3, 0.9, 1.0]), dice.choice([0.0, 0.5]), [coming.pop(0)]
    timer: datetime | None = None
    ends: dict[str, list[str]] = defaultdict(list)
    out = ""
    while queue or timer or coming:
        if not queue:
            if coming and (timer is None or coming[0][0].at <= timer):
                queue.append(coming.pop(0))
            else:
                assert timer
                queue.append((elapsed(timer), 0))
                timer = None
        event, depth = queue.pop(0)
        now = max(now, event.at)
        assert depth < DEPTH_MAX
        lane, outcomes = tell(lane, event)
        if isinstance(event, SubscriptionTold | SubscriptionPostponed):
            out = ""
        for outcome in outcomes:
            match outcome:
                case TimerSet():
                    timer = outcome.due
                    if lane.waits and dice.random() < wakes:
                        queue += [(woken(lane.owed[0].event_id, lane.tried, now), 0)] * dice.choice([1, 2])
                case TimerCleared():
                    timer = None
                case SubscriptionDue(event_id=name):
                    assert out == "", "one at a time"
                    out = name
                    said = told(name, now) if dice.random() >= badness else postponed(name, now)
                    queue.append((said, depth + 2))
                case SubscriptionFailed(event_id=name):
                    ends["failed"].append(name)
                    assert outcome.at >= outcome.owed_at + TRIED_FOR
        if isinstance(event, SubscriptionTold):
            ends["told"].append(event.event_id)
    assert sorted(ends["told"] + ends["failed"], key=names.index) == names
    assert ends["told"] == sorted(ends["told"], key=names.index)
    assert badness or not ends["failed"]
    assert CHAIN_MAX * 2 + 4 < DEPTH_MAX
