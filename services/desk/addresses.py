"""How each address stands now: what it is, when it last reached us on which channel, and what is open with it."""

import json
from typing import Final

from msgspec.structs import asdict
from sqlalchemy import Column, MetaData, Table, Text

from engine.processor import Put, State, register
from engine.work import stamp
from schemas.contact import ContactMade, ContactReceived
from schemas.conversation import ConversationClosed, ConversationOpened, ConversationReopened
from schemas.event import Envelope

OPEN_MAX: Final = 50  # Conversations of one address that are listed: the latest.

table: Final = Table(
    "address",
    MetaData(),
    Column("address_id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("profile", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("last_at", Text, nullable=False),  # When it last reached us.
    Column("inbound", Text, nullable=False),  # Per channel when it last did, a JSON object: WhatsApp counts from there.
    Column("conversations", Text, nullable=False),  # Those that are open, a JSON list, oldest first.
)


class Open(State, frozen=True):
    """A conversation that is open."""

    conversation_id: str
    channel: str
    inbox: str
    since: str


class Reached(State, frozen=True):
    """What is known of one address."""

    kind: str = "unknown"
    value: str = ""
    profile: str = ""
    language: str = "unknown"
    inbound: tuple[tuple[str, str], ...] = ()
    threads: tuple[Open, ...] = ()  # With those that are closed, so that reopening one need not say what it is.
    closed: tuple[str, ...] = ()


Heard = ContactReceived | ContactMade | ConversationOpened | ConversationReopened | ConversationClosed


def reach(reached: Reached, event: Heard, _cause: Envelope) -> tuple[Reached, list[Put]]:
    match event:
        case ContactReceived():
            after = heard(reached, event)
        case ContactMade():
            after = reached.but(value=reached.value or event.address)
        case ConversationOpened(conversation_id=name):
            one = Open(conversation_id=name, channel=event.channel, inbox=event.inbox, since=stamp(event.at))
            others = tuple(thread for thread in reached.threads if thread.conversation_id != name)
            after = reached.but(threads=(*others, one)[-OPEN_MAX:])
        case ConversationReopened(conversation_id=name):
            after = reached.but(closed=tuple(other for other in reached.closed if other != name))
        case ConversationClosed(conversation_id=name):
            after = reached.but(closed=(*reached.closed, name)[-OPEN_MAX:])
    return after, [Put(row(event.address_id, after))]


def heard(reached: Reached, event: ContactReceived) -> Reached:
    """What is said later counts, and what is not said takes nothing away. A late fact never turns the clock back."""
    latest = dict(reached.inbound)
    if event.robot == "none":
        latest[event.channel] = max(latest.get(event.channel, ""), stamp(event.at))
    said = {"kind": event.kind, "value": event.address, "profile": event.profile, "language": event.language}
    told = {name: word for name, word in said.items() if word not in {"", "unknown"}}
    return reached.but(**told, inbound=tuple(sorted(latest.items())))


def row(address_id: str, reached: Reached) -> dict[str, str]:
    threads = [asdict(thread) for thread in reached.threads if thread.conversation_id not in reached.closed]
    return {
        "address_id": address_id,
        "kind": reached.kind,
        "value": reached.value,
        "profile": reached.profile,
        "language": reached.language,
        "last_at": max((at for _, at in reached.inbound), default=""),
        "inbound": json.dumps(dict(reached.inbound)),
        "conversations": json.dumps(threads),
    }


addresses: Final = register("desk.addresses", table, reach)
