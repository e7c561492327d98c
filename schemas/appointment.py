"""Appointment: a time two parties agreed on."""

from typing import Annotated, ClassVar, Literal

from schemas.event import NONE, Event, Id, When, Word


class Appointment(Event):
    """What the facts about an appointment share."""

    appointment_id: Id

    @property
    def subject(self) -> str:
        return f"appointment/{self.appointment_id}"


class AppointmentBooked(Appointment):
    """The party comes for this product, at this branch, at this hour."""

    type: ClassVar[str] = "appointment.booked"

    party_id: Id
    product: Word
    branch: Word
    starts_at: When


class AppointmentChanged(Appointment):
    """From now on it is at this branch, at this hour."""

    type: ClassVar[str] = "appointment.changed"

    branch: Word
    starts_at: When


class AppointmentCancelled(Appointment):
    """It is off. A party that cancels in time is no no-show."""

    type: ClassVar[str] = "appointment.cancelled"

    by: Annotated[Literal["party", "desk"], NONE]


class AppointmentArrived(Appointment):
    """The party is here, and waits."""

    type: ClassVar[str] = "appointment.arrived"


class AppointmentServed(Appointment):
    """The party has been helped."""

    type: ClassVar[str] = "appointment.served"


class AppointmentNoShow(Appointment):
    """The hour came, the grace after it ended, and nobody arrived."""

    type: ClassVar[str] = "appointment.no-show"
