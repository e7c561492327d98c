"""A visit that was agreed on: how it ended, and how surely its reminder came. Whoever counts visits means the same."""

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

Ended = AppointmentArrived | AppointmentServed | AppointmentNoShow | AppointmentCancelled


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
