"""The reckoning: what should have been said of every coin, and what was."""

from collections import Counter
from collections.abc import AsyncIterator
from typing import NamedTuple

from bench.rivals.jar import Told, model


class Sums(NamedTuple):
    outcomes: int
    lost: int  # Coins of which nothing was said.
    doubled: int  # Outcomes beyond the first of their coin.
    wrong: int  # Outcomes that tell another count or total than the jar held.
    jars: int
    jars_harmed: int  # Jars of which something is lost, doubled or wrong.
    jars_wrong: int  # Jars whose last outcome is not what they hold at the end.


async def audit(count: int, outcomes: AsyncIterator[Told]) -> Sums:
    """Compare what was said of so many coins with what should have been said."""
    expected = list(model(count))
    heard, wrong, harmed = Counter[int](), 0, set[str]()
    last: dict[str, Told] = {}
    async for told in outcomes:
        heard[told.number] += 1
        last[told.jar] = told
        if told != expected[told.number]:
            wrong += 1
            harmed.add(told.jar)
    finals = {told.jar: told for told in expected}
    harmed.update(told.jar for told in expected if heard[told.number] != 1)
    return Sums(
        outcomes=heard.total(),
        lost=count - len(+heard),
        doubled=heard.total() - len(+heard),
        wrong=wrong,
        jars=len(finals),
        jars_harmed=len(harmed),
        jars_wrong=sum(last.get(jar) != told for jar, told in finals.items()),
    )
