"""The other end of the desk's streams: what is sent, as it is sent, and a program that makes a story of it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Final, NamedTuple, Self

from starlette.types import Message

from channels.streaming import ABORT, Stream
from services.desk.place import Place
from services.desk.records import StoryStream
from services.desk.stream import Gate
from services.desk.watched import watched
from tests.rooms import Rooms, clock

WAIT_S: Final = 120.0
BROWSER: Final = {"Accept": "text/html,application/xhtml+xml"}
COUNTED: Final = ("contact.received", "contact.overdue")  # What there surely is of each, whoever decides what when.


class Listener:
    """The other end of a stream, that reads what it is sent."""

    def __init__(self, told: Stream | None = None) -> None:
        self._told = told
        self._sent: asyncio.Queue[str] = asyncio.Queue()
        self._gone = asyncio.Event()
        self.aborted = asyncio.Event()
        self.reads = asyncio.Event()
        self.reads.set()

    async def stream(self) -> Stream:
        assert self._told
        return self._told

    async def __aenter__(self) -> Self:
        scope = {"type": "http", "extensions": {ABORT: {"now": self.aborted.set}}}
        told = await self.stream()
        self.task = asyncio.create_task(told(scope, self._receive, self._send))
        assert "event: pulse\ndata: 2026-11-23\n" in await self.next()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._gone.set()
        await asyncio.wait_for(self.task, WAIT_S)

    async def _receive(self) -> Message:
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        await self.reads.wait()
        if message["type"] == "http.response.body" and message["body"]:
            self._sent.put_nowait(message["body"].decode())

    async def next(self) -> str:
        return await asyncio.wait_for(self._sent.get(), WAIT_S)


class Watcher(Listener):
    """The other end of the stream of one story."""

    def __init__(self, house: Rooms, subject: str, place: str) -> None:
        super().__init__()
        self.gate = Gate()
        self._house, self._subject, self._place = house, subject, place

    async def stream(self) -> Stream:
        story = await watched(self._house.engine, self._subject)
        return StoryStream(self._house.house.news, self.gate, clock, Place.read(self._place), story)

    async def __aexit__(self, *error: object) -> None:
        await super().__aexit__(*error)
        assert self.gate.watching == 0


class Told(NamedTuple):
    """One server-sent event."""

    event: str
    place: str
    data: str


def events(sent: str) -> Iterator[Told]:
    for block in sent.split("\n\n"):
        fields = [line.partition(": ")[::2] for line in block.split("\n")]
        found = {name: "\n".join(value for other, value in fields if other == name) for name, _ in fields}
        if "event" in found:
            yield Told(found["event"], found.get("id", ""), found.get("data", ""))


class Reader:
    """Somebody who follows one story: `reload` reads it anew, and what is told is told once."""

    def __init__(self, subject: str) -> None:
        self.subject = subject
        self.shown: set[str] = set()
        self.told: list[str] = []  # Since it last read anew.
        self.place = ""
        self.reloads = 0

    @property
    def edition(self) -> str:
        place = Place.read(self.place)
        return place.edition if place else ""

    async def open(self, node: Rooms) -> None:
        """The whole story, page after page."""
        self.place = (await page(node, self.subject))["live"]
        await self._look(node)

    async def follow(self, node: Rooms, enough: Callable[[], bool]) -> None:
        """Watch the stream of this node, from where it was."""
        async with Watcher(node, self.subject, self.place) as watcher:
            while not enough():
                for told in events(await watcher.next()):
                    self.place = told.place or self.place
                    if told.event == "entry":
                        self._hear(json.loads(told.data))
                    if told.event == "reload":
                        self.reloads += 1
                        await self._look(node)

    def _hear(self, entry: dict[str, Any]) -> None:
        if entry["type"] in COUNTED:
            assert name_of(entry) not in self.told, "told twice"
            self.told.append(name_of(entry))
            self.shown.add(name_of(entry))

    async def _look(self, node: Rooms) -> None:
        self.told = []
        self.shown = {name async for name in walked(node, self.subject)}


def name_of(entry: dict[str, Any]) -> str:
    return f"{entry['type']} {entry['contact_id']}"


async def page(house: Rooms, subject: str, **asked: str) -> dict[str, Any]:
    kind, _, name = subject.partition("/")
    kinds = {"address": "addresses", "party": "parties", "case": "cases"}[kind]
    answer = await house.client.get(f"/v1/{kinds}/{name}/timeline", params=asked)
    assert answer.status_code == 200
    return dict(answer.json())


async def walked(house: Rooms, subject: str) -> AsyncIterator[str]:
    """What is counted of a story, page after page, newest first."""
    asked: dict[str, str] = {}
    while True:
        found = await page(house, subject, **asked)
        for entry in found["entries"]:
            if entry["type"] in COUNTED:
                yield name_of(entry)
        if not found["before"]:
            return
        asked = {"before": found["before"]}
