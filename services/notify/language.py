"""In which language whoever can surely be reached at an address likes to be written to."""

from typing import Final

from sqlalchemy import Column, Index, MetaData, Table, Text

from engine.processor import Drop, Put, State, register
from schemas.event import Envelope
from schemas.party import PartyAddressLinked, PartyAddressUnlinked, PartyPreferenceSet

NAME: Final = "notify.language"
ADDRESSES_MAX: Final = 20  # Of one party.

table: Final = Table(
    "notify_language",
    MetaData(),
    Column("party_id", Text, primary_key=True),
    Column("address_id", Text, primary_key=True),
    Column("language", Text, nullable=False),
    Index(None, "address_id"),
)


class Speaks(State, frozen=True):
    """Where a party is, and what it chose, if it did."""

    addresses: tuple[str, ...] = ()
    language: str = ""


def speak(
    known: Speaks, event: PartyAddressLinked | PartyAddressUnlinked | PartyPreferenceSet, _cause: Envelope
) -> tuple[Speaks, list[Put | Drop]]:
    if isinstance(event, PartyPreferenceSet):
        after = known.but(language=event.language)
    else:
        others = tuple(one for one in known.addresses if one != event.address_id)
        certain = isinstance(event, PartyAddressLinked) and event.certainty == "certain"
        after = known.but(addresses=(*others, event.address_id)[-ADDRESSES_MAX:] if certain else others)
    keys = [{"party_id": event.party_id, "address_id": one} for one in after.addresses if after.language]
    gone = [{"party_id": event.party_id, "address_id": one} for one in known.addresses if one not in after.addresses]
    return after, [*map(Drop, gone), *(Put(key | {"language": after.language}) for key in keys)]


languages: Final = register(NAME, table, speak)
