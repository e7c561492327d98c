"""A visit that was agreed on: what belongs to the hour that stands, how it ended, how surely its reminder came.

Whoever keeps or counts visits means the same.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from schemas.appointment import (
    AppointmentArrived,
    AppointmentCancelled,
    AppointmentNoShow,
    AppointmentServed,
)

OPEN: Final = "open"
NONE: Final = "none"
# How much is known of a reminder: one that arrived counts, whatever became of another.
CERTAINTY: Final = (NONE, "failed", "bounced", "unknown", "sent", "delivered")

OFF_MAX: Final = 16  # Times that it was called off: the last are kept.

Ended = AppointmentArrived | AppointmentServed | AppointmentNoShow | AppointmentCancelled


def belongs(at: datetime, agreed_at: datetime | None, *, changed: bool) -> bool:
    """Whether what happened then belongs to the hour that stands: what came before a change does not."""
    return not changed or agreed_at is None or at >= agreed_at


def called_off(before: Iterable[datetime], at: datetime) -> tuple[datetime, ...]:
    """Each time that it was, whenever that was told."""
    return tuple(sorted({*before, at}))[-OFF_MAX:]


def ended(before: str, starts_at: datetime | None, event: Ended) -> str:
    """came, no-show, cancelled by the party in time, or off: by the desk.

    Who came has come, whatever is said afterwards; who is off is no no-show.
    """
    if isinstance(event, AppointmentArrived | AppointmentServed):
        return "came"
    if before != OPEN:
        return before
    if isinstance(event, AppointmentNoShow):
        return "no-show"
    in_time = event.by == "party" and starts_at is not None and event.at < starts_at
    return "cancelled" if in_time else "off"


def certainty(came: str) -> int:
    return CERTAINTY.index(came) if came in CERTAINTY else 0
