"""Conversation: contacts of one address that belong together. It is named after its first contact."""

from typing import ClassVar

from schemas.event import Event, Id, NoId, Word


class Conversation(Event):
    """What the facts about a conversation share: it belongs to the address on the other side."""

    conversation_id: Id
    address_id: Id

    @property
    def subject(self) -> str:
        return f"address/{self.address_id}"


class ConversationOpened(Conversation):
    """With this contact something new begins. `previous_id` is the closed one before it on this road."""

    type: ClassVar[str] = "conversation.opened"

    contact_id: Id
    channel: Word
    inbox: Word = "main"
    previous_id: NoId = ""
    related_id: NoId = ""  # Of somebody else, which the contact named: possibly related, and not shown to who wrote.


class ConversationContinued(Conversation):
    """This contact belongs to it too."""

    type: ClassVar[str] = "conversation.continued"

    contact_id: Id


class ConversationReopened(Conversation):
    """It was closed, and this contact goes on with it."""

    type: ClassVar[str] = "conversation.reopened"

    contact_id: Id


class ConversationClosed(Conversation):
    """It is over; `reason` says why: an agent said so, silence, ended (a call), or crowded (too many at once)."""

    type: ClassVar[str] = "conversation.closed"

    reason: Word
    agent_id: NoId = ""


class ConversationTaken(Conversation):
    """This agent is at it now, so that no second one begins; without an agent, nobody is any more."""

    type: ClassVar[str] = "conversation.taken"

    agent_id: NoId = ""
