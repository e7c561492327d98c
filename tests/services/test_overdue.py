"""A contact that waits too long becomes overdue, once."""

from datetime import UTC, datetime, timedelta

from engine.testing import given
from schemas.contact import ContactAnswered, ContactNoted, ContactOverdue, ContactReceived
from schemas.conversation import ConversationClosed, ConversationContinued, ConversationOpened
from schemas.timer import TimerCleared, TimerElapsed, TimerSet
from services.status.overdue import ANSWERED_MAX, ANSWERED_WITHIN, overdue

MONDAY = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
DUE = MONDAY + ANSWERED_WITHIN
NAME = "status.overdue.c1"

asked = ContactReceived(at=MONDAY, contact_id="c1", address_id="a1", channel="email", text="Waar blijft het?")
answered = ContactAnswered(at=MONDAY + timedelta(hours=3), contact_id="c1", address_id="a1", agent_id="g1")
elapsed = TimerElapsed(at=DUE, about="address/a1", name=NAME, due=DUE)
late = ContactOverdue(at=DUE, contact_id="c1", address_id="a1", due=DUE)
timer = TimerSet(at=MONDAY, about="address/a1", name=NAME, due=DUE)
cleared = TimerCleared(at=answered.at, about="address/a1", name=NAME)


def test_a_contact_has_a_time_by_which_it_is_answered() -> None:
    given(overdue).when(asked).then(timer)


def test_a_contact_that_nobody_answered_in_time_is_overdue() -> None:
    given(overdue, asked).when(elapsed).then(late)


def test_an_answer_calls_it_off() -> None:
    given(overdue, asked).when(answered).then(cleared)
    given(overdue, asked, answered).when(elapsed).then()


def test_it_is_overdue_once() -> None:
    given(overdue, asked, elapsed).when(elapsed).then()
    given(overdue, asked, elapsed).when(answered).then()


def test_a_contact_that_is_logged_after_its_own_answer_waits_for_nothing() -> None:
    given(overdue, answered).when(asked).then()


def test_a_contact_that_is_told_twice_is_watched_once() -> None:
    given(overdue, asked).when(asked).then()


def test_two_contacts_from_one_address_are_watched_apart() -> None:
    other = asked.model_copy(update={"contact_id": "c2"})
    given(overdue, asked, other, answered).when(elapsed.model_copy(update={"name": "status.overdue.c2"})).then(
        late.model_copy(update={"contact_id": "c2"})
    )


def test_only_the_latest_answers_of_an_address_are_remembered() -> None:
    answers = [answered.model_copy(update={"contact_id": f"c{n}"}) for n in range(ANSWERED_MAX + 1)]
    known = given(overdue, *answers).knows("address/a1")
    assert (len(known.answered), known.answered[0]) == (ANSWERED_MAX, "c1")


def test_an_answer_in_a_conversation_answers_all_that_was_asked_there() -> None:
    opened = ConversationOpened(at=MONDAY, conversation_id="c0", contact_id="c0", address_id="a1", channel="email")
    goes_on = ConversationContinued(at=MONDAY, conversation_id="c0", contact_id="c1", address_id="a1")
    first = asked.model_copy(update={"contact_id": "c0"})
    both = [cleared.model_copy(update={"name": "status.overdue.c0"}), cleared]
    given(overdue, first, opened, asked, goes_on).when(answered).then(*both)
    closed = ConversationClosed(at=answered.at, conversation_id="c0", address_id="a1", reason="agent")
    given(overdue, first, opened, asked, goes_on).when(closed).then(*both)


def test_what_an_agent_wrote_down_waits_no_more() -> None:
    noted = ContactNoted(at=answered.at, contact_id="c1", address_id="a1", agent_id="g1")
    given(overdue, asked).when(noted).then(cleared)


def test_a_robot_waits_for_nobody() -> None:
    given(overdue).when(asked.model_copy(update={"robot": "bounce"})).then()
