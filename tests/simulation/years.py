"""A year that comes in over its own roads, in a house whose clock goes along with it."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx

from channels.channel import Channel, Inbound, Secrets
from channels.chat import SOCKET, Chat
from draad.parts import PARTS
from draad.rates import Rates
from draad.roads import Plan, Roads, module_of
from draad.site import read_site
from engine.blobs import MemoryBlobs
from engine.sqlite import SqliteStore
from schemas.event import fact
from services.desk.appointments import appointments
from services.intake.post import Post
from simulation import twilio
from simulation.letters import FORMS, INFO, JSON
from simulation.streets import SITE
from simulation.town import SITE_FILE
from simulation.year import FIRST, HOME, Item
from tests.rooms import KEYS, Rooms, rooms

INBOXES: Final[Mapping[str, Mapping[str, Mapping[str, Any]]]] = {
    "phone": {"main": {"auth_tokens": [twilio.TOKEN], "connect": "front", "targets": {"front": {"queue": "front"}}}},
    "web": {"forms": {"signing": FORMS}},
    "email": {"main": {"address": INFO}},
    "chat": {"main": {"origins": [SITE]}},
}


# The parts that figures hang on.
COUNTING: Final = tuple(
    part for part in PARTS if part.name.startswith(("metrics.", "status.attendance", "intake.conversation"))
)


@dataclass
class Calendar:
    now: datetime

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Played:
    """A house in which a year is played."""

    rooms: Rooms
    calendar: Calendar
    post: Post
    chat: Chat

    async def takes(self, item: Item) -> None:
        """Let it in by its own road, at its own hour."""
        self.calendar.now = max(self.calendar.now, item.at)
        match item.road:
            case "email":
                inbound = Inbound("main", "", {}, item.body, item.at)
                await self.rooms.engine.append(*await self.post.facts(inbound))
            case "chat":
                headers = {"ticket": self.chat.ticket("main", item.name), "language": "nl"}
                heard = self.chat.read(Inbound("main", "", headers, item.body, item.at, SOCKET))
                await self.rooms.engine.append(*(fact(told.event, key=told.key) for told in heard.facts))
            case "journey":
                answer = await self.rooms.client.post("/journey", content=item.body, headers={"Origin": SITE})
                assert answer.status_code == httpx.codes.NO_CONTENT
            case _:
                if item.path.startswith("/v1/appointments"):
                    await self.rooms.engine.settle(appointments)  # Where it is looked up what was agreed.
                headers = {**JSON, "Idempotency-Key": item.name, **item.headers}
                answer = await self.rooms.client.post(item.path, content=item.body, headers=headers)
                assert answer.is_success, answer.text

    async def ends(self) -> None:
        """All that counts has followed, what waits for an hour too."""
        self.calendar.now += timedelta(days=2)
        await self.rooms.engine.settle(*COUNTING)

    async def facts(self, type: str) -> list[dict[str, Any]]:
        engine, found, place = self.rooms.engine, list[dict[str, Any]](), 0
        while envelopes := await engine.read(place, 1_000):
            place = envelopes[-1].position
            found += [json.loads(envelope.data) for envelope in envelopes if envelope.type == type]
        return found


@asynccontextmanager
async def year_house(log: Path) -> AsyncIterator[Played]:
    calendar = Calendar(datetime.fromisoformat(f"{FIRST}T00:00:00+01:00") - timedelta(days=30))
    secrets = Secrets(KEYS.addresses, KEYS.tokens)
    inboxes = {
        name: {box: module_of(name).Inbox.model_validate(said) for box, said in named.items()}
        for name, named in INBOXES.items()
    }
    opened: dict[str, Channel] = {n: module_of(n).open_channel(boxes, secrets, HOME) for n, boxes in inboxes.items()}
    chat = opened["chat"]
    assert isinstance(chat, Chat)
    site, blobs = replace(read_site(SITE_FILE), notify=None), MemoryBlobs()
    rates = Rates(clock=lambda: calendar().timestamp())
    more: dict[str, Any] = {"roads": Roads(Plan(HOME, inboxes), opened), "site": site, "blobs": blobs, "rates": rates}
    store = await SqliteStore.open(str(log), calendar)
    async with rooms(store, clock=calendar, **more) as built:
        yield Played(built, calendar, Post(blobs, opened["email"]), chat)
