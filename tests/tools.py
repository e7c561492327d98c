"""A house whose parts are at work, and a desk tool that speaks to it as its maker wrote it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode
from uuid import uuid4

import httpx
from sqlalchemy import select

from engine.ask import places
from engine.cluster import read_by
from engine.engine import Engine
from engine.processor import Part
from engine.store import Store
from schemas.contact import ContactAnswered
from schemas.event import fact
from schemas.party import PartyRegistered
from services.klantinteracties.app import PREFIX
from services.klantinteracties.cards import cards
from tests.rooms import TOKEN, Rooms, clock, rooms

BSN: Final = "123456782"
OTHER_BSN: Final = "111222333"
CASE: Final = "8a7c9d1e-6f3b-4f0e-9b1a-2c7d8e9f0a1b"
CONTACT: Final = {"kanaal": "Telefoon", "onderwerp": "Paspoort", "taal": "nld", "vertrouwelijk": False}
PERSON: Final = {
    "soortPartij": "persoon",
    "indicatieActief": True,
    "partijIdentificatie": {"contactnaam": {"voornaam": "Jan", "achternaam": "Jansen"}},
}
NUMBER: Final = {
    "partijIdentificator": {
        "codeObjecttype": "natuurlijk_persoon",
        "codeSoortObjectId": "bsn",
        "objectId": BSN,
        "codeRegister": "brp",
    }
}
ACTOR: Final = {"naam": "Burgerzaken", "soortActor": "organisatorische_eenheid", "indicatieActief": True}
KISS_CASE: Final = {
    "objectId": CASE,
    "codeObjecttype": "zgw-Zaak",
    "codeRegister": "openzaak",
    "codeSoortObjectId": "uuid",
}
NOWHERE: Final = "00000000-0000-4000-8000-000000000000"


@dataclass
class Tool:
    house: Rooms
    client: httpx.AsyncClient

    async def ask(self, path: str, expected: int = 200, /, **asked: Any) -> Any:
        answer = await self.client.get(f"{PREFIX}/{path}", params=asked)
        assert answer.status_code == expected, answer.text
        return answer.json()

    async def results(self, path: str, **asked: Any) -> list[str]:
        return [one["uuid"] for one in (await self.ask(path, **asked))["results"]]

    async def post(self, path: str, body: Any, expected: int = 201, /, headers: Mapping[str, str] | None = None) -> Any:
        answer = await self.client.post(f"{PREFIX}/{path}", json=body, headers=headers)
        assert answer.status_code == expected, answer.text
        return answer.json()

    async def patch(self, path: str, expected: int = 200, /, **said: Any) -> Any:
        answer = await self.client.patch(f"{PREFIX}/{path}", json=said)
        assert answer.status_code == expected, answer.text
        return answer.json()

    async def delete(self, path: str, status: int = 204) -> httpx.Response:
        answer = await self.client.delete(f"{PREFIX}/{path}")
        assert answer.status_code == status, answer.text
        return answer

    async def contact(self, **said: Any) -> dict[str, str]:
        """A contact, as a link to it."""
        return {"uuid": (await self.post("klantcontacten", CONTACT | said))["uuid"]}

    async def party(self, **said: Any) -> dict[str, str]:
        return {"uuid": (await self.post("partijen", PERSON | said))["uuid"]}

    async def took_part(self, contact: dict[str, str], **said: Any) -> dict[str, str]:
        body = {"rol": "klant", "initiator": True, "hadKlantcontact": contact} | said
        return {"uuid": (await self.post("betrokkenen", body))["uuid"]}

    async def facts(self, *types: str) -> int:
        """How many facts of these types there are."""
        return sum(one.type in types for one in await self.house.engine.read(0, 1_000))

    async def stored(self) -> list[Any]:
        """Every row of the view."""
        return [dict(row) for row in await self.house.engine.fetch(select(await self.house.engine.table(cards)))]

    async def noted(self) -> list[str]:
        log = await self.house.engine.read(0, 1_000)
        return [json.loads(one.data)["result"] for one in log if one.type == "contact.noted"]

    async def tied(self) -> list[tuple[str, str]]:
        """The objects that contacts are about, by the facts of the log."""
        log, ties = await self.house.engine.read(0, 1_000), dict[str, tuple[str, str]]()
        for said, name in [(json.loads(one.data), one.type) for one in log]:
            if name == "contact.tied":
                ties[said["object_id"]] = said["kind"], said["title"]
            elif name == "contact.untied":
                del ties[said["object_id"]]
        return list(ties.values())

    async def story(self, subject: str) -> list[tuple[str, str]]:
        """What the desk tells of it, when its views are as far as the log."""
        await self.shown()
        answer = await self.client.get(f"/v1/{subject}/timeline", headers={"Authorization": f"Bearer {TOKEN}"})
        assert answer.status_code == 200, answer.text
        return [(entry["type"], entry.get("text") or entry.get("title", "")) for entry in answer.json()["entries"]]

    async def shown(self) -> None:
        goal = max((await self.house.engine.ends()).values())
        async with asyncio.timeout(20):
            while any(
                one.task.position < goal for one in await self.house.engine.standings() if "desk." in one.task.name
            ):
                await self.house.engine.store.moved(self.house.engine.store.mark(), 0.1)

    async def desk(self, path: str, **body: Any) -> Any:
        """Something that is done at the desk, or comes in over a channel."""
        headers = {"Authorization": f"Bearer {TOKEN}", "Idempotency-Key": uuid4().hex}
        answer = await self.client.post(f"/v1/{path}", json=body, headers=headers)
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def answered(self, contact_id: str, **said: Any) -> None:
        event = ContactAnswered(at=clock(), agent_id="g1", contact_id=contact_id, **said)
        await self.house.engine.append(fact(event, key=contact_id))

    async def registered(self, party_id: str, name: str) -> None:
        event = PartyRegistered(at=clock(), party_id=party_id, kind="person", name=name)
        await self.house.engine.append(fact(event, key=name))

    async def seen(self, path: str, so: Callable[[Any], bool]) -> Any:
        """What is there, once it is so."""
        async with asyncio.timeout(20):
            while True:
                answer = await self.client.get(f"{PREFIX}/{path}")
                if answer.status_code == 200 and so(answer.json()):
                    return answer.json()
                await self.house.engine.store.moved(self.house.engine.store.mark(), 0.05)

    async def found(self, path: str, amount: int, **asked: Any) -> list[str]:
        """What a list holds, once it is so much."""
        await self.seen(f"{path}?{urlencode(asked)}", lambda page: page["count"] == amount)
        return await self.results(path, **asked)

    async def settled(self) -> list[str]:
        """What waits, when the views of the desk are as far as the log."""
        await self.shown()
        return await self.work()

    async def work(self) -> list[str]:
        answer = await self.client.get("/v1/work", headers={"Authorization": f"Bearer {TOKEN}"})
        return [item["why"] for item in answer.json()["items"]]

    async def faults(self, path: str, body: Any, status: int = 400) -> dict[str, str]:
        """What is wrong with it: codes, by the name of the field."""
        answer = await self.post(path, body, status)
        return {one["name"]: one["code"] for one in answer["invalidParams"]}


async def everywhere(engine: Engine, parts: Sequence[Part]) -> bool:
    """Whether each of them is at work on every partition that it reads."""
    found, every = await places(engine), await engine.partitions()
    return all((part.name, where) in found for part in parts for where in read_by([part], every))


@asynccontextmanager
async def at_work(store: Store, parts: Sequence[Part] = (cards,)) -> AsyncIterator[Tool]:
    """Only this API's own view, unless a test looks further."""
    async with rooms(store) as house:
        house.client.headers["authorization"] = f"Token {TOKEN}"
        running = asyncio.create_task(house.engine.run(*parts))
        async with asyncio.timeout(20):
            while not await everywhere(house.engine, parts):
                await house.engine.store.moved(house.engine.store.mark(), 0.01)
        try:
            yield Tool(house, house.client)
        finally:
            house.engine.stop()
            await running
            assert not await house.engine.parked()
