"""Whose an address surely is, and who made a contact, said to the address: there it is decided who is asked."""

from typing import Any, Final

from engine.processor import State, processor
from schemas.address import AddressOwned
from schemas.contact import ContactIdentified, ContactPlaced, ContactUnidentified
from schemas.event import Event
from schemas.party import PartyAddressLinked, PartyAddressUnlinked

NAME: Final = "notify.owners"


class Nothing(State, frozen=True):
    """Nothing has to be known."""


def own(
    known: Nothing, event: PartyAddressLinked | PartyAddressUnlinked | ContactIdentified | ContactUnidentified
) -> tuple[Nothing, list[Event]]:
    said: dict[str, Any] = {"at": event.at, "address_id": event.address_id, "party_id": event.party_id}
    if isinstance(event, ContactIdentified | ContactUnidentified):
        sure = isinstance(event, ContactIdentified) and event.certainty == "certain"
        return known, [ContactPlaced(**said, contact_id=event.contact_id, placed=sure)]
    owned = isinstance(event, PartyAddressLinked) and event.certainty == "certain"
    return known, [AddressOwned(**said, owned=owned)]


owners = processor(NAME, own)
