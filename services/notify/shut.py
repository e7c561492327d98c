"""Which addresses are shut for programs, and which were given to us since: asked before anything is written."""

from typing import Final

from sqlalchemy import Column, MetaData, String, Table, Text

from engine.processor import Drop, Put, projection
from engine.work import stamp
from schemas.address import AddressRestored, AddressSuppressed
from schemas.appointment import AppointmentBooked
from schemas.event import Envelope
from schemas.party import PartyAddressLinked

NAME: Final = "notify.shut"
GIVEN: Final = "given"

# That it was given has a row for each who gave it: it comes from another subject, in no order with what shuts it.
table: Final = Table(
    "notify_shut",
    MetaData(),
    Column("address_id", Text, primary_key=True),
    Column("by", Text, primary_key=True),  # A channel, on which it is shut; or a subject that gave it.
    Column("reason", Text, nullable=False),
    Column("since", String(27), nullable=False),
    Column("until", String(27), nullable=False),
)


def stand(
    event: AddressSuppressed | AddressRestored | PartyAddressLinked | AppointmentBooked, cause: Envelope
) -> list[Put | Drop]:
    key = {"address_id": event.address_id, "by": cause.subject}
    match event:
        case AddressSuppressed():
            until = stamp(event.until) if event.until else ""
            said = {"reason": event.reason, "since": stamp(event.at), "until": until}
            return [Put(key | {"by": event.channel} | said)]
        case AddressRestored():
            return [Drop(key | {"by": event.channel})]
        case PartyAddressLinked(certainty="certain") | AppointmentBooked() if event.address_id:
            return [Put(key | {"reason": GIVEN, "since": stamp(event.at), "until": ""})]
        case _:
            return []


addresses_shut: Final = projection(NAME, table, stand)
