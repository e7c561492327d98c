"""What residents think of how they were helped: which answers count, and how each question stands.

One answer counts for each question. A later one within a day takes its place; what comes after is too late.
"""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Column, Integer, MetaData, String, Table, Text

from engine.processor import Put, State, processor, register
from engine.work import stamp
from schemas.event import Envelope, Event
from schemas.opinion import OpinionCounted, OpinionGiven, OpinionWanted

NAME: Final = "resident.opinions"
COUNTED: Final = "resident.counted"
OPEN: Final = timedelta(days=30)  # As long it can be answered,
AGAIN: Final = timedelta(days=1)  # and an answer be mended,
ANSWERS_MAX: Final = 10  # so often.

table: Final = Table(
    "resident_opinion",
    MetaData(),
    Column("opinion_id", Text, primary_key=True),
    Column("party_id", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("happened_at", String(27), nullable=False),
    Column("wanted_at", String(27), nullable=False),
    Column("given_at", String(27), nullable=False),  # The first time; empty as long as nobody answered.
    Column("answers", Integer, nullable=False),
    Column("score", Integer, nullable=False),  # 0 as long as nobody answered.
    Column("text", Text, nullable=False),
)


class Heard(State, frozen=True):
    """A question, and the answer that stands."""

    wanted: str = ""
    given_at: datetime | None = None  # The first time.
    answers: int = 0
    score: int = 0


def count(known: Heard, event: OpinionWanted | OpinionGiven) -> tuple[Heard, list[Event]]:
    if isinstance(event, OpinionWanted):
        return known if known.wanted else known.but(wanted=event.model_dump_json(exclude_defaults=True)), []
    if not known.wanted:
        return known, []
    wanted = OpinionWanted.model_validate_json(known.wanted)
    if not counts(wanted.at, known.given_at, known.answers, event.at):
        return known, []
    said = {**dict(wanted), "at": event.at, "score": event.score, "before": known.score, "wanted_at": wanted.at}
    after = known.but(given_at=known.given_at or event.at, answers=known.answers + 1, score=event.score)
    return after, [OpinionCounted(**said)]


def counts(wanted_at: datetime, given_at: datetime | None, answers: int, at: datetime) -> bool:
    """Whether an answer of this moment counts."""
    return answers < ANSWERS_MAX and at < (given_at + AGAIN if given_at else wanted_at + OPEN)


def show(known: Heard, event: OpinionWanted | OpinionGiven, _cause: Envelope) -> tuple[Heard, list[Put]]:
    after, _ = count(known, event)
    if after is known:
        return known, []
    wanted = OpinionWanted.model_validate_json(after.wanted)
    row = {name: getattr(wanted, name) for name in ("opinion_id", "party_id", "channel")}
    row |= {"happened_at": stamp(wanted.happened_at), "wanted_at": stamp(wanted.at)}
    row |= {"given_at": stamp(after.given_at) if after.given_at else ""}
    row |= {"answers": after.answers, "score": after.score}
    return after, [Put(row | {"text": event.text if isinstance(event, OpinionGiven) else ""})]


counted: Final = processor(COUNTED, count)
asked_opinions: Final = register(NAME, table, show)
