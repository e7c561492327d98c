"""Appointment: a time two parties agreed on."""

from typing import Annotated, ClassVar, Literal

from schemas.event import NONE, About, Count, Event, Id, NoId, NoLine, Text, When, Word


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
    minutes: Count = 0
    people: Count = 1
    code: NoId = ""  # What is said or scanned at the counter.
    about: About = ""  # A case, if there is one.
    kind: Word = "unknown"  # Of address.
    address: NoLine = ""  # Where to remind them.
    address_id: NoId = ""
    text: Text = ""
    grace_minutes: Count = 15  # How late they may be, as the branch had it when this was agreed.


class AppointmentChanged(Appointment):
    """From now on it is at this branch, at this hour."""

    type: ClassVar[str] = "appointment.changed"

    branch: Word
    starts_at: When
    grace_minutes: Count = 15
    by: Annotated[Literal["party", "desk"], NONE] = "desk"


class AppointmentCancelled(Appointment):
    """It is off. A party that cancels in time is no no-show."""

    type: ClassVar[str] = "appointment.cancelled"

    by: Annotated[Literal["party", "desk"], NONE]


class AppointmentConfirmed(Appointment):
    """The party says that they come."""

    type: ClassVar[str] = "appointment.confirmed"


class AppointmentWalkedIn(Appointment):
    """Somebody came without an appointment for this product, and waits."""

    type: ClassVar[str] = "appointment.walked-in"

    product: Word
    branch: Word
    code: NoId = ""
    party_id: NoId = ""
    people: Count = 1


class AppointmentReminded(Appointment):
    """What became of a reminder of it, in this `wording`: `came` is sent, delivered, bounced, failed or unknown."""

    type: ClassVar[str] = "appointment.reminded"

    notification_id: Id
    channel: Word
    wording: Word = "usual"
    came: Word


class AppointmentArrived(Appointment):
    """The party is here, and waits."""

    type: ClassVar[str] = "appointment.arrived"


class AppointmentCalled(Appointment):
    """The party is asked to come to this desk."""

    type: ClassVar[str] = "appointment.called"

    desk: Word
    agent_id: NoId = ""


class AppointmentServed(Appointment):
    """The party has been helped."""

    type: ClassVar[str] = "appointment.served"


class AppointmentNoShow(Appointment):
    """The hour came, the grace after it ended, and nobody arrived."""

    type: ClassVar[str] = "appointment.no-show"
