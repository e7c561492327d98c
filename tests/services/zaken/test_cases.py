"""What became of a case is told once, in the order in which it happened, whatever was seen when."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from engine.testing import given
from schemas.case import (
    CaseClosed,
    CaseDueSet,
    CaseOpened,
    CaseReopened,
    CaseResumed,
    CaseSplit,
    CaseStatusChanged,
    CaseSuspended,
)
from schemas.notice import Asker, NoticeDue, NoticeFollowed, NoticePostponed, Stage
from schemas.party import PartyIdentifierSet, PartyRegistered
from schemas.timer import TimerCleared, TimerElapsed, TimerSet
from services.zaken.cases import LADDER, NAME, REASON, REMOVED, cases

NOW: Final = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
HOUR: Final = timedelta(hours=1)
DUE: Final = NOW + timedelta(days=30)
DIGEST: Final = "0" * 64
asker = Asker(party_id="p1", kind="person", name="Joëlle de Bakker", scheme="bsn", digest=DIGEST, known=True)


def stage(hours: int, status: str = "in-behandeling", *, ends: bool = False, inform: bool = True) -> Stage:
    at = NOW + hours * HOUR
    return Stage(stage_id=f"s{hours}{status}", at=at, status=status, named=status.title(), inform=inform, ends=ends)


begun, busy, done = stage(0, "ontvangen"), stage(2), stage(5, "afgehandeld", ends=True)


def seen(*stages: Stage, hours: int = 9, **more: Any) -> NoticeFollowed:
    said: dict[str, Any] = {"kind": "paspoort", "title": "Paspoort", "asker": asker} | more
    return NoticeFollowed(at=NOW + hours * HOUR, case_id="k1", stages=stages, **said)


def on(hours: int) -> dict[str, Any]:
    return {"at": NOW + hours * HOUR, "case_id": "k1"}


def changed(of: Stage, *, inform: bool = True) -> CaseStatusChanged:
    return CaseStatusChanged(at=of.at, case_id="k1", status=of.status, named=of.named, inform=inform)


opened = CaseOpened(**on(0), party_id="p1", kind="paspoort", title="Paspoort")
closed = CaseClosed(**on(5), outcome="verleend", named="Verleend")
with_result: Final[dict[str, Any]] = {"ended": True, "outcome": "verleend", "ending": "Verleend"}


def test_it_begins_with_its_first_status_for_whoever_asked_and_the_date_is_known_by_then() -> None:
    due = CaseDueSet(**on(9), due=DUE)
    given(cases).when(seen(begun, due=DUE)).then(due, opened, changed(begun, inform=False))


def test_nothing_begins_as_long_as_nobody_asked_or_it_has_no_status() -> None:
    scene = given(cases).when(seen(begun, busy, asker=None), seen(hours=10)).then()
    scene.when(seen(begun, busy, hours=11)).then(opened, changed(begun, inform=False), changed(busy))


def test_each_status_is_told_once_however_often_it_is_seen() -> None:
    scene = given(cases, seen(begun)).when(seen(begun, busy, hours=10), seen(begun, busy, hours=11))
    scene.then(changed(busy))


def test_statuses_of_the_same_moment_are_told_once_each() -> None:
    twin = stage(2, "wacht")
    given(cases, seen(begun, busy)).when(seen(begun, busy, twin, hours=10)).then(changed(twin))
    given(cases, seen(begun, busy, twin)).when(seen(begun, busy, twin, hours=10)).then()


def test_of_a_status_that_does_not_inform_nobody_hears() -> None:
    quiet = stage(3, "overleg", inform=False)
    given(cases, seen(begun)).when(seen(begun, quiet, hours=10)).then(changed(quiet, inform=False))


def test_a_status_that_ends_it_closes_it_with_its_result() -> None:
    given(cases, seen(begun)).when(seen(begun, done, hours=10, **with_result)).then(closed)
    no_result = CaseClosed(**on(5), outcome="afgehandeld", named="Afgehandeld")
    given(cases, seen(begun)).when(seen(begun, done, hours=10, ended=True)).then(no_result)


def test_a_status_after_the_end_reopens_it_which_is_one_message() -> None:
    again = stage(7)
    scene = given(cases, seen(begun, done, **with_result)).when(seen(begun, done, again, hours=10))
    scene.then(CaseReopened(**on(7)), changed(again, inform=False))


def test_an_end_that_was_dated_back_closes_it_when_it_is_seen() -> None:
    back = stage(1, "afgehandeld", ends=True)
    late = CaseClosed(**on(10), outcome="verleend", named="Verleend")
    scene = given(cases, seen(begun, busy)).when(seen(begun, back, busy, hours=10, **with_result)).then(late)
    scene.when(seen(begun, back, busy, hours=11, **with_result)).then()


def test_a_status_that_was_dated_back_is_news_to_nobody() -> None:
    given(cases, seen(begun, busy)).when(seen(begun, stage(1, "wacht"), busy, hours=10)).then()


def test_another_date_is_told_and_one_that_went_is_not() -> None:
    scene = given(cases, seen(begun, due=DUE)).when(seen(begun, due=DUE, hours=10), seen(begun, hours=11)).then()
    scene.when(seen(begun, due=DUE + HOUR, hours=12)).then(CaseDueSet(**on(12), due=DUE + HOUR))


def test_its_time_stands_still_and_runs_again_with_the_date_of_the_case_system() -> None:
    scene = given(cases, seen(begun, due=DUE)).when(seen(begun, due=DUE, still=True, hours=10))
    scene.then(CaseSuspended(**on(10), reason=REASON))
    scene.when(seen(begun, due=DUE + HOUR, hours=11))
    scene.then(CaseDueSet(**on(11), due=DUE + HOUR), CaseResumed(**on(11), dated=True))
    still = given(cases, seen(begun, still=True)).when(seen(begun, done, still=True, hours=10, **with_result))
    still.then(closed).when(seen(begun, done, still=True, hours=11, **with_result)).then()


def test_one_that_is_gone_is_closed_quietly_and_opened_again_when_it_is_back() -> None:
    gone = NoticeFollowed(**on(10), gone=True)
    scene = given(cases, seen(begun)).when(gone).then(CaseClosed(**on(10), outcome=REMOVED, inform=False))
    scene.when(NoticeFollowed(**on(11), gone=True)).then()
    scene.when(seen(begun, hours=12)).then(CaseReopened(**on(12), inform=False))
    given(cases).when(gone).then()
    given(cases, seen(begun, done, **with_result)).when(gone, seen(begun, done, hours=11, **with_result)).then()


def test_somebody_of_whom_we_had_not_heard_is_registered_by_the_hash_of_the_number() -> None:
    new = asker.model_copy(update={"known": False})
    whose: dict[str, Any] = {"at": NOW + 9 * HOUR, "party_id": "p1"}
    given(cases).when(seen(begun, asker=new)).then(
        PartyRegistered(**whose, kind="person", name="Joëlle de Bakker"),
        PartyIdentifierSet(**whose, scheme="bsn", digest=DIGEST),
        opened,
        changed(begun, inform=False),
    )


def test_a_part_of_another_case_is_told_there_too() -> None:
    part = CaseSplit(at=NOW, case_id="k0", sub_id="k1", title="Paspoort")
    opening = opened.model_copy(update={"main_id": "k0"})
    given(cases).when(seen(begun, main_id="k0")).then(opening, part, changed(begun, inform=False))


def test_the_clock_of_who_looked_does_not_matter() -> None:
    """On many machines each has its own; what was looked at later stands later on the log."""
    given(cases, seen(begun, hours=10)).when(seen(begun, busy, hours=9)).then(changed(busy))


def test_where_there_is_no_answer_it_is_asked_again_later_and_later_and_then_not() -> None:
    silent = NoticePostponed(**on(0), reason="unavailable")
    scene = given(cases)
    for wait in LADDER:
        scene.when(silent).then(TimerSet(at=NOW, about="case/k1", name=NAME, due=NOW + wait))
        scene.when(silent).then()  # Of another notice meanwhile.
        elapsed = TimerElapsed(at=NOW + wait, about="case/k1", name=NAME, due=NOW + wait)
        scene.when(elapsed).then(NoticeDue(at=NOW + wait, case_id="k1"))
    scene.when(silent).then()
    scene.when(silent).then(TimerSet(at=NOW, about="case/k1", name=NAME, due=NOW + LADDER[0]))


def test_an_answer_calls_off_the_next_question() -> None:
    cleared = TimerCleared(at=NOW + 9 * HOUR, about="case/k1", name=NAME)
    silent = NoticePostponed(**on(0), reason="unavailable")
    given(cases, silent).when(seen(asker=None)).then(cleared)
    given(cases, silent, seen(asker=None)).when(seen(asker=None)).then()


def test_what_we_may_not_see_is_not_asked_for_again() -> None:
    given(cases).when(NoticePostponed(**on(0), reason="forbidden")).then()
