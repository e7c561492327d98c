"""Mail at work: a fetcher for each mailbox, and a door for each place where mail is handed to us."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime

from channels.email import Email
from draad.roads import Roads
from engine.blobs import Blobs
from engine.engine import Engine
from schemas.errors import Refused
from services.intake.lmtp import Taker, doors, listen
from services.intake.mailbox import Gauges, Mailbox
from services.intake.post import Post


@asynccontextmanager
async def mail_at_work(
    engine: Engine, blobs: Blobs, roads: Roads, clock: Callable[[], datetime]
) -> AsyncIterator[Callable[[], list[str]]]:
    """Take in what comes, and end after the mails at hand. Yields what tells which mailboxes stand still."""
    channel = roads.channels.get("email")
    if not isinstance(channel, Email):
        yield list
        return
    post, gauges = Post(blobs, channel), Gauges(engine.meter.registry)
    mailboxes = [
        Mailbox(name, inbox, post=post, engine=engine, gauges=gauges, clock=clock)
        for name, inbox in channel.inboxes.items()
        if inbox.imap_host
    ]
    opened: list[asyncio.Server] = []
    async with asyncio.TaskGroup() as group:
        try:
            for (host, port), names in doors(channel.inboxes).items():
                served = {name: channel.inboxes[name] for name in names}
                opened.append(await door(host, port, Taker(served, post, engine, clock)))
            for mailbox in mailboxes:
                group.create_task(mailbox.run())
            yield lambda: [mailbox.fault for mailbox in mailboxes if mailbox.fault]
        finally:
            for mailbox in mailboxes:
                mailbox.stop()
            for each in opened:
                each.close()


async def door(host: str, port: int, taker: Taker) -> asyncio.Server:
    try:
        return await listen(host, port, taker)
    except OSError as error:
        raise Refused(
            f"cannot listen for mail at port {port} ({error.strerror}): choose another in lmtp_listen"
        ) from None
