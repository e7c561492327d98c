"""What waits stands on the work list until somebody deals with it, and no longer."""

from datetime import timedelta
from typing import Any

from engine.testing import shown
from schemas.contact import (
    ContactAnswered,
    ContactEnded,
    ContactMade,
    ContactMissed,
    ContactNoted,
    ContactOverdue,
    ContactReceived,
    ContactTransferred,
)
from schemas.conversation import ConversationClosed, ConversationContinued, ConversationOpened, ConversationTaken
from schemas.event import Event
from schemas.message import MessageBounced, MessageDelivered, MessageUnknown
from schemas.quarantine import QuarantineDiscarded, QuarantineEntered
from schemas.task import TaskDone, TaskOpened, TaskOverdue, TaskReopened
from services.desk.waiting import waiting
from services.desk.work import work_list
from tests.services.places import MONDAY, in_memory, tell

ON: dict[str, Any] = {"address_id": "a1"}
DIGEST = "0f" * 32


def received(contact: str, minutes: float = 0, **said: Any) -> ContactReceived:
    at = MONDAY + timedelta(minutes=minutes)
    return ContactReceived(at=at, contact_id=contact, **(ON | {"channel": "email"} | said))


def listed(*events: Event) -> list[tuple[str, str]]:
    return [(row["item_id"], row["why"]) for row in shown(work_list, *events)]


ringing = received("c1", channel="phone")
answer = ContactAnswered(at=MONDAY, contact_id="c1", agent_id="g1", **ON)


def test_a_call_rings_until_it_is_answered_or_missed() -> None:
    missed = ContactMissed(at=MONDAY, contact_id="c1", reason="abandoned", **ON)
    assert listed(ringing) == [("c1", "ringing")]
    assert listed(ringing, answer) == []
    assert listed(ringing, missed) == [("c1", "missed")]
    assert listed(ringing, ContactEnded(at=MONDAY, contact_id="c1", reason="completed", **ON)) == [("c1", "missed")]


def test_a_missed_call_waits_until_somebody_called_back_or_wrote_down_what_it_was() -> None:
    missed = ContactMissed(at=MONDAY, contact_id="c1", reason="abandoned", **ON)
    back = ContactMade(at=MONDAY, contact_id="c2", agent_id="g1", channel="phone", **ON)
    assert listed(ringing, missed, back.model_copy(update={"reached": False})) == [("c1", "missed")]
    assert listed(ringing, missed, back) == []
    assert listed(ringing, missed, ContactNoted(at=MONDAY, contact_id="c1", agent_id="g1", **ON)) == []


def test_a_call_that_is_passed_on_rings_again_at_a_colleague() -> None:
    passed = ContactTransferred(at=MONDAY, contact_id="c1", leg_id="l2", to="burgerzaken", **ON)
    [row] = shown(work_list, ringing, answer, passed)
    assert (row["why"], row["owner"]) == ("transferred", "burgerzaken")
    assert listed(ringing, answer, passed, answer) == []
    assert listed(ringing, answer, passed, ContactEnded(at=MONDAY, contact_id="c1", reason="completed", **ON)) == []


def test_a_conversation_waits_once_since_the_first_message_that_nobody_answered() -> None:
    opened = ConversationOpened(at=MONDAY, conversation_id="c1", contact_id="c1", channel="email", **ON)
    again = ConversationContinued(at=MONDAY, conversation_id="c1", contact_id="c2", **ON)
    asked = [received("c1"), opened, received("c2", 5), again]
    [row] = shown(work_list, *asked)
    assert (row["item_id"], row["contact_id"], row["since"]) == ("c1", "c2", "2026-03-02T09:00:00.000000Z")
    written = ContactAnswered(at=MONDAY, contact_id="c2", agent_id="g1", message_id="m1", thread_id="c1", **ON)
    assert listed(*asked, written) == []
    assert listed(*asked, ConversationClosed(at=MONDAY, conversation_id="c1", reason="agent", **ON)) == []


def test_an_answer_that_is_logged_before_its_question_still_answers_it() -> None:
    assert listed(answer, received("c1")) == []


def test_a_robot_waits_for_nobody() -> None:
    assert listed(received("c1", robot="auto-reply")) == []


def test_who_is_at_it_is_seen_by_the_others() -> None:
    taken = ConversationTaken(at=MONDAY, conversation_id="c1", agent_id="g1", **ON)
    [row] = shown(work_list, received("c1"), taken)
    assert row["claimed_by"] == "g1"
    [row] = shown(work_list, received("c1"), taken, taken.model_copy(update={"agent_id": ""}))
    assert row["claimed_by"] == ""


def test_what_is_overdue_says_so() -> None:
    late = ContactOverdue(at=MONDAY, contact_id="c1", due=MONDAY, **ON)
    assert listed(received("c1"), late) == [("c1", "overdue")]
    assert listed(answer, received("c1"), late) == []


def test_an_answer_that_did_not_arrive_waits_until_it_did() -> None:
    written = answer.model_copy(update={"message_id": "m1"})
    bounced = MessageBounced(at=MONDAY, message_id="m1", channel="email", reason="mailbox-full", **ON)
    unknown = MessageUnknown(at=MONDAY, message_id="m1", channel="email", **ON)
    [row] = shown(work_list, received("c1"), written, bounced)
    assert (row["item_id"], row["why"], row["contact_id"]) == ("m1", "undelivered", "c1")
    arrived = MessageDelivered(at=MONDAY, message_id="m1", channel="email", **ON)
    assert listed(received("c1"), written, unknown) == [("m1", "unknown")]
    assert listed(received("c1"), written, unknown, arrived) == []


def test_a_task_waits_until_it_is_done_and_again_when_it_is_reopened() -> None:
    task = TaskOpened(at=MONDAY, task_id="t1", kind="call-back", owner_kind="group", owner="kcc", due=MONDAY)
    late, done = TaskOverdue(at=MONDAY, task_id="t1", due=MONDAY), TaskDone(at=MONDAY, task_id="t1")
    assert listed(task) == [("t1", "call-back")]
    assert listed(task, late) == [("t1", "overdue")]
    assert listed(task, done) == []
    assert listed(task, done, TaskReopened(at=MONDAY, task_id="t1")) == [("t1", "call-back")]


def test_what_cannot_be_read_waits_until_somebody_dealt_with_it() -> None:
    item = QuarantineEntered(at=MONDAY, item_id="q1", channel="email", cause="too-deep", digest=DIGEST, size_bytes=9)
    gone = QuarantineDiscarded(at=MONDAY, item_id="q1", agent_id="g1", text="Reclame")
    assert listed(item) == [("q1", "too-deep")]
    assert listed(item, gone) == []


async def test_who_holds_the_line_comes_first_and_an_address_tells_how_many_it_may_be() -> None:
    async with in_memory() as engine:
        await tell(engine, ringing, received("c2", 9), received("c3", 10, channel="chat", address_id="a2"))
        rows = await waiting(engine)
        assert [(row["item_id"], row["candidates"]) for row in rows] == [("c1", 0), ("c3", 0), ("c2", 0)]
