"""The work list: all that waits for somebody, a row each, until it is dealt with.

A call that rings, a message that nobody answered, an answer that did not arrive, a call-back, something unreadable.
"""

from collections.abc import Iterable
from typing import Final

from msgspec.structs import asdict
from sqlalchemy import Column, Index, MetaData, Table, Text

from engine.processor import Drop, Put, State, register
from engine.work import stamp
from schemas import contact as c
from schemas import conversation as v
from schemas import message as m
from schemas import quarantine as q
from schemas import task as t
from schemas.event import Envelope
from services.desk.mask import masked

WAITING_MAX: Final = 200  # Of one address: the oldest; the rest stands in its story.
THREADS_MAX: Final = 200  # Contacts of one address, of which it is remembered to which conversation they belong.
SETTLED_MAX: Final = 100  # Contacts that were dealt with, for one that is logged after its own answer.
TITLE_CHARS_MAX: Final = 120

table: Final = Table(
    "work",
    MetaData(),
    Column("item_id", Text, primary_key=True),  # Of a conversation, a call, a message of ours, a task, an item.
    Column("kind", Text, nullable=False),  # call, message, task, quarantine.
    Column("why", Text, nullable=False),
    Column("since", Text, nullable=False),
    Column("due", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("inbox", Text, nullable=False),
    Column("address_id", Text, nullable=False),
    Column("contact_id", Text, nullable=False),  # The latest of it.
    Column("task_id", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("claimed_by", Text, nullable=False),
    Index(None, "since"),
    Index(None, "address_id"),
)


class Item(State, frozen=True):
    """One thing that waits, as its row has it."""

    item_id: str
    kind: str
    why: str
    since: str
    due: str = ""
    channel: str = ""
    inbox: str = ""
    address_id: str = ""
    contact_id: str = ""
    task_id: str = ""
    title: str = ""
    owner: str = ""
    claimed_by: str = ""


class Waiting(State, frozen=True):
    """What waits of one subject, and what has to be remembered to know when it does no more."""

    items: tuple[Item, ...] = ()
    threads: tuple[tuple[str, str], ...] = ()  # Contacts, and messages of ours, and the conversation they belong to.
    settled: tuple[str, ...] = ()
    done: tuple[Item, ...] = ()  # The task, which may be reopened.
    told: tuple[str, ...] = ()  # Messages that are notifications: where one does not arrive, notify knows what follows.

    def find(self, name: str) -> Item | None:
        return next((item for item in self.items if item.item_id == name), None)

    def thread_of(self, name: str) -> str:
        return dict(self.threads).get(name, name)

    def without(self, *names: str) -> "Waiting":
        return self.but(items=tuple(item for item in self.items if item.item_id not in names))

    def put(self, item: Item) -> "Waiting":
        """In its place, if it was there already."""
        if any(other.item_id == item.item_id for other in self.items):
            items = tuple(item if other.item_id == item.item_id else other for other in self.items)
            return self.but(items=items)
        return self.but(items=(*self.items, item)[:WAITING_MAX])

    def changed(self, name: str, **said: str) -> "Waiting":
        """The same, with this said of the item of this name, if it waits."""
        items = tuple(i.but(**said) if i.item_id == name else i for i in self.items)
        return self.but(items=items)

    def settle(self, *names: str) -> "Waiting":
        settled = (*self.settled, *names)[-SETTLED_MAX:]
        return self.without(*names, *map(self.thread_of, names)).but(settled=settled)

    def linked(self, name: str, conversation: str) -> "Waiting":
        return self.but(threads=(*self.threads, (name, conversation))[-THREADS_MAX:])


Reached = (
    c.ContactReceived
    | c.ContactAnswered
    | c.ContactMade
    | c.ContactNoted
    | c.ContactTransferred
    | c.ContactMissed
    | c.ContactEnded
    | c.ContactOverdue
)
Thread = (
    v.ConversationOpened | v.ConversationContinued | v.ConversationReopened | v.ConversationClosed | v.ConversationTaken
)
Receipt = m.MessageDelivered | m.MessageRead | m.MessageBounced | m.MessageFailed | m.MessageUnknown
Job = t.TaskOpened | t.TaskAssigned | t.TaskDueSet | t.TaskDone | t.TaskReopened | t.TaskOverdue
Unread = q.QuarantineEntered | q.QuarantineMended | q.QuarantineDiscarded
Told = Reached | Thread | Receipt | Job | Unread


def wait(waiting: Waiting, event: Told, _cause: Envelope) -> tuple[Waiting, list[Put | Drop]]:
    match event:
        case m.Message():
            after = arrive(waiting, event)
        case v.Conversation():
            after = converse(waiting, event)
        case t.Task():
            after = work(waiting, event)
        case q.QuarantineEntered(item_id=name):
            since = stamp(event.at)
            item = Item(item_id=name, kind="quarantine", why=event.cause, since=since, channel=event.channel)
            after = waiting.put(item.but(inbox=event.inbox))
        case q.Quarantine(item_id=name):
            after = waiting.without(name)
        case c.ContactMade(message_id=message, notification_id=name) if name:
            after = waiting.but(told=(*waiting.told, message)[-THREADS_MAX:])
        case _:
            after = reach(waiting, event)
    return after, list(told(waiting.items, after.items))


def told(before: tuple[Item, ...], after: tuple[Item, ...]) -> Iterable[Put | Drop]:
    there = {item.item_id for item in after}
    yield from (Drop({"item_id": item.item_id}) for item in before if item.item_id not in there)
    yield from (Put(asdict(item)) for item in after if item not in before)


def reach(waiting: Waiting, event: Reached) -> Waiting:
    contact = event.contact_id
    match event:
        case c.ContactReceived(robot="none") if contact not in waiting.settled:
            return waiting.put(asked(event))
        case c.ContactAnswered(message_id=message) | c.ContactMade(message_id=message) if message:
            thread = event.thread_id or waiting.thread_of(contact)
            return waiting.settle(contact, thread).linked(message, thread)
        case c.ContactMade(reached=True):
            missed = [item.item_id for item in waiting.items if item.why == "missed"]
            return waiting.settle(contact, *missed)
        case c.ContactAnswered() | c.ContactNoted():
            return waiting.settle(contact)
        case c.ContactReceived() | c.ContactMade():
            return waiting
        case _:
            return ring(waiting, event, waiting.thread_of(contact))


def ring(
    waiting: Waiting, event: c.ContactTransferred | c.ContactMissed | c.ContactEnded | c.ContactOverdue, thread: str
) -> Waiting:
    """What happens to it before anybody deals with it, or because nobody does."""
    match event:
        case c.ContactTransferred():
            item = Item(item_id=thread, kind="call", why="transferred", since=stamp(event.at), owner=event.to)
            said = {"address_id": event.address_id, "contact_id": event.contact_id}
            return waiting.put(item.but(**said))
        case c.ContactMissed():
            return waiting.changed(thread, why="missed")
        case c.ContactEnded():
            return waiting if event.leg_id else end(waiting, thread)
        case c.ContactOverdue():
            return waiting.changed(thread, due=stamp(event.due), why=overdue(waiting, thread))


def asked(event: c.ContactReceived) -> Item:
    call = event.channel == "phone"
    return Item(
        item_id=event.contact_id,
        kind="call" if call else "message",
        why="ringing" if call else "unanswered",
        since=stamp(event.at),
        channel=event.channel,
        inbox=event.inbox,
        address_id=event.address_id,
        contact_id=event.contact_id,
        title=masked(event.title or event.text[:TITLE_CHARS_MAX]),
    )


def end(waiting: Waiting, thread: str) -> Waiting:
    """A call that ended while it rang was missed; one that ended after it was passed on is over."""
    item = waiting.find(thread)
    if item and item.why == "ringing":
        return waiting.changed(thread, why="missed")
    return waiting.without(thread) if item and item.why == "transferred" else waiting


def overdue(waiting: Waiting, thread: str) -> str:
    """A missed call stays one, however long ago."""
    return "missed" if any(i.item_id == thread and i.why == "missed" for i in waiting.items) else "overdue"


def converse(waiting: Waiting, event: Thread) -> Waiting:
    conversation = event.conversation_id
    match event:
        case v.ConversationClosed():
            gone = [item.item_id for item in waiting.items if waiting.thread_of(item.item_id) == conversation]
            return waiting.without(conversation, *gone)
        case v.ConversationTaken():
            return waiting.changed(conversation, claimed_by=event.agent_id)
        case v.ConversationOpened() | v.ConversationContinued() | v.ConversationReopened():
            waiting = waiting.linked(event.contact_id, conversation)
            if event.contact_id == conversation:
                return waiting
            return gather(waiting, event.contact_id, conversation)


def gather(waiting: Waiting, contact: str, conversation: str) -> Waiting:
    """What the contact asks waits in its conversation, since the first of them."""
    new = waiting.find(contact)
    if new is None:
        return waiting
    first = waiting.find(conversation) or new
    said = {"item_id": conversation, "since": min(first.since, new.since), "contact_id": contact}
    return waiting.without(contact).put(first.but(**said))


def arrive(waiting: Waiting, event: Receipt) -> Waiting:
    """What did not arrive waits for somebody; if it did after all, no more."""
    match event:
        case m.MessageDelivered() | m.MessageRead():
            return waiting.without(event.message_id)
        case m.MessageBounced() | m.MessageFailed() if event.message_id in waiting.told:
            return waiting  # Another road follows, or a task.
        case m.MessageBounced() | m.MessageFailed() | m.MessageUnknown():
            thread = waiting.thread_of(event.message_id)
            why = "unknown" if isinstance(event, m.MessageUnknown) else "undelivered"
            item = Item(item_id=event.message_id, kind="message", why=why, since=stamp(event.at), contact_id=thread)
            return waiting.put(item.but(channel=event.channel, address_id=event.address_id))


def work(waiting: Waiting, event: Job) -> Waiting:
    name = event.task_id
    match event:
        case t.TaskOpened():
            item = Item(item_id=name, kind="task", why=event.kind, since=stamp(event.at), due=stamp(event.due))
            said = {"task_id": name, "owner": event.owner, "contact_id": event.contact_id}
            said |= {"address_id": event.address_id, "title": masked(event.title or event.text[:TITLE_CHARS_MAX])}
            return waiting.put(item.but(**said))
        case t.TaskAssigned():
            return waiting.changed(name, owner=event.owner)
        case t.TaskDueSet():
            return waiting.changed(name, due=stamp(event.due))
        case t.TaskOverdue():
            return waiting.changed(name, why="overdue")
        case t.TaskDone():
            return waiting.but(done=waiting.items or waiting.done, items=())
        case t.TaskReopened():
            return waiting.but(items=waiting.items or waiting.done, done=())


work_list: Final = register("desk.work", table, wait)
