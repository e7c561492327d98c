"""What residents think, counted on the day on which they were asked: who was asked, who answered, and the score.

So a share of those asked is known of each day, however late they answer; and an answer that is mended moves.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from engine.processor import Add, State, register
from schemas.event import Envelope
from schemas.opinion import OpinionAsked, OpinionCounted
from services.metrics.tally import UNKNOWN, VERSION, Count, changed, tally


class Question(State, frozen=True):
    """One question, and the answer that stands; 0 as long as there is none."""

    at: datetime | None = None
    channel: str = UNKNOWN
    product: str = UNKNOWN
    score: int = 0


def count(known: Question, event: OpinionAsked | OpinionCounted, cause: Envelope) -> tuple[Question, list[Add]]:
    after = heard(known, event)
    return after, changed([*counts(known)], [*counts(after)], event.at, cause)


def heard(known: Question, event: OpinionAsked | OpinionCounted) -> Question:
    """Who answers was asked, though nobody knows that the question left us."""
    if known.at is None:
        asked_at = (event.wanted_at if isinstance(event, OpinionCounted) else None) or event.at
        product = event.product if event.product != UNKNOWN else event.kind
        known = known.but(at=asked_at, channel=event.channel, product=product)
    return known.but(score=event.score) if isinstance(event, OpinionCounted) else known


def counts(known: Question) -> Iterator[Count]:
    if known.at is None:
        return
    on = (known.at, known.channel, known.product)
    yield Count("opinion-asked", *on)
    if known.score:
        yield Count("opinion", *on, value=known.score)


opinions: Final = register("metrics.opinions", tally("tally_opinions", spread=True), count, VERSION)
