"""A contact that nobody answered within `ANSWERED_WITHIN` becomes overdue, once. An answer in time calls it off.

What is answered is answered for the whole conversation. Robots wait for nobody.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from engine.processor import State, processor
from schemas.contact import ContactAnswered, ContactNoted, ContactOverdue, ContactReceived
from schemas.conversation import (
    ConversationClosed,
    ConversationContinued,
    ConversationOpened,
    ConversationReopened,
)
from schemas.event import Event
from schemas.timer import TimerCleared, TimerElapsed, TimerSet

ANSWERED_WITHIN: Final = timedelta(days=2)
ANSWERED_MAX: Final = 100  # Answers remembered per address, for a contact that is logged after its own answer.
NAME: Final = "status.overdue"


class Waiting(State, frozen=True):
    """The contacts of one address: which wait for an answer, in which conversation, and which had theirs."""

    waiting: tuple[str, ...] = ()
    answered: tuple[str, ...] = ()
    threads: tuple[tuple[str, str], ...] = ()


Answer = ContactAnswered | ContactNoted | ConversationClosed
Joined = ConversationOpened | ConversationContinued | ConversationReopened


def watch(known: Waiting, event: ContactReceived | Answer | Joined | TimerElapsed) -> tuple[Waiting, list[Event]]:
    match event:
        case ContactReceived(contact_id=contact) if contact in (*known.waiting, *known.answered):
            return known, []
        case ContactReceived(robot="none", contact_id=contact):
            timer = TimerSet(at=event.at, about=event.subject, name=f"{NAME}.{contact}", due=event.at + ANSWERED_WITHIN)
            return known.but(waiting=(*known.waiting, contact)), [timer]
        case ContactAnswered() | ContactNoted() | ConversationClosed():
            return settle(known, event)
        case ConversationOpened() | ConversationContinued() | ConversationReopened():
            link = (event.contact_id, event.conversation_id)
            fresh = event.contact_id in known.waiting
            return known.but(threads=(*known.threads, link)) if fresh else known, []
        case TimerElapsed(name=name) if (contact := name.removeprefix(f"{NAME}.")) in known.waiting:
            address = event.about.removeprefix("address/")
            late = ContactOverdue(at=event.at, contact_id=contact, address_id=address, due=event.due)
            return gone(known, [contact]), [late]
        case ContactReceived() | TimerElapsed():
            return known, []  # A robot; or answered in the same moment.


def settle(known: Waiting, event: Answer) -> tuple[Waiting, list[Event]]:
    """All that waits in the same conversation waits no more."""
    threads = dict(known.threads)
    if isinstance(event, ConversationClosed):
        contact, thread = "", event.conversation_id
    else:
        contact = event.contact_id
        thread = (event.thread_id if isinstance(event, ContactAnswered) else "") or threads.get(contact, contact)
    over = [one for one in known.waiting if one == contact or threads.get(one) == thread]
    cleared = [TimerCleared(at=event.at, about=event.subject, name=f"{NAME}.{one}") for one in over]
    answered = [*over, *([contact] if contact and contact not in over else [])]
    latest = (*(one for one in known.answered if one not in answered), *answered)[-ANSWERED_MAX:]
    return gone(known, over).but(answered=latest), [*cleared]


def gone(known: Waiting, contacts: Sequence[str]) -> Waiting:
    waiting = tuple(one for one in known.waiting if one not in contacts)
    threads = tuple(link for link in known.threads if link[0] in waiting)
    return known.but(waiting=waiting, threads=threads)


overdue = processor(NAME, watch, version=2)
