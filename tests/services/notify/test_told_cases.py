"""Who has a case hears what becomes of it, once each, and nothing before it is known whose it is."""

from datetime import UTC, datetime, timedelta
from typing import Final

from engine.testing import given
from schemas.case import CaseClosed, CaseDueSet, CaseOpened, CaseReopened, CaseStatusChanged
from schemas.event import Event, derived
from schemas.notification import NotificationWanted, NotificationWithheld
from services.notify.cases import STALE, cases

NOW: Final = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
DUE: Final = NOW + timedelta(days=30)

opened = CaseOpened(at=NOW, case_id="k1", party_id="p1", kind="passport", title="Paspoort")
asked = CaseStatusChanged(at=NOW, case_id="k1", status="in-behandeling")
due = CaseDueSet(at=NOW, case_id="k1", due=DUE)
closed = CaseClosed(at=NOW, case_id="k1", outcome="verleend")


def name_of(event: Event, what: str, nth: int) -> str:
    return derived(f"case/k1 {what} {event.at.isoformat()} {nth}")


def told(
    event: Event, what: str, status: str = "unknown", due: datetime | None = None, *, nth: int
) -> NotificationWanted:
    return NotificationWanted(
        at=event.at, notification_id=name_of(event, what, nth), party_id="p1", about="case/k1",
        template=f"case-{what}", until=event.at + STALE, kind="passport", title="Paspoort", status=status, due=due,
    )  # fmt: skip


def test_every_step_of_its_life_is_told_once() -> None:
    scene = given(cases).when(opened).then(told(opened, "opened", nth=1))
    scene.when(due).then(told(due, "due", due=DUE, nth=2))
    scene.when(asked).then(told(asked, "status", "in-behandeling", DUE, nth=3))
    scene.when(closed).then(told(closed, "closed", "verleend", DUE, nth=4))
    again = CaseReopened(at=NOW, case_id="k1")
    scene.when(again).then(told(again, "reopened", "in-behandeling", DUE, nth=5))


def test_by_when_it_is_due_is_told_with_its_beginning_where_that_is_known_by_then() -> None:
    given(cases, due).when(opened, due).then(told(opened, "opened", due=DUE, nth=1))


def test_each_change_is_told_of_several_in_the_same_moment_too() -> None:
    other = CaseStatusChanged(at=NOW, case_id="k1", status="klaar")
    scene = given(cases, opened).when(asked, other, asked)
    statuses = ((asked, "in-behandeling", 2), (other, "klaar", 3), (asked, "in-behandeling", 4))
    scene.then(*(told(event, "status", status, nth=nth) for event, status, nth in statuses))


def test_what_is_said_twice_is_told_once() -> None:
    given(cases, opened, asked, due, closed).when(opened, asked, due, closed).then()
    given(cases, opened).when(CaseReopened(at=NOW, case_id="k1")).then()


def test_of_a_case_that_nobody_opened_nothing_is_told() -> None:
    given(cases).when(asked, due, closed).then()


def withheld(event: Event, what: str, nth: int) -> NotificationWithheld:
    return NotificationWithheld(at=event.at, notification_id=name_of(event, what, nth), reason="not-informed")


def quiet(event: Event) -> Event:
    return event.model_copy(update={"inform": False})


def test_what_the_case_system_keeps_to_itself_is_withheld_with_its_reason() -> None:
    scene = given(cases).when(quiet(opened)).then(withheld(opened, "opened", 1))
    scene.when(quiet(asked)).then(withheld(asked, "status", 2))
    scene.when(quiet(closed)).then(withheld(closed, "closed", 3))
    again = CaseReopened(at=NOW, case_id="k1", inform=False)
    scene.when(again).then(withheld(again, "reopened", 4))
    scene.when(due).then(told(due, "due", "in-behandeling", DUE, nth=5))


def test_the_words_of_the_case_system_go_along_and_two_statuses_of_one_day_are_two_messages() -> None:
    words = {"named": "In behandeling", "says": "Wij bekijken uw aanvraag."}
    other = CaseStatusChanged(at=NOW, case_id="k1", status="klaar", named="Klaar", says="Kom langs.")
    first, second = (
        told(event, "status", status, nth=nth).model_copy(update={"named": named, "says": says})
        for nth, event, status, named, says in (
            (2, asked, "in-behandeling", words["named"], words["says"]),
            (3, other, "klaar", "Klaar", "Kom langs."),
        )
    )
    scene = given(cases, opened).when(asked.model_copy(update=words)).then(first)
    scene.when(other).then(second)
