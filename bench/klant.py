"""Desk tools: registering a contact over the whole way in, durable; and reading a party's, a case's and the newest.

Measured against the application itself, on SQLite, without a socket: what a request costs, durable and readable, with
the API's own view at work; and what it costs alone. Reading is measured the same way, among many contacts.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import count, islice
from time import perf_counter, process_time
from typing import Any, Final
from uuid import UUID

from bench.figures import PAIRS, head, percentile, say
from bench.load import START, TEXT, engine_on, folder
from engine.engine import Engine, utc_now
from engine.processor import Part
from schemas.card import Card, CardWritten
from schemas.event import derived, fact
from services.klantinteracties.app import PREFIX, Klantinteracties
from services.klantinteracties.cards import cards
from services.klantinteracties.door import UNKNOWN, door
from services.klantinteracties.every import compact

CONTACTS: Final = 100_000
PER_PARTY: Final = 10
AT_ONCE: Final = 64
WRITES: Final = 3_000
READS: Final = 2_000
BATCH: Final = 500
TOKEN: Final = "a-token-for-this-bench-and-nothing-else"  # It opens nothing.
PLACE: Final = {
    group: {"straatnaam": "", "huisnummer": None, "postcode": "", "stad": ""}
    for group in ("bezoekadres", "correspondentieadres")
}
CONTACT: Final[dict[str, Any]] = {"kanaal": "Telefoon", "onderwerp": "Paspoort", "taal": "nld", "vertrouwelijk": False}
SEVERAL: Final = {
    "klantcontact": CONTACT | {"inhoud": TEXT},
    "betrokkene": {"rol": "klant", "initiator": True, "contactnaam": {"voornaam": "Jan", "achternaam": "Jansen"}},
    "onderwerpobject": {
        "onderwerpobjectidentificator": {
            "objectId": "8a7c9d1e-6f3b-4f0e-9b1a-2c7d8e9f0a1b",
            "codeObjecttype": "zaak",
            "codeRegister": "open-zaak",
            "codeSoortObjectId": "uuid",
        }
    },
}

Log = Callable[[], AbstractAsyncContextManager[Engine]]


async def run(contacts: int = CONTACTS) -> None:
    with folder() as place:
        numbers = count()
        await measure(lambda: engine_on(place / f"{next(numbers)}.db", BATCH), contacts, nobody)


async def measure(log: Log, contacts: int, filled: Callable[[], Awaitable[None]]) -> None:
    """On logs that are empty at first. Whoever keeps them is told when one is `filled`."""
    for what, parts in {"its own view at work": (cards,), "the API alone": ()}.items():
        head(f"Desk tools, writing, {AT_ONCE} at once, {WRITES:,} each time: {what}")
        async with log() as engine, opened(engine, *parts) as app:
            await written(app, "maak-klantcontact", SEVERAL)
            await written(app, "klantcontacten", CONTACT | {"inhoud": TEXT})
    head(f"Desk tools, reading among {contacts:,} contacts, {AT_ONCE // 16} at once, {READS:,} each time")
    async with log() as engine, opened(engine) as app:
        await fill(app, 0, contacts)
        await filled()
        for what, queries in questions(contacts).items():
            await read(app, what, queries)


class App:
    """The application, asked without a socket."""

    def __init__(self, engine: Engine, *, shown: bool) -> None:
        async def unlimited(_scope: Any, _known: bool) -> None:  # noqa: ANN401, FBT001
            return None

        self.engine = engine
        self._app = Klantinteracties(
            engine, b"pepper", utc_now, door(lambda said, _: "" if said == TOKEN else UNKNOWN), unlimited
        )
        if not shown:
            self._app.acts._shown.wait = nobody  # type: ignore[method-assign]

    async def ask(self, method: str, path: str, query: str = "", body: bytes = b"") -> bytes:
        headers = [
            (b"authorization", f"Token {TOKEN}".encode()),
            (b"host", b"x"),
            (b"content-type", b"application/json"),
        ]
        scope = {
            "type": "http",
            "method": method,
            "path": f"{PREFIX}/{path}",
            "query_string": query.encode(),
            "headers": headers,
            "scheme": "http",
        }
        answer: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:  # noqa: ANN401
            answer.append(message)

        await self._app(scope, receive, send)
        assert answer[0]["status"] in {200, 201}, answer
        found: bytes = answer[1]["body"]
        return found


async def nobody() -> None:
    """Nothing is at work that could show it, and nobody has to be told."""


@asynccontextmanager
async def opened(engine: Engine, *parts: Part) -> AsyncIterator[App]:
    await engine.settle(cards)
    running = asyncio.create_task(engine.run(*parts)) if parts else None
    try:
        yield App(engine, shown=bool(parts))
    finally:
        engine.stop()
        if running:
            await running


async def together(jobs: Sequence[Any], at_once: int, ask: Any) -> tuple[float, float, list[float]]:  # noqa: ANN401
    """The rate, the CPU of each in microseconds, and how long each waited."""
    waiting, waits = iter(jobs), list[float]()

    async def work() -> None:
        for job in waiting:
            asked = perf_counter()
            await ask(job)
            waits.append((perf_counter() - asked) * 1000)

    began, used = perf_counter(), process_time()
    await asyncio.gather(*(work() for _ in range(at_once)))
    took = perf_counter() - began
    return len(jobs) / took, (process_time() - used) / len(jobs) * 1e6, waits


async def written(app: App, path: str, body: dict[str, Any]) -> None:
    raw = json.dumps(body).encode()
    loads = [await together([raw] * WRITES, AT_ONCE, lambda one: app.ask("POST", path, body=one)) for _ in range(PAIRS)]
    say(f"{path}, durable", [rate for rate, _, _ in loads], "requests/s")
    say(f"{path}, CPU, views included", [cpu for _, cpu, _ in loads], "µs")
    say(f"{path}, p99", [percentile(waits, 0.99) for _, _, waits in loads], "ms", 1)


async def read(app: App, what: str, queries: Sequence[tuple[str, str]]) -> None:
    jobs = [queries[nth * len(queries) // READS] for nth in range(READS)]  # From first to last.
    loads = [await together(jobs, AT_ONCE // 16, lambda one: app.ask("GET", *one)) for _ in range(PAIRS)]
    say(f"{what}", [rate for rate, _, _ in loads], "requests/s")
    say(f"{what}, CPU", [cpu for _, cpu, _ in loads], "µs")
    say(f"{what}, p99", [percentile(waits, 0.99) for _, _, waits in loads], "ms", 1)


def name(kind: str, number: int) -> str:
    return str(UUID(derived(f"{kind} {number}")))


def questions(contacts: int) -> dict[str, list[tuple[str, str]]]:
    parties = range(contacts // PER_PARTY)
    expand = "expand=hadBetrokkenen.digitaleAdressen&hadBetrokkene__wasPartij__uuid="
    by_case = "onderwerpobject__onderwerpobjectidentificatorObjectId="
    return {
        f"a party's {PER_PARTY} contacts, people and addresses expanded": [
            ("klantcontacten", f"{expand}{name('party', one)}") for one in parties
        ],
        f"the {PER_PARTY} contacts of a case": [("klantcontacten", f"{by_case}{name('case', one)}") for one in parties],
        "the first page of the list, 10 contacts": [("klantcontacten", "pageSize=10")],
        "one contact": [(f"klantcontacten/{name('contact', one)}", "") for one in range(0, contacts, 7)],
    }


async def fill(app: App, first: int, until: int) -> None:
    facts = (fact(event, key=event.cards[0].card_id) for event in stored(first, until))
    while batch := list(islice(facts, BATCH)):
        await app.engine.append(*batch)
    await app.engine.settle(cards)


def stored(first: int, until: int) -> Iterator[CardWritten]:
    """Each contact with somebody who is a party, an address of theirs, and a case; those of one party lie apart."""
    whose = range(first // PER_PARTY, until // PER_PARTY)
    yield from parties(whose)
    for number in range(first, until):
        party = whose[(number - first) % len(whose)]
        contact, who = name("contact", number), name("who", number)
        said: dict[str, Any] = CONTACT | {"inhoud": TEXT, "reactie": "", "nummer": None, "referentienummer": None}
        said |= {
            "indicatieContactGelukt": None,
            "plaatsgevondenOp": START.isoformat().replace("+00:00", "Z"),
            "metadata": {},
        }
        took = {"rol": "klant", "initiator": True, "organisatienaam": "", "hadKlantcontact": {"uuid": contact}, **PLACE}
        took |= {"contactnaam": dict.fromkeys(("voorletters", "voornaam", "voorvoegselAchternaam", "achternaam"), "J")}
        took |= {"wasPartij": {"uuid": name("party", party)}}
        at: dict[str, Any] = {
            "adres": "jan@example.nl",
            "soortDigitaalAdres": "email",
            "verstrektDoorBetrokkene": {"uuid": who},
        }
        at |= {
            "verstrektDoorPartij": None,
            "isStandaardAdres": False,
            "omschrijving": "",
            "referentie": "",
            "verificatieDatum": None,
        }
        case = {
            "objectId": name("case", party),
            "codeObjecttype": "zaak",
            "codeRegister": "openzaak",
        }
        about = {
            "klantcontact": {"uuid": contact},
            "onderwerpobjectidentificator": case | {"codeSoortObjectId": "uuid"},
        }
        yield one(
            f"address/unknown.{contact}",
            ("klantcontacten", contact, said),
            ("betrokkenen", who, took),
            ("digitaleadressen", name("at", number), at),
            ("onderwerpobjecten", name("about", number), about | {"wasKlantcontact": None}),
        )


def parties(numbers: range) -> Iterator[CardWritten]:
    for number in numbers:
        person = {"naam": "Jansen BV"}
        doc: dict[str, Any] = {
            "soortPartij": "organisatie",
            "indicatieActief": True,
            "nummer": None,
            "indicatieGeheimhouding": None,
        }
        blank = {
            group: dict.fromkeys(("nummeraanduidingId", "adresregel1", "adresregel2", "adresregel3", "land"), "")
            for group in PLACE
        }
        yield one(
            f"party/{name('party', number)}",
            ("partijen", name("party", number), doc | blank | {"partijIdentificatie": person}),
        )


def one(about: str, *said: tuple[str, str, dict[str, Any]]) -> CardWritten:
    made = tuple(Card(card_id=uuid, kind=kind, since=START, body=compact(doc)) for kind, uuid, doc in said)
    return CardWritten(at=START, about=about, cards=made)
