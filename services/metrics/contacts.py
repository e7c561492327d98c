"""What comes in, counted: how much of it, how soon somebody answered, what still waits, and who had to ask again.

An address counts for what is known of it: the same facts in any order come to the same figures. Of each address its
last `CONTACTS_MAX` contacts are known, and above all those that wait; older ones stand as they were counted.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Final

from engine.processor import Add, State, register
from schemas.contact import (
    ContactAnswered,
    ContactMade,
    ContactMissed,
    ContactNoted,
    ContactOverdue,
    ContactReceived,
    ContactTransferred,
)
from schemas.conversation import (
    ConversationClosed,
    ConversationContinued,
    ConversationReopened,
)
from schemas.event import Envelope
from services.metrics.tally import UNKNOWN, VERSION, Count, changed, span, tally

CONTACTS_MAX: Final = 40
ENDS_MAX: Final = 120  # More than twice as many: a contact needs two of them at most.
KNOWN_MAX: Final = 2_048
SPARE: Final = 30  # Ends that nothing waited for, kept for what is told late.
# Where messages of one conversation are one contact, however many there are.
TALKS: Final = ("chat", "sms", "whatsapp")
BY_PHONE: Final = "*phone"  # Who is reached by phone is answered for every call of theirs.
BY_ITSELF: Final = ("silence", "ended", "crowded")  # Why a conversation closes that nobody closed.
REASONS: Final = ("abandoned", "busy", "closed", "no-answer", "failed")
OTHER: Final = "other"
ANSWERS: Final = ("answered", "noted")
NAMED: Final = "named"  # A contact of which the product is known.


class Contact(State, frozen=True):
    """One of them. Without `at` it was not received yet, whatever else is known of it."""

    contact_id: str
    at: datetime | None = None
    channel: str = UNKNOWN
    product: str = UNKNOWN
    inbox: str = UNKNOWN
    thread_id: str = ""  # Of the conversation, where that is not its own.
    joined: bool = False  # It went on with a conversation that was open.
    made: str = ""  # By us, and whether anybody was there.
    legs: int = 1
    missed_at: datetime | None = None
    why: str = ""
    due: datetime | None = None  # It is overdue since then.

    @property
    def thread(self) -> str:
        return self.thread_id or self.contact_id

    @property
    def labels(self) -> tuple[str, str, str]:
        return self.channel, self.product, self.inbox


class End(State, frozen=True):
    """Somebody answered this contact or conversation, wrote down what it was about, or closed it."""

    at: datetime
    name: str
    how: str
    thread_id: str = ""


class Known(State, frozen=True):
    """What is known of one address."""

    contacts: tuple[Contact, ...] = ()
    ends: tuple[End, ...] = ()

    def changed(self, contact_id: str, **said: object) -> "Known":
        found = next((c for c in self.contacts if c.contact_id == contact_id), None)
        if found is None:
            return self.but(contacts=(*self.contacts, Contact(contact_id).but(**said)))
        after = found.but(**said)
        return self if after == found else self.but(contacts=tuple(after if c is found else c for c in self.contacts))

    def find(self, contact_id: str) -> Contact:
        return next((c for c in self.contacts if c.contact_id == contact_id), Contact(contact_id))

    def ended(self, at: datetime, name: str, how: str, thread_id: str = "") -> "Known":
        return self.but(ends=(*self.ends, End(at, name, how, thread_id)))


Joined = ConversationContinued | ConversationReopened  # One that opens is named after its contact.
After = ContactAnswered | ContactNoted | ContactTransferred | ContactMissed | ContactOverdue
Fact = ContactReceived | ContactMade | After | Joined | ConversationClosed


def count(known: Known, event: Fact, cause: Envelope) -> tuple[Known, list[Add]]:
    after = heard(known, event)
    if after is known:
        return known, []
    left = forgotten(after, event.at)
    adds = changed(counts(known), counts(left), event.at, cause)
    return left.but(contacts=left.contacts[-CONTACTS_MAX:], ends=needed(left)), adds


def heard(known: Known, event: Fact) -> Known:
    """What is known of the address now; `known` itself, where it is none the wiser."""
    match event:
        case ContactReceived(robot="none"):
            return received(known, event)
        case ContactMade(notification_id=""):
            return made(known, event)
        case ConversationContinued() | ConversationReopened():
            return joined(known, event)
        case ConversationClosed(reason=reason) if reason not in BY_ITSELF:
            return known.ended(event.at, event.conversation_id, "closed")
        case ContactReceived() | ContactMade() | ConversationClosed():
            return known  # A robot; what a program wrote; what closed by itself.
        case _:
            return went_on(known, event, event.contact_id)


def went_on(known: Known, event: After, contact: str) -> Known:
    match event:
        case ContactAnswered():
            return known.changed(contact).ended(event.at, contact, "answered", event.thread_id)
        case ContactNoted(product=product):
            said = {} if product == UNKNOWN else {"product": product}
            return known.changed(contact, **said).ended(event.at, contact, "noted")
        case ContactTransferred():
            return known.changed(contact, legs=known.find(contact).legs + 1)
        case ContactMissed():
            why = event.reason if event.reason in REASONS else OTHER
            return known.changed(contact, missed_at=event.at, why=why)
        case ContactOverdue():
            return known.changed(contact, due=event.due)


def received(known: Known, event: ContactReceived) -> Known:
    before = known.find(event.contact_id)
    if before.at is not None:
        return known  # Told once more.
    product = event.product if before.product == UNKNOWN else before.product
    said = {"at": event.at, "channel": event.channel, "product": product, "inbox": event.inbox}
    return known.changed(event.contact_id, **said)


def made(known: Known, event: ContactMade) -> Known:
    if known.find(event.contact_id).at is not None:
        return known
    how = "reached" if event.reached else "not-reached"
    after = known.changed(event.contact_id, at=event.at, channel=event.channel, inbox=event.inbox, made=how)
    if event.thread_id:
        after = after.ended(event.at, event.thread_id, "answered")
    if event.channel == "phone" and event.reached:
        after = after.ended(event.at, BY_PHONE, "answered")
    return after


def joined(known: Known, event: Joined) -> Known:
    goes_on = isinstance(event, ConversationContinued)
    return known.changed(event.contact_id, thread_id=event.conversation_id, joined=goes_on)


def forgotten(known: Known, at: datetime) -> Known:
    """The same, with the contact at the beginning that is not to be known any more; it waits no longer."""
    if len(known.contacts) <= CONTACTS_MAX:
        return known
    waiting = [episode[0].thread for episode in episodes(known) if episode[1] is None]
    gone = next((c for c in known.contacts if c.thread not in waiting), known.contacts[0])
    left = known.but(contacts=(gone, *(c for c in known.contacts if c is not gone)))
    return left.ended(at, gone.thread, "forgotten") if gone.thread in waiting else left


def needed(known: Known) -> tuple[End, ...]:
    """Of too many ends, those that something came to its end by, and the last of the others."""
    if len(known.ends) <= ENDS_MAX:
        return known.ends
    used = [end for _, end in episodes(known)]
    used += [picked_up(contact, known.ends) for contact in known.contacts]
    spare = [end for end in known.ends if not any(end is one for one in used)][-SPARE:]
    return tuple(end for end in known.ends if any(end is one for one in (*used, *spare)))


@lru_cache(KNOWN_MAX)
def counts(known: Known) -> tuple[Count, ...]:
    """All that this address counts for. What it counted for before an event was mostly worked out after the last."""
    return (*each_contact(known), *each_episode(known), *each_return(known))


def each_contact(known: Known) -> Iterator[Count]:
    for contact in known.contacts:
        at, labels = contact.at, contact.labels
        if at is None:
            continue
        if contact.made:
            yield Count("made", at, *labels, split=contact.made)
            continue
        if is_one(contact):
            yield Count("contact", at, *labels, split=NAMED if contact.product != UNKNOWN else UNKNOWN)
        else:
            yield Count("more", at, *labels)
        if contact.due:
            yield Count("overdue", contact.due, *labels)
        if contact.legs > 1:
            yield Count("passed-on", at, *labels, many=contact.legs - 1)
        if contact.channel == "phone":
            yield from each_call(contact, at, known.ends)


def is_one(contact: Contact) -> bool:
    """Whether it counts as a contact by itself."""
    return not (contact.joined and contact.channel in TALKS)


def each_call(contact: Contact, at: datetime, ends: Sequence[End]) -> Iterator[Count]:
    """Whether somebody picked up."""
    if answer := picked_up(contact, ends):
        yield Count("answered", at, *contact.labels, value=span(at, answer.at))
    elif contact.missed_at:
        measure = "abandoned" if contact.why == "abandoned" else "missed"
        yield Count(measure, at, *contact.labels, split=contact.why, value=span(at, contact.missed_at))


def picked_up(contact: Contact, ends: Sequence[End]) -> End | None:
    """The first answer that names it."""
    answers = (end for end in ends if end.name == contact.contact_id and end.how == "answered")
    return min(answers, key=lambda end: end.at, default=None)


def each_episode(known: Known) -> Iterator[Count]:
    """From the first thing that they asked until somebody answers, and from then on anew."""
    for first, end in episodes(known):
        assert first.at is not None, "only what was received waits"
        if end is None:
            yield Count("waiting", first.at, *first.labels)
            continue
        over = max(end.at, first.at)
        yield Count("settled", over, *first.labels)
        if end.how in ANSWERS:
            yield Count("response", first.at, *first.labels, value=span(first.at, over))
        else:
            yield Count("given-up", first.at, *first.labels)


def episodes(known: Known) -> list[tuple[Contact, End | None]]:
    threads: dict[str, list[Contact]] = {}
    for contact in known.contacts:
        if contact.at and not contact.made:
            threads.setdefault(contact.thread, []).append(contact)
    return [episode for thread, contacts in threads.items() for episode in waits(thread, contacts, known.ends)]


def waits(thread: str, contacts: Sequence[Contact], ends: Sequence[End]) -> Iterator[tuple[Contact, End | None]]:
    """The times that this conversation waited: since which contact, and how that ended."""
    asked = {contact.contact_id: contact.at for contact in contacts if contact.at}
    calls = any(contact.channel == "phone" for contact in contacts)
    named = (*asked, thread, *([BY_PHONE] if calls else ()))
    ours = [end for end in ends if end.name in named or end.thread_id == thread]
    if not ours:
        yield min(contacts, key=lambda contact: asked[contact.contact_id]), None
        return
    moments: list[tuple[datetime, int, Contact | End]] = [(asked[c.contact_id], 0, c) for c in contacts]
    moments += [(max(end.at, asked.get(end.name, end.at)), 1, end) for end in ours]
    first: Contact | None = None
    for _, _, what in sorted(moments, key=lambda moment: moment[:2]):
        if isinstance(what, Contact):
            first = first or what
        elif first:
            yield first, what
            first = None
    if first:
        yield first, None


def each_return(known: Known) -> Iterator[Count]:
    """Who asks about a product that they asked about before, and how long ago that was."""
    last: dict[str, datetime] = {}
    came = [(c.at, c) for c in known.contacts if c.at and not c.made and is_one(c) and c.product != UNKNOWN]
    for at, contact in sorted(came, key=lambda moment: moment[0]):
        if before := last.get(contact.product):
            yield Count("again", at, *contact.labels, value=span(before, at))
        last[contact.product] = at


contacts: Final = register("metrics.contacts", tally("tally_contacts"), count, VERSION)
