"""What arrives as bytes is kept whole first, then read. What nobody can read is set aside, and blocks nothing."""

import asyncio

import structlog

from channels.channel import Channel, Heard, Inbound
from engine.blobs import Blobs
from engine.work import reason
from schemas.event import Envelope, derived, fact
from schemas.quarantine import QuarantineEntered

log = structlog.get_logger("intake")


class Post:
    """Takes in what comes as bytes, over one channel."""

    def __init__(self, blobs: Blobs, channel: Channel) -> None:
        self.blobs, self.channel = blobs, channel

    async def facts(self, inbound: Inbound) -> list[Envelope]:
        """What it comes to, to be appended: every byte of it is durable. Raises only `Unavailable`."""
        digest = await self.blobs.put(inbound.body)
        try:
            heard = await asyncio.to_thread(self.channel.read, inbound)
            told = [fact(each.event, key=each.key) for each in heard.facts]
        except Exception as error:  # noqa: BLE001  # Whatever it is: it is kept, somebody looks, and the next is read.
            cause = getattr(error, "cause", "unreadable")
            log.warning("intake.unreadable", channel=self.channel.name, inbox=inbound.inbox, error=reason(error))
            return [self.set_aside(inbound, digest, cause, len(inbound.body))]
        await keep_files(self.blobs, heard, known=digest)
        return told

    def set_aside(self, inbound: Inbound, digest: str, cause: str, size_bytes: int) -> Envelope:
        name = derived(f"quarantine {self.channel.name} {inbound.inbox} {digest}")
        event = QuarantineEntered(
            at=inbound.at,
            item_id=name,
            channel=self.channel.name,
            cause=cause,
            digest=digest,
            size_bytes=size_bytes,
            inbox=inbound.inbox,
        )
        return fact(event, key=name)


async def keep_files(blobs: Blobs, heard: Heard, known: str = "") -> None:
    for digest, data in heard.files.items():
        if digest != known:
            await blobs.put(data)
