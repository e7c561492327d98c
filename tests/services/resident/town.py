"""A house with residents, who have a browser that runs no scripts and a link."""

import json
import re
from datetime import UTC, datetime
from html import unescape
from typing import Any, Final
from urllib.parse import urlencode

import httpx

from channels.link import Links
from draad.parts import PARTS
from draad.site import Site
from schemas.event import Event, fact
from services.intake.branches import branches
from services.notify.settings import NotifySettings, Status
from services.notify.texts import read_texts
from services.resident.hours import choice, free_hours
from services.resident.moves import moves
from tests.rooms import KEYS, NOW, TOKEN, Rooms

BSN: Final = "123456782"
BROWSER: Final = {"accept": "text/html"}
FORM: Final = BROWSER | {"content-type": "application/x-www-form-urlencoded"}
HOURS: Final = (choice, free_hours, moves)
STARTS: Final = datetime(2026, 12, 3, 9, 30, tzinfo=UTC)
READY: Final = Status(title="klaar om op te halen", says="Uw paspoort ligt klaar.", next="Kom het ophalen.")
SAID: Final = NotifySettings(
    organisation="Gemeente Voorbeeld",
    phone="14 020",
    statuses={"passport": {"ready": READY, "inside": Status(inform=False), "granted": Status(title="u krijgt hem")}},
)
SITE: Final = Site(branches({"main": {"title": "Stadhuis"}}), notify=SAID, texts=read_texts())
LINKS: Final = Links(KEYS.links, "")
ELSEWHERE: Final = {"origin": "https://kwaad.example", "sec-fetch-site": "cross-site"}


class Hand:
    """A clock that a test moves by hand."""

    now = NOW

    def __call__(self) -> datetime:
        return self.now


class Town:
    """A house with residents, who have a browser that runs no scripts and no token."""

    def __init__(self, house: Rooms, hand: Hand) -> None:
        self.house, self.hand, self.count = house, hand, 0

    async def settle(self) -> None:
        """Let every part see what there is, those of the hours too."""
        await self.house.engine.settle(*PARTS, *HOURS)
        await self.house.settle()

    async def says(self, path: str, **body: Any) -> dict[str, Any]:
        """What a system of the municipality tells."""
        self.count += 1
        key = {"Idempotency-Key": f"k{self.count}", "authorization": f"Bearer {TOKEN}"}
        answer = await self.house.client.post(f"/v1/{path}", json=body, headers=key)
        assert answer.status_code == 201, answer.text
        await self.settle()
        return dict(answer.json())

    async def tells(self, *events: Event) -> None:
        self.count += 1
        await self.house.engine.append(*(fact(event, key=f"t{self.count}") for event in events))
        await self.settle()

    async def books(self, reference: str = "jcc-1", starts: datetime = STARTS, **more: Any) -> str:
        said = {"reference": reference, "product": "passport", "starts_at": starts.isoformat(), "minutes": 20} | more
        return str((await self.says("appointments", **said))["appointment_id"])

    async def offers(
        self, *hours: datetime, day: str = "2026-12-03", product: str = "passport", places: int = 1
    ) -> None:
        each = [{"starts_at": hour.isoformat(), "places": places} for hour in hours]
        await self.says("appointments/hours", product=product, day=day, hours=each)

    async def party(self, mail: str = "joelle@mail.example") -> str:
        party = str((await self.says("parties", name="Joëlle Bakker"))["party_id"])
        if mail:
            await self.says(f"parties/{party}/addresses", address={"kind": "email", "value": mail})
        return party

    async def case(self, party: str, title: str = "Paspoort aanvragen") -> str:
        return str((await self.says("cases", party_id=party, kind="passport", title=title))["case_id"])

    def link(self, kind: str, name: str) -> str:
        return f"/{kind}/{LINKS.token(kind, name, self.hand.now)}"

    async def opens(self, path: str, status: int = 200, **headers: str) -> str:
        answer = await self.house.client.get(path, headers=BROWSER | headers)
        assert answer.status_code == status, answer.text
        return words(answer)

    async def posts(self, path: str, status: int, headers: dict[str, str] | None = None, /, **fields: str) -> str:
        answer = await self.house.client.post(path, content=urlencode(fields), headers=FORM | (headers or {}))
        assert answer.status_code == status, answer.text
        await self.settle()
        return words(answer)

    async def facts(self, kind: str) -> list[dict[str, Any]]:
        return [json.loads(one.data) for one in await self.house.engine.read(limit=500) if one.type.startswith(kind)]


def words(answer: httpx.Response) -> str:
    """What somebody reads, with one space between two words."""
    body = answer.text.partition("<body>")[2] or answer.text
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def hidden(html: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', html)
    assert found
    return found[1]


SEEN: Final = {"hour": "2026-12-03T09:30:00.000000Z"}
