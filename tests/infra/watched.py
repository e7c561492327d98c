"""Draad as Prometheus sees it: one that works, with everything around it broken; one desk without workers; and one
whose disk is full. Each turn plays traffic over all of them, and every fault again."""

import asyncio
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Timer
from typing import Final
from uuid import UUID

from httpx import codes

from channels.loopback import batch
from draad.beside import beside
from draad.parts import PARTS
from draad.settings import Settings
from engine.engine import open_engine, utc_now
from engine.file import FREE_BYTES_MIN
from infra.server import HERE, claim
from schemas.case import CaseDueSet, CaseOpened
from schemas.contact import ContactAnswered, ContactMade, ContactReceived
from schemas.event import Envelope, fact
from schemas.notice import NoticeReceived
from services.notify.gap import GRACE
from tests.draad.test_process import POISON
from tests.fakes.openzaak import settings_of
from tests.faults.full import SmallDisk
from tests.running import Running, running
from tests.signers.loopback import SETTINGS, sign

CREATED: Final = codes.CREATED
SCRAPER: Final = "the-scraper-of-these-tests-and-nothing-else"
PEPPER: Final = "p" * 32
NONSENSE: Final = b"nobody can read this"
ROAD: Final = "/webhooks/loopback/trial"
HELD_S: Final = 1.2  # A disk that takes so long makes one request slower than a second.
SMALL: Final = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c")
# Whether somebody was forgotten is looked at by the hour. Here that is a minute, and a minute is a second.
HASTE: Final = (
    "import runpy, sys, services.notify.gap as gap; gap.FIRST_S /= 60; gap.EVERY_S /= 60; sys.argv[:3] = []; "
    "runpy.run_module('draad', run_name='__main__', alter_sys=True)"
)
MOUNT: Final = 'mkdir -p "$0" && mount -t tmpfs -o size={size} draad "$0" && exec "$@"'

CHANNELS: Final = """
public_url = "https://contact.example.nl"
[loopback.trial]
secret = {{ file = "secret" }}
failing = {failing}
[loopback.away]
secret = {{ file = "secret" }}
failing = {away}
[email.info]
address = "info@gemeente.example"
imap_host = "127.0.0.1"
imap_port = {nobody}
imap_security = "none"
"""
SITE: Final = """
[notify]
organisation = "Gemeente Voorbeeld"
phone = "14 020"
sms_per_day = 0
[subscribers]
inner = ["127.0.0.0/8"]
[zaken]
"""


@dataclass
class Watched:
    """Three of them."""

    works: Running
    idle: Running
    full: Running
    log: Path  # Of the first.
    turns: int = 0

    @property
    def doors(self) -> Sequence[str]:
        return [f"{HERE}:{house.port}" for house in (self.works, self.idle, self.full)]

    def turn(self) -> None:
        """A little of everything, good and bad."""
        self.turns += 1
        self._asks()
        self._breaks()
        asyncio.run(told(self.log, self.turns))
        with held(self.log):
            assert self.works.post(f"slow-{self.turns}", {"channel": "phone", "text": "hallo"}).status_code == CREATED
        for _ in range(5):
            self.full.client.post(ROAD, content=NONSENSE, headers=sign(SETTINGS, "", NONSENSE))

    def _asks(self) -> None:
        for nth in range(5):
            self.works.post(f"{self.turns}-{nth}", {"channel": "phone", "text": "hallo"})
            item = {"id": f"{self.turns} {nth}", "sender": "Jan", "text": "hallo"}
            body = batch(messages=[item])
            self.works.client.post(ROAD, content=body, headers=sign(SETTINGS, "", body))
        for path in ("/v1/work", "/v1/subscriptions", "/klantinteracties/api/v1/actoren"):
            self.works.client.get(path)
        case = {"party_id": "p1", "kind": "permit", "title": "Een dakkapel"}
        self.works.client.post("/v1/cases", json=case, headers={"Idempotency-Key": f"case-{self.turns}"})

    def _breaks(self) -> None:
        self.works.client.post(ROAD, content=NONSENSE, headers=sign(SETTINGS, "", NONSENSE))
        for _ in range(4):
            self.works.client.post(ROAD, content=b"forged")
            for _ in range(5):
                self.works.client.get("/v1/work", headers={"Authorization": "Bearer guessed"})


async def told(log: Path, turn: int) -> None:
    """Messages that go wrong at a provider, or would cost too much; and a notice of a case that nobody can look at."""
    now = utc_now()
    answers = [
        ContactAnswered(
            at=now,
            contact_id=f"c{turn}",
            address_id=f"{inbox}{turn}",
            agent_id="g1",
            text="Dat kan",
            channel="loopback",
            message_id=f"{inbox}{turn}",
            address="Jan",
            inbox=inbox,
        )
        for inbox in ("trial", "away")
    ]
    by_sms = ContactMade(
        at=now,
        contact_id=f"s{turn}",
        address_id=f"s{turn}",
        agent_id="draad",
        text="Denkt u aan uw afspraak?",
        channel="sms",
        message_id=f"s{turn}",
        address="+31612345678",
        notification_id=f"n{turn}",
    )
    notice = NoticeReceived(at=now, case_id=f"z{turn}", what="status-create")
    async with beside(Settings(log=f"sqlite:///{log}")) as engine:
        await engine.append(*(fact(event, key=str(turn)) for event in (*answers, by_sms, notice)))


@contextmanager
def held(log: Path) -> Iterator[None]:
    """The file is held for a while, and let go."""
    with closing(sqlite3.connect(log, isolation_level=None, timeout=10, check_same_thread=False)) as db:
        db.execute("BEGIN IMMEDIATE")
        letting_go = Timer(HELD_S, db.execute, ("ROLLBACK",))
        letting_go.start()
        yield
        letting_go.join()


async def left_standing(log: Path) -> None:
    """A log of long ago on which nobody worked since: of its timers the hour has passed, and much is not read."""
    then = datetime.now(UTC) - timedelta(days=30)

    def contact(nth: int) -> Envelope:
        event = ContactReceived(at=then, contact_id=f"c{nth}", address_id=f"a{nth}", channel="phone", text="hallo")
        return fact(event, key=str(nth))

    async with open_engine(f"sqlite:///{log}", clock=lambda: then) as engine:
        await engine.append(contact(0))
        await engine.settle(*PARTS)
        await engine.append(*map(contact, range(1, 150)))


async def poisoned(log: Path) -> None:
    """Nobody can read one fact of a contact; nor one of a case, so that nobody is told that it was opened."""
    unread = Envelope(str(UUID(int=2)), CaseDueSet.type, "case/k1", "{}")
    opened = CaseOpened(at=utc_now() - GRACE, case_id="k1", party_id="p1", kind="permit", title="Een dakkapel")
    async with open_engine(f"sqlite:///{log}") as engine:
        await engine.append(POISON, unread, fact(opened, key="k1"))


@contextmanager
def watched(folder: Path) -> Iterator[Watched]:
    logs = [folder / name / "draad.db" for name in ("works", "idle", "full")]
    for log in logs[:2]:
        log.parent.mkdir()
    asyncio.run(poisoned(logs[0]))
    asyncio.run(left_standing(logs[1]))
    with ExitStack() as opened:
        nobody = claim()
        opened.callback(nobody.held.close)
        settings = {"DRAAD_PEPPER": PEPPER, **files(folder, nobody.port)}
        redis = {"DRAAD_REDIS": f"redis://{HERE}:{nobody.port}/0"}
        small = [*SMALL, MOUNT.format(size=FREE_BYTES_MIN + 24 * 2**20), str(logs[2].parent)]
        houses = (
            running(logs[0], 0, None, "run", (sys.executable, "-c", HASTE), **settings),
            running(logs[1], 0, None, "desk", **settings, **redis),
            running(logs[2], 0, folder / "full.err", "run", small, **settings),
        )
        with ThreadPoolExecutor(len(houses)) as starting:
            works, idle, full = starting.map(opened.enter_context, houses)
        SmallDisk(Path(f"/proc/{full.process.pid}/root{logs[2].parent}")).leave(2**20)
        subscription = {"name": "dead", "url": f"http://{HERE}:{nobody.port}/", "types": ["case."]}
        made = works.client.post("/v1/subscriptions", json=subscription, headers={"Idempotency-Key": "s1"})
        assert made.status_code == CREATED
        opened.enter_context(works.client.stream("GET", "/v1/events?types=case."))
        yield Watched(works, idle, full, logs[0])


def files(folder: Path, nobody: int) -> dict[str, str]:
    """Settings in which nobody answers at any provider's door."""
    (folder / "scraper").write_text(SCRAPER)
    failing = ["refused", "ambiguous"] * 200
    text = CHANNELS.format(failing=failing, away=["unavailable"] * 200, nobody=nobody)
    (folder / "channels.toml").write_text(text)
    (folder / "secret").write_text(SETTINGS["secret"])
    words = settings_of(f"http://{HERE}:{nobody}")
    secrets = dict.fromkeys(("secret", "callback_token"), '{ file = "scraper" }')
    zaken = {name: f'"{value}"' for name, value in words.items()} | secrets
    (folder / "site.toml").write_text(SITE + "\n".join(f"{name} = {value}" for name, value in zaken.items()))
    names = {"CHANNELS": "channels.toml", "SITE": "site.toml", "METRICS_TOKEN_FILE": "scraper"}
    return {f"DRAAD_{name}": str(folder / file) for name, file in names.items()}
