"""Address: where somebody can be reached. A provider may tell that two of them are one person's."""

from typing import ClassVar

from schemas.contact import Certainty
from schemas.event import Event, Id, Line, Word


class AddressRevealed(Event):
    """The provider says that whoever it knows by this address has `address` too; proposed, where it took its place."""

    type: ClassVar[str] = "address.revealed"

    address_id: Id
    other_id: Id  # The pseudonym of `address`.
    kind: Word  # Of that address: phone.
    address: Line
    channel: Word
    certainty: Certainty

    @property
    def subject(self) -> str:
        return f"address/{self.address_id}"
