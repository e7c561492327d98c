"""Notification: our wish to tell a party something.

What becomes of it only climbs: requested, unknown, sent, then delivered or bounced. What failed never left
us.
"""

from typing import ClassVar

from schemas.event import About, Event, Id, Reference, Word


class Notification(Event):
    """What the facts about a notification share."""

    notification_id: Id

    @property
    def subject(self) -> str:
        return f"notification/{self.notification_id}"


class NotificationRequested(Notification):
    """Somebody asked to tell the party this. `about` is the subject that it tells of, such as case/3f2a."""

    type: ClassVar[str] = "notification.requested"

    party_id: Id
    about: About
    template: Word


class Attempt(Notification):
    """What the facts about one attempt share: the road it was tried on."""

    channel: Word


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
