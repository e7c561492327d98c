"""Which Kafka and which PostgreSQL, and which topics."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from engine.processor import Part, Processor
from schemas.event import Event
from schemas.timer import TimerElapsed


@dataclass(frozen=True, slots=True)
class Cluster:
    """Where a log of many machines is."""

    servers: str  # host:port, host:port …
    database: str = field(repr=False)  # postgresql://user:password@host/name
    topics: Sequence[str]  # The first words of all subjects.
    redis: str | None = field(default=None, repr=False)  # redis://host:port/0: then news reaches all at once.
    prefix: str = ""  # Of the topics' names, where several deployments share one Kafka.
    source: str = "urn:nld:oin:00000000000000000000:systeem:draad"
    security: Mapping[str, Any] = field(default_factory=dict, repr=False)  # As aiokafka has it.


def topics_of(parts: Sequence[Part]) -> set[str]:
    """The topics that these parts read; none where it may be any. A processor's timers are where its subjects are."""
    found = set()
    for part in parts:
        for event in part.reads.values():
            if not (part.kind == Processor.kind and issubclass(event, TimerElapsed)):
                found.add(topic_of(event))
    return set() if "" in found else found


def read_by(parts: Sequence[Part], partitions: Sequence[str]) -> Sequence[str]:
    """Those of these partitions that they read. The one of a log on one machine has no name, and everybody reads it."""
    topics = topics_of(parts)
    return [where for where in partitions if not topics or where.rpartition("-")[0] in {"", *topics}]


@cache
def topic_of(event: type[Event]) -> str:
    """The first word of its subjects; empty where it may be any."""
    names: dict[str, Any] = {name: f"{{{name}}}" for name in event.model_fields}
    first = event.model_construct(**names).subject.partition("/")[0]
    return "" if first.startswith("{") else first
