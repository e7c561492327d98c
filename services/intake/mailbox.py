"""Mail is fetched: kept whole, read, appended; and only then is it written down how far we are.

So after a kill at any line the last mails are fetched again, and are known by their ids. Nothing hangs on what the
server marks as seen. A mailbox that lets us in no more is red within a minute, because each minute we knock anew.
"""

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Final, ParamSpec, TypeVar

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge
from sqlalchemy import select

from channels.channel import Inbound
from channels.email import Inbox
from channels.mime import RAW_BYTES_MAX
from engine.engine import Engine
from engine.work import reason
from schemas.contact import ContactReceived
from schemas.errors import Unavailable
from schemas.event import Envelope, fact
from schemas.mailbox import MailboxRead
from services.intake.imap import LoginError, Visit, Waiting
from services.intake.place import Place, mails, places
from services.intake.post import Post
from services.intake.quarantine import quarantine

VISIT_S_MAX: Final = 45.0  # Then we knock anew, to learn whether the password still holds.
GROUP_MAX: Final = 50  # Mails in memory at once,
GROUP_BYTES_MAX: Final = 8 * 2**20  # and their bytes, where one alone has no more.
PAUSE_S_MIN: Final = 1.0
PAUSE_S_MAX: Final = 30.0

log = structlog.get_logger("mailbox")
Given = ParamSpec("Given")
Got = TypeVar("Got")


class Gauges:
    """What ops can see of mailboxes. Labels are names of inboxes."""

    def __init__(self, registry: CollectorRegistry) -> None:
        label = ["inbox"]
        self.up = Gauge("draad_mailbox_up", "1 while the mailbox lets us in", label, registry=registry)
        self.taken = Counter("draad_mails_taken_total", "Mails taken in, repeats included", label, registry=registry)


class Mailbox:
    """Follows one mailbox until `stop`. `fault` says in a sentence why it cannot; it is empty while it can."""

    def __init__(  # noqa: PLR0913  # All that it stands on.
        self,
        name: str,
        inbox: Inbox,
        *,
        post: Post,
        engine: Engine,
        gauges: Gauges,
        clock: Callable[[], datetime],
        visit_s_max: float = VISIT_S_MAX,
    ) -> None:
        self._name, self._inbox, self._post, self._engine = name, inbox, post, engine
        self._gauges, self._clock, self._visit_s_max = gauges, clock, visit_s_max
        gauges.taken.labels(name)  # Shown before the first one, as zero.
        self._stopped = threading.Event()
        self._thread = ThreadPoolExecutor(1, f"mailbox-{name}")
        self._place: Place | None = None
        self._anew = False  # The server counts anew: what it shows may be years old.
        self.fault = ""

    async def run(self) -> None:
        """Fetch what comes, for ever. Whatever breaks is tried again, later and later."""
        pause = PAUSE_S_MIN
        try:
            while not self._stopped.is_set():
                if await self._visited():
                    pause = PAUSE_S_MIN
                else:
                    await self._call(self._stopped.wait, pause)
                    pause = min(pause * 2, PAUSE_S_MAX)
        finally:
            self._stopped.set()
            self._thread.shutdown(wait=False)

    def stop(self) -> None:
        self._stopped.set()

    async def _visited(self) -> bool:
        try:
            await self.visit(self._visit_s_max)
        except LoginError:
            self._stands(f"the mailbox {self._name} does not let us in: set its user and password anew")
        except Unavailable:  # Ours, not the mailbox's: what was fetched is fetched again.
            log.warning("mailbox.waits", inbox=self._name)
        except Exception as error:  # noqa: BLE001  # Whatever that server says, the house stands, and somebody is told.
            self._stands(f"the mailbox {self._name} cannot be reached ({type(error).__name__})")
            log.warning("mailbox.failed", inbox=self._name, error=reason(error))
        else:
            return True
        return False

    async def visit(self, seconds: float) -> None:
        """Take in all that is there, and what comes within so many seconds."""
        until = asyncio.get_running_loop().time() + seconds
        visit = await self._call(Visit, self._inbox)
        try:
            await self._catch_up(visit)
            self._stands("")
            while not self._stopped.is_set() and (left := until - asyncio.get_running_loop().time()) > 0:
                await self._call(visit.listen, self._stopped, left)
                await self._catch_up(visit)
        finally:
            await self._call(visit.close)

    async def _catch_up(self, visit: Visit) -> None:
        while not self._stopped.is_set():
            place = await self._from(await self._call(visit.look))
            uids = await self._call(visit.after, place.uid)
            if not uids:
                return
            for at in range(0, len(uids), GROUP_MAX):
                waiting = await self._call(visit.waiting, uids[at : at + GROUP_MAX])
                for group in grouped(waiting):
                    await self._take(visit, group, place.validity)
                if self._stopped.is_set():
                    return
            await self._went(place.validity, uids[-1])  # Also past what was gone before we came to it.

    async def _from(self, validity: int) -> Place:
        """Where to go on: from the start, where the server counts anew."""
        if self._place is None:
            table = await self._engine.table(places)
            rows = await self._engine.fetch(select(table).where(table.c.inbox == self._name))
            self._place = Place(validity=rows[0]["validity"], uid=rows[0]["uid"]) if rows else Place()
        if self._place.validity != validity:
            self._anew = self._place.validity != 0
            self._place = Place(validity=validity)
        return self._place

    async def _take(self, visit: Visit, group: Sequence[Waiting], validity: int) -> None:
        """A few mails: kept, read, appended. After that, and never before, how far we are."""
        fits = [each for each in group if each.size_bytes <= RAW_BYTES_MAX]
        raw = await self._call(visit.raw, [each.uid for each in fits]) if fits else {}
        heard = await asyncio.gather(*(self._facts(visit, each, raw) for each in group))  # Disks write many at once.
        facts = [each for facts in heard for each in facts]
        if self._anew:
            facts = await self._unknown(facts)
        await self._engine.append(*facts)
        self._gauges.taken.labels(self._name).inc(len(group))
        await self._went(validity, group[-1].uid)

    async def _facts(self, visit: Visit, mail: Waiting, raw: dict[int, bytes]) -> list[Envelope]:
        if mail.uid in raw:
            return await self._post.facts(Inbound(self._name, "", {}, raw[mail.uid], mail.at))
        return [await self._too_large(visit, mail)] if mail.size_bytes > RAW_BYTES_MAX else []

    async def _too_large(self, visit: Visit, mail: Waiting) -> Envelope:
        """It stays there whole; what stands above it is kept here, and the desk is told."""
        head = await self._call(visit.head, mail.uid)
        inbound = Inbound(self._name, "", {}, head, mail.at)
        return self._post.set_aside(inbound, await self._post.blobs.put(head), "too-large", mail.size_bytes)

    async def _unknown(self, facts: Sequence[Envelope]) -> list[Envelope]:
        """The facts of mails that we do not have. What the log forgot to know again stands in our own views."""
        contacts, items = await self._engine.table(mails), await self._engine.table(quarantine)
        named = [
            ContactReceived.model_validate_json(f.data).contact_id for f in facts if f.type == ContactReceived.type
        ]
        aside = [each.subject.partition("/")[2] for each in facts if each.subject.startswith("quarantine/")]
        rows = [
            *await self._engine.fetch(select(contacts.c.contact_id).where(contacts.c.contact_id.in_(named))),
            *await self._engine.fetch(select(items.c.item_id).where(items.c.item_id.in_(aside))),
        ]
        known = {str(value) for row in rows for value in row.values()}
        return [each for each in facts if not known.intersection(ids(each))]

    async def _went(self, validity: int, uid: int) -> None:
        if self._place == Place(validity=validity, uid=uid):
            return
        event = MailboxRead(at=self._clock(), inbox=self._name, validity=validity, uid=uid)
        await self._engine.append(fact(event, key=f"{validity} {uid}"))
        self._place = Place(validity=validity, uid=uid)

    def _stands(self, fault: str) -> None:
        self._gauges.up.labels(self._name).set(not fault)
        if fault != self.fault:
            (log.warning if fault else log.info)("mailbox.red" if fault else "mailbox.green", inbox=self._name)
        self.fault = fault

    async def _call(self, function: Callable[Given, Got], *args: Given.args, **kwargs: Given.kwargs) -> Got:
        return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: function(*args, **kwargs))


def grouped(waiting: Sequence[Waiting]) -> Iterator[list[Waiting]]:
    """So few at once that they fit in memory."""
    group: list[Waiting] = []
    for each in waiting:
        if group and sum(other.size_bytes for other in (*group, each)) > GROUP_BYTES_MAX:
            yield group
            group = []
        group.append(each)
    if group:
        yield group


def ids(envelope: Envelope) -> set[str]:
    """By which of our views a fact of a mail is known."""
    if envelope.type == ContactReceived.type:
        return {ContactReceived.model_validate_json(envelope.data).contact_id}
    return {envelope.subject.partition("/")[2]}
