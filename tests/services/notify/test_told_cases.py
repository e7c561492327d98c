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


def told(event: Event, what: str, status: str = "unknown", due: datetime | None = None) -> NotificationWanted:
    return NotificationWanted(
        at=event.at, notification_id=derived(f"case/k1 {what} {event.at.isoformat()}"), party_id="p1", about="case/k1",
        template=f"case-{what}", until=event.at + STALE, kind="passport", title="Paspoort", status=status, due=due,
    )  # fmt: skip


def test_every_step_of_its_life_is_told_once() -> None:
    scene = given(cases).when(opened).then(told(opened, "opened"))
    scene.when(due).then(told(due, "due", due=DUE))
    scene.when(asked).then(told(asked, "status", "in-behandeling", DUE))
    scene.when(closed).then(told(closed, "closed", "verleend", DUE))
    again = CaseReopened(at=NOW, case_id="k1")
    scene.when(again).then(told(again, "reopened", "in-behandeling", DUE))


def test_what_is_said_twice_is_told_once() -> None:
    given(cases, opened, asked, due, closed).when(opened, asked, due, closed).then()
    given(cases, opened).when(CaseReopened(at=NOW, case_id="k1")).then()


def test_of_a_case_that_nobody_opened_nothing_is_told() -> None:
    given(cases).when(asked, due, closed).then()


def withheld(event: Event, what: str) -> NotificationWithheld:
    name = derived(f"case/k1 {what} {event.at.isoformat()}")
    return NotificationWithheld(at=event.at, notification_id=name, reason="not-informed")


def quiet(event: Event) -> Event:
    return event.model_copy(update={"inform": False})


def test_what_the_case_system_keeps_to_itself_is_withheld_with_its_reason() -> None:
    scene = given(cases).when(quiet(opened)).then(withheld(opened, "opened"))
    scene.when(quiet(asked)).then(withheld(asked, "status"))
    scene.when(quiet(closed)).then(withheld(closed, "closed"))
    again = CaseReopened(at=NOW, case_id="k1", inform=False)
    scene.when(again).then(withheld(again, "reopened"))
    scene.when(due).then(told(due, "due", "in-behandeling", DUE))


def test_the_words_of_the_case_system_go_along_and_two_statuses_of_one_day_are_two_messages() -> None:
    words = {"named": "In behandeling", "says": "Wij bekijken uw aanvraag."}
    other = CaseStatusChanged(at=NOW, case_id="k1", status="klaar", named="Klaar", says="Kom langs.")
    first, second = (
        told(event, "status", status).model_copy(
            update={
                "named": named,
                "says": says,
                "notification_id": derived(f"case/k1 status {NOW.isoformat()} {named}"),
            }
        )
        for event, status, named, says in (
            (asked, "in-behandeling", words["named"], words["says"]),
            (other, "klaar", "Klaar", "Kom langs."),
        )
    )
    scene = given(cases, opened).when(asked.model_copy(update=words)).then(first)
    scene.when(other).then(second)
