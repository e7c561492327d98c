"""Message: what became of the text that we wrote to one address. Its words stand where it was written.

What becomes of it only climbs: unknown, sent, delivered, read. What failed never left us; what bounced came back.
"""

from typing import Annotated, ClassVar

from schemas.event import DIRECT, Count, Event, Id, NoId, NoLine, NoReference, NoWhen, Reference, Text, When, Word


class Message(Event):
    """What the facts about a message share."""

    message_id: Id
    address_id: Id
    channel: Word

    @property
    def subject(self) -> str:
        return f"address/{self.address_id}"


class MessageRequested(Message):
    """It is to be carried now, for the `attempt`-th time. One after the other to each address, in order of writing."""

    type: ClassVar[str] = "message.requested"

    written_at: When
    text: Text
    inbox: Word = "main"
    address: NoLine = ""
    title: NoLine = ""
    thread_id: NoId = ""
    reply_to: NoReference = ""
    attempt: Count = 1
    notification_id: NoId = ""  # A program wrote it, and reads no answer that is a program's.
    until: NoWhen = None  # From then on it is not to be sent any more.
    language: Word = "unknown"
    calendar: Text = ""  # What goes along for their calendar.
    unsubscribe: NoReference = ""  # Where one press says that they want no more of this kind.
    template: NoReference = ""  # What the provider approved, and its language there: reminder/nl;
    values: Annotated[tuple[NoLine, ...], DIRECT] = ()  # and what stands in its gaps, in their order.


class MessagePostponed(Message):
    """It surely did not leave us, because its road was away; it is requested again later."""

    type: ClassVar[str] = "message.postponed"


class MessageSent(Message):
    """The provider took it. `reference` is the provider's own id of it."""

    type: ClassVar[str] = "message.sent"

    reference: Reference


class MessageDelivered(Message):
    """The provider says that it arrived."""

    type: ClassVar[str] = "message.delivered"

    reference: NoReference = ""


class MessageRead(Message):
    """The provider says that it was opened. Nobody says that it was read."""

    type: ClassVar[str] = "message.read"

    reference: NoReference = ""


class MessageBounced(Message):
    """It left us and came back; `reason` says why, in our words: no-such-address, mailbox-full, refused."""

    type: ClassVar[str] = "message.bounced"

    reason: Word


class MessageFailed(Message):
    """It never left us, and is not tried again; `reason` says why, in our words."""

    type: ClassVar[str] = "message.failed"

    reason: Word


class MessageUnknown(Message):
    """Nobody knows whether it left us. It is not sent again before that is known."""

    type: ClassVar[str] = "message.unknown"
