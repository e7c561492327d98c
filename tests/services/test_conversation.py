"""What belongs together: the rules of each road, and what no history may ever break."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given as over
from hypothesis import settings
from hypothesis import strategies as st

from engine.testing import Scene, given
from schemas.contact import ContactAnswered, ContactEnded, ContactMade, ContactNoted, ContactReceived
from schemas.conversation import (
    ConversationClosed,
    ConversationContinued,
    ConversationOpened,
    ConversationReopened,
)
from schemas.event import Event
from schemas.timer import TimerElapsed, TimerSet
from services.intake import conversation as rules
from services.intake.conversation import NAME, conversation
from tests.services.places import MONDAY

ON: dict[str, Any] = {"address_id": "a1"}
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FIRST, SECOND = "0a" * 32, "0b" * 32


def asked(contact: str, after: timedelta = timedelta(0), channel: str = "whatsapp", **said: Any) -> ContactReceived:
    return ContactReceived(at=MONDAY + after, contact_id=contact, channel=channel, **(ON | said))


def answer(contact: str, after: timedelta = timedelta(0), **said: Any) -> ContactAnswered:
    return ContactAnswered(at=MONDAY + after, contact_id=contact, agent_id="g1", **(ON | said))


def opened(contact: str, after: timedelta = timedelta(0), channel: str = "whatsapp", **said: Any) -> ConversationOpened:
    names = {"conversation_id": contact, "contact_id": contact, "channel": channel}
    return ConversationOpened(at=MONDAY + after, **(ON | names | said))


def goes_on(name: str, contact: str, after: timedelta = timedelta(0)) -> ConversationContinued:
    return ConversationContinued(at=MONDAY + after, conversation_id=name, contact_id=contact, **ON)


def reopened(name: str, contact: str, after: timedelta = timedelta(0)) -> ConversationReopened:
    return ConversationReopened(at=MONDAY + after, conversation_id=name, contact_id=contact, **ON)


def closed(name: str, after: timedelta = timedelta(0), reason: str = "silence") -> ConversationClosed:
    return ConversationClosed(at=MONDAY + after, conversation_id=name, reason=reason, **ON)


def timer(name: str, at: timedelta, due: timedelta) -> TimerSet:
    return TimerSet(at=MONDAY + at, about="address/a1", name=f"{NAME}.{name}", due=MONDAY + due)


def elapsed(name: str, after: timedelta) -> TimerElapsed:
    at = MONDAY + after
    return TimerElapsed(at=at, about="address/a1", name=f"{NAME}.{name}", due=at)


def test_the_first_contact_opens_a_conversation_that_has_its_name() -> None:
    given(conversation).when(asked("c1")).then(opened("c1"))


def test_a_contact_that_is_told_again_changes_nothing() -> None:
    given(conversation, asked("c1")).when(asked("c1")).then()


def test_messages_on_one_road_belong_together_and_on_another_they_do_not() -> None:
    scene = given(conversation, asked("c1"))
    scene.when(asked("c2", HOUR)).then(goes_on("c1", "c2", HOUR))
    scene.when(asked("c3", HOUR, channel="sms")).then(opened("c3", HOUR, channel="sms"))
    scene.when(asked("c4", HOUR, inbox="taxes")).then(opened("c4", HOUR, inbox="taxes"))


def test_silence_closes_what_was_answered_and_the_clock_starts_at_the_last_word() -> None:
    scene = given(conversation, asked("c1"))
    scene.when(answer("c1", HOUR)).then(timer("c1", HOUR, HOUR + DAY))
    scene.when(asked("c2", 5 * HOUR), answer("c2", 6 * HOUR)).then(goes_on("c1", "c2", 5 * HOUR))
    scene.when(elapsed("c1", HOUR + DAY)).then(timer("c1", HOUR + DAY, 6 * HOUR + DAY))
    scene.when(elapsed("c1", 6 * HOUR + DAY)).then(closed("c1", 6 * HOUR + DAY))


def test_what_nobody_answered_is_never_closed_by_silence() -> None:
    scene = given(conversation, asked("c1"), answer("c1", HOUR), asked("c2", 2 * HOUR))
    scene.when(elapsed("c1", HOUR + DAY)).then()
    scene.when(asked("c3", 5 * DAY)).then(goes_on("c1", "c3", 5 * DAY))
    scene.when(answer("c3", 6 * DAY)).then(timer("c1", 6 * DAY, 7 * DAY))


def test_a_question_that_was_asked_after_the_answer_was_written_still_waits() -> None:
    given(conversation, asked("c1"), asked("c2", 2 * HOUR)).when(answer("c1", HOUR)).then()


@pytest.mark.parametrize(
    ("channel", "silence", "reopens"), [("whatsapp", DAY, 7 * DAY), ("sms", DAY, 7 * DAY), ("chat", HOUR / 2, None)]
)
def test_a_closed_one_reopens_for_as_long_as_its_road_says_and_then_a_new_one_is_linked(
    channel: str, silence: timedelta, reopens: timedelta | None
) -> None:
    def past() -> Scene[rules.Threads]:
        return given(conversation, asked("c1", channel=channel), answer("c1"), elapsed("c1", silence))

    if reopens:
        soon = silence + reopens - HOUR
        past().when(asked("c2", soon, channel=channel)).then(reopened("c1", "c2", soon))
    late = silence + (reopens or timedelta(minutes=1))
    past().when(asked("c2", late, channel=channel)).then(opened("c2", late, channel=channel, previous_id="c1"))


@pytest.mark.parametrize("channel", ["phone", "counter", "web", "letter", "semaphore"])
def test_a_call_a_visit_a_form_and_a_letter_are_each_their_own(channel: str) -> None:
    given(conversation, asked("c1", channel=channel)).when(asked("c2", channel=channel)).then(
        opened("c2", channel=channel)
    )


def test_a_call_is_over_when_it_ended_but_not_when_it_was_missed() -> None:
    over_ = ContactEnded(at=MONDAY + HOUR, contact_id="c1", reason="completed", **ON)
    call = asked("c1", channel="phone")
    given(conversation, call, answer("c1")).when(over_).then(closed("c1", HOUR, "ended"))
    given(conversation, call, answer("c1")).when(over_.model_copy(update={"leg_id": "l2"})).then()
    given(conversation, call).when(over_).then()


def test_calling_back_answers_the_calls_that_were_missed() -> None:
    back = ContactMade(at=MONDAY + HOUR, contact_id="c2", agent_id="g1", channel="phone", **ON)
    scene = given(conversation, asked("c1", channel="phone"))
    scene.when(back).then(
        opened("c2", HOUR, channel="phone"), timer("c2", HOUR, HOUR + DAY), timer("c1", HOUR, HOUR + DAY)
    )
    scene.when(elapsed("c1", HOUR + DAY)).then(closed("c1", HOUR + DAY))


def test_what_we_write_first_is_a_conversation_that_a_reply_goes_on_with() -> None:
    written = ContactMade(at=MONDAY, contact_id="c1", agent_id="g1", channel="email", message_id="m1", **ON)
    scene = given(conversation, written)
    scene.when(asked("c2", HOUR, channel="email", thread_id="c1")).then(goes_on("c1", "c2", HOUR))


def test_that_a_program_says_we_have_it_is_no_answer() -> None:
    told = ContactMade(
        at=MONDAY + HOUR, contact_id="m1", channel="whatsapp", agent_id="draad", message_id="m1", thread_id="c1",
        notification_id="n1", **ON,
    )  # fmt: skip
    scene = given(conversation, asked("c1")).when(told).then(goes_on("c1", "m1", HOUR))
    assert scene.knows("address/a1").threads[0].asked == MONDAY
    scene.when(answer("c1", 2 * HOUR)).then(timer("c1", 2 * HOUR, 26 * HOUR))


def test_a_mail_belongs_by_our_token_or_by_what_it_follows_and_never_by_its_subject() -> None:
    first = asked("c1", channel="email", title="Mijn paspoort", digest=FIRST)
    scene = given(conversation, first)
    scene.when(asked("c2", HOUR, channel="email", title="Mijn paspoort")).then(opened("c2", HOUR, channel="email"))
    scene.when(asked("c3", HOUR, channel="email", thread_id="c1")).then(goes_on("c1", "c3", HOUR))
    scene.when(asked("c4", HOUR, channel="email", refers_to=(FIRST,), digest=SECOND)).then(goes_on("c1", "c4", HOUR))
    scene.when(asked("c5", HOUR, channel="email", refers_to=(SECOND,))).then(goes_on("c1", "c5", HOUR))


def test_a_token_goes_before_what_a_mail_says_that_it_follows() -> None:
    first, second = asked("c1", channel="email", digest=FIRST), asked("c2", channel="email")
    both = asked("c3", channel="email", thread_id="c2", refers_to=(FIRST,))
    given(conversation, first, second).when(both).then(goes_on("c2", "c3"))


def test_somebody_elses_conversation_is_only_possibly_related() -> None:
    given(conversation, asked("c1", channel="email")).when(
        asked("c2", channel="email", thread_id="theirs", refers_to=(FIRST,))
    ).then(opened("c2", channel="email", related_id="theirs"))


def test_a_mail_reopens_by_what_it_follows_and_after_a_month_begins_anew_but_linked() -> None:
    past = [asked("c1", channel="email", digest=FIRST), answer("c1"), elapsed("c1", 14 * DAY)]
    reply = asked("c2", 40 * DAY, channel="email", refers_to=(FIRST,))
    given(conversation, *past).when(reply).then(reopened("c1", "c2", 40 * DAY))
    late = asked("c2", 44 * DAY, channel="email", refers_to=(FIRST,))
    given(conversation, *past).when(late).then(opened("c2", 44 * DAY, channel="email", previous_id="c1"))


@pytest.mark.parametrize("robot", ["auto-reply", "bounce", "list"])
def test_a_robot_neither_opens_nor_reopens_nor_waits(robot: str) -> None:
    given(conversation).when(asked("c1", channel="email", robot=robot)).then()
    scene = given(conversation, asked("c1", channel="email"), answer("c1", HOUR))
    scene.when(asked("c2", 2 * HOUR, channel="email", robot=robot, thread_id="c1")).then(goes_on("c1", "c2", 2 * HOUR))
    scene.when(elapsed("c1", HOUR + 14 * DAY)).then(closed("c1", HOUR + 14 * DAY))
    scene.when(asked("c3", 16 * DAY, channel="email", robot=robot, thread_id="c1")).then()


def test_an_agent_closes_and_the_next_word_reopens() -> None:
    scene = given(conversation, asked("c1"), closed("c1", HOUR, "agent"))
    scene.when(asked("c2", 2 * HOUR)).then(reopened("c1", "c2", 2 * HOUR))


def test_our_own_closing_that_we_hear_after_it_was_reopened_closes_nothing() -> None:
    past = [asked("c1"), answer("c1"), elapsed("c1", DAY), asked("c2", DAY + HOUR), closed("c1", DAY)]
    given(conversation, *past).when(asked("c3", DAY + 2 * HOUR)).then(goes_on("c1", "c3", DAY + 2 * HOUR))


def test_a_late_message_goes_where_it_was_said_and_reopens_nothing() -> None:
    past = [asked("c1", HOUR), answer("c1", 2 * HOUR), elapsed("c1", 26 * HOUR)]
    given(conversation, *past).when(asked("c2", 3 * HOUR)).then(goes_on("c1", "c2", 3 * HOUR))
    scene = given(conversation, asked("c1", 9 * DAY))
    scene.when(asked("c2", HOUR)).then(opened("c2", HOUR))


def test_an_answer_that_is_logged_before_its_question_answers_it() -> None:
    given(conversation, answer("c1", HOUR)).when(asked("c1")).then(opened("c1"), timer("c1", timedelta(0), DAY))


def test_what_an_agent_wrote_down_is_dealt_with() -> None:
    noted = ContactNoted(at=MONDAY, contact_id="c1", agent_id="g1", **ON)
    visit = asked("c1", channel="counter")
    given(conversation, visit).when(noted).then(timer("c1", timedelta(0), DAY))


def test_of_too_many_the_one_that_waits_for_nobody_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "THREADS_MAX", 2)
    past = [asked("c1", channel="web"), asked("c2", channel="web"), answer("c2")]
    scene = given(conversation, *past).when(asked("c3", channel="web"))
    scene.then(opened("c3", channel="web"), closed("c2", timedelta(0), "crowded"))
    assert [thread.conversation_id for thread in scene.knows("address/a1").threads] == ["c1", "c3"]


MOMENTS = st.integers(0, 60 * 24 * 60).map(lambda minutes: timedelta(minutes=minutes))
CONTACTS = st.sampled_from([f"c{n}" for n in range(12)])
CHANNELS = st.sampled_from(["chat", "whatsapp", "sms", "email", "phone", "web"])
MAILS = {"thread_id": st.sampled_from(["", "c0", "c1", "theirs"]), "refers_to": st.sampled_from([(), (FIRST,)])}
ROBOTS = st.sampled_from(["none", "none", "bounce"])
RECEIVED = st.builds(asked, CONTACTS, MOMENTS, CHANNELS, robot=ROBOTS, digest=st.just(FIRST), **MAILS)
HISTORIES = st.lists(
    st.one_of(
        RECEIVED,
        st.builds(answer, CONTACTS, MOMENTS),
        st.builds(elapsed, CONTACTS, MOMENTS),
        st.builds(closed, CONTACTS, MOMENTS, st.just("agent")),
    ),
    max_size=25,
)


@over(HISTORIES)
@settings(max_examples=150)
def test_whatever_happens_each_human_contact_has_one_conversation_that_was_opened_before(
    history: list[Event],
) -> None:
    scene = given(conversation)
    began, belongs = set[str](), dict[str, str]()
    for event in history:
        told = scene.when(event)._outcomes
        for outcome in told:
            match outcome.type:
                case ConversationOpened.type:
                    one = ConversationOpened.model_validate_json(outcome.data)
                    assert one.conversation_id == one.contact_id not in began
                    assert one.related_id in {"", "theirs", "c0", "c1"}
                    began.add(one.conversation_id)
                    belongs[one.contact_id] = one.conversation_id
                case ConversationContinued.type | ConversationReopened.type:
                    said = ConversationContinued.model_validate_json(outcome.data)
                    assert said.conversation_id in began
                    assert said.contact_id not in belongs
                    belongs[said.contact_id] = said.conversation_id
        if isinstance(event, ContactReceived) and event.robot == "none":
            assert event.contact_id in belongs
        types = {outcome.type for outcome in told}
        if isinstance(event, ContactReceived) and event.robot != "none":
            assert not types & {ConversationOpened.type, ConversationReopened.type}
        waits = [thread for thread in scene.knows("address/a1").threads if thread.asked]
        assert all(thread.closed is None for thread in waits)


@over(HISTORIES)
@settings(max_examples=60)
def test_who_told_the_same_again_later_changes_nothing(history: list[Event]) -> None:
    received = [event for event in history if isinstance(event, ContactReceived) and event.robot == "none"]
    once = given(conversation, *history)
    known = once.knows("address/a1")
    once.when(*received).then()
    assert once.knows("address/a1") == known
