"""Subscription: somebody else's program hears from us of what happens, by a webhook, once it asked.

What it is told of one subject goes in order: owed, then due, once or more often, until it is told or failed.
"""

from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from schemas.event import NONE, PSEUDONYMOUS, SUBJECT_CHARS_MAX, About, Count, Event, Id, When, Word

# An address may hold a key of its owner. It is shown to who manages subscriptions, and to nobody else.
Url = Annotated[str, StringConstraints(pattern=r"^https?://[!-~]+$", max_length=500), PSEUDONYMOUS]
Prefix = Annotated[str, StringConstraints(pattern=r"^[a-z]+\.([a-z]+(-[a-z]+)*)?$", max_length=60)]
AboutPrefix = Annotated[
    str, StringConstraints(pattern=r"^([a-z][a-z-]*/[A-Za-z0-9._~/-]*)?$", max_length=SUBJECT_CHARS_MAX), PSEUDONYMOUS
]
# A secret as it may rest: nobody reads it without the key of this deployment, which is not on the log.
Sealed = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{80,400}$"), PSEUDONYMOUS]
Body = Annotated[str, StringConstraints(max_length=20_000), PSEUDONYMOUS]


class Place(BaseModel):
    """How far a partition of the log was."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", hide_input_in_errors=True)

    partition: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]*$", max_length=200), NONE]
    position: Count


class Subscription(Event):
    """What the facts about a subscription share."""

    subscription_id: Id

    @property
    def subject(self) -> str:
        return f"subscription/{self.subscription_id}"


class SubscriptionMade(Subscription):
    """`url` is told of each event of these types about such subjects, from here on."""

    type: ClassVar[str] = "subscription.made"

    name: Word
    url: Url
    types: Annotated[tuple[Prefix, ...], Field(min_length=1, max_length=50), NONE]
    about: AboutPrefix = ""
    sealed: Sealed  # By which it knows that it is us.
    places: Annotated[tuple[Place, ...], NONE] = ()  # How far the log was.


class SubscriptionSecretSet(Subscription):
    """It has a new secret. For a day, what it is told is signed with the one before as well."""

    type: ClassVar[str] = "subscription.secret-set"

    sealed: Sealed


class SubscriptionEnded(Subscription):
    """It is told nothing any more; `reason` says why: asked, or gone (so it answered)."""

    type: ClassVar[str] = "subscription.ended"

    reason: Word


class OfSubscription(Event):
    """What the facts about telling a subscriber of one event share: `event_id` is that event's, `about` its subject."""

    subscription_id: Id
    about: About
    event_id: Id

    @property
    def subject(self) -> str:
        return f"subscription/{self.subscription_id}/{self.about}"


class Told(OfSubscription):
    """What it is told: `kind` is the type of the event, `body` the bytes that are sent, the same on each try."""

    kind: Word
    body: Body


class SubscriptionOwed(Told):
    """It is to be told this, after whatever else it is owed of the same subject."""

    type: ClassVar[str] = "subscription.owed"


class SubscriptionDue(Told):
    """It is to be told this now, for the `attempt`-th time."""

    type: ClassVar[str] = "subscription.due"

    attempt: Count = 1


class SubscriptionTold(OfSubscription):
    """It said that it has it."""

    type: ClassVar[str] = "subscription.told"

    attempt: Count = 1


class SubscriptionPostponed(OfSubscription):
    """It did not say that it has it; `reason` says how that went. It asked to be left alone for `wait_s`, if it did."""

    type: ClassVar[str] = "subscription.postponed"

    attempt: Count = 1
    reason: Word
    wait_s: Count = 0


class SubscriptionWoken(OfSubscription):
    """It answers again: what was postponed at this attempt need not wait any longer."""

    type: ClassVar[str] = "subscription.woken"

    attempt: Count = 1


class SubscriptionWithheld(OfSubscription):
    """It was not sent, on purpose: the subscription has ended. Nor is what waits behind it."""

    type: ClassVar[str] = "subscription.withheld"


class SubscriptionFailed(Told):
    """It is not tried any more, until somebody asks for it; `reason` is that of the last try, or crowded."""

    type: ClassVar[str] = "subscription.failed"

    attempt: Count = 0
    reason: Word
    owed_at: When
