"""Two registers of the Klantinteracties API that a test moves between: both are Draads, so what one serves is known."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import httpx

from draad.moving import moved
from engine.memory import Disk, MemoryStore
from services.klantinteracties.app import PREFIX
from tests.rooms import TOKEN, clock
from tests.tools import ACTOR, KISS_CASE, NUMBER, Tool, at_work

Answer = Callable[[httpx.Request], httpx.Response | None]

BRANCH: Final = {
    "codeObjecttype": "vestiging",
    "codeSoortObjectId": "vestigingsnummer",
    "objectId": "000012345678",
    "codeRegister": "hr",
}
COMPANY: Final = {
    "codeObjecttype": "niet_natuurlijk_persoon",
    "codeSoortObjectId": "kvk_nummer",
    "objectId": "12345678",
    "codeRegister": "hr",
}
SECOND: Final = "2026-11-20T09:00:00Z"


class Way(httpx.AsyncBaseTransport):
    """To one of the two. `fault` may answer in its place, or raise."""

    def __init__(self, tool: Tool) -> None:
        self._tool = tool
        self.asked: list[tuple[str, str]] = []
        self.fault: Answer = lambda _: None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append((request.method, request.url.path.removeprefix(f"{PREFIX}/")))
        instead = self.fault(request)
        if instead is not None:
            return instead
        headers = {**request.headers, "host": "draad"}
        answer = await self._tool.client.request(
            request.method, request.url.raw_path.decode(), content=await request.aread(), headers=headers
        )
        return httpx.Response(answer.status_code, content=answer.content, headers=answer.headers)

    def writes(self) -> int:
        return sum(method != "GET" for method, _ in self.asked)


class Both:
    def __init__(self, there: Tool, here: Tool) -> None:
        self.there, self.here = there, here
        self.source, self.target = Way(there), Way(here)

    async def move(self, progress: Path | None = None, *, only_compare: bool = False, remove: bool = False) -> bool:
        address, token = f"http://register.example.nl{PREFIX}/", {"Authorization": f"Token {TOKEN}"}
        source, target = (
            httpx.AsyncClient(base_url=address, headers=token, transport=way) for way in (self.source, self.target)
        )
        return await moved(source, target, progress, only_compare=only_compare, remove=remove)

    async def everything(self, tool: Tool) -> dict[str, list[dict[str, Any]]]:
        """What it serves, by kind, in an order that both have."""
        found = {}
        for kind in KEPT:
            cards = (await tool.ask(kind, pageSize=500))["results"]
            found[kind] = sorted(cards, key=lambda card: card["uuid"])
        return found


KEPT: Final = (
    "klantcontacten", "betrokkenen", "digitaleadressen", "onderwerpobjecten", "bijlagen", "partijen",
    "partij-identificatoren", "internetaken", "actoren", "actorklantcontacten", "categorieen", "categorie-relaties",
    "rekeningnummers", "vertegenwoordigingen",
)  # fmt: skip


@asynccontextmanager
async def empty() -> AsyncIterator[Tool]:
    async with at_work(MemoryStore(Disk(), clock)) as tool:
        yield tool


async def filled(tool: Tool) -> None:
    """One of each, with everything that can be in another's way."""
    actor = {"uuid": (await tool.post("actoren", ACTOR))["uuid"]}
    firm = {"soortPartij": "organisatie", "indicatieActief": True, "partijIdentificatie": {"naam": "Bloem BV"}}
    company = {"uuid": (await tool.post("partijen", firm))["uuid"]}
    above = await tool.post("partij-identificatoren", {"identificeerdePartij": company, "partijIdentificator": COMPANY})
    person = await tool.party(partijIdentificatoren=[NUMBER], interneNotitie="komt graag 's ochtends, ë 🌷")
    speaks = {"werkteVoorPartij": company, "contactnaam": {"voornaam": "Piet", "achternaam": "Bloem"}}
    await tool.party(soortPartij="contactpersoon", partijIdentificatie=speaks)
    await tool.post(
        "partij-identificatoren",
        {"identificeerdePartij": person, "partijIdentificator": BRANCH, "subIdentificatorVan": {"uuid": above["uuid"]}},
    )
    contact = await tool.contact(inhoud="Waar is mijn paspoort?", plaatsgevondenOp=SECOND, metadata={"bron": "kcc"})
    took = await tool.took_part(contact, wasPartij=person)
    address = {"adres": "jan@example.nl", "soortDigitaalAdres": "email", "verstrektDoorPartij": person}
    mail = await tool.post("digitaleadressen", address | {"verstrektDoorBetrokkene": took})
    await tool.patch(f"partijen/{person['uuid']}", voorkeursDigitaalAdres={"uuid": mail["uuid"]})
    await tool.post("rekeningnummers", {"partij": person, "iban": "NL91ABNA0417164300"})
    await tool.post(
        "onderwerpobjecten",
        {"klantcontact": contact, "wasKlantcontact": None, "onderwerpobjectidentificator": KISS_CASE},
    )
    await tool.post("bijlagen", {"wasBijlageVanKlantcontact": contact, "bijlageidentificator": KISS_CASE})
    await tool.post("actorklantcontacten", {"actor": actor, "klantcontact": contact})
    task = {"gevraagdeHandeling": "Terugbellen", "aanleidinggevendKlantcontact": contact, "status": "te_verwerken"}
    await tool.post("internetaken", task | {"toegewezenAanActor": actor, "toelichting": "na vijven"})
    group = {"uuid": (await tool.post("categorieen", {"naam": "Ondernemer"}))["uuid"]}
    await tool.post("categorie-relaties", {"partij": company, "categorie": group})
    await tool.post("vertegenwoordigingen", {"vertegenwoordigendePartij": company, "vertegenwoordigdePartij": person})
