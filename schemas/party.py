"""Party: a person or an organisation. Where it can be reached is an address, sometimes only presumed."""

from typing import Annotated, ClassVar, Literal

from schemas.contact import Certainty
from schemas.event import NONE, Digest, Event, Id, Line, NoId, Word


class Party(Event):
    """What the facts about a party share."""

    party_id: Id

    @property
    def subject(self) -> str:
        return f"party/{self.party_id}"


class PartyRegistered(Party):
    """We know somebody by this name, from now on."""

    type: ClassVar[str] = "party.registered"

    kind: Annotated[Literal["person", "organisation"], NONE]
    name: Line


class PartyIdentifierSet(Party):
    """A register knows it by a number, of which `digest` is the keyed hash; `scheme` says which: kvk, rsin, bsn."""

    type: ClassVar[str] = "party.identifier-set"

    scheme: Word
    digest: Digest
    agent_id: NoId = ""


class PartyIdentifierUnset(Party):
    """The register does not know it by a number of this scheme after all."""

    type: ClassVar[str] = "party.identifier-unset"

    scheme: Word
    agent_id: NoId = ""


class PartyAddressLinked(Party):
    """The party can be reached at `address` on this channel. `address_id` is its pseudonym."""

    type: ClassVar[str] = "party.address-linked"

    address_id: Id
    channel: Word
    address: Line
    certainty: Certainty


class PartyAddressUnlinked(Party):
    """The party is not, or no longer, to be reached there."""

    type: ClassVar[str] = "party.address-unlinked"

    address_id: Id


class PartyMerged(Party):
    """`merged_id` is the same party as this one, which goes on for both. Nothing is thrown away."""

    type: ClassVar[str] = "party.merged"

    merged_id: Id
    agent_id: NoId = ""


class PartyUnmerged(Party):
    """They were two after all: each has its own story again, as if they had never been merged."""

    type: ClassVar[str] = "party.unmerged"

    merged_id: Id
    agent_id: NoId = ""


class PartyPreferenceSet(Party):
    """The party likes to hear from us on this channel, in this language."""

    type: ClassVar[str] = "party.preference-set"

    channel: Word
    language: Word = "nl"


class PartyKindPreferred(Party):
    """Of this kind of message the party likes to hear on this channel, on none at all (off), or as of all else."""

    type: ClassVar[str] = "party.kind-preferred"

    kind: Word
    channel: Word
    how: Word = "unknown"  # They said so: page, one-click, api.
