"""What a party hears of a case: that it is there, where it stands, by when, and how it ended."""

from datetime import datetime, timedelta
from typing import Any, Final

from engine.processor import State, processor
from schemas.case import Case, CaseClosed, CaseDueSet, CaseOpened, CaseReopened, CaseStatusChanged
from schemas.event import Event, derived
from schemas.notification import NotificationWanted, NotificationWithheld

NAME: Final = "notify.cases"
STALE: Final = timedelta(hours=72)  # What could not be told for so long is told by the next change.


class Matter(State, frozen=True):
    """What is told of it again and again."""

    party_id: str = ""
    kind: str = "unknown"
    title: str = ""
    status: str = "unknown"
    due: datetime | None = None
    closed: bool = False
    changes: int = 0  # That were to be told.


Life = CaseOpened | CaseStatusChanged | CaseDueSet | CaseClosed | CaseReopened


def tell(known: Matter, event: Life) -> tuple[Matter, list[Event]]:
    match event:
        case CaseOpened() if not known.party_id:
            return wanted(known.but(party_id=event.party_id, kind=event.kind, title=event.title), event, "opened")
        case CaseStatusChanged(status=status) if status != known.status:
            return wanted(known.but(status=status), event, "status", named=event.named, says=event.says)
        case CaseDueSet(due=due) if due != known.due:
            return wanted(known.but(due=due), event, "due")
        case CaseClosed() if not known.closed:
            said = {"status": event.outcome, "named": event.named, "says": event.says}
            return wanted(known.but(closed=True), event, "closed", **said)
        case CaseReopened() if known.closed:
            return wanted(known.but(closed=False), event, "reopened")
        case _:
            return known, []  # Told twice.


def wanted(known: Matter, event: Case, what: str, **more: Any) -> tuple[Matter, list[Event]]:  # noqa: ANN401  # Fields.
    """Nothing as long as nobody is known to tell it to."""
    if not known.party_id:
        return known, []
    after = known.but(changes=known.changes + 1)  # Two may have the same moment, such as where only days are known.
    name = derived(f"{event.subject} {what} {event.at.isoformat()} {after.changes}")
    if not getattr(event, "inform", True):
        return after, [NotificationWithheld(at=event.at, notification_id=name, reason="not-informed")]
    said: dict[str, Any] = {"kind": known.kind, "title": known.title, "status": known.status, "due": known.due} | more
    return after, [
        NotificationWanted(
            at=event.at,
            notification_id=name,
            party_id=known.party_id,
            about=event.subject,
            template=f"case-{what}",
            until=event.at + STALE,
            **said,
        )
    ]


cases = processor(NAME, tell)
