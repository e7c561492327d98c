"""Who listens, looked up again about twice a second.

So whoever made a subscription waits until it can be seen, and so long again: from then on every machine knows of it.
"""

import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from msgspec import json
from sqlalchemy import Select, Table, select

from engine.ask import ask
from engine.engine import Engine
from schemas.event import Envelope
from services.status.public import fits
from services.status.subscriptions import subscriptions

LOOK_S: Final = 0.5


class Subscriber(NamedTuple):
    """One subscription, as it stands."""

    subscription_id: str
    name: str
    url: str
    types: tuple[str, ...]
    about: str
    sealed: str
    sealed_before: str
    secret_at: datetime
    places: Mapping[str, int]
    made_at: str
    ended_at: str
    reason: str

    def hears(self, envelope: Envelope) -> bool:
        """Whether it is told of this: it asked for it, and before it happened."""
        after = self.places.get(envelope.partition, 0)
        asked = not self.ended_at and envelope.position > after
        return asked and fits(envelope.type, envelope.subject, self.types, self.about)


def subscriber(row: Mapping[str, Any]) -> Subscriber:
    said = {name: row[name] for name in Subscriber._fields}
    said |= {
        "types": tuple(row["types"].split()),
        "secret_at": datetime.fromisoformat(row["secret_at"]),
        "places": json.decode(row["places"]),
    }
    return Subscriber(**said)


class Book:
    """All subscriptions there ever were, by their ids."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: Mapping[str, Subscriber] = {}
        self._looked: float | None = None

    async def read(self) -> Mapping[str, Subscriber]:
        """As they stood within the last `LOOK_S`. Raises `Unavailable`."""
        now = time.monotonic()
        if self._looked is None or now - self._looked > LOOK_S:
            self._known = {one.subscription_id: one for one in await every(self._engine)}
            self._looked = now
        return self._known


async def every(engine: Engine) -> list[Subscriber]:
    """The oldest first. Raises `Unavailable`."""
    return [subscriber(row) for row in await ask(engine, in_order, [subscriptions], (), {})]


def in_order(table: Table) -> Select[Any]:
    return select(table).where(table.c.made_at != "").order_by(table.c.made_at, table.c.subscription_id)


def first(subscribers: Iterable[Subscriber]) -> Mapping[str, int]:
    """How far the log was when the first of them was made."""
    places = [one.places for one in subscribers]
    return {name: min(place.get(name, 0) for place in places) for name in {name for each in places for name in each}}
