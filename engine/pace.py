"""How the parts share one event loop with whoever asks it something: who asks goes first, and no part stands still."""

import asyncio
from collections.abc import Callable
from time import perf_counter
from typing import Final, TypeVar

STRETCH_S: Final = 0.008  # What one batch may take: meanwhile nobody else gets a turn.
FEW: Final = 10  # Events that a batch may always have, however slow their steps are.
OTHERS: Final = 4  # Times as long as the last batch took, others may go first: a fifth is left, if they never end.
IDLE_S: Final = 0.0005  # The loop comes round within this: nobody waits for it.

Made = TypeVar("Made")


class Pace:
    """Lets one part at a time step a batch, after whoever else waits for the loop: up to `others` times as long."""

    def __init__(self, others: int = OTHERS) -> None:
        self._turn, self._others_share = asyncio.Lock(), others
        self._owed_s = 0.0

    async def step(self, make: Callable[[], Made]) -> Made:
        """What `make` returns, once it is its turn."""
        async with self._turn:
            await self._others()
            began = perf_counter()
            try:
                return make()
            finally:
                self._owed_s = self._others_share * (perf_counter() - began)

    async def _others(self) -> None:
        now = perf_counter()
        until = now + self._owed_s
        while now < until:
            before = now
            await asyncio.sleep(0)
            now = perf_counter()
            if now - before < IDLE_S:
                return


def most(events: int, took_s: float) -> int:
    """How many events the next batch may have, where these took so long."""
    return max(FEW, int(STRETCH_S * events / max(took_s, 1e-9)))
