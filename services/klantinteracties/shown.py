"""A write is answered when it can be read: whoever waits while others do is in the next look together with them."""

import asyncio
from contextlib import suppress
from typing import Final

from engine.ask import LOOK_S, caught_up
from engine.engine import Engine
from schemas.errors import Unavailable

SHOWN_S_MAX: Final = 5.0  # Then it is answered all the same: it is durable, and is shown a moment later.


class Shown:
    """Waits for one view, for all who wait."""

    def __init__(self, engine: Engine, view: str) -> None:
        self._engine, self._view = engine, view
        self._next: asyncio.Future[None] | None = None
        self._looking: asyncio.Task[None] | None = None

    async def wait(self) -> None:
        """Until the view is as far as the log is now."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        with suppress(TimeoutError):
            async with asyncio.timeout(SHOWN_S_MAX):
                await asyncio.shield(self._next)

    async def _look(self) -> None:
        while self._next is not None:
            waiting, self._next = self._next, None
            try:
                with suppress(Unavailable):  # It is durable: whoever asks later reads it.
                    await self._reached()
            finally:
                waiting.set_result(None)

    async def _reached(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(SHOWN_S_MAX):
                while not await caught_up(self._engine, self._view):  # It starts in a moment.
                    await self._engine.store.moved(self._engine.store.mark(), LOOK_S)
