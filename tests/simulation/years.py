"""A year that comes in over its own roads, in a house whose clock goes along with it.

At noon of each working day colleagues answer what was written, and residents are asked what they think of how they were
helped.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, Final

import httpx

from channels.channel import Inbound, Secrets, Sender
from channels.chat import SOCKET, Chat
from channels.days import ZONE, working
from channels.link import Links
from draad.couriers import letterhead
from draad.parts import OPINION, PARTS
from draad.rates import Rates
from draad.roads import Plan, module_of, open_roads
from draad.site import read_site
from engine.blobs import MemoryBlobs
from engine.sqlite import SqliteStore
from schemas.event import fact
from services.desk.appointments import appointments
from services.intake.conversation import conversation
from services.intake.courier import Courier
from services.intake.outbox import outbox
from services.intake.post import Post
from services.intake.spent import spent
from services.notify.notification import notifications
from services.notify.receipts import receipts
from services.notify.shut import addresses_shut
from services.notify.writer import Writer
from simulation import meta, twilio
from simulation.letters import FORMS, INFO, JSON
from simulation.relay import HERE, relaying
from simulation.streets import SITE
from simulation.town import SITE_FILE
from simulation.twilio import Twilio, serving
from simulation.year import FIRST, HOME, Item
from tests.rooms import KEYS, Rooms, rooms
from tests.simulation.asked import Neighbours

# The parts that figures hang on, and those by which residents are asked what they think.
COUNTING: Final = tuple(
    part for part in PARTS if part.name.startswith(("metrics.", "status.attendance", "intake.conversation"))
)
ASKING: Final = (conversation, outbox, spent, notifications, receipts, addresses_shut, *OPINION)
LATER: Final = frozenset({"email", "web", "whatsapp", "counter"})  # What colleagues answer, or write down, at noon.
NOON: Final = time(12)
DUE: Final = "notification.due"
ENDED: Final = frozenset(f"notification.{word}" for word in ("sent", "failed", "postponed", "unknown", "withheld"))


def inboxes(smtp: int, twilio_url: str) -> Mapping[str, Mapping[str, Mapping[str, Any]]]:
    calls = {"auth_tokens": [twilio.TOKEN], "connect": "front", "targets": {"front": {"queue": "front"}}}
    texts = {"account_sid": twilio.ACCOUNT, "auth_tokens": [twilio.TOKEN], "sender": twilio.OURS}
    relay = {"smtp_host": HERE, "smtp_port": smtp, "smtp_security": "none"}
    return {
        "phone": {"main": calls},
        "sms": {"main": {**texts, "api_url": twilio_url}},
        "whatsapp": {"main": meta.SETTINGS},
        "web": {"forms": {"signing": FORMS}},
        "email": {"main": {"address": INFO, **relay}},
        "chat": {"main": {"origins": [SITE]}},
    }


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
    neighbours: Neighbours
    web: httpx.AsyncClient  # Theirs.
    day: date = FIRST  # The next on which it is to be noon.
    place: int = 0  # On the log, up to which it was read.
    on_its_way: set[str] = field(default_factory=set[str])
    unanswered: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    async def takes(self, item: Item) -> None:
        """Let it in by its own road, at its own hour."""
        while (noon := datetime.combine(self.day, NOON, ZONE).astimezone(UTC)) <= item.at:
            self.calendar.now, today, self.day = max(self.calendar.now, noon), self.day, self.day + timedelta(days=1)
            if working(today):
                await self.noon()
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

    async def noon(self) -> None:
        await self.carried()
        answered, self.unanswered = self.unanswered, []
        for one in answered:
            path, said = f"/v1/contacts/{one['contact_id']}/answers", {"address_id": one["address_id"]}
            body, headers = said | {"agent_id": "agent-1"}, {"Idempotency-Key": one["contact_id"]}
            assert (await self.rooms.client.post(path, json=body, headers=headers)).is_success
        await self.neighbours.think(self.web)

    async def carried(self) -> None:
        """All that is due has left, and it is known."""
        engine = self.rooms.engine
        while True:
            await engine.settle(*ASKING)
            await self.look()
            if not self.on_its_way:
                return
            mark = engine.store.mark()
            if max((await engine.ends()).values()) == self.place:  # Only what others write is worth another turn.
                await engine.store.moved(mark, 5.0)

    async def look(self) -> None:
        """What came on the log since."""
        for of, said in await self.told():
            if of == "contact.received" and said["channel"] in LATER:
                self.unanswered.append(said)
            elif of == DUE:
                self.on_its_way.add(said["notification_id"])
            elif of in ENDED:
                self.on_its_way.discard(said["notification_id"])

    async def told(self) -> list[tuple[str, dict[str, Any]]]:
        found = list[tuple[str, dict[str, Any]]]()
        while envelopes := await self.rooms.engine.read(self.place, 1_000):
            self.place = envelopes[-1].position
            found += [(each.type, json.loads(each.data)) for each in envelopes]
        return found

    async def ends(self) -> None:
        """All that counts has followed, what waits for an hour too."""
        self.calendar.now += timedelta(days=2)
        await self.rooms.engine.settle(*COUNTING)

    async def facts(self, type: str) -> list[dict[str, Any]]:
        self.place = 0
        return [said for of, said in await self.told() if of == type]


@asynccontextmanager
async def year_house(log: Path) -> AsyncIterator[Played]:
    calendar = Calendar(datetime.fromisoformat(f"{FIRST}T00:00:00+01:00") - timedelta(days=30))
    secrets, site, blobs = Secrets(KEYS.addresses, KEYS.tokens), read_site(SITE_FILE), MemoryBlobs()
    async with AsyncExitStack() as there:
        neighbours = Neighbours(await there.enter_async_context(relaying()), Twilio())
        url = await there.enter_async_context(serving(neighbours.twilio))
        boxes = {
            name: {box: module_of(name).Inbox.model_validate(said) for box, said in named.items()}
            for name, named in inboxes(neighbours.relay.port, url).items()
        }
        roads = await there.enter_async_context(open_roads(Plan(HOME, boxes), secrets))
        chat = roads.channels["chat"]
        assert isinstance(chat, Chat)
        more: dict[str, Any] = {"roads": roads, "site": site, "blobs": blobs}
        rates, store = Rates(clock=lambda: calendar().timestamp()), await SqliteStore.open(str(log), calendar)
        built = await there.enter_async_context(rooms(store, clock=calendar, rates=rates, **more))
        web = await there.enter_async_context(
            httpx.AsyncClient(transport=httpx.ASGITransport(app=built.house.app), base_url=HOME)
        )
        head = letterhead(site, roads, Links(KEYS.links, HOME))
        senders = {name: channel for name, channel in roads.channels.items() if isinstance(channel, Sender)}
        courier = Courier(built.engine, senders, calendar, inboxes=boxes)
        async with asyncio.TaskGroup() as running:
            running.create_task(Writer(built.engine, head, calendar).run())
            running.create_task(courier.run())
            yield Played(built, calendar, Post(blobs, roads.channels["email"]), chat, neighbours, web)
            built.engine.stop()
