"""What became of what was told, and what they answer by SMS or WhatsApp: JA confirms, AFZEGGEN cancels."""

import re
from typing import Any, Final

from engine.processor import State, processor
from schemas.appointment import AppointmentCancelled, AppointmentConfirmed
from schemas.contact import ContactMade, ContactNoted, ContactReceived
from schemas.event import Event
from schemas.message import MessageBounced, MessageDelivered, MessageFailed, MessageRead, MessageSent, MessageUnknown
from schemas.notification import (
    NotificationBounced,
    NotificationDelivered,
    NotificationFailed,
    NotificationSent,
    NotificationUnknown,
)

NAME: Final = "notify.receipts"
AGENT: Final = "draad"  # Who did it, where an agent would stand.
TOLD_MAX: Final = 100  # Of one address, of which receipts are known again.
ANSWERS: Final = re.compile(r"\s*(ja|yes|afzeggen|no)[\s.!]*", re.IGNORECASE)
CONFIRMS: Final = frozenset({"ja", "yes"})


class Told(State, frozen=True):
    """What was written to one address."""

    messages: tuple[tuple[str, str], ...] = ()  # Of each the message, and the notification.
    appointment: str = ""  # Of which they were told last,
    on: str = ""  # on this channel.


Receipt = MessageSent | MessageDelivered | MessageRead | MessageBounced | MessageFailed | MessageUnknown


def receive(known: Told, event: ContactMade | ContactReceived | Receipt) -> tuple[Told, list[Event]]:
    match event:
        case ContactMade() if event.notification_id:
            messages = (*known.messages, (event.message_id, event.notification_id))[-TOLD_MAX:]
            kind, _, name = event.about.partition("/")
            after = known.but(messages=messages)
            return after.but(appointment=name, on=event.channel) if kind == "appointment" else after, []
        case ContactReceived(channel="sms" | "whatsapp") if known.appointment and known.on == event.channel:
            return answered(known, event)
        case ContactMade() | ContactReceived():
            return known, []
        case _:
            notification = dict(known.messages).get(event.message_id)
            return known, [told(event, notification)] if notification else []


def answered(known: Told, event: ContactReceived) -> tuple[Told, list[Event]]:
    """One word, and nothing else: nobody has to answer it. Whoever writes more is answered by a person."""
    found = ANSWERS.fullmatch(event.text)
    if not found:
        return known, []
    said: dict[str, Any] = {"at": event.at, "contact_id": event.contact_id, "address_id": event.address_id}
    said |= {"agent_id": AGENT, "result": "answered"}
    if found[1].lower() in CONFIRMS:
        confirmed = AppointmentConfirmed(at=event.at, appointment_id=known.appointment)
        return known, [confirmed, ContactNoted(**said, text="Bevestigde de afspraak.")]
    cancelled = AppointmentCancelled(at=event.at, appointment_id=known.appointment, by="party")
    return known.but(appointment=""), [cancelled, ContactNoted(**said, text="Zegde de afspraak af.")]


def told(event: Receipt, notification_id: str) -> Event:
    said: dict[str, Any] = {"at": event.at, "notification_id": notification_id, "channel": event.channel}
    match event:
        case MessageSent():
            return NotificationSent(address_id=event.address_id, reference=event.reference, **said)
        case MessageDelivered() | MessageRead():
            return NotificationDelivered(**said)
        case MessageBounced():
            return NotificationBounced(reason=event.reason, **said)
        case MessageFailed():
            return NotificationFailed(reason=event.reason, **said)
        case MessageUnknown():
            return NotificationUnknown(**said)


receipts = processor(NAME, receive)
