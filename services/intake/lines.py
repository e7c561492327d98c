"""What was said in each chat, so that a browser can read on from what it saw last."""

from typing import Final

from sqlalchemy import BigInteger, Column, Index, MetaData, String, Table, Text

from engine.processor import Put, State, register
from engine.work import stamp
from schemas.contact import ContactAnswered, ContactMade, ContactReceived
from schemas.conversation import ConversationClosed
from schemas.event import Envelope

CHANNEL: Final = "chat"
RESIDENT: Final = "resident"
AGENT: Final = "agent"
CLOSED: Final = "closed"  # No words: the conversation is over.

# The positions of one address all lie on one partition, and only grow.
table: Final = Table(
    "chat_line",
    MetaData(),
    Column("partition", Text, primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("address_id", Text, nullable=False),
    Column("name", Text, nullable=False),  # The id that the browser knows it by.
    Column("by", String(10), nullable=False),
    Column("text", Text, nullable=False),
    Column("at", String(27), nullable=False),
    Index(None, "address_id", "position"),
)


class Talk(State, frozen=True):
    """Whether there is a chat at this address."""

    chats: bool = False


def say(
    talk: Talk, event: ContactReceived | ContactAnswered | ContactMade | ConversationClosed, cause: Envelope
) -> tuple[Talk, list[Put]]:
    match event:
        case ContactReceived(channel=channel, reference=name, text=text) if channel == CHANNEL:
            return Talk(chats=True), [line(event, cause, RESIDENT, name, text)]
        case ContactAnswered(channel=channel, message_id=name, text=text) if channel == CHANNEL and name and text:
            return talk, [line(event, cause, AGENT, name, text)]
        case ContactMade(channel=channel, message_id=name, text=text) if channel == CHANNEL and name and text:
            return talk, [line(event, cause, AGENT, name, text)]
        case ConversationClosed(conversation_id=name) if talk.chats:
            return talk, [line(event, cause, CLOSED, name, "")]
    return talk, []


def line(
    event: ContactReceived | ContactAnswered | ContactMade | ConversationClosed,
    cause: Envelope,
    by: str,
    name: str,
    text: str,
) -> Put:
    return Put(
        {
            "partition": cause.partition,
            "position": cause.position,
            "address_id": event.address_id,
            "name": name,
            "by": by,
            "text": text,
            "at": stamp(event.at),
        }
    )


lines: Final = register("intake.chat", table, say)
