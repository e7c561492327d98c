"""What a subject counts for is what is known of it: whatever comes late, twice or in another order."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from hypothesis import given as over
from hypothesis import settings
from hypothesis import strategies as st

from engine.processor import Projection
from engine.testing import shown
from schemas.appointment import (
    AppointmentArrived,
    AppointmentBooked,
    AppointmentCancelled,
    AppointmentChanged,
    AppointmentNoShow,
    AppointmentReminded,
    AppointmentServed,
    AppointmentWalkedIn,
)
from schemas.case import CaseClosed, CaseDueSet, CaseOpened, CaseOverdue, CaseReopened
from schemas.contact import (
    ContactAnswered,
    ContactMade,
    ContactMissed,
    ContactNoted,
    ContactReceived,
    ContactTransferred,
)
from schemas.conversation import ConversationClosed, ConversationContinued, ConversationReopened
from schemas.event import Event
from schemas.journey import JourneyStepped
from schemas.notification import (
    NotificationBounced,
    NotificationDelivered,
    NotificationDue,
    NotificationFailed,
    NotificationRequested,
    NotificationSent,
    NotificationWithheld,
)
from schemas.task import TaskAssigned, TaskDone, TaskOpened, TaskReopened
from services.metrics.appointments import appointments
from services.metrics.cases import cases
from services.metrics.contacts import CONTACTS_MAX, contacts
from services.metrics.journeys import journeys
from services.metrics.notifications import notifications
from services.metrics.tasks import tasks
from services.notify.effect import effects

MONDAY: Final = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
A1: Final[dict[str, Any]] = {"address_id": "a1"}
Tally = dict[tuple[str, str], int]


def tallied(view: Projection, *events: Event, grain: str = "month") -> Tally:
    """How many count, by measure and split."""
    found: Counter[tuple[str, str]] = Counter()
    for row in shown(view, *events):
        if row["grain"] == grain:
            found[row["measure"], row["split"]] += row["many"]
    return {name: many for name, many in found.items() if many}


def total(view: Projection, measure: str, *events: Event) -> int:
    return sum(r["total"] for r in shown(view, *events) if (r["grain"], r["measure"]) == ("month", measure))


def asked(name: str, after: timedelta = timedelta(), channel: str = "email", **said: Any) -> ContactReceived:
    return ContactReceived(at=MONDAY + after, contact_id=name, channel=channel, **A1, **said)


def answer(name: str, after: timedelta, **said: Any) -> ContactAnswered:
    return ContactAnswered(at=MONDAY + after, contact_id=name, agent_id="g1", **A1, **said)


def goes_on(name: str, thread: str, after: timedelta = timedelta()) -> ConversationContinued:
    return ConversationContinued(at=MONDAY + after, contact_id=name, conversation_id=thread, **A1)


def plain(tally: Tally) -> dict[str, int]:
    return {measure: many for (measure, split), many in tally.items() if split == "unknown"}


def test_a_question_waits_until_a_person_answers() -> None:
    assert plain(tallied(contacts, asked("c1"))) == {"contact": 1, "waiting": 1}
    after = plain(tallied(contacts, asked("c1"), answer("c1", 3 * HOUR)))
    assert after == {"contact": 1, "settled": 1, "response": 1}
    assert total(contacts, "response", asked("c1"), answer("c1", 3 * HOUR)) == 3 * 3_600_000


def test_what_robots_and_programs_write_counts_for_nothing() -> None:
    made = ContactMade(at=MONDAY, contact_id="c2", agent_id="draad", channel="email", notification_id="n1", **A1)
    assert tallied(contacts, asked("c1", robot="auto-reply"), made) == {}


def test_messages_of_one_chat_are_one_contact_and_mails_of_one_thread_are_not() -> None:
    for channel, many in (("chat", 1), ("email", 2)):
        found = plain(
            tallied(contacts, asked("c1", channel=channel), asked("c2", MINUTE, channel), goes_on("c2", "c1"))
        )
        assert (found["contact"], found.get("more", 0)) == (many, 2 - many)


def test_who_asks_again_before_an_answer_waits_once_and_after_it_anew() -> None:
    thread = [asked("c1"), asked("c2", HOUR), goes_on("c2", "c1"), answer("c2", 2 * HOUR)]
    assert plain(tallied(contacts, *thread))["response"] == 1
    assert total(contacts, "response", *thread) == 2 * 3_600_000
    again = [*thread, asked("c3", 4 * HOUR), goes_on("c3", "c1")]
    found = plain(tallied(contacts, *again))
    assert (found["response"], found["waiting"]) == (1, 1)


def test_what_an_agent_closes_waits_no_longer_and_was_not_answered() -> None:
    closed = ConversationClosed(at=MONDAY + HOUR, conversation_id="c1", reason="done", agent_id="g1", **A1)
    found = plain(tallied(contacts, asked("c1"), closed))
    assert (found["settled"], found.get("response"), found.get("waiting")) == (1, None, None)
    by_itself = closed.model_copy(update={"reason": "silence"})
    assert plain(tallied(contacts, asked("c1"), by_itself))["waiting"] == 1


def test_a_missed_call_is_abandoned_until_somebody_turns_out_to_have_picked_up() -> None:
    missed = ContactMissed(at=MONDAY + MINUTE, contact_id="c1", reason="abandoned", **A1)
    rang = asked("c1", channel="phone")
    assert tallied(contacts, rang, missed)["abandoned", "abandoned"] == 1
    found = tallied(contacts, rang, missed, answer("c1", MINUTE / 2))
    assert ("abandoned", "abandoned") not in found
    assert found["answered", "unknown"] == 1


def test_who_is_called_back_waits_no_longer() -> None:
    missed = ContactMissed(at=MONDAY + MINUTE, contact_id="c1", reason="abandoned", **A1)
    back = ContactMade(at=MONDAY + HOUR, contact_id="c2", agent_id="g1", channel="phone", **A1)
    found = tallied(contacts, asked("c1", channel="phone"), missed, back)
    assert found["response", "unknown"] == 1
    assert found["made", "reached"] == 1


def test_a_call_that_is_passed_on_is_one_contact_and_two_legs() -> None:
    passed = ContactTransferred(at=MONDAY + MINUTE, contact_id="c1", leg_id="l2", to="taxes", **A1)
    found = plain(tallied(contacts, asked("c1", channel="phone"), passed))
    assert (found["contact"], found["passed-on"]) == (1, 1)


def test_a_contact_moves_to_the_product_that_is_written_down_later() -> None:
    noted = ContactNoted(at=MONDAY + DAY, contact_id="c1", agent_id="g1", product="passport", **A1)
    cells = {
        row["product"]: (row["many"], row["late"])
        for row in shown(contacts, asked("c1"), noted)
        if (row["grain"], row["measure"]) == ("day", "contact")
    }
    assert cells == {"unknown": (0, 0), "passport": (1, 0)}


def test_who_asks_again_about_the_same_product_came_back_after_so_long() -> None:
    first, other = asked("c1", product="passport"), asked("c2", DAY, product="parking")
    again = asked("c3", 3 * DAY, channel="phone", product="passport")
    found = plain(tallied(contacts, first, other, again))
    assert (found["again"]) == 1
    assert total(contacts, "again", first, other, again) == 3 * 86_400_000


PAST: Final = (
    asked("c1", channel="phone", product="passport"),
    ContactMissed(at=MONDAY + MINUTE, contact_id="c1", reason="busy", **A1),
    asked("c2", HOUR, "chat"),
    asked("c3", 2 * HOUR, "chat"),
    goes_on("c3", "c2"),
    answer("c3", 3 * HOUR),
    ContactNoted(at=MONDAY + 4 * HOUR, contact_id="c3", agent_id="g1", product="passport", **A1),
    ConversationReopened(at=MONDAY + 5 * HOUR, contact_id="c4", conversation_id="c2", **A1),
    asked("c4", 5 * HOUR, "chat"),
)


def cells(view: Projection, events: Sequence[Event]) -> set[tuple[Any, ...]]:
    """All that counts, to the last digit."""
    return {tuple(row.values()) for row in shown(view, *events) if row["many"] or row["total"]}


@settings(max_examples=60)
@over(st.permutations(PAST))
def test_whatever_the_order_in_which_it_is_told_it_comes_to_the_same(events: list[Event]) -> None:
    assert cells(contacts, events) == cells(contacts, PAST)


def test_an_address_that_never_rests_is_known_by_its_last_contacts_and_all_of_it_counts() -> None:
    many = 3 * CONTACTS_MAX
    events: list[Event] = []
    for nth in range(many):
        events += [asked(f"c{nth}", nth * HOUR), answer(f"c{nth}", nth * HOUR + MINUTE)]
    found = plain(tallied(contacts, *events, grain="day"))
    assert (found["contact"], found["response"], found.get("waiting")) == (many, many, None)


def test_of_too_many_that_wait_the_oldest_is_given_up_and_nothing_is_counted_twice() -> None:
    found = plain(tallied(contacts, *(asked(f"c{nth}", nth * MINUTE) for nth in range(2 * CONTACTS_MAX))))
    assert found["contact"] == 2 * CONTACTS_MAX == found["waiting"] + found["given-up"]
    assert found["settled"] == found["given-up"]
    assert found["waiting"] <= CONTACTS_MAX + 1


def test_a_chat_that_goes_on_and_on_is_one_contact_that_was_answered_each_time() -> None:
    events: list[Event] = []
    for nth in range(70):
        events += [
            asked(f"c{nth}", nth * HOUR, "chat"),
            goes_on(f"c{nth}", "c0"),
            answer(f"c{nth}", nth * HOUR + MINUTE),
        ]
        events += [answer(f"c{nth}", nth * HOUR + 2 * MINUTE)]
    del events[1]
    found = plain(tallied(contacts, *events))
    assert (found["contact"], found["more"], found["response"]) == (1, 69, 70)


C1: Final[dict[str, Any]] = {"case_id": "c1"}
opened: Final = CaseOpened(at=MONDAY, party_id="p1", kind="permit", title="A dormer", **C1)


def test_a_case_is_resolved_when_it_is_first_closed_and_again_when_it_is_last() -> None:
    life = [
        opened,
        CaseDueSet(at=MONDAY, due=MONDAY + 5 * DAY, **C1),
        CaseClosed(at=MONDAY + 4 * DAY, outcome="granted", **C1),
        CaseClosed(at=MONDAY + 4 * DAY + HOUR, outcome="granted", **C1),
        CaseReopened(at=MONDAY + 5 * DAY, **C1),
        CaseOverdue(at=MONDAY + 6 * DAY, due=MONDAY + 5 * DAY, **C1),
        CaseClosed(at=MONDAY + 8 * DAY, outcome="granted", **C1),
    ]
    assert tallied(cases, *life[:2]) == {
        ("case-opened", "unknown"): 1,
        ("case-began", "unknown"): 1,
        ("case-open", "unknown"): 1,
    }
    assert tallied(cases, *life) == {
        ("case-opened", "unknown"): 1,
        ("case-reopened", "unknown"): 1,
        ("case-began", "unknown"): 2,
        ("case-ended", "in-time"): 1,
        ("case-ended", "late"): 1,
        ("case-overdue", "unknown"): 1,
        ("resolved", "unknown"): 1,
        ("closed", "unknown"): 1,
    }
    assert total(cases, "resolved", *life) == 4 * 86_400_000
    assert total(cases, "closed", *life) == 8 * 86_400_000


T1: Final[dict[str, Any]] = {"task_id": "t1"}
job: Final = TaskOpened(at=MONDAY, kind="call-back", owner_kind="group", owner="taxes", due=MONDAY + DAY, **T1)


def test_a_task_counts_for_its_group_and_never_for_a_colleague() -> None:
    handed = TaskAssigned(at=MONDAY + HOUR, owner_kind="person", owner="g1", **T1)
    done, again = TaskDone(at=MONDAY + 2 * HOUR, **T1), TaskReopened(at=MONDAY + 3 * HOUR, **T1)
    for events, team in (((job,), "taxes"), ((job, handed), "unknown")):
        assert {row["team"] for row in shown(tasks, *events) if row["many"]} == {team, ""}  # Or of no team at all.
    found = {measure: many for (measure, _), many in tallied(tasks, job, done, again).items()}
    assert found == {"task-opened": 1, "task-began": 2, "task-ended": 1, "task-done": 1, "task-open": 1}


N1: Final[dict[str, Any]] = {"notification_id": "n1"}
wish: Final[dict[str, Any]] = {"party_id": "p1", "about": "case/c1", "template": "case-opened", "product": "permit"}
MAIL, SMS = {"channel": "email", **N1}, {"channel": "sms", **N1}
requested: Final = NotificationRequested(at=MONDAY, **N1, **wish)


def due(channel: str, after: timedelta) -> NotificationDue:
    return NotificationDue(at=MONDAY + after, channel=channel, address="x", address_id="a1", **N1, **wish)


@pytest.mark.parametrize(
    ("events", "came", "channel"),
    [
        ([], "due", "unknown"),
        ([due("email", MINUTE)], "due", "email"),
        ([due("email", MINUTE), NotificationSent(at=MONDAY, address_id="a1", reference="r", **MAIL)], "sent", "email"),
        ([due("email", MINUTE), NotificationDelivered(at=MONDAY, **MAIL)], "delivered", "email"),
        ([due("email", MINUTE), NotificationFailed(at=MONDAY, reason="refused", **MAIL)], "failed", "email"),
        (
            [due("email", MINUTE), NotificationFailed(at=MONDAY, reason="refused", **MAIL), due("sms", HOUR)],
            "due",
            "sms",
        ),
        (
            [
                due("email", MINUTE),
                NotificationBounced(at=MONDAY, reason="gone", **MAIL),
                due("sms", HOUR),
                NotificationDelivered(at=MONDAY, **SMS),
                NotificationFailed(at=MONDAY, reason="refused", **MAIL),
            ],
            "delivered",
            "sms",
        ),
        ([NotificationWithheld(at=MONDAY, reason="expired", **N1)], "withheld", "unknown"),
    ],
)
def test_a_notification_counts_for_how_far_it_came_on_its_last_road(
    events: list[Event], came: str, channel: str
) -> None:
    found = [
        (row["split"], row["channel"])
        for row in shown(notifications, requested, *events)
        if row["many"] and (row["grain"], row["measure"]) == ("day", "notification")
    ]
    assert found == [(came, channel)]


V1: Final[dict[str, Any]] = {"appointment_id": "v1"}
booked: Final = AppointmentBooked(
    at=MONDAY, party_id="p1", product="passport", branch="main", starts_at=MONDAY + DAY, **V1
)
LIFE: Final = (
    AppointmentChanged(at=MONDAY, branch="main", starts_at=MONDAY + 2 * DAY, **V1),
    AppointmentChanged(at=MONDAY, branch="east", starts_at=MONDAY + 2 * DAY, **V1),
    AppointmentCancelled(at=MONDAY + HOUR, by="party", **V1),
    AppointmentCancelled(at=MONDAY + 3 * DAY, by="party", **V1),
    AppointmentCancelled(at=MONDAY + HOUR, by="desk", **V1),
    AppointmentNoShow(at=MONDAY + 2 * DAY, **V1),
    AppointmentArrived(at=MONDAY + DAY, **V1),
    AppointmentServed(at=MONDAY + DAY, **V1),
    *(
        AppointmentReminded(at=MONDAY, notification_id="n1", channel="sms", came=came, **V1)
        for came in ("sent", "delivered", "failed", "bounced", "nonsense")
    ),
)
ENDS: Final = {"expected": "open"}


@settings(max_examples=80)
@over(st.lists(st.sampled_from(LIFE), max_size=6))
def test_appointments_end_as_the_effect_of_reminders_says(events: list[Event]) -> None:
    [row] = shown(effects, booked, *events)
    found = {m: split for (m, split), many in tallied(appointments, booked, *events).items() if m != "agreed" and many}
    came = row["came"] if row["came"] != "nonsense" else "none"
    assert {ENDS.get(ended, ended): split for ended, split in found.items()} == {row["ended"]: came}


def test_who_walks_in_has_no_appointment() -> None:
    walked = AppointmentWalkedIn(at=MONDAY, product="passport", branch="main", **V1)
    served = AppointmentServed(at=MONDAY + HOUR, **V1)
    assert plain(tallied(appointments, walked, served)) == {"walked-in": 1}


def test_steps_are_counted_by_product_and_words_that_we_do_not_know_are_not() -> None:
    steps = [
        JourneyStepped(at=MONDAY, step_id=f"s{nth}", product="passport", step=step)
        for nth, step in enumerate(["information", "information", "started", "completed", "dreamt"])
    ]
    assert plain(tallied(journeys, *steps)) == {"information": 2, "started": 1, "completed": 1}
