"""A case as a short story: what stands last, in order, and nothing that is the desk's own."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any, Final

from engine.testing import shown
from engine.work import stamp
from schemas.case import CaseClosed, CaseDueSet, CaseOpened, CaseReopened, CaseResumed, CaseStatusChanged, CaseSuspended
from schemas.contact import ContactAnswered, ContactReceived
from schemas.event import Event
from schemas.notification import NotificationBounced, NotificationFailed, NotificationRequested, NotificationSent
from schemas.party import PartyAddressUnlinked, PartyPreferenceSet
from services.desk.entry import entry
from services.resident.matters import Matter, matters, preference, shut_at, told

NOW: Final = datetime(2026, 11, 23, 9, tzinfo=UTC)
opened: Final = CaseOpened(at=NOW, case_id="c1", party_id="p1", kind="permit", title="Dakkapel")


def later(hours: float) -> datetime:
    return NOW + timedelta(hours=hours)


def after(*events: Event, contacts: Sequence[Any] = ()) -> Matter:
    """How the case stands."""
    [found] = matters(shown(entry, opened, *events), contacts, lambda _, word, inform: inform and word != "inside")
    return found


def steps(case: Matter) -> list[tuple[str, str]]:
    return [(step.what, step.word) for step in case.steps]


status: Final = CaseStatusChanged(at=later(1), case_id="c1", status="judged")
inside: Final = CaseStatusChanged(at=later(2), case_id="c1", status="inside")
due: Final = CaseDueSet(at=later(3), case_id="c1", due=later(100))
stands_still: Final = CaseSuspended(at=later(4), case_id="c1", reason="documents")
closed: Final = CaseClosed(at=later(6), case_id="c1", outcome="granted")


def test_a_case_that_was_just_opened_has_begun_and_no_more() -> None:
    assert after() == Matter("c1", "permit", "Dakkapel", stamp(NOW), steps=after().steps)
    assert steps(after()) == [("opened", "")]


def test_the_last_status_that_is_for_them_stands() -> None:
    assert after(status, inside).status == "judged"
    assert steps(after(status, inside)) == [("opened", ""), ("status", "judged")]


def test_what_a_case_system_calls_it_is_told_and_nothing_where_it_says_that_nobody_is_to_hear() -> None:
    named = CaseStatusChanged(
        at=later(1), case_id="c1", status="in-behandeling", named="In behandeling", says="Even wachten."
    )
    hidden = CaseStatusChanged(at=later(2), case_id="c1", status="intern", named="Intern", inform=False)
    case = after(named, hidden)
    assert (case.status, case.named, case.says) == ("in-behandeling", "In behandeling", "Even wachten.")
    assert [step.named for step in case.steps] == ["", "In behandeling"]


def test_time_that_stands_still_is_told_and_not_what_is_waited_for() -> None:
    still = after(due, stands_still)
    assert (still.waits, still.due) == (True, stamp(later(100)))
    assert steps(still)[-1] == ("suspended", "")
    assert not after(stands_still, CaseResumed(at=later(5), case_id="c1")).waits
    assert not after(stands_still, closed).waits


def test_how_it_ended_is_told_until_it_goes_on() -> None:
    assert (after(closed).closed_at, after(closed).outcome) == (stamp(later(6)), "granted")
    secret = closed.model_copy(update={"outcome": "inside"})
    assert (after(secret).closed_at, after(secret).outcome) == (stamp(later(6)), "")
    again = after(closed, CaseReopened(at=later(7), case_id="c1"))
    assert (again.closed_at, again.outcome) == ("", "")


def test_open_cases_come_first_and_of_those_what_changed_last() -> None:
    others = [opened.model_copy(update={"case_id": f"c{n}", "at": later(n)}) for n in (2, 3)]
    for order in permutations(others):
        rows = sorted(shown(entry, opened, *order, closed), key=lambda row: row["at"])
        assert [case.case_id for case in matters(rows, [], lambda *_: True)] == ["c3", "c2", "c1"]


on: Final[dict[str, Any]] = {"notification_id": "n1"}
requested: Final = NotificationRequested(at=later(1), **on, party_id="p1", about="case/c1", template="case-opened")
mailed: Final = NotificationSent(at=later(2), **on, channel="email", address_id="a", reference="r")


def test_what_was_sent_is_told_once_for_each_road_and_what_never_left_is_not() -> None:
    failed = NotificationFailed(at=later(2), **on, channel="sms", reason="no-road")
    rows = shown(entry, requested, failed, mailed, mailed)
    assert [(one.what, one.word, one.road, one.about) for one in told(rows)] == [("told", "case-opened", "email", "c1")]
    came_back = NotificationBounced(at=later(3), **on, channel="email", reason="full")
    assert [one.what for one in told(shown(entry, requested, mailed, came_back))] == ["lost"]
    assert ("told", "case-opened") in steps(after(requested, mailed))


def test_what_they_asked_is_told_and_not_what_a_program_wrote_for_them() -> None:
    contact: dict[str, Any] = {"contact_id": "k1", "address_id": "a1", "channel": "email"}
    asked = ContactReceived(at=later(1), **contact)
    answered = ContactAnswered(at=later(2), **contact, agent_id="anna", message_id="m1", text="Ja")
    away = ContactReceived(at=later(3), **contact, robot="auto-reply")
    contacts = [{**row, "case_id": "c1"} for row in shown(entry, asked, answered, away)]
    assert steps(after(contacts=contacts))[1:] == [("asked", ""), ("answered", "")]


def test_the_last_preference_stands_and_the_last_address_that_was_taken_shuts() -> None:
    assert preference([]) == ("unknown", "nl")
    chosen = [
        PartyPreferenceSet(at=later(n), party_id="p1", channel=channel, language=language)
        for n, (channel, language) in enumerate((("sms", "en"), ("letter", "nl")))
    ]
    assert preference(shown(entry, *chosen)) == ("letter", "nl")
    assert preference(shown(entry, *chosen[:1])) == ("sms", "en")
    taken = [PartyAddressUnlinked(at=later(n), party_id="p1", address_id="a") for n in (2, 1)]
    assert shut_at(shown(entry, *taken)) == stamp(later(2))
    assert shut_at([]) == ""
