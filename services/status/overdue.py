"""A contact that nobody answered within `ANSWERED_WITHIN` becomes overdue, once. An answer in time calls it off."""

from datetime import timedelta
from typing import Final

from pydantic import BaseModel, ConfigDict

from engine.processor import processor
from schemas.contact import ContactAnswered, ContactOverdue, ContactReceived
from schemas.event import Event
from schemas.timer import TimerCleared, TimerElapsed, TimerSet

ANSWERED_WITHIN: Final = timedelta(days=2)
ANSWERED_MAX: Final = 100  # Answers remembered per address, for a contact that is logged after its own answer.
NAME: Final = "status.overdue"


class Waiting(BaseModel):
    """The contacts of one address: which wait for an answer, and which had theirs."""

    model_config = ConfigDict(frozen=True)

    waiting: tuple[str, ...] = ()
    answered: tuple[str, ...] = ()


def watch(known: Waiting, event: ContactReceived | ContactAnswered | TimerElapsed) -> tuple[Waiting, list[Event]]:
    match event:
        case ContactReceived(contact_id=contact) if contact in (*known.waiting, *known.answered):
            return known, []
        case ContactReceived(contact_id=contact):
            timer = TimerSet(at=event.at, about=event.subject, name=f"{NAME}.{contact}", due=event.at + ANSWERED_WITHIN)
            return known.model_copy(update={"waiting": (*known.waiting, contact)}), [timer]
        case ContactAnswered(contact_id=contact) if contact in known.waiting:
            cleared = TimerCleared(at=event.at, about=event.subject, name=f"{NAME}.{contact}")
            return answered(known, contact), [cleared]
        case ContactAnswered(contact_id=contact):
            return answered(known, contact), []
        case TimerElapsed(name=name) if (contact := name.removeprefix(f"{NAME}.")) in known.waiting:
            address = event.about.removeprefix("address/")
            late = ContactOverdue(at=event.at, contact_id=contact, address_id=address, due=event.due)
            return known.model_copy(update={"waiting": without(known.waiting, contact)}), [late]
        case TimerElapsed():
            return known, []  # Answered in the same moment.


def answered(known: Waiting, contact: str) -> Waiting:
    latest = (*without(known.answered, contact), contact)[-ANSWERED_MAX:]
    return Waiting(waiting=without(known.waiting, contact), answered=latest)


def without(contacts: tuple[str, ...], contact: str) -> tuple[str, ...]:
    return tuple(other for other in contacts if other != contact)


overdue = processor(NAME, watch)
