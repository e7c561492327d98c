"""How each subscription stands: who is told what, where, with which secrets, and whether it has ended."""

from typing import Final

from msgspec import json
from msgspec.structs import asdict
from sqlalchemy import Column, MetaData, Table, Text

from engine.processor import Put, State, register
from engine.work import stamp
from schemas.event import Envelope
from schemas.subscription import SubscriptionEnded, SubscriptionMade, SubscriptionSecretSet

table: Final = Table(
    "subscription",
    MetaData(),
    Column("subscription_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("types", Text, nullable=False),  # With a space between them.
    Column("about", Text, nullable=False),
    Column("sealed", Text, nullable=False),
    Column("sealed_before", Text, nullable=False),  # The secret before this one; empty: there was none.
    Column("secret_at", Text, nullable=False),  # Since when it has the one it has.
    Column("places", Text, nullable=False),  # How far the log was when it was made: positions by partition, as JSON.
    Column("made_at", Text, nullable=False),
    Column("ended_at", Text, nullable=False),  # Empty: it goes on.
    Column("reason", Text, nullable=False),
)


class Known(State, frozen=True):
    """One subscription, as its row has it."""

    name: str = ""
    url: str = ""
    types: str = ""
    about: str = ""
    sealed: str = ""
    sealed_before: str = ""
    secret_at: str = ""
    places: str = "{}"
    made_at: str = ""
    ended_at: str = ""
    reason: str = ""


def keep(
    known: Known, event: SubscriptionMade | SubscriptionSecretSet | SubscriptionEnded, _cause: Envelope
) -> tuple[Known, list[Put]]:
    at = stamp(event.at)
    match event:
        case SubscriptionMade():
            said = {name: getattr(event, name) for name in ("name", "url", "about", "sealed")}
            places = json.encode({place.partition: place.position for place in event.places}).decode()
            said |= {"types": " ".join(event.types), "places": places, "made_at": at, "secret_at": at}
        case SubscriptionSecretSet(sealed=sealed) if sealed != known.sealed:
            said = {"sealed": sealed, "sealed_before": known.sealed, "secret_at": at}
        case SubscriptionSecretSet():
            return known, []
        case SubscriptionEnded():
            said = {"ended_at": known.ended_at or at, "reason": known.reason or event.reason}
    after = known.but(**said)
    return after, [Put({"subscription_id": event.subscription_id, **asdict(after)})]


subscriptions: Final = register("status.subscriptions", table, keep)
