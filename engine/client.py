"""One of aiokafka's clients: connected in time, shared by all who wait for it, and let go for certain.

Their own `start` leaves a connection behind where it is broken off half-way, and their own `stop` leaves all of them,
with the tasks that use them. So both run in tasks of their own, which nobody's cancellation reaches.
"""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any, Final, TypeVar

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from schemas.errors import Unavailable

ANSWER_S_MAX: Final = 15
CLOSE_S_MAX: Final = 5  # What is not closed by then is cut off.
PATIENCE_S: Final = 0.1  # Between two cancellations of the same.

# What a client says of a connection that is gone. The last is uvloop's word for it.
BROKEN: Final = (KafkaError, OSError, TimeoutError, RuntimeError)

Answer = TypeVar("Answer")


def cancelled() -> bool:
    """Whether somebody cancelled the task that runs now; else what it waited for was ended by aiokafka."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def answered(question: Awaitable[Answer]) -> Answer:
    """Raises `Unavailable` where Kafka does not answer in time."""
    try:
        async with asyncio.timeout(ANSWER_S_MAX):
            return await question
    except BROKEN as error:
        raise Unavailable(f"Kafka does not answer ({type(error).__name__})") from None
    except asyncio.CancelledError:
        if cancelled():
            raise
        raise Unavailable("Kafka's client was stopped before it answered") from None


async def ended(*tasks: asyncio.Task[Any] | None) -> None:
    """Cancel these until they have ended: a library's task may keep the first cancellation to itself."""
    for task in tasks:
        while task and not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=PATIENCE_S)


class Client:
    """A producer, a consumer or an administrator, which begins to connect at once."""

    def __init__(self, client: Any) -> None:  # noqa: ANN401  # They have no type in common.
        self._client = client
        self._starting = asyncio.create_task(client.start())

    async def ready(self) -> Any:  # noqa: ANN401  # As above.
        """The client itself. Raises `Unavailable`; whoever is cancelled meanwhile leaves it to the others."""
        await asyncio.wait({self._starting}, timeout=ANSWER_S_MAX)
        if not self._starting.done() or self._starting.cancelled():  # The latter: somebody else has stopped it.
            raise Unavailable("Kafka does not answer in time")
        await answered(self._starting)
        return self._client

    async def stop(self) -> None:
        """Close it, whatever it says; what takes too long is cut off. It goes on though nobody waits any more."""
        await asyncio.shield(asyncio.create_task(self._close()))

    async def _close(self) -> None:
        ending = asyncio.create_task(self._end())
        try:
            await asyncio.wait({ending}, timeout=CLOSE_S_MAX)
            if ending.done() and not ending.cancelled():  # Their `stop` hands on that its own tasks were cancelled.
                ending.result()  # A mistake of ours is not hushed up.
        finally:
            ending.cancel()
            await self._cut()

    async def _end(self) -> None:
        await asyncio.gather(self._starting, return_exceptions=True)
        with suppress(*BROKEN):  # It is thrown away, whatever it says.
            await (self._client.close() if isinstance(self._client, AIOKafkaAdminClient) else self._client.stop())

    async def _cut(self) -> None:
        """End what it still does and holds. Where its own `stop` came to its end, there is nothing left."""
        if isinstance(self._client, AIOKafkaProducer):
            inner, at_work = self._client.client, self._client._sender.sender_task  # noqa: SLF001  # There is no door.
        else:
            fetcher = getattr(self._client, "_fetcher", None)
            inner, at_work = self._client._client, fetcher and fetcher._fetch_task  # noqa: SLF001  # As above.
        self._client._closed = True  # noqa: SLF001  # Else it warns that nobody has closed it.
        for connection in inner._conns.values():  # noqa: SLF001  # As above.
            connection.close()
        await ended(self._starting, at_work, inner._sync_task)  # noqa: SLF001  # As above.
