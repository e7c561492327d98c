"""Fetches the files that came along by reference, before the provider lets go of them.

To fetch twice does no harm, so whatever was begun before a crash is just fetched again.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

import structlog

from channels.channel import Fetcher
from engine.blobs import Blobs
from engine.courier import Delivery
from engine.engine import Engine
from engine.work import reason
from schemas.contact import Attachment, ContactAttached, ContactAttachmentAwaited
from schemas.errors import Conflict, Refused, Unavailable

NAME: Final = "intake.fetching"
IN_HAND_MAX: Final = 64  # Files that are being fetched, or wait for their provider.
FETCH_S_MAX: Final = 60.0
LADDER_S: Final = (5.0, 30.0, 120.0, 600.0, *(3_600.0,) * 23)  # About a day.

log = structlog.get_logger("fetching")


class Nothing:
    """Where there is nothing to fetch."""

    async def fetch(self, reference: str) -> bytes:  # noqa: ARG002  # As every fetcher has it.
        raise Refused("this channel fetches nothing")


class Fetching:
    """Asks providers for files, and keeps them."""

    def __init__(
        self, engine: Engine, fetchers: Mapping[str, Fetcher], blobs: Blobs, clock: Callable[[], datetime]
    ) -> None:
        self._engine, self._fetchers, self._blobs, self._clock = engine, fetchers, blobs, clock
        self._room = asyncio.Semaphore(IN_HAND_MAX)
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Until the engine stops. What is being fetched then is fetched again by whoever comes next."""
        try:
            async for delivery in self._engine.follow(NAME, ContactAttachmentAwaited):
                await self._room.acquire()
                task = asyncio.create_task(self._fetch(delivery))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _fetch(self, delivery: Delivery) -> None:
        try:
            event: ContactAttachmentAwaited = delivery.event
            attachment = await self._found(event.channel, event.attachment)
            await delivery.done(
                ContactAttached(
                    at=self._clock(),
                    contact_id=event.contact_id,
                    address_id=event.address_id,
                    attachment=attachment,
                )
            )
        except (Conflict, Unavailable) as error:  # It is lent again.
            log.warning("fetching.unsaid", error=type(error).__name__)
        finally:
            self._room.release()

    async def _found(self, channel: str, attachment: Attachment) -> Attachment:
        """With its digest; or without one, where it is not to be had."""
        fetcher = self._fetchers.get(channel) or Nothing()
        for wait_s in (*LADDER_S, None):
            try:
                async with asyncio.timeout(FETCH_S_MAX):
                    data = await fetcher.fetch(attachment.reference)
                return attachment.model_copy(update={"digest": await self._blobs.put(data), "size_bytes": len(data)})
            except Refused:
                break
            except (Unavailable, TimeoutError):
                if wait_s is not None:
                    await asyncio.sleep(wait_s)
            except Exception as error:  # noqa: BLE001  # A bug of a channel, which it has again each time.
                log.error("fetching.failed", channel=channel, error=reason(error))  # noqa: TRY400
                break
        log.warning("fetching.missed", channel=channel)
        return attachment.model_copy(update={"digest": ""})
