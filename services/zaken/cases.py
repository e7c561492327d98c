"""What became of a case since we last heard, from the case as its case system has it: each thing told once.

It goes by what stands there, and not by what was hinted, so that hints may come twice, in any order, late or never.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from engine.processor import State, processor
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
from schemas.event import Event
from schemas.notice import Asker, NoticeDue, NoticeFollowed, NoticePostponed, Stage
from schemas.party import PartyIdentifierSet, PartyRegistered
from schemas.timer import TimerCleared, TimerElapsed, TimerSet

NAME: Final = "zaken.cases"
MINUTE: Final = timedelta(minutes=1)
LADDER: Final = (MINUTE, 5 * MINUTE, 30 * MINUTE, 120 * MINUTE)  # After that the next look at all cases finds it.
FORBIDDEN: Final = "forbidden"
REMOVED: Final = "removed"  # The outcome of a case that its case system has no more.
REASON: Final = "case-system"  # Why time stands still: in whose words, for theirs may be about somebody.


class Followed(State, frozen=True):
    """What was told of one case."""

    opened: bool = False
    closed: bool = False
    last_at: datetime | None = None  # The moment of the last status that was told,
    last: tuple[str, ...] = ()  # and all that were told of that moment.
    due: datetime | None = None
    still: bool = False
    tried: int = 0  # Times in a row that there was no answer,
    waits: bool = False  # and it is to be asked again.


def follow(known: Followed, event: NoticeFollowed | NoticePostponed | TimerElapsed) -> tuple[Followed, list[Event]]:
    match event:
        case NoticePostponed() if known.waits or event.reason == FORBIDDEN:
            return known, []  # It is asked again already; or it is none of ours, and if it ever is, the poll finds it.
        case NoticePostponed() if known.tried < len(LADDER):
            again = TimerSet(at=event.at, about=event.subject, name=NAME, due=event.at + LADDER[known.tried])
            return known.but(tried=known.tried + 1, waits=True), [again]
        case NoticePostponed():
            return known.but(tried=0), []
        case TimerElapsed():
            return known.but(waits=False), [NoticeDue(at=event.at, case_id=event.about.removeprefix("case/"))]
        case NoticeFollowed():
            called_off = [TimerCleared(at=event.at, about=event.subject, name=NAME)] if known.waits else []
            after, told = compared(known.but(tried=0, waits=False), event)
            return after, [*called_off, *told]


def compared(known: Followed, seen: NoticeFollowed) -> tuple[Followed, list[Event]]:
    """All that differs, in the order in which it happened as far as anybody can tell."""
    new, told = untold(known, seen), list[Event]()
    if not known.opened and not (seen.asker and new):
        return known, told  # It has not begun: nobody asked for it yet, or it has no status.
    if seen.due and seen.due != known.due:
        told.append(CaseDueSet(at=seen.at, case_id=seen.case_id, due=seen.due))
        known = known.but(due=seen.due)
    if not known.opened and seen.asker:
        told += opening(seen, seen.asker, new[0])
    for stage in new:
        told += reached(known, seen, stage)
        known = after(known.but(opened=True), stage)
    known, more = as_it_stands(known, seen, moved=bool(new))
    return known, told + more


def untold(known: Followed, seen: NoticeFollowed) -> list[Stage]:
    """The statuses after those that were told. One that was dated back is nothing new to anybody."""
    return [
        stage
        for stage in seen.stages
        if known.last_at is None
        or stage.at > known.last_at
        or (stage.at == known.last_at and stage.stage_id not in known.last)
    ]


def after(known: Followed, stage: Stage) -> Followed:
    last = (*known.last, stage.stage_id) if stage.at == known.last_at else (stage.stage_id,)
    return known.but(last_at=stage.at, last=last, closed=stage.ends)


def opening(seen: NoticeFollowed, asker: Asker, first: Stage) -> list[Event]:
    """It begins with its first status, for whoever asked."""
    on: dict[str, Any] = {"at": first.at, "case_id": seen.case_id}
    title = seen.title or seen.kind
    opened = CaseOpened(
        **on, party_id=asker.party_id, kind=seen.kind, title=title, main_id=seen.main_id, inform=first.inform
    )
    whose = registered(seen, asker) if not asker.known else []
    part = [CaseSplit(at=first.at, case_id=seen.main_id, sub_id=seen.case_id, title=title)] if seen.main_id else []
    return [*whose, opened, *part]


def registered(seen: NoticeFollowed, asker: Asker) -> list[Event]:
    """Somebody of whom we had not heard."""
    on: dict[str, Any] = {"at": seen.at, "party_id": asker.party_id}
    return [
        PartyRegistered(**on, kind="person" if asker.kind == "person" else "organisation", name=asker.name),
        PartyIdentifierSet(**on, scheme=asker.scheme, digest=asker.digest),
    ]


def reached(known: Followed, seen: NoticeFollowed, stage: Stage) -> list[Event]:
    """What it means that the case came here. One message is enough: that it began or goes on says the rest."""
    on: dict[str, Any] = {"at": stage.at, "case_id": seen.case_id}
    if stage.ends:
        return [] if known.closed else [closed(seen, stage, stage.at)]
    again = [CaseReopened(**on, inform=stage.inform)] if known.closed else []
    inform = stage.inform and known.opened and not again
    return [*again, CaseStatusChanged(**on, status=stage.status, named=stage.named, says=stage.says, inform=inform)]


def closed(seen: NoticeFollowed, stage: Stage, at: datetime) -> CaseClosed:
    known = seen.outcome != "unknown"
    return CaseClosed(
        at=at,
        case_id=seen.case_id,
        outcome=seen.outcome if known else stage.status,
        named=seen.ending if known else stage.named,
        says=stage.says,
        inform=stage.inform,
    )


def as_it_stands(known: Followed, seen: NoticeFollowed, *, moved: bool) -> tuple[Followed, list[Event]]:
    """What no status tells: it is gone or back, was closed by a status dated back, or its time stands still."""
    on: dict[str, Any] = {"at": seen.at, "case_id": seen.case_id}
    told: list[Event] = []
    if seen.gone and not known.closed:
        told.append(CaseClosed(**on, outcome=REMOVED, inform=False))
        known = known.but(closed=True)
    elif seen.ended and seen.stages and not known.closed and not moved:
        last = next((stage for stage in reversed(seen.stages) if stage.ends), seen.stages[-1])
        told.append(closed(seen, last, seen.at))
        known = known.but(closed=True)
    elif known.closed and not (seen.gone or seen.ended or moved):
        told.append(CaseReopened(**on, inform=False))
        known = known.but(closed=False)
    still = seen.still and not known.closed
    if still and not known.still:
        told.append(CaseSuspended(**on, reason=REASON))
    if known.still and not still and not known.closed:
        told.append(CaseResumed(**on, dated=True))
    return known.but(still=still), told


cases = processor(NAME, follow)
