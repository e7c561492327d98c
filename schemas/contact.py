"""Contact: one interaction on one channel at one time. Never a person."""

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints

from schemas.event import (
    DIRECT,
    NONE,
    PSEUDONYMOUS,
    About,
    Count,
    Digest,
    Event,
    Id,
    Line,
    NoDigest,
    NoId,
    NoLine,
    NoReference,
    NoWhen,
    Text,
    When,
    Word,
    Yes,
)

Certainty = Annotated[Literal["proposed", "certain"], NONE]


class Attachment(BaseModel):
    """A file that came along: its bytes are kept under `digest`, or are still with the provider under `reference`."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", hide_input_in_errors=True)

    media_type: Annotated[str, StringConstraints(pattern=r"^[!-~]+$", max_length=100), NONE]  # As the sender says.
    size_bytes: Count = 0
    digest: NoDigest = ""
    name: NoLine = ""
    reference: NoReference = ""


class OnAddress(Event):
    """What happens to a contact is filed under the pseudonym of the address it came from."""

    contact_id: Id
    address_id: Id

    @property
    def subject(self) -> str:
        return f"address/{self.address_id}"


class ContactReceived(OnAddress):
    """Somebody reached us: a call rings, a message or form came in, somebody stands at the counter."""

    type: ClassVar[str] = "contact.received"

    channel: Word
    text: Text = ""
    kind: Word = "unknown"  # Of address: phone, email, chat, whatsapp.
    address: NoLine = ""  # As it is written everywhere in Draad: where to answer.
    profile: NoLine = ""  # What they call themselves there. Anybody can claim it.
    inbox: Word = "main"  # Which of our lines, mailboxes or forms it reached.
    title: NoLine = ""  # The subject of a mail, the name of a form.
    product: Word = "unknown"
    language: Word = "unknown"
    reference: NoReference = ""  # The provider's own id: of a call, a message, a mail.
    thread_id: NoId = ""  # The conversation that a valid token of ours named.
    digest: NoDigest = ""  # Of the message's own id,
    refers_to: Annotated[tuple[Digest, ...], PSEUDONYMOUS] = ()  # and of those that it says it follows.
    robot: Word = "none"  # Or auto-reply, bounce, list: recorded, never answered, never reopening.
    flags: Annotated[tuple[Word, ...], NONE] = ()  # What an agent should know: cut-off, unverified-sender.
    attachments: Annotated[tuple[Attachment, ...], DIRECT] = ()
    raw: NoDigest = ""  # Of the bytes as they came, which are kept.


class ContactAnswered(OnAddress):
    """An agent answered: by picking up, or with `text` by writing back."""

    type: ClassVar[str] = "contact.answered"

    agent_id: Id
    text: Text = ""
    leg_id: NoId = ""
    channel: Word = "unknown"  # Over which the text is carried,
    message_id: NoId = ""  # under this name; empty where there is nothing to carry,
    address: NoLine = ""  # to here.
    inbox: Word = "main"
    title: NoLine = ""
    thread_id: NoId = ""  # The conversation that it belongs to.
    reply_to: NoReference = ""  # The provider's id of what is answered.


class ContactMade(OnAddress):
    """We reached out: an agent called or wrote first, or a notification was written. `reached`: somebody was there."""

    type: ClassVar[str] = "contact.made"

    agent_id: Id
    channel: Word
    reached: Yes = True
    text: Text = ""
    message_id: NoId = ""
    address: NoLine = ""
    inbox: Word = "main"
    title: NoLine = ""
    thread_id: NoId = ""
    about: About = ""  # The subject that it tells of, such as case/3f2a.
    notification_id: NoId = ""
    until: NoWhen = None  # From then on it is not to be sent any more.
    language: Word = "unknown"  # It is written in.
    calendar: Text = ""  # The appointment that it tells of, as calendars read it: RFC 5545.
    reply_to: NoReference = ""  # The provider's id of what it answers.
    unsubscribe: NoReference = ""  # Where one press says that they want no more of this kind; empty where nobody may.
    template: NoReference = ""  # What the provider approved, and its language there: reminder/nl;
    values: Annotated[tuple[NoLine, ...], DIRECT] = ()  # and what stands in its gaps, in their order.


class ContactTransferred(OnAddress):
    """It was passed on: a new leg of the same contact rings at `to`, a colleague, group or department."""

    type: ClassVar[str] = "contact.transferred"

    leg_id: Id
    to: Id
    agent_id: NoId = ""


class ContactMissed(OnAddress):
    """It ended before anybody answered; `reason` says how: abandoned, busy, closed."""

    type: ClassVar[str] = "contact.missed"

    reason: Word


class ContactEnded(OnAddress):
    """The call, chat or visit is over; `reason` says how: completed, failed, silence. With `leg_id` only that leg."""

    type: ClassVar[str] = "contact.ended"

    reason: Word
    leg_id: NoId = ""


class ContactNoted(OnAddress):
    """An agent wrote down what it was about, and what came of it: answered, passed-on, call-back."""

    type: ClassVar[str] = "contact.noted"

    agent_id: Id
    text: Text = ""
    result: Word = "unknown"
    product: Word = "unknown"


class ContactAttachmentAwaited(OnAddress):
    """A file came along by reference, and is to be fetched from the provider."""

    type: ClassVar[str] = "contact.attachment-awaited"

    channel: Word
    attachment: Annotated[Attachment, DIRECT]


class ContactAttached(OnAddress):
    """A file that came along by reference is here now; or, without a digest, is not to be had any more."""

    type: ClassVar[str] = "contact.attached"

    attachment: Annotated[Attachment, DIRECT]


class ContactOverdue(OnAddress):
    """It was to be answered by `due`, and nobody has."""

    type: ClassVar[str] = "contact.overdue"

    due: When


class ContactPlaced(OnAddress):
    """What is said of it elsewhere, said to its address: who made it, or of which kind the case is that it is in."""

    type: ClassVar[str] = "contact.placed"

    party_id: NoId = ""
    case_id: NoId = ""
    kind: Word = "unknown"
    placed: Yes = True  # False: it was not them after all.


class ContactTied(OnAddress):
    """It is about this object: a tree, a street, a building. `object_id` is the keyed hash of what it is called."""

    type: ClassVar[str] = "contact.tied"

    object_id: Id
    kind: Word
    title: Line
    agent_id: NoId = ""


class ContactUntied(OnAddress):
    """It is not about this object after all."""

    type: ClassVar[str] = "contact.untied"

    object_id: Id
    agent_id: NoId = ""


class ContactIdentified(Event):
    """This party made the contact. If proposed, an agent decides; we never choose between several."""

    type: ClassVar[str] = "contact.identified"

    contact_id: Id
    address_id: Id
    party_id: Id
    certainty: Certainty
    agent_id: NoId = ""
    how: Word = "unknown"  # By an agent, or by what they proved.

    @property
    def subject(self) -> str:
        return f"party/{self.party_id}"


class ContactUnidentified(Event):
    """It was not this party after all."""

    type: ClassVar[str] = "contact.unidentified"

    contact_id: Id
    address_id: Id
    party_id: Id
    agent_id: NoId = ""

    @property
    def subject(self) -> str:
        return f"party/{self.party_id}"


class ContactFiled(Event):
    """The contact belongs to this case. Where it is proposed, whoever wrote sees nothing of the case."""

    type: ClassVar[str] = "contact.filed"

    contact_id: Id
    case_id: Id
    certainty: Certainty
    address_id: NoId = ""
    agent_id: NoId = ""

    @property
    def subject(self) -> str:
        return f"case/{self.case_id}"


class ContactUnfiled(Event):
    """The contact does not belong to this case after all."""

    type: ClassVar[str] = "contact.unfiled"

    contact_id: Id
    case_id: Id
    agent_id: NoId = ""

    @property
    def subject(self) -> str:
        return f"case/{self.case_id}"
