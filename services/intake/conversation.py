"""What belongs together: each contact opens a conversation, or goes on with one of the same address.

A token of ours says which, then what a mail says that it follows, then time; the subject of a mail never does. Somebody
else's conversation is only ever named as possibly related. Robots are recorded, and neither open nor reopen anything.
What nobody answered is not closed by silence.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple

from engine.processor import State, processor
from schemas.contact import ContactAnswered, ContactEnded, ContactMade, ContactNoted, ContactReceived
from schemas.conversation import (
    ConversationClosed,
    ConversationContinued,
    ConversationOpened,
    ConversationReopened,
)
from schemas.event import Event
from schemas.timer import TimerElapsed, TimerSet

NAME: Final = "intake.conversation"
THREADS_MAX: Final = 40  # Conversations of one address that are remembered: above all those that are open.
CONTACTS_MAX: Final = 100  # Of one conversation: to know where an answer belongs.
EARLY_MAX: Final = 100
DIGESTS_MAX: Final = 50  # Of one conversation: to know what a mail follows.


class Rule(NamedTuple):
    """How one road goes on: what joins by itself, after how much silence it is over, and for how long it reopens."""

    joins: Literal["time", "reference", "never"]  # By `reference` means also by a token; `never` only by a token.
    silence: timedelta
    reopens: timedelta


RULES: Final = {
    "chat": Rule("time", timedelta(minutes=30), timedelta(0)),
    "whatsapp": Rule("time", timedelta(hours=24), timedelta(days=7)),  # Meta's window is 24 hours.
    "sms": Rule("time", timedelta(hours=24), timedelta(days=7)),
    "email": Rule("reference", timedelta(days=14), timedelta(days=30)),
    "phone": Rule("never", timedelta(days=1), timedelta(0)),
    "counter": Rule("never", timedelta(days=1), timedelta(0)),
}
OTHERWISE: Final = Rule("never", timedelta(days=30), timedelta(days=30))  # A form, a letter: each is its own.
OURS: Final = frozenset({"silence", "ended", "crowded"})  # Reasons of our own: whoever else closes one is an agent.


class Thread(State, frozen=True):
    """One conversation, and what has to be known of it to say what belongs to it."""

    conversation_id: str
    channel: str
    inbox: str
    first: datetime
    last: datetime
    closed: datetime | None = None
    asked: datetime | None = None  # When they asked last, as long as nobody answered.
    timed: bool = False  # A timer runs.
    contacts: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()

    @property
    def rule(self) -> Rule:
        return RULES.get(self.channel, OTHERWISE)

    def over(self) -> datetime:
        """The moment at which it is over, if nothing more is heard."""
        return self.last + self.rule.silence

    def covers(self, at: datetime) -> bool:
        """Whether what happened then belongs to it: while it was open, or would have been."""
        if self.closed is not None and at > self.closed:
            return False
        unanswered = self.closed is None and self.asked is not None
        return self.first - self.rule.silence <= at and (unanswered or at < self.over())

    def reopens(self, at: datetime) -> bool:
        return self.closed is not None and self.closed < at < self.closed + self.rule.reopens

    def shut(self, at: datetime) -> "Thread":
        return self.but(closed=at, asked=None)

    def with_contact(self, contact_id: str) -> "Thread":
        return self.but(contacts=(*self.contacts, contact_id)[-CONTACTS_MAX:])

    def heard(self, at: datetime, **said: object) -> "Thread":
        """It goes on. What is told late moves no clock back."""
        return self.but(**{"first": min(self.first, at), "last": max(self.last, at), **said})


class Threads(State, frozen=True):
    """The conversations of one address, the one that was heard of last at the end."""

    threads: tuple[Thread, ...] = ()
    early: tuple[str, ...] = ()  # Contacts that were answered before they were logged.

    def named(self, conversation_id: str) -> Thread | None:
        return next((thread for thread in self.threads if thread.conversation_id == conversation_id), None)

    def of(self, contact_id: str) -> Thread | None:
        return next((thread for thread in reversed(self.threads) if contact_id in thread.contacts), None)

    def put(self, thread: Thread) -> "Threads":
        others = tuple(other for other in self.threads if other.conversation_id != thread.conversation_id)
        return self.but(threads=(*others, thread))


Answer = ContactAnswered | ContactNoted
Heard = ContactReceived | ContactMade | Answer | ContactEnded | ConversationClosed | TimerElapsed


def converse(known: Threads, event: Heard) -> tuple[Threads, list[Event]]:
    match event:
        case ContactReceived() | ContactMade() if known.of(event.contact_id):
            return known, []  # Told once more.
        case ContactReceived():
            return receive(known, event)
        case ContactMade():
            return reach_out(known, event)
        case ContactAnswered() | ContactNoted():
            return answered(known, event)
        case _:
            return conclude(known, event)


def conclude(known: Threads, event: ContactEnded | ConversationClosed | TimerElapsed) -> tuple[Threads, list[Event]]:
    match event:
        case ContactEnded():
            return end(known, event)
        case ConversationClosed(reason=reason) if reason in OURS:
            return known, []  # We said so ourselves.
        case ConversationClosed():
            found = known.named(event.conversation_id)
            return (known.put(found.shut(event.at)) if found else known), []
        case TimerElapsed():
            return silence(known, event)


def receive(known: Threads, event: ContactReceived) -> tuple[Threads, list[Event]]:
    own = known.named(event.thread_id) if event.thread_id else None
    found = own or followed(known, event.refers_to) or current(known, event)
    robot = event.robot != "none"
    if found and (found.closed is None or found.covers(event.at)):
        thread = joined(found, event) if robot else joined(found, event).heard(event.at)
        if not robot and found.closed is None:
            thread = thread.but(asked=max(event.at, found.asked or event.at))
        return soothed(known.put(thread), event, [ConversationContinued(at=event.at, **names(found, event))])
    if robot:
        return known, []
    if found and found.reopens(event.at):
        thread = joined(found, event).heard(event.at, closed=None, asked=event.at)
        return soothed(known.put(thread), event, [ConversationReopened(at=event.at, **names(found, event))])
    latest = found or before(known, event)
    opened = ConversationOpened(
        at=event.at,
        conversation_id=event.contact_id,
        address_id=event.address_id,
        contact_id=event.contact_id,
        channel=event.channel,
        inbox=event.inbox,
        previous_id=latest.conversation_id if latest else "",
        related_id=event.thread_id if own is None else "",
    )
    thread = joined(begun(event), event).heard(event.at, asked=event.at)
    after, gone = uncrowded(known.put(thread), event)
    return soothed(after, event, [opened, *gone])


def soothed(known: Threads, event: ContactReceived, told: list[Event]) -> tuple[Threads, list[Event]]:
    """The same, where the answer was logged before the question."""
    if event.contact_id not in known.early:
        return known, told
    after, timers = answer(known, known.of(event.contact_id), event.at, event.subject)
    return after, [*told, *timers]


def followed(known: Threads, digests: Sequence[str]) -> Thread | None:
    """The conversation that holds a message which this one says that it follows."""
    return next((thread for thread in reversed(known.threads) if set(digests) & set(thread.digests)), None)


def current(known: Threads, event: ContactReceived) -> Thread | None:
    """The conversation on this road to which it belongs by its hour, or which it reopens."""
    road = timed_road(known, event)
    return next((thread for thread in road if thread.covers(event.at)), None) or next(
        (thread for thread in road if thread.reopens(event.at)), None
    )


def before(known: Threads, event: ContactReceived) -> Thread | None:
    """The closed one before it, on a road where time joins."""
    return next((t for t in timed_road(known, event) if t.closed and t.first <= event.at), None)


def timed_road(known: Threads, event: ContactReceived) -> list[Thread]:
    """The conversations on the same road, if time joins there; the latest first."""
    road = (event.channel, event.inbox)
    return [t for t in reversed(known.threads) if (t.channel, t.inbox) == road and t.rule.joins == "time"]


def reach_out(known: Threads, event: ContactMade) -> tuple[Threads, list[Event]]:
    """We wrote or called: in a conversation that there is, or as the beginning of one. Who is reached is answered.

    What a program wrote answers nobody.
    """
    told: list[Event] = []
    if found := known.named(event.thread_id):
        thread, told = found, [ConversationContinued(at=event.at, **names(found, event))]
    else:
        thread = begun(event)
        opened = ConversationOpened(
            at=event.at,
            conversation_id=event.contact_id,
            address_id=event.address_id,
            contact_id=event.contact_id,
            channel=event.channel,
            inbox=event.inbox,
        )
        told = [opened]
    if event.notification_id and thread.asked:  # That we have it is no answer.
        return known.put(thread.with_contact(event.contact_id)), told
    known, gone = uncrowded(known.put(thread.with_contact(event.contact_id)), event)
    known, timers = answer(known, known.of(event.contact_id), event.at, event.subject)
    told += [*gone, *timers]
    missed = [t for t in known.threads if (t.channel, t.asked is None, event.reached) == ("phone", False, True)]
    for thread in missed if event.channel == "phone" else ():
        known, timers = answer(known, thread, event.at, event.subject)
        told += timers
    return known, told


def answered(known: Threads, event: Answer) -> tuple[Threads, list[Event]]:
    named = known.named(event.thread_id) if isinstance(event, ContactAnswered) else None
    found = named or known.of(event.contact_id)
    if found is None:
        early = (*known.early, event.contact_id)[-EARLY_MAX:]
        return known.but(early=early), []
    return answer(known, found, event.at, event.subject)


def answer(known: Threads, found: Thread | None, at: datetime, about: str) -> tuple[Threads, list[Event]]:
    """Somebody answered: from now on silence counts, unless they asked again since."""
    if found is None:
        return known, []
    asked = found.asked if found.asked and found.asked > at else None
    thread = found.heard(at, asked=asked)
    if asked or thread.closed or thread.timed:
        return known.put(thread), []
    return known.put(thread.but(timed=True)), [timer(thread, at, about)]


def end(known: Threads, event: ContactEnded) -> tuple[Threads, list[Event]]:
    """What ended is over, unless somebody still has to be answered."""
    found = known.of(event.contact_id)
    if found is None or event.leg_id or found.closed or found.asked:
        return known, []
    return known.put(found.shut(event.at)), [closed(found, event.at, event.subject, "ended")]


def silence(known: Threads, event: TimerElapsed) -> tuple[Threads, list[Event]]:
    """It is over if nothing was heard since; else the timer runs once more, for what is left."""
    found = known.named(event.name.removeprefix(f"{NAME}."))
    if found is None:
        return known, []
    if found.closed or found.asked:
        return known.put(found.but(timed=False)), []
    if found.over() > event.at:
        return known, [timer(found, event.at, event.about)]
    gone = found.shut(event.at).but(timed=False)
    return known.put(gone), [closed(found, event.at, event.about, "silence")]


def uncrowded(known: Threads, event: ContactReceived | ContactMade) -> tuple[Threads, list[Event]]:
    """Where there are too many, one is forgotten: a closed one, else one that waits for nobody, else the oldest."""
    if len(known.threads) <= THREADS_MAX:
        return known, []
    older = known.threads[:-1]
    gone = next((t for t in older if t.closed), None) or next((t for t in older if not t.asked), older[0])
    left = known.but(threads=tuple(t for t in known.threads if t is not gone))
    return left, [] if gone.closed or gone.asked else [closed(gone, event.at, event.subject, "crowded")]


def begun(event: ContactReceived | ContactMade) -> Thread:
    at, name = event.at, event.contact_id
    return Thread(conversation_id=name, first=at, last=at, channel=event.channel, inbox=event.inbox)


def joined(thread: Thread, event: ContactReceived) -> Thread:
    digests = (*thread.digests, *filter(None, [event.digest]))[-DIGESTS_MAX:]
    return thread.with_contact(event.contact_id).but(digests=digests)


def names(thread: Thread, event: ContactReceived | ContactMade) -> dict[str, str]:
    return {
        "conversation_id": thread.conversation_id,
        "address_id": event.address_id,
        "contact_id": event.contact_id,
    }


def closed(thread: Thread, at: datetime, about: str, reason: str) -> ConversationClosed:
    address = about.removeprefix("address/")
    return ConversationClosed(at=at, conversation_id=thread.conversation_id, address_id=address, reason=reason)


def timer(thread: Thread, at: datetime, about: str) -> TimerSet:
    return TimerSet(at=at, about=about, name=f"{NAME}.{thread.conversation_id}", due=thread.over())


conversation = processor(NAME, converse)
