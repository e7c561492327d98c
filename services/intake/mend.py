"""What waits in quarantine is read again, or discarded. Both are facts, and the bytes stay whatever comes of it."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import structlog
from sqlalchemy import and_, or_, select

from channels.channel import Channel, Inbound
from engine.blobs import Blobs
from engine.engine import Engine
from engine.work import reason
from schemas.contact import ContactReceived
from schemas.errors import Refused
from schemas.event import fact
from schemas.quarantine import QuarantineDiscarded, QuarantineMended
from services.intake.post import keep_files
from services.intake.quarantine import MENDED, WAITING, quarantine

PAGE_MAX: Final = 100
UNKNOWN: Final = "there is no item of that id here"

log = structlog.get_logger("intake")


class Unknown(Refused):
    """There is no such item."""


class Mender:
    """Deals with items, over all channels that are open here."""

    def __init__(
        self, engine: Engine, blobs: Blobs, channels: Mapping[str, Channel], clock: Callable[[], datetime]
    ) -> None:
        self._engine, self._blobs, self._channels, self._clock = engine, blobs, channels, clock

    async def items(self, state: str = WAITING, after: str = "", limit: int = PAGE_MAX) -> Sequence[Mapping[str, Any]]:
        """The oldest first, from after the item of that id."""
        table = await self._engine.table(quarantine)
        asked = select(table).where(table.c.state == state).order_by(table.c.at, table.c.item_id)
        if after:
            before = await self._item(after)
            later = and_(table.c.at == before["at"], table.c.item_id > after)
            asked = asked.where(or_(table.c.at > before["at"], later))
        return await self._engine.fetch(asked.limit(min(limit, PAGE_MAX)))

    async def retry(self, item_id: str, agent_id: str = "") -> str:
        """Read an item again, now that we can, and return its contact. Raises `Refused` where it still cannot be read.

        Done twice it is done once: the contact has the id that it would have had at first.
        """
        item = await self._item(item_id)
        if item["state"] == MENDED:
            return str(item["contact_id"])
        channel = self._channels.get(item["channel"])
        if channel is None:
            raise Refused("the channel that it came over is not open here")
        raw = await self._blobs.get(item["digest"])
        if raw is None:
            raise Refused("its bytes are not here any more")
        inbound = Inbound(item["inbox"], "", {}, raw, datetime.fromisoformat(item["at"]))
        try:
            heard = await asyncio.to_thread(channel.read, inbound)
            told = [fact(each.event, key=each.key) for each in heard.facts]
        except Exception as error:  # noqa: BLE001  # Whatever it is: whoever asked hears it, and the item waits on.
            log.warning("intake.unreadable", channel=channel.name, inbox=inbound.inbox, error=reason(error))
            raise Refused(f"it still cannot be read: {getattr(error, 'cause', 'unreadable')}") from None
        contacts = [each.event.contact_id for each in heard.facts if isinstance(each.event, ContactReceived)]
        if not contacts:
            raise Refused("it can be read now, and holds no contact: discard it")
        await keep_files(self._blobs, heard)
        mended = QuarantineMended(at=self._clock(), item_id=item_id, contact_id=contacts[0], agent_id=agent_id)
        await self._engine.append(*told, fact(mended, key=item_id))
        return contacts[0]

    async def discard(self, item_id: str, agent_id: str, text: str) -> None:
        """An agent wants nothing of it, and says why. Raises `Refused` where it does not wait."""
        item = await self._item(item_id)
        if item["state"] != WAITING:
            raise Refused("somebody dealt with this item already")
        event = QuarantineDiscarded(at=self._clock(), item_id=item_id, agent_id=agent_id, text=text)
        await self._engine.append(fact(event, key=item_id))

    async def _item(self, item_id: str) -> Mapping[str, Any]:
        table = await self._engine.table(quarantine)
        for row in await self._engine.fetch(select(table).where(table.c.item_id == item_id)):
            return row
        raise Unknown(UNKNOWN)
