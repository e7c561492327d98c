"""Notification: our wish to tell a party something.

It is wanted; requested, with the roads on which the party can be reached; and due on one road after the other, until
one takes it. What becomes of it only climbs: due, unknown, sent, then delivered or bounced. What failed never left us.
What is withheld was not sent, on purpose.
"""

from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict

from schemas.event import (
    DIRECT,
    About,
    Count,
    Digest,
    Event,
    Id,
    NoId,
    NoLine,
    NoReference,
    NoWhen,
    Reference,
    Text,
    Word,
)


class Route(BaseModel):
    """A road, and the address at its end."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", hide_input_in_errors=True)

    channel: Word
    address: NoLine
    address_id: Id


class Notification(Event):
    """What the facts about a notification share."""

    notification_id: Id

    @property
    def subject(self) -> str:
        return f"notification/{self.notification_id}"


class Wish(Notification):
    """What is to be told. `about` is the subject that it tells of, such as case/3f2a."""

    party_id: Id  # Of whoever wrote, and may be nobody that we know: unknown. and the pseudonym of their address.
    about: About
    template: Word
    language: Word = "nl"
    until: NoWhen = None  # Nobody needs it any more from then on.
    version: Count = 0  # The how manieth agreement of an appointment it tells of.
    kind: Word = "unknown"  # Of the case; of what somebody asked, the channel that it came by.
    title: NoLine = ""
    status: Word = "unknown"
    named: NoLine = ""  # The status or outcome in the words of a case system, where one has them,
    says: Text = ""  # and what it means.
    due: NoWhen = None
    product: Word = "unknown"
    branch: Word = "unknown"
    starts_at: NoWhen = None
    minutes: Count = 0
    code: NoId = ""
    inbox: Word = "unknown"  # What it answers came in here,
    thread_id: NoId = ""  # and belongs to this conversation;
    reply_to: NoReference = ""  # and this is the provider's id of it.
    happened_at: NoWhen = None  # When they had to do with us, of which it asks what they think,
    happened_by: Word = "unknown"  # and by which channel.


class NotificationWanted(Wish):
    """The party should hear this. With an `address` that they gave for it, if they did."""

    type: ClassVar[str] = "notification.wanted"

    channel: Word = "unknown"
    address: NoLine = ""
    address_id: NoId = ""

    @property
    def subject(self) -> str:
        return f"party/{self.party_id}"


class NotificationRequested(Wish):
    """It is to be told, on the first of these roads that takes it; `why` says by what they are in this order."""

    type: ClassVar[str] = "notification.requested"

    routes: Annotated[tuple[Route, ...], DIRECT] = ()
    why: Word = "unknown"


class NotificationDue(Wish):
    """It is to be written and sent now, on this road."""

    type: ClassVar[str] = "notification.due"

    channel: Word
    address: NoLine
    address_id: Id


class NotificationWithheld(Notification):
    """It was not sent, on purpose; `reason` says why: expired, not-informed."""

    type: ClassVar[str] = "notification.withheld"

    reason: Word


class Attempt(Notification):
    """What the facts about one attempt share: the road it was tried on."""

    channel: Word


class NotificationPostponed(Attempt):
    """On this road it is not the hour for it; it is due again when it is."""

    type: ClassVar[str] = "notification.postponed"


class NotificationWritten(Attempt):
    """It was put into words, which rest in `message_id`; the digests are of the text as it stood, and of the words."""

    type: ClassVar[str] = "notification.written"

    address_id: Id
    message_id: Id
    language: Word
    text_digest: Digest
    words_digest: Digest
    wording: Word = "usual"  # Of the several that are tried beside each other.


class NotificationSent(Attempt):
    """It left us, for this address. `reference` is the provider's own id of it."""

    type: ClassVar[str] = "notification.sent"

    address_id: Id
    reference: Reference


class NotificationDelivered(Attempt):
    """The provider says that it arrived."""

    type: ClassVar[str] = "notification.delivered"


class NotificationBounced(Attempt):
    """It left us and came back; `reason` says why, in our words."""

    type: ClassVar[str] = "notification.bounced"

    reason: Word


class NotificationFailed(Attempt):
    """It never left us; `reason` says why, in our words."""

    type: ClassVar[str] = "notification.failed"

    reason: Word


class NotificationUnknown(Attempt):
    """Nobody knows whether it left us. It is not tried again before that is known."""

    type: ClassVar[str] = "notification.unknown"
