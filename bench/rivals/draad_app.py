"""The jars on Draad, on Kafka and PostgreSQL: a pure step between two topics, the first words of its subjects."""

import asyncio
import logging
from collections.abc import Callable
from typing import Annotated, ClassVar, Final, NamedTuple

import structlog
import uvloop

from bench.load import START
from bench.rivals import jar
from bench.rivals.jar import Orders, Told, heard_orders
from engine.cluster import Cluster
from engine.engine import open_engine
from engine.processor import Processor, State, processor
from schemas.event import DIRECT, NONE, Envelope, Event, Id, fact

PREFIX: Final = "draad."
LETTERS: Final = str.maketrans("0123456789", "abcdefghij")


class Jar(State, frozen=True):
    """What is kept of a jar."""

    coins: Annotated[int, NONE] = 0
    total: Annotated[int, NONE] = 0


class Outcome(Event):
    """What is said of a jar after a coin."""

    type: ClassVar[str] = "jar.filled"

    number: Annotated[int, NONE]
    jar: Id
    coins: Annotated[int, NONE]
    total: Annotated[int, NONE]
    text: Annotated[str, DIRECT]


class Work(NamedTuple):
    coin: Callable[[int], Envelope]  # The event of this number.
    part: Processor[Jar]


def work_of(orders: Orders) -> Work:
    """Events whose subjects begin with the names of the topics that the orders name."""
    source, target = words_of(orders)

    class CoinPut(Event):
        type: ClassVar[str] = "coin.put"

        number: Annotated[int, NONE]
        jar: Id
        amount: Annotated[int, NONE]
        text: Annotated[str, DIRECT]

        @property
        def subject(self) -> str:
            return f"{source}/{self.jar}"

    class JarFilled(Outcome):
        @property
        def subject(self) -> str:
            return f"{target}/{self.jar}"

    def coin(number: int) -> Envelope:
        where, amount = jar.jar_of(number).partition("/")[2], jar.amount_of(number)
        event = CoinPut(at=START, number=number, jar=where, amount=amount, text=jar.TEXT)
        return fact(event, key=str(number))

    def add(before: Jar, event: CoinPut) -> tuple[Jar, list[Event]]:
        after = Jar(coins=before.coins + 1, total=before.total + event.amount)
        told = JarFilled(
            at=event.at,
            number=event.number,
            jar=event.jar,
            coins=after.coins,
            total=after.total,
            text=event.text,
        )
        return after, [told]

    return Work(coin, processor(orders.name, add))


def topic_of(name: str) -> str:
    """The topic that stands where others have one of this name: no digit stands in a subject's first word."""
    return PREFIX + name.translate(LETTERS)


def words_of(orders: Orders) -> tuple[str, str]:
    return orders.source.removeprefix(PREFIX), orders.target.removeprefix(PREFIX)


def cluster_of(orders: Orders) -> Cluster:
    """Each source has a database of its own, as a database stands beside one log."""
    words = words_of(orders)
    database = f"{orders.database.rpartition('/')[0]}/{words[0]}"
    return Cluster(orders.servers, database, [word for word in words if word], prefix=PREFIX)


def opened(data: str) -> Told:
    outcome = Outcome.model_validate_json(data)
    return Told(outcome.number, f"jar/{outcome.jar}", outcome.coins, outcome.total)


async def main(orders: Orders) -> None:
    async with open_engine("kafka:", cluster=cluster_of(orders)) as engine:
        await engine.run(work_of(orders).part)


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(heard_orders()))
