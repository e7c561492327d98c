"""Address: where somebody can be reached. A provider may tell that two of them are one person's.

One that is no more, or whose owner wants nothing there, is written to by no program.
"""

from typing import ClassVar

from schemas.contact import Certainty
from schemas.event import Event, Id, Line, NoWhen, Word, Yes


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


class AddressSuppressed(Event):
    """No program writes here on this channel; `reason` says why: no-such-address, no-mobile, opted-out."""

    type: ClassVar[str] = "address.suppressed"

    address_id: Id
    channel: Word
    reason: Word
    until: NoWhen = None  # From then on it may be tried again; never, where it is their wish.

    @property
    def subject(self) -> str:
        return f"address/{self.address_id}"


class AddressRestored(Event):
    """It may be written to again; `reason` says why: heard (they wrote from it), opted-in."""

    type: ClassVar[str] = "address.restored"

    address_id: Id
    channel: Word
    reason: Word

    @property
    def subject(self) -> str:
        return f"address/{self.address_id}"


class AddressOwned(Event):
    """This party is certainly reached there; or, with `owned` false, is so no more."""

    type: ClassVar[str] = "address.owned"

    address_id: Id
    party_id: Id
    owned: Yes = True

    @property
    def subject(self) -> str:
        return f"address/{self.address_id}"
