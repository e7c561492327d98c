"""What agents write is asked for once, in order, and again on the ladder while its road is away."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from engine.testing import given
from schemas.contact import ContactAnswered, ContactMade
from schemas.message import MessageFailed, MessagePostponed, MessageRequested, MessageSent, MessageUnknown
from schemas.timer import TimerCleared, TimerElapsed, TimerSet
from services.intake.outbox import KNOWN_MAX, LADDER, LETTERS_MAX, TIMER, outbox

MONDAY: Final = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
OURS: Final[dict[str, Any]] = {"address_id": "a1", "channel": "sms"}


def wrote(name: str, **more: Any) -> ContactAnswered:
    said: dict[str, Any] = {"at": MONDAY, "contact_id": "c1", "agent_id": "g1", "text": f"Antwoord {name}", **OURS}
    return ContactAnswered(**said | {"message_id": name, "address": "+31612345678", "thread_id": "t1"} | more)


def request(name: str, attempt: int = 1, at: datetime = MONDAY, **more: Any) -> MessageRequested:
    said: dict[str, Any] = {"at": at, "written_at": MONDAY, "message_id": name, "text": f"Antwoord {name}", **OURS}
    return MessageRequested(**said | {"address": "+31612345678", "thread_id": "t1", "attempt": attempt} | more)


def postponed(name: str, at: datetime = MONDAY) -> MessagePostponed:
    return MessagePostponed(at=at, message_id=name, **OURS)


def sent(name: str, at: datetime = MONDAY) -> MessageSent:
    return MessageSent(at=at, message_id=name, reference="r1", **OURS)


def elapsed(at: datetime) -> TimerElapsed:
    return TimerElapsed(at=at, about="address/a1", name=TIMER, due=at)


def timer(at: datetime, rung: int = 0) -> TimerSet:
    return TimerSet(at=at, about="address/a1", name=TIMER, due=at + LADDER[rung])


cleared = TimerCleared(at=MONDAY, about="address/a1", name=TIMER)


def test_what_an_agent_writes_is_to_be_carried_with_all_that_it_needs() -> None:
    answer = wrote("m1", reply_to="wamid.1", title="Re: Paspoort", inbox="burgerzaken")
    given(outbox).when(answer).then(request("m1", reply_to="wamid.1", title="Re: Paspoort", inbox="burgerzaken"))
    made = ContactMade(at=MONDAY, contact_id="c2", agent_id="g1", message_id="m2", text="Antwoord m2", **OURS)
    given(outbox).when(made).then(request("m2", address="", thread_id=""))


def test_an_answer_by_telephone_is_carried_by_nobody() -> None:
    given(outbox).when(wrote("m1", message_id=""), wrote("m1", text="")).then()


def test_one_message_that_is_told_twice_goes_out_once() -> None:
    given(outbox, wrote("m1")).when(wrote("m1", contact_id="c2")).then()
    given(outbox, wrote("m1"), sent("m1")).when(wrote("m1", contact_id="c2")).then()


def test_several_go_out_in_the_order_of_writing() -> None:
    given(outbox).when(wrote("m1"), wrote("m2")).then(request("m1"), request("m2"))


def test_what_a_road_cannot_take_is_asked_for_again_later() -> None:
    scene = given(outbox, wrote("m1")).when(postponed("m1")).then(timer(MONDAY))
    due = MONDAY + LADDER[0]
    scene.when(elapsed(due)).then(request("m1", 2, due))
    scene.when(postponed("m1", due)).then(timer(due, 1))


def test_what_is_written_meanwhile_waits_behind_it_and_goes_with_it() -> None:
    due = MONDAY + LADDER[0]
    scene = given(outbox, wrote("m1"), postponed("m1")).when(wrote("m2")).then()
    scene.when(elapsed(due)).then(request("m1", 2, due), request("m2", 1, due))


def test_what_is_still_being_carried_is_not_asked_for_a_second_time() -> None:
    due = MONDAY + LADDER[0]
    scene = given(outbox, wrote("m1"), wrote("m2"), postponed("m1"))
    scene.when(elapsed(due)).then(request("m1", 2, due))
    scene.when(sent("m2", due), sent("m1", due)).then()


def test_two_that_are_postponed_wait_for_one_timer() -> None:
    due = MONDAY + LADDER[0]
    scene = given(outbox, wrote("m1"), wrote("m2")).when(postponed("m1"), postponed("m2")).then(timer(MONDAY))
    scene.when(elapsed(due)).then(request("m1", 2, due), request("m2", 2, due))


def test_the_provider_s_own_word_ends_the_waiting() -> None:
    scene = given(outbox, wrote("m1"), postponed("m1")).when(sent("m1")).then(cleared)
    scene.when(wrote("m2")).then(request("m2"))


def test_at_the_end_of_the_ladder_it_has_failed_and_an_agent_hears_of_it() -> None:
    scene, at = given(outbox, wrote("m1")), MONDAY
    for rung, wait in enumerate(LADDER):
        scene.when(postponed("m1", at)).then(timer(at, rung))
        at += wait
        scene.when(elapsed(at)).then(request("m1", rung + 2, at))
    failed = MessageFailed(at=at, message_id="m1", reason="unreachable", **OURS)
    scene.when(postponed("m1", at)).then(failed)
    scene.when(failed, elapsed(at)).then()
    scene.when(wrote("m2", at=at)).then(request("m2", at=at, written_at=at))
    assert at - MONDAY > timedelta(hours=8)


def told(name: str, until: datetime) -> ContactMade:
    said = {"contact_id": name, "message_id": name, "notification_id": "n1", "text": f"Antwoord {name}", **OURS}
    return ContactMade(at=MONDAY, agent_id="draad", until=until, address="+31612345678", thread_id="t1", **said)


def too_late(name: str, at: datetime) -> MessageFailed:
    return MessageFailed(at=at, message_id=name, reason="too-late", **OURS)


def test_what_would_be_tried_again_too_late_has_failed_at_once() -> None:
    until = MONDAY + LADDER[0] + LADDER[1]
    scene = given(outbox, told("m1", until), postponed("m1"))
    due = MONDAY + LADDER[0]
    scene.when(elapsed(due)).then(request("m1", 2, due, until=until, notification_id="n1"))
    scene.when(postponed("m1", due)).then(too_late("m1", due))


def test_what_waits_behind_others_until_it_is_too_late_goes_no_more() -> None:
    due = MONDAY + LADDER[0]
    scene = given(outbox, wrote("m1"), postponed("m1"), told("m2", due))
    scene.when(elapsed(due)).then(request("m1", 2, due), too_late("m2", due))
    scene.when(told("m2", due)).then()


def test_what_nobody_knows_is_never_asked_for_again() -> None:
    unknown = MessageUnknown(at=MONDAY, message_id="m1", **OURS)
    scene = given(outbox, wrote("m1"), unknown).when(postponed("m1"), wrote("m1")).then()
    assert scene.knows("address/a1").letters == ()


def test_receipts_of_what_is_not_ours_change_nothing() -> None:
    given(outbox, wrote("m1")).when(sent("m9"), postponed("m9"), elapsed(MONDAY)).then()


def test_an_address_that_takes_nothing_does_not_grow_for_ever() -> None:
    scene = given(outbox, *(wrote(f"m{n}") for n in range(LETTERS_MAX)))
    scene.when(wrote("one-more")).then(MessageFailed(at=MONDAY, message_id="one-more", reason="too-many", **OURS))
    many = [event for n in range(KNOWN_MAX + 5) for event in (wrote(f"m{n}"), sent(f"m{n}"))]
    known = given(outbox, *many).knows("address/a1")
    assert (len(known.ended), known.letters) == (KNOWN_MAX, ())
