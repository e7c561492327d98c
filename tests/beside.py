"""Work beside a browser, which has the loop of its thread to itself."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from threading import Thread
from typing import Any, Final, TypeVar

WAIT_S_MAX: Final = 20.0
Result = TypeVar("Result")


class Beside:
    """A loop in a thread of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()

    def do(self, work: Awaitable[Result]) -> Result:
        """Have it done there, and wait for it."""

        async def done() -> Result:
            return await work

        return asyncio.run_coroutine_threadsafe(done(), self.loop).result(WAIT_S_MAX)

    def call(self, work: Callable[[], Any]) -> None:
        self.loop.call_soon_threadsafe(work)


@contextmanager
def beside() -> Iterator[Beside]:
    here = Beside()
    thread = Thread(target=here.loop.run_forever, daemon=True)
    thread.start()
    try:
        yield here
    finally:
        here.call(here.loop.stop)
        thread.join(WAIT_S_MAX)
        here.loop.close()
