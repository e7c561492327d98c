"""What became of a reminder, said to the appointment that it was for: so that what it did for no-shows can be seen."""

from typing import Final

from engine.processor import State, processor
from schemas.appointment import AppointmentReminded
from schemas.event import Event
from schemas.notification import (
    NotificationBounced,
    NotificationDelivered,
    NotificationFailed,
    NotificationRequested,
    NotificationSent,
    NotificationUnknown,
    NotificationWritten,
)

NAME: Final = "notify.reminded"
REMINDER: Final = "appointment-reminder"


class Reminder(State, frozen=True):
    """The appointment, and in which wording it is reminded; nothing of what is no reminder."""

    appointment_id: str = ""
    wording: str = "usual"


Came = NotificationSent | NotificationDelivered | NotificationBounced | NotificationFailed | NotificationUnknown


def remind(known: Reminder, event: NotificationRequested | NotificationWritten | Came) -> tuple[Reminder, list[Event]]:
    match event:
        case NotificationRequested() if event.template == REMINDER and event.about.startswith("appointment/"):
            return known.but(appointment_id=event.about.removeprefix("appointment/")), []
        case NotificationWritten() if known.appointment_id:
            return known.but(wording=event.wording), []
        case (
            NotificationSent()
            | NotificationDelivered()
            | NotificationBounced()
            | NotificationFailed()
            | NotificationUnknown()
        ) if known.appointment_id:
            return known, [came(known, event)]
    return known, []


def came(known: Reminder, event: Came) -> AppointmentReminded:
    return AppointmentReminded(
        at=event.at,
        appointment_id=known.appointment_id,
        notification_id=event.notification_id,
        channel=event.channel,
        wording=known.wording,
        came=event.type.removeprefix("notification."),
    )


reminded = processor(NAME, remind)
