"""Whoever asks something hears at once that we have it, on the road on which they asked.

Once for each conversation, and once a day for each address: so two programs that answer each other soon stop. What a
program wrote, what nobody asks with, and what may not be from whom it says is not confirmed.
"""

import re
from datetime import datetime, timedelta
from typing import Final

from engine.processor import State, processor
from schemas.contact import ContactReceived
from schemas.conversation import ConversationContinued, ConversationOpened, ConversationReopened
from schemas.event import Event, derived
from schemas.notification import NotificationRequested, Route
from services.notify.hours import RECEIVED
from services.notify.receipts import ANSWERS

NAME: Final = "notify.confirmation"
# By channel, the road on which we say so. Who calls or comes is spoken to; a chat says itself when nobody is there.
ROADS: Final = {"email": "email", "web": "email", "whatsapp": "whatsapp", "sms": "sms"}
APART: Final = timedelta(days=1)  # Between two, to one address.
FRESH: Final = timedelta(hours=4)  # After that an answer is nearer than the word that there will be one.
ASKED_MAX: Final = 20  # Of one address, of which the conversation is not told yet.
NUMBER_CHARS: Final = 6  # As the desk shows it.
RE: Final = "Re: "
TITLE_CHARS_MAX: Final = 200
UNSURE: Final = frozenset({"unverified-sender", "several-senders", "reply-elsewhere", "from-group"})
NO_QUESTION: Final = frozenset({"opt-out", "opt-in", "help", "reaction", "reaction-removed"})
NOBODY: Final = re.compile(r"(?:no|do-?not)[-._]?reply.*|mailer-daemon|postmaster|bounces?|daemon", re.IGNORECASE)


class Question(State, frozen=True):
    """What came in, as far as it is needed to confirm it."""

    contact_id: str
    channel: str
    address: str
    inbox: str
    title: str = ""
    reference: str = ""
    language: str = "unknown"


class Asked(State, frozen=True):
    """What came in from one address, and when we told them last that we have it."""

    questions: tuple[Question, ...] = ()
    told_at: datetime | None = None


def confirm(
    known: Asked, event: ContactReceived | ConversationOpened | ConversationContinued | ConversationReopened
) -> tuple[Asked, list[Event]]:
    if isinstance(event, ContactReceived):
        return (known.but(questions=(*known.questions, question(event))[-ASKED_MAX:]) if asks(event) else known), []
    found = next((one for one in known.questions if one.contact_id == event.contact_id), None)
    if found is None:
        return known, []
    after = known.but(questions=tuple(one for one in known.questions if one is not found))
    if not isinstance(event, ConversationOpened) or (known.told_at and event.at < known.told_at + APART):
        return after, []
    return after.but(told_at=event.at), [requested(found, event)]


def asks(event: ContactReceived) -> bool:
    """Whether a word from us is fitting, and surely goes to whoever wrote."""
    if event.robot != "none" or not event.address or {*event.flags} & (UNSURE | NO_QUESTION):
        return False
    match ROADS.get(event.channel):
        case "email":
            return event.kind == "email" and not NOBODY.fullmatch(event.address.partition("@")[0])
        case "sms":
            return not ANSWERS.fullmatch(event.text)
        case road:
            return road is not None


def question(event: ContactReceived) -> Question:
    mail = event.channel == "email"
    return Question(
        contact_id=event.contact_id,
        channel=event.channel,
        address=event.address,
        inbox=event.inbox,
        title=re_titled(event.title) if mail and event.title else "",
        reference="" if event.channel == "web" else event.reference,
        language=event.language if event.channel == "web" else "unknown",  # They chose the page.
    )


def re_titled(title: str) -> str:
    return (title if title[:3].casefold() == "re:" else RE + title)[:TITLE_CHARS_MAX]


def requested(found: Question, event: ConversationOpened) -> NotificationRequested:
    road = ROADS[found.channel]
    return NotificationRequested(
        at=event.at,
        notification_id=derived(f"{event.subject} {event.conversation_id} received"),
        party_id=f"unknown.{event.address_id}",
        about=f"contact/{found.contact_id}",
        template=RECEIVED,
        language=found.language if found.language != "unknown" else "nl",
        until=event.at + FRESH,
        kind=found.channel,
        title=found.title,
        code=found.contact_id[:NUMBER_CHARS].upper(),
        inbox=found.inbox if found.channel == road else "unknown",
        thread_id=event.conversation_id,
        reply_to=found.reference,
        routes=(Route(channel=road, address=found.address, address_id=event.address_id),),
        why="asked",
    )


confirmation = processor(NAME, confirm)
