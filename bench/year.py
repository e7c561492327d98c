"""How fast the year of a municipality is counted again from its log: 181,100 contacts, 538,000 visits and the rest.

What came in is read by the channels themselves, appended, and then stepped by the parts that figures hang on. With
`YEAR_SHARE=200` one in two hundred of it is played.
"""

import asyncio
import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from time import perf_counter, process_time
from typing import Final

from bench.figures import head, say
from bench.load import BATCH, engine_on, folder
from channels import chat, email, phone, web, whatsapp
from channels.channel import Channel, Inbound, Secrets
from channels.chat import SOCKET, Chat
from draad.parts import EVERY
from engine.engine import Engine, utc_now
from engine.processor import Part
from schemas.appointment import AppointmentArrived, AppointmentServed
from schemas.contact import ContactReceived
from schemas.event import Envelope, Event, derived, fact
from schemas.journey import JourneyStepped
from services.intake.appointments import Desk
from services.intake.branches import DEFAULT
from services.intake.journey import told
from services.intake.visits import Arrival, Booking
from simulation import meta, twilio
from simulation.letters import FORMS, INFO
from simulation.year import HOME, Item, Table, Year

RUNS: Final = 3
LOOK_S: Final = 0.1
FIGURES: Final = "metrics."  # The parts that count,
BEFORE: Final = ("status.attendance", "intake.conversation")  # and those that say what they count.
SECRETS: Final = Secrets(b"a pepper for this bench", b"tokens for this bench")


class Roads:
    """What comes in, as the facts that its road makes of it."""

    def __init__(self, engine: Engine) -> None:
        calls = phone.Inbox.model_validate(
            {"auth_tokens": [twilio.TOKEN], "connect": "front", "targets": {"front": {"queue": "front"}}}
        )
        self.chat: Chat = chat.open_channel({"main": chat.Inbox()}, SECRETS, HOME)
        self.channels: Mapping[str, Channel] = {
            "phone": phone.open_channel({"main": calls}, SECRETS, HOME),
            "web": web.open_channel({"forms": web.Inbox.model_validate({"signing": FORMS})}, SECRETS, HOME),
            "email": email.open_channel({"main": email.Inbox(address=INFO)}, SECRETS, HOME),
            "whatsapp": whatsapp.open_channel({"main": whatsapp.Inbox.model_validate(meta.SETTINGS)}, SECRETS, HOME),
            "chat": self.chat,
        }
        self.desk = Desk(engine, SECRETS.pepper, utc_now, DEFAULT)

    def facts(self, item: Item) -> list[Envelope]:
        if item.road == "journey":
            step = told(item.body)
            name = derived(f"journey {step.id}")
            reached = JourneyStepped(at=item.at, step_id=name, product=step.product, step=step.step)
            return [fact(reached, key=f"{name} {step.step}")]
        if item.road == "api":
            return [fact(self.posted(item), key=item.name)]
        heard = self.channels[item.road].read(self.inbound(item))
        return [fact(told.event, key=told.key) for told in heard.facts]

    def inbound(self, item: Item) -> Inbound:
        if item.road == "chat":
            ticket = self.chat.ticket("main", item.name)
            return Inbound("main", "", {"ticket": ticket, "language": "nl"}, item.body, item.at, SOCKET)
        if item.road == "email":
            return Inbound("main", "", {}, item.body, item.at)
        inbox = item.path.split("/")[3].partition("?")[0]
        headers = {name.lower(): value for name, value in item.headers.items()}  # As a server hands them over.
        return Inbound(inbox, f"{HOME}{item.path}", headers, item.body, item.at)

    def posted(self, item: Item) -> Event:
        """As the API makes a fact of it."""
        match item.path:
            case "/v1/appointments":
                return self.desk.booked(Booking.model_validate_json(item.body))
            case "/v1/appointments/arrivals" | "/v1/appointments/servings":
                reference = Arrival.model_validate_json(item.body).reference
                assert reference, "it is how they name it"
                kind = AppointmentArrived if item.path.endswith("arrivals") else AppointmentServed
                return kind(at=item.at, appointment_id=self.desk.name(reference))
        return ContactReceived(
            at=item.at, contact_id=item.name, address_id=f"unknown.{item.name}", channel="counter", kind="unknown"
        )


def batches(engine: Engine, table: Table) -> Iterator[list[Envelope]]:
    roads = Roads(engine)
    every = (each for item in Year(table).items() for each in roads.facts(item))
    while batch := list(islice(every, BATCH)):
        yield batch


async def run() -> None:
    share = int(os.environ.get("YEAR_SHARE", "1"))
    table = Table().share(share)
    contacts, visits = sum(table[:6]), table.visits
    head(f"The year, one in {share}: {contacts:,} contacts, {table.appointments:,} appointments, {visits:,} visits")
    figures = [part for part in EVERY if part.name.startswith(FIGURES)]
    took, busy = [], []
    with folder() as place:
        async with engine_on(place / "year.db", batch_max=BATCH) as engine:
            await told_and_counted(engine, table, figures)
        for _ in range(RUNS):
            async with engine_on(place / "year.db", batch_max=BATCH) as engine:
                began, used = perf_counter(), process_time()
                await counted_again(engine, figures)
                took.append(perf_counter() - began)
                busy.append(process_time() - used)
    say(f"counted again from the log, by {len(figures)} parts", took, "s", digits=1)
    say("of which the processor was busy", busy, "s", digits=1)


async def told_and_counted(engine: Engine, table: Table, figures: Sequence[Part]) -> None:
    began, stored = perf_counter(), 0
    for batch in batches(engine, table):
        await engine.append(*batch)
        stored += len(batch)
    say("read by its roads and appended", [stored / (perf_counter() - began)], "facts/s")
    began = perf_counter()
    await engine.settle(*(part for part in EVERY if part.name.startswith(BEFORE)), *figures)
    say("stepped for the first time, with what follows from it", [perf_counter() - began], "s", digits=1)


async def counted_again(engine: Engine, figures: Sequence[Part]) -> None:
    """From the request to the switch of the last, as in life: side by side, while Draad runs."""
    for part in figures:
        await engine.rebuild(part.name)
    running = asyncio.create_task(engine.run(*figures))
    while not all(standing.task.active for standing in await engine.standings()):
        await engine.stopped(LOOK_S)
    engine.stop()
    await running
