"""A call that nobody answered is missed, once, whatever order its facts came in."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from engine.testing import given
from schemas.contact import ContactAnswered, ContactEnded, ContactMissed, ContactReceived
from schemas.event import Event
from schemas.timer import TimerElapsed, TimerSet
from services.status.calls import CALLS_MAX, SETTLED_AFTER, calls

MONDAY = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
END = MONDAY + timedelta(seconds=40)
NAME = "status.calls.c1"

rang = ContactReceived(at=MONDAY, contact_id="c1", address_id="a1", channel="phone")
answered = ContactAnswered(at=MONDAY, contact_id="c1", address_id="a1", agent_id="g1", leg_id="l1", channel="phone")
missed = ContactMissed(at=END, contact_id="c1", address_id="a1", reason="abandoned")
ended = ContactEnded(at=END, contact_id="c1", address_id="a1", reason="completed")
leg_ended = ended.model_copy(update={"leg_id": "l1"})
timer = TimerSet(at=END, about="address/a1", name=NAME, due=END + SETTLED_AFTER)
elapsed = TimerElapsed(at=timer.due, about="address/a1", name=NAME, due=timer.due)


def test_a_call_that_ended_before_anybody_answered_is_missed_after_a_while() -> None:
    given(calls, rang).when(ended).then(timer)
    given(calls, rang, ended).when(elapsed).then(missed)


@pytest.mark.parametrize(
    ("reason", "word"), [("completed", "abandoned"), ("canceled", "abandoned"), ("busy", "busy"), ("failed", "failed")]
)
def test_how_it_was_missed_is_how_it_ended(reason: str, word: str) -> None:
    end = ended.model_copy(update={"reason": reason})
    given(calls, rang, end).when(elapsed).then(missed.model_copy(update={"reason": word}))


def test_a_call_that_was_answered_has_no_timer() -> None:
    given(calls, rang, answered).when(ended).then()


@pytest.mark.parametrize("order", list(permutations([rang, answered, leg_ended, ended])))
def test_an_answered_call_is_not_missed_in_whatever_order_its_facts_come(order: tuple[Event, ...]) -> None:
    given(calls, *order).when(elapsed).then()


@pytest.mark.parametrize("order", list(permutations([rang, leg_ended, ended])))
def test_an_unanswered_call_is_missed_in_whatever_order_its_facts_come(order: tuple[Event, ...]) -> None:
    given(calls, *order).when(elapsed).then(missed)


def test_a_call_that_the_exchange_called_missed_is_missed_once() -> None:
    said = missed.model_copy(update={"reason": "busy"})
    given(calls, rang, said).when(ended).then()
    given(calls, rang, ended, said).when(elapsed).then()


def test_it_is_missed_once() -> None:
    given(calls, rang, ended, elapsed).when(elapsed).then()
    given(calls, rang, ended, elapsed).when(ended).then()


def test_the_end_of_a_leg_is_not_the_end_of_the_call() -> None:
    given(calls, rang).when(leg_ended).then()


def test_a_chat_that_ends_is_not_a_missed_call() -> None:
    given(calls, rang.model_copy(update={"channel": "chat"}), ended).when(elapsed).then()


def test_a_call_that_we_made_ourselves_is_not_missed() -> None:
    given(calls, ended).when(elapsed).then()


def test_another_timer_of_the_same_address_decides_nothing() -> None:
    given(calls, rang, ended).when(elapsed.model_copy(update={"name": "status.overdue.c1"})).then()


def test_only_the_latest_calls_of_an_address_are_remembered() -> None:
    many = [rang.model_copy(update={"contact_id": f"c{n}"}) for n in range(CALLS_MAX + 1)]
    ends = [ended.model_copy(update={"contact_id": f"c{n}"}) for n in range(CALLS_MAX + 1)]
    known = given(calls, *many, *ends).knows("address/a1")
    assert (len(known.rang), known.rang[0], len(known.over)) == (CALLS_MAX, "c1", CALLS_MAX)
