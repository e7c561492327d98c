"""The town: its providers, its website and its mail are there before Draad is, and its people as soon as Draad answers.

The same seed makes the same day: who comes, when, and with what. How long colleagues need is theirs.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import structlog
from fastapi import APIRouter

from channels.days import day_of
from services.desk.door import Door
from services.desk.forms import Desk
from services.desk.page import Page
from simulation import meta, outbox, twilio
from simulation.colleagues import Colleagues
from simulation.hours import BUSY, CLOSES, OPENS, moments
from simulation.letters import FORMS, INFO
from simulation.outbox import Outbox
from simulation.people import QUESTIONS, THANKS, resident
from simulation.providers import Providers
from simulation.relay import HERE
from simulation.scenes import SCENES, THANKED, Scene, Stage, fills_in, mails, offers, whatsapps
from simulation.streets import SITE, STUMBLES, Streets, steady

PAGES: Final = Path(__file__).parent / "pages"
SITE_FILE: Final = Path(__file__).parent / "site.toml"  # What residents meet.
TITLE: Final = "Gemeente Oefenstad"
HOUR_S: Final = 3_600
SILENCE_S: Final = 2.0  # After something did not go as it should.
STATUSES: Final = ("in-progress", "ready")
RESIDENTS: Final = 150  # Few enough that they come again, over another road.
MAT: Final = (mails, fills_in, whatsapps)
MAT_EACH: Final = 6
MAT_S: Final = 300.0

log = structlog.get_logger("town")


class Coming(NamedTuple):
    """Somebody sets out: after so many seconds of a real day, which scene, and who."""

    at_s: float
    scene: Scene
    who: int


def day(dice: random.Random) -> list[Coming]:
    """Everybody of one day, in order, from the hour in which the doors open."""
    coming = [
        Coming(at - OPENS * HOUR_S, scene, dice.randrange(RESIDENTS))
        for scene, times in SCENES
        for at in moments(times, BUSY, dice)
    ]
    return sorted(coming, key=lambda each: each.at_s)


def overnight(dice: random.Random) -> list[Coming]:
    """What was written while nobody was there lies on the mat when the doors open."""
    return [Coming(dice.random() * MAT_S, scene, dice.randrange(RESIDENTS)) for scene in MAT for _ in range(MAT_EACH)]


class Town:
    """One day of it takes `day_s` seconds, and another begins after it."""

    def __init__(self, seed: int, day_s: float, clock: Callable[[], datetime], lmtp: int) -> None:
        self._seed, self._day_s, self._lmtp = seed, day_s, lmtp
        self.minute_s = day_s / ((CLOSES - OPENS) * 60)
        self._dice = random.Random(seed)
        self.outbox = Outbox(clock)
        self.providers = Providers(self.outbox, random.Random(seed + 1))

    def inboxes(self) -> Mapping[str, Mapping[str, Mapping[str, Any]]]:
        """Every channel that this town uses, as the channels file would have it."""
        relay = {"smtp_host": HERE, "smtp_port": self.providers.relay.port, "smtp_security": "none"}
        phone = {"auth_tokens": [twilio.TOKEN], "connect": "front", "targets": {"front": {"queue": "front"}}}
        sms = {"account_sid": twilio.ACCOUNT, "auth_tokens": [twilio.TOKEN], "sender": twilio.OURS}
        graph = {"graph_url": self.providers.meta.graph_url, "media_hosts": [self.providers.meta.host]}
        return {
            "phone": {"main": phone},
            "sms": {"main": {**sms, "api_url": self.providers.twilio_url}},
            "whatsapp": {"main": {**meta.SETTINGS, **graph}},
            "email": {"main": {"address": INFO, "name": TITLE, "lmtp_listen": f"{HERE}:{self._lmtp}", **relay}},
            "web": {"forms": {"signing": FORMS}},
            "chat": {"main": {"origins": [SITE]}},
        }

    def pages(self, desk: Desk, page: Page) -> APIRouter:
        return outbox.router(self.outbox, desk, page)

    @asynccontextmanager
    async def lives(self, address: str, token: str, door: Door) -> AsyncIterator[None]:
        """Draad answers at this address: let everybody go their way, until it is over."""
        streets = Streets(address, token, self._lmtp, self._dice)
        colleagues = Colleagues(streets, door, self._dice, self.minute_s)
        stage = Stage(streets, colleagues, self._dice)
        self.providers.tell(streets, lambda *what: self.thanks(stage, *what))
        async with asyncio.TaskGroup() as group:
            going = (self.days(stage), again(colleagues.run), self.deals(stage))
            tasks = [group.create_task(work) for work in going]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                await self.providers.rest()
        await streets.close()

    async def days(self, stage: Stage) -> None:
        """One after the other."""
        loop, dice = asyncio.get_running_loop(), random.Random(self._seed)
        async with asyncio.TaskGroup() as group:
            while True:
                begins = loop.time()
                group.create_task(steady("offers", offers(stage.streets, day_of(datetime.now(UTC)))))
                for each in sorted((*overnight(dice), *day(dice)), key=lambda each: each.at_s):
                    due = begins + each.at_s * self.minute_s / 60
                    await asyncio.sleep(max(0.0, due - loop.time()))
                    group.create_task(steady(each.scene.__name__, each.scene(stage, resident(each.who))))

    async def deals(self, stage: Stage) -> None:
        """Cases go on, one status after the other."""
        async with asyncio.TaskGroup() as group:
            while True:
                case_id = await stage.colleagues.opened.get()
                group.create_task(steady("deals", self.dealt(stage, case_id)))

    async def dealt(self, stage: Stage, case_id: str) -> None:
        for status in STATUSES:
            await stage.minutes(10, 40)
            await stage.streets.api(f"/v1/cases/{case_id}/status", status=status)
        await stage.streets.api(f"/v1/cases/{case_id}/close", outcome="opgelost")

    async def thanks(self, stage: Stage, channel: str, to: str, text: str) -> None:
        """Whoever got an answer over a telephone may say so."""
        written = any(question.answer in text for question in QUESTIONS)
        if channel not in {"sms", "whatsapp"} or not written or self._dice.random() > THANKED:
            return
        await stage.minutes(1, 3)
        who = next((each for each in map(resident, range(RESIDENTS)) if each.phone == to), resident(0))
        says = stage.streets.texts if channel == "sms" else stage.streets.whatsapps
        await says(who, self._dice.choice(THANKS))


async def again(work: Callable[[], Awaitable[None]]) -> None:
    """Go on with it after anything that did not go as it should."""
    while True:
        try:
            await work()
        except* STUMBLES as error:
            log.warning("town.stumbled", scene="colleagues", error=type(error.exceptions[0]).__name__)
        await asyncio.sleep(SILENCE_S)
