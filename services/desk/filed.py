"""What belongs together: contacts in a conversation, filed under a case, and about an object."""

from typing import Final

from sqlalchemy import Column, Index, MetaData, String, Table, Text

from engine.processor import Drop, Put, projection
from engine.work import stamp
from schemas.contact import ContactFiled, ContactTied, ContactUnfiled, ContactUntied
from schemas.conversation import ConversationContinued, ConversationOpened, ConversationReopened
from schemas.event import Envelope
from services.desk.mask import masked

filed_table: Final = Table(
    "filed",
    MetaData(),
    Column("case_id", Text, primary_key=True),
    Column("contact_id", Text, primary_key=True),
    Column("address_id", Text, nullable=False),
    Column("certainty", String(10), nullable=False),
    Column("agent_id", Text, nullable=False),
    Column("at", String(27), nullable=False),
    Index(None, "contact_id"),
)


def file(event: ContactFiled | ContactUnfiled, _cause: Envelope) -> list[Put | Drop]:
    key = {"case_id": event.case_id, "contact_id": event.contact_id}
    if isinstance(event, ContactUnfiled):
        return [Drop(key)]
    said = {"address_id": event.address_id, "certainty": event.certainty, "agent_id": event.agent_id}
    return [Put(key | said | {"at": stamp(event.at)})]


filed: Final = projection("desk.filed", filed_table, file)

thread_table: Final = Table(
    "thread",
    MetaData(),
    Column("contact_id", Text, primary_key=True),
    Column("conversation_id", Text, nullable=False),
    Column("address_id", Text, nullable=False),
    Index(None, "conversation_id"),
)


def belong(event: ConversationOpened | ConversationContinued | ConversationReopened, _cause: Envelope) -> list[Put]:
    return [
        Put(
            {
                "contact_id": event.contact_id,
                "conversation_id": event.conversation_id,
                "address_id": event.address_id,
            }
        )
    ]


threads: Final = projection("desk.threads", thread_table, belong)

tied_table: Final = Table(
    "tied",
    MetaData(),
    Column("object_id", Text, primary_key=True),
    Column("contact_id", Text, primary_key=True),
    Column("address_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("title", Text, nullable=False),
    Index(None, "contact_id"),
)


def tie(event: ContactTied | ContactUntied, _cause: Envelope) -> list[Put | Drop]:
    key = {"object_id": event.object_id, "contact_id": event.contact_id}
    if isinstance(event, ContactUntied):
        return [Drop(key)]
    return [Put({**key, "address_id": event.address_id, "kind": event.kind, "title": masked(event.title)})]


tied: Final = projection("desk.tied", tied_table, tie)
