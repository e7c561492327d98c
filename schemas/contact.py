"""Contact: one interaction on one channel at one time. Never a person."""

from typing import Annotated, ClassVar, Literal

from schemas.event import NONE, Event, Id, Text, When, Word

Certainty = Annotated[Literal["proposed", "certain"], NONE]


class OnAddress(Event):
    """What happens to a contact is filed under the pseudonym of the address it came from."""

    contact_id: Id
    address_id: Id

    @property
    def subject(self) -> str:
        return f"address/{self.address_id}"


class ContactReceived(OnAddress):
    """Somebody reached us."""

    type: ClassVar[str] = "contact.received"

    channel: Word
    text: Text = ""


class ContactAnswered(OnAddress):
    """An agent answered: by picking up, or with `text` by writing back."""

    type: ClassVar[str] = "contact.answered"

    agent_id: Id
    text: Text = ""


class ContactMissed(OnAddress):
    """It ended before anybody answered; `reason` says how: abandoned, busy, closed."""

    type: ClassVar[str] = "contact.missed"

    reason: Word


class ContactOverdue(OnAddress):
    """It was to be answered by `due`, and nobody has."""

    type: ClassVar[str] = "contact.overdue"

    due: When


class ContactIdentified(Event):
    """This party made the contact. If proposed, an agent decides; we never choose between several."""

    type: ClassVar[str] = "contact.identified"

    contact_id: Id
    address_id: Id
    party_id: Id
    certainty: Certainty

    @property
    def subject(self) -> str:
        return f"party/{self.party_id}"


class ContactFiled(Event):
    """The contact belongs to this case. Where it is proposed, whoever wrote sees nothing of the case."""

    type: ClassVar[str] = "contact.filed"

    contact_id: Id
    case_id: Id
    certainty: Certainty

    @property
    def subject(self) -> str:
        return f"case/{self.case_id}"
