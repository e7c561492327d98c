"""Who it may be: facts about parties, each as a row. What they come to is worked out by who reads (decision 0008)."""

from typing import Final

from msgspec.structs import asdict
from sqlalchemy import Column, Index, MetaData, String, Table, Text

from channels.blind import folded
from engine.processor import Drop, Put, State, projection, register
from engine.work import stamp
from schemas.address import AddressRevealed
from schemas.contact import ContactIdentified, ContactUnidentified
from schemas.event import Envelope
from schemas.party import (
    PartyAddressLinked,
    PartyAddressUnlinked,
    PartyIdentifierSet,
    PartyIdentifierUnset,
    PartyMerged,
    PartyPreferenceSet,
    PartyRegistered,
    PartyUnmerged,
)

# Each address that a party is said to have.
claim_table: Final = Table(
    "claim",
    MetaData(),
    Column("address_id", Text, primary_key=True),
    Column("party_id", Text, primary_key=True),
    Column("certainty", String(10), nullable=False),
    Column("channel", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("at", String(27), nullable=False),
    Index(None, "party_id"),
)


def claim(event: PartyAddressLinked | PartyAddressUnlinked, _cause: Envelope) -> list[Put | Drop]:
    key = {"address_id": event.address_id, "party_id": event.party_id}
    if isinstance(event, PartyAddressUnlinked):
        return [Drop(key)]
    said = {"certainty": event.certainty, "channel": event.channel, "address": event.address}
    return [Put(key | said | {"at": stamp(event.at)})]


claims: Final = projection("desk.claims", claim_table, claim)

# Each contact that was said to be made by a party, or on its behalf.
decided_table: Final = Table(
    "decided",
    MetaData(),
    Column("contact_id", Text, primary_key=True),
    Column("party_id", Text, primary_key=True),
    Column("address_id", Text, nullable=False),
    Column("certainty", String(10), nullable=False),
    Column("agent_id", Text, nullable=False),
    Column("how", Text, nullable=False),
    Column("at", String(27), nullable=False),
    Index(None, "party_id"),
    Index(None, "address_id"),
)


def decide(event: ContactIdentified | ContactUnidentified, _cause: Envelope) -> list[Put | Drop]:
    key = {"contact_id": event.contact_id, "party_id": event.party_id}
    if isinstance(event, ContactUnidentified):
        return [Drop(key)]
    said = {"address_id": event.address_id, "certainty": event.certainty, "agent_id": event.agent_id, "how": event.how}
    return [Put(key | said | {"at": stamp(event.at)})]


decided: Final = projection("desk.decided", decided_table, decide)

# Each merge that stands, from both sides, so that who is one with whom is found by walking along.
merge_table: Final = Table(
    "merge",
    MetaData(),
    Column("party_id", Text, primary_key=True),
    Column("other_id", Text, primary_key=True),
    Column("said_by", Text, primary_key=True),  # On whose subject it was said: the other may say it too.
)


def join(event: PartyMerged | PartyUnmerged, _cause: Envelope) -> list[Put | Drop]:
    one, other = event.party_id, event.merged_id
    if one == other:
        return []  # Nobody is merged with oneself.
    sides = [
        {"party_id": one, "other_id": other, "said_by": one},
        {"party_id": other, "other_id": one, "said_by": one},
    ]
    return [Put(side) if isinstance(event, PartyMerged) else Drop(side) for side in sides]


merges: Final = projection("desk.merges", merge_table, join)

# Each pair of addresses that a provider says are one person's, from both sides.
reveal_table: Final = Table(
    "reveal",
    MetaData(),
    Column("address_id", Text, primary_key=True),
    Column("other_id", Text, primary_key=True),
    Column("said_by", Text, primary_key=True),
    Column("certainty", String(10), nullable=False),
)


def pair(event: AddressRevealed, _cause: Envelope) -> list[Put]:
    said = {"said_by": event.address_id, "certainty": event.certainty}
    return [
        Put({"address_id": event.address_id, "other_id": event.other_id, **said}),
        Put({"address_id": event.other_id, "other_id": event.address_id, **said}),
    ]


reveals: Final = projection("desk.reveals", reveal_table, pair)

# How each party stands now.
party_table: Final = Table(
    "party",
    MetaData(),
    Column("party_id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("folded", Text, nullable=False),  # The name as it is searched.
    Column("channel", Text, nullable=False),  # Where it likes to hear from us,
    Column("language", Text, nullable=False),  # and in which language.
    Index(None, "folded"),
)


class Known(State, frozen=True):
    """What was said of one party."""

    kind: str = "unknown"
    name: str = ""
    channel: str = "unknown"
    language: str = "nl"


def know(known: Known, event: PartyRegistered | PartyPreferenceSet, _cause: Envelope) -> tuple[Known, list[Put | Drop]]:
    match event:
        case PartyRegistered():
            after = known.but(kind=event.kind, name=event.name)
        case PartyPreferenceSet():
            after = known.but(channel=event.channel, language=event.language)
    return after, [Put({"party_id": event.party_id, "folded": folded(after.name), **asdict(after)})]


parties: Final = register("desk.parties", party_table, know)

# By which numbers registers know a party; of a number only its keyed hash is kept.
identifier_table: Final = Table(
    "identifier",
    MetaData(),
    Column("party_id", Text, primary_key=True),
    Column("scheme", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Index(None, "scheme", "digest"),
)


def number(event: PartyIdentifierSet | PartyIdentifierUnset, _cause: Envelope) -> list[Put | Drop]:
    key = {"party_id": event.party_id, "scheme": event.scheme}
    return [Drop(key)] if isinstance(event, PartyIdentifierUnset) else [Put(key | {"digest": event.digest})]


identifiers: Final = projection("desk.identifiers", identifier_table, number)
