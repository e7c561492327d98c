"""What residents do, each from beginning to end. A scene waits in minutes of this town, which are shorter than ours."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any, Final, NamedTuple

from websockets.exceptions import ConnectionClosed

from simulation.colleagues import Colleagues
from simulation.hours import free
from simulation.people import GONE, QUESTIONS, THANKS, Question, Resident
from simulation.streets import Streets, says
from simulation.twilio import Callback, Voice

PATIENCE_MINUTES: Final = 4.0  # Who is not answered within these hangs up.
BOOKED_MINUTES: Final = 25.0  # How long before their hour people book in this town.
BOOKED_S_MIN: Final = 60.0  # And in ours at least: nobody is told any more of what is about to begin.
MISSED: Final = 0.13  # How many do not come, as in the town of which the figures are known.
CANCELLED: Final = 0.12
THANKED: Final = 0.4
PLACES: Final = 2  # As many are helped at the same hour with the same thing.


class Stage(NamedTuple):
    """What a scene stands on."""

    streets: Streets
    colleagues: Colleagues
    dice: Random

    @property
    def minute_s(self) -> float:
        return self.colleagues.minute_s

    async def minutes(self, least: float, most: float) -> None:
        await self.colleagues.minutes(least, most)

    def question(self) -> Question:
        return self.dice.choice(QUESTIONS)


async def calls(stage: Stage, who: Resident) -> None:
    """By telephone: they are answered, or hang up before."""
    streets = stage.streets
    home = f"{streets.address}/webhooks/phone/main"
    voice = Voice(who.phone, f"CA{streets.name()}", home, datetime.now(UTC))
    await streets.twilio(voice.rings())
    try:
        async with stage.colleagues.one(PATIENCE_MINUTES) as agent:
            await stage.minutes(0.3, 1)
            on = await streets.waits(who.phone)
            dequeued = voice.own("in-progress", DequeingCallSid=f"CA{streets.name()}", QueueTime="12")
            await streets.twilio(Callback(f"{home}/bridged?agent={agent}", dequeued))
            await talks(stage, agent, on)
    except TimeoutError:
        await streets.twilio(Callback(f"{home}/queued", voice.own("completed", QueueResult="hangup")))
    lasted = int((datetime.now(UTC) - voice.at).total_seconds())
    await streets.twilio(voice.ends(lasted=max(1, lasted)))


async def talks(stage: Stage, agent: str, on: Mapping[str, str]) -> None:
    """What is said; the colleague writes down what it was about."""
    question = stage.question()
    await stage.minutes(2, 6)
    if on:
        said = {"text": f"{question.title}. {question.answer}", "product": question.product, "result": "answered"}
        where = {"agent_id": agent, "address_id": on["address_id"]}
        await stage.streets.api(f"/v1/contacts/{on['contact_id']}/notes", **said, **where)


async def mails(stage: Stage, who: Resident) -> None:
    """By mail. Of some the mailbox is gone by the time that they are answered."""
    question = stage.question()
    who = who if who.email else who._replace(email=GONE)
    await stage.streets.mails(who, question.title, f"{question.text}\n\nGroeten,\n{who.name}")


async def fills_in(stage: Stage, who: Resident) -> None:
    """On the website: they read about a product, begin the form and mostly send it."""
    question, visit = stage.question(), stage.streets.name()
    for step in ("information", "started"):
        await stage.streets.steps(visit, question.product, step)
        await stage.minutes(0.5, 2)
    if stage.dice.random() < 0.8:
        await stage.streets.fills_in(who, question.product, question.text)
        await stage.streets.steps(visit, question.product, "completed")


async def texts(stage: Stage, who: Resident) -> None:
    await stage.streets.texts(who, stage.question().text)


async def whatsapps(stage: Stage, who: Resident) -> None:
    await stage.streets.whatsapps(who, stage.question().text)


async def chats(stage: Stage, who: Resident) -> None:
    """In the chat of the website, until they are answered or have waited long enough."""
    del who  # Nobody says a name there.
    async with stage.streets.chat() as socket:
        await says(socket, hello={"language": "nl"})
        await asks(stage, socket, stage.question().text)
        try:
            async with asyncio.timeout(15 * stage.minute_s):
                names = await answered(socket)
                await says(socket, got=names)
                await stage.minutes(0.5, 1)
                await asks(stage, socket, stage.dice.choice(THANKS))
                await stage.minutes(0.5, 1)
        except (TimeoutError, ConnectionClosed):
            return  # They close the page.


async def asks(stage: Stage, socket: Any, text: str) -> None:
    await says(socket, say={"id": stage.streets.name(), "text": text})


async def answered(socket: Any) -> list[str]:
    """The answers that came, once there are any."""
    while True:
        frame = json.loads(await socket.recv())
        names = [line["name"] for line in frame.get("lines", ()) if line["by"] == "agent"]
        if names:
            return names


async def walks_in(stage: Stage, who: Resident) -> None:
    """At the counter, without an appointment."""
    del who  # Nobody asks for a name at the door.
    reference = stage.streets.name()
    product = stage.question().product
    await stage.streets.api("/v1/appointments/walk-ins", reference=reference, product=product)
    await helped(stage, reference)


async def books(stage: Stage, who: Resident) -> None:
    """An appointment: they come, do not come, or cancel in time."""
    streets, reference = stage.streets, stage.streets.name()
    starts = datetime.now(UTC) + timedelta(seconds=max(BOOKED_S_MIN, BOOKED_MINUTES * stage.minute_s))
    where = {"kind": "email", "value": who.email} if who.email else {"kind": "phone", "value": who.phone}
    said = {"reference": reference, "product": stage.question().product, "address": where}
    await streets.api("/v1/appointments", **said, starts_at=starts.isoformat())
    fate = stage.dice.random()
    await stage.minutes(BOOKED_MINUTES - 10, BOOKED_MINUTES - 5)
    if fate < MISSED:
        return
    if fate < MISSED + CANCELLED:
        if who.email:
            await streets.api("/v1/appointments/cancellations", reference=reference, by="party")
        else:
            await streets.texts(who, "AFZEGGEN")
        return
    await streets.api("/v1/appointments/arrivals", reference=reference)
    await stage.minutes(1, 4)
    await helped(stage, reference)


async def offers(streets: Streets, today: date) -> None:
    """The appointment system says which hours are free: whoever gets a link may move an appointment to one."""
    for product in sorted({question.product for question in QUESTIONS}):
        for day, hours in free(today):
            each = [{"starts_local": hour, "places": PLACES} for hour in hours]
            await streets.api("/v1/appointments/hours", product=product, day=f"{day}", hours=each)


async def helped(stage: Stage, reference: str) -> None:
    """Somebody calls them to a desk, and helps them."""
    async with stage.colleagues.one() as agent:
        desk = f"balie-{1 + stage.dice.randrange(4)}"
        await stage.streets.api("/v1/appointments/calls", reference=reference, desk=desk, agent_id=agent)
        await stage.minutes(3, 8)
        await stage.streets.api("/v1/appointments/servings", reference=reference)


async def forges(stage: Stage, who: Resident) -> None:
    """Somebody who is no provider."""
    del who
    await stage.streets.forges()


async def garbles(stage: Stage, who: Resident) -> None:
    """A form of which nobody can tell whose it was."""
    del who
    await stage.streets.garbles()


Scene = Callable[[Stage, Resident], Awaitable[None]]
# How many of each there are in a day of a small town, beside each other.
SCENES: Final[Sequence[tuple[Scene, int]]] = (
    (calls, 110),
    (fills_in, 40),
    (books, 30),
    (walks_in, 28),
    (mails, 22),
    (chats, 20),
    (whatsapps, 20),
    (texts, 8),
    (forges, 2),
    (garbles, 2),
)
