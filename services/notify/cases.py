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


Life = CaseOpened | CaseStatusChanged | CaseDueSet | CaseClosed | CaseReopened


def tell(known: Matter, event: Life) -> tuple[Matter, list[Event]]:
    match event:
        case CaseOpened() if not known.party_id:
            after = known.but(party_id=event.party_id, kind=event.kind, title=event.title)
            return after, wanted(after, event, "opened")
        case CaseStatusChanged(status=status) if status != known.status:
            after = known.but(status=status)
            return after, wanted(after, event, "status", named=event.named, says=event.says)
        case CaseDueSet(due=due) if due != known.due:
            after = known.but(due=due)
            return after, wanted(after, event, "due")
        case CaseClosed() if not known.closed:
            after = known.but(closed=True)
            said = {"status": event.outcome, "named": event.named, "says": event.says}
            return after, wanted(after, event, "closed", **said)
        case CaseReopened() if known.closed:
            after = known.but(closed=False)
            return after, wanted(after, event, "reopened")
        case _:
            return known, []  # Told twice.


def wanted(known: Matter, event: Case, what: str, **more: Any) -> list[Event]:  # noqa: ANN401  # Fields.
    """Nothing as long as nobody is known to tell it to."""
    if not known.party_id:
        return []
    named = getattr(event, "named", "")  # Where a case system knows days only, two statuses have the same moment.
    name = derived(" ".join(filter(None, (event.subject, what, event.at.isoformat(), named))))
    if not getattr(event, "inform", True):
        return [NotificationWithheld(at=event.at, notification_id=name, reason="not-informed")]
    said: dict[str, Any] = {"kind": known.kind, "title": known.title, "status": known.status, "due": known.due} | more
    return [
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
