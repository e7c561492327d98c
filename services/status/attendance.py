"""Who did not come: decided when the grace after the hour ends, and only then.

It goes by when things happened, not by when they were told: the same facts in any order come to the same end. An
appointment that is moved is waited for at its new hour. Whoever arrives after all is no no-show any more: the arrival
itself corrects it, and every reader lets an arrival for the same hour weigh more than the no-show before it.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from channels.visit import belongs, called_off
from engine.processor import State, processor
from schemas.appointment import (
    Appointment,
    AppointmentArrived,
    AppointmentBooked,
    AppointmentCancelled,
    AppointmentChanged,
    AppointmentNoShow,
    AppointmentServed,
    AppointmentWalkedIn,
)
from schemas.event import Event
from schemas.timer import TimerCleared, TimerElapsed, TimerSet

NAME: Final = "status.attendance"
GRACE_MAX: Final = timedelta(days=1)
LATEST: Final = datetime.max.replace(tzinfo=UTC) - GRACE_MAX  # Beyond it nobody waits.

Agreed = AppointmentBooked | AppointmentChanged
Present = AppointmentArrived | AppointmentServed | AppointmentWalkedIn


class Attendance(State, frozen=True):
    """What is known of one appointment, whatever came in first."""

    agreed_at: datetime | None = None  # When the hour that stands was agreed on,
    changed: bool = False  # by a change, which weighs more than a booking.
    due: datetime | None = None  # When the grace of that hour ends.
    came_at: datetime | None = None  # The last that they were seen.
    offs: tuple[datetime, ...] = ()  # Each time that it was called off.
    timer: datetime | None = None  # What we asked to be woken at.
    missed: datetime | None = None  # The end of grace of which a no-show was told.

    @property
    def waits_until(self) -> datetime | None:
        """When it is to be decided, if there is anything to decide."""
        if self.due is None or self.present or self.missed == self.due:
            return None
        return None if any(at < self.due and self.still(at) for at in self.offs) else self.due

    @property
    def present(self) -> bool:
        """Whether they came for the hour that stands. Who came, and then agreed on another hour, has to come again."""
        return self.came_at is not None and self.still(self.came_at)

    def still(self, at: datetime) -> bool:
        """Whether what happened then belongs to the hour that stands."""
        return belongs(at, self.agreed_at, changed=self.changed)


def attend(
    known: Attendance, event: Agreed | Present | AppointmentCancelled | TimerElapsed
) -> tuple[Attendance, list[Event]]:
    match event:
        case AppointmentBooked() | AppointmentChanged():
            return waiting(agreed(known, event), event)
        case AppointmentArrived() | AppointmentServed() | AppointmentWalkedIn():
            came_at = max(known.came_at or event.at, event.at)
            return waiting(known.but(came_at=came_at), event)
        case AppointmentCancelled():
            return waiting(known.but(offs=called_off(known.offs, event.at)), event)
        case TimerElapsed() if (due := known.waits_until) and event.at >= due:
            missed = AppointmentNoShow(at=due, appointment_id=event.about.removeprefix("appointment/"))
            return known.but(missed=due, timer=None), [missed]
        case TimerElapsed():
            return known, []  # They came, moved or cancelled in the same moment.


def agreed(known: Attendance, event: Agreed) -> Attendance:
    """The hour that stands is the one agreed on last; a booking that is told late undoes no change."""
    changed, due = isinstance(event, AppointmentChanged), grace_ends(event)
    if known.agreed_at and known.due and (changed, event.at, due) < (known.changed, known.agreed_at, known.due):
        return known
    return known.but(changed=changed, agreed_at=event.at, due=due)


def grace_ends(event: Agreed) -> datetime:
    grace = (
        GRACE_MAX if event.grace_minutes > GRACE_MAX / timedelta(minutes=1) else timedelta(minutes=event.grace_minutes)
    )
    return min(event.starts_at, LATEST) + grace


def waiting(known: Attendance, event: Appointment) -> tuple[Attendance, list[Event]]:
    """Ask to be woken when it is to be decided, and no longer where there is nothing to decide."""
    due = known.waits_until
    if due == known.timer:
        return known, []
    after = known.but(timer=due)
    if due:
        return after, [TimerSet(at=event.at, about=event.subject, name=NAME, due=due)]
    return after, [TimerCleared(at=event.at, about=event.subject, name=NAME)]


attendance = processor(NAME, attend, version=2)
