"""The work that every rival does: money goes into jars, and after each coin somebody says what the jar holds.

Rivals import this from environments of their own, so it leans on nothing but Python.
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final, NamedTuple

PER_JAR: Final = 8
JARS_AT_ONCE: Final = 125
TEXT: Final = "Ik wil graag weten wanneer mijn paspoort klaar is. " * 10

Kept = dict[str, int]


@dataclass(frozen=True)
class Orders:
    """What a worker is told, as one line of JSON."""

    servers: str
    source: str
    target: str
    name: str  # Of its group: whoever has the same name goes on where the last one was.
    folder: str  # Its own, and there again in its next life.
    partitions: int
    exact: bool  # Whether to ask for its exactly-once.
    session_s: int  # So long a member that died is waited for.
    database: str = ""  # PostgreSQL, for who keeps there what others keep in their folder.

    def line(self) -> str:
        return json.dumps(asdict(self))


def heard_orders() -> Orders:
    return Orders(**json.loads(sys.argv[1]))


class Told(NamedTuple):
    """What one outcome says: after the coin of this number, the jar holds so many coins, worth so much."""

    number: int
    jar: str
    coins: int
    total: int


def jar_of(number: int) -> str:
    """Eight coins in a row of time go into one jar; jars are as far apart as pseudonyms."""
    jar = number // (PER_JAR * JARS_AT_ONCE) * JARS_AT_ONCE + number % JARS_AT_ONCE
    return f"jar/{jar * 2_654_435_761 % 2**32:08x}"


def amount_of(number: int) -> int:
    return number % 97 + 1


def coin(number: int) -> bytes:
    """The event of this number, of about 600 bytes."""
    event = {"number": number, "jar": jar_of(number), "amount": amount_of(number), "text": TEXT}
    return json.dumps(event).encode()


def add(kept: Kept | None, event: dict[str, Any]) -> tuple[Kept, dict[str, Any]]:
    """The step: what the jar held and the coin go in, what it holds and what is said of it come out."""
    before = kept or {"coins": 0, "total": 0}
    after = {"coins": before["coins"] + 1, "total": before["total"] + event["amount"]}
    return after, {"number": event["number"], "jar": event["jar"], **after, "text": event["text"]}


def opened(value: bytes) -> Told:
    outcome = json.loads(value)
    return Told(outcome["number"], outcome["jar"], outcome["coins"], outcome["total"])


def model(count: int) -> Iterator[Told]:
    """What must be said of this many coins: each once, in the order in which they came."""
    jars: dict[str, Kept] = {}
    for number in range(count):
        jar = jar_of(number)
        jars[jar], told = add(jars.get(jar), {"number": number, "jar": jar, "amount": amount_of(number), "text": ""})
        yield Told(number, jar, told["coins"], told["total"])
