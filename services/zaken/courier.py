"""Follows each notice: fetches the case as it stands, and puts that on the log. To look twice does no harm."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Final

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram

from channels.blind import blind
from engine.courier import Delivery
from engine.engine import Engine
from engine.work import reason
from schemas.errors import Conflict, Refused, Unavailable
from schemas.event import derived, fact
from schemas.notice import Asker, NoticeDue, NoticeFollowed, NoticePostponed, NoticeReceived, Stage
from services.zaken import words
from services.zaken.cases import FORBIDDEN
from services.zaken.register import Forbidden, Gone, Register
from services.zaken.words import line, uuid_of, word

NAME: Final = "zaken.courier"
IN_HAND_MAX: Final = 8  # Cases that are looked at at once.
LOOK_S_MAX: Final = 60.0
LAGS_S: Final = (0.5, 1, 5, 20, 60, 300, 1_800, 7_200, 86_400)

Whose = Callable[[str, str], Awaitable[Sequence[str]]]  # The parties of this number: of which register, and its hash.

log = structlog.get_logger("zaken")


class Courier:
    """Looks at cases, of each at one time once: whoever asks meanwhile is answered by the next look."""

    def __init__(  # noqa: PLR0913, PLR0917  # All that it stands on.
        self,
        engine: Engine,
        register: Register,
        whose: Whose,
        pepper: bytes,
        clock: Callable[[], datetime],
        registry: CollectorRegistry | None = None,
    ) -> None:
        self._engine, self._register, self._clock = engine, register, clock
        self._whose, self._pepper = whose, pepper
        self._lanes: dict[str, list[Delivery]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(IN_HAND_MAX)
        self._looks = Counter("draad_zaken_looks_total", "Looks at a case, by outcome", ["outcome"], registry=registry)
        self._lag = Histogram(
            "draad_zaken_lag_seconds", "From the notice to the case on the log", buckets=LAGS_S, registry=registry
        )

    async def run(self) -> None:
        """Until the engine stops. What is looked at then is looked at again by whoever comes next."""
        try:
            async for delivery in self._engine.follow(NAME, NoticeReceived, NoticeDue):
                case = delivery.event.case_id
                if case in self._lanes:
                    self._lanes[case].append(delivery)
                    continue
                await self._room.acquire()
                self._lanes[case] = [delivery]
                task = asyncio.create_task(self._follow(case))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._register.close()

    async def _follow(self, case: str) -> None:
        try:
            while waiting := self._lanes[case]:
                self._lanes[case] = []
                await self._answer(waiting, await self.look(case))
        finally:
            del self._lanes[case]
            self._room.release()

    async def _answer(self, waiting: Sequence[Delivery], outcome: NoticeFollowed | NoticePostponed) -> None:
        for nth, delivery in enumerate(waiting):
            try:
                await delivery.done(*([outcome] if nth == 0 else []))
                self._lag.observe(max(0.0, (self._clock() - delivery.event.at).total_seconds()))
            except (Conflict, Unavailable) as error:  # It is lent again.
                log.warning("zaken.unsaid", error=type(error).__name__)

    async def look(self, case: str) -> NoticeFollowed | NoticePostponed:
        """The case as it stands now; or why nobody can tell."""
        at = self._clock()
        try:
            async with asyncio.timeout(LOOK_S_MAX):
                found = await self._found(case, at)
        except Forbidden:
            why = FORBIDDEN
        except (Unavailable, TimeoutError):
            why = "unavailable"
        except Refused as error:
            log.warning("zaken.unreadable", case=case, error=str(error))
            why = "unreadable"
        except Exception as error:  # noqa: BLE001  # Whatever that system says: it holds no other case up.
            log.error("zaken.failed", case=case, error=reason(error))  # noqa: TRY400
            why = "unreadable"
        else:
            self._looks.labels("gone" if found.gone else "followed").inc()
            return found
        self._looks.labels(why).inc()
        return NoticePostponed(at=at, case_id=case, reason=why)

    async def _found(self, case: str, at: datetime) -> NoticeFollowed:
        """First the case, then what hangs on it, and its result last: so nothing that we saw is older than `digest`."""
        ask, home = self._register, self._register.settings.zaken_url
        url = f"{home}zaken/{case}"
        try:
            zaak = await ask.one(words.Zaak, url)
        except Gone:
            return NoticeFollowed(at=at, case_id=case, gone=True)
        of_it = {"zaak": url}
        try:
            zaaktype = await ask.kind_of(words.Zaaktype, zaak.zaaktype)
            rollen = await ask.every(words.Rol, f"{home}rollen", of_it | {"omschrijvingGeneriek": "initiator"})
            stages = await self._stages(of_it)
            results = await ask.every(words.Resultaat, f"{home}resultaten", of_it)
            ending = await ask.kind_of(words.Resultaattype, results[0].resultaattype) if results else None
        except Gone:
            raise Unavailable("something of this case went away while it was read") from None
        ended = line(ending.omschrijving) if ending else ""
        return fitting(
            NoticeFollowed(
                at=at,
                case_id=case,
                kind=word(zaaktype.omschrijving),
                title=line(zaak.omschrijving) or line(zaaktype.omschrijving),
                main_id=uuid_of(zaak.hoofdzaak, f"{home}zaken/") if zaak.hoofdzaak else "",
                asker=await self._asker(rollen),
                stages=stages,
                due=zaak.due,
                still=zaak.still,
                ended=zaak.einddatum is not None,
                outcome=word(ended),
                ending=ended,
                digest=zaak.digest,
            )
        )

    async def _stages(self, of_it: dict[str, str]) -> tuple[Stage, ...]:
        home = f"{self._register.settings.zaken_url}statussen"
        statuses = await self._register.every(words.Status, home, of_it)
        kinds = [await self._register.kind_of(words.Statustype, status.statustype) for status in statuses]
        both = sorted(zip(statuses, kinds, strict=True), key=lambda one: (one[0].datum_status_gezet, one[1].volgnummer))
        return tuple(words.stage(status, kind, uuid_of(status.url, f"{home}/")) for status, kind in both)[
            -words.STAGES_MAX :
        ]

    async def _asker(self, rollen: Sequence[words.Rol]) -> Asker | None:
        """Who asked, if a register knows them: the party of that number, or a new one of it."""
        for rol in rollen:
            if not rol.number:
                continue
            scheme, number = rol.number
            try:
                digest = blind(scheme, number, self._pepper)
            except Refused:  # It has not the digits of such a number.
                continue
            known = await self._whose(scheme, digest)
            party = known[0] if known else derived(f"party {scheme} {digest}")
            return Asker(party_id=party, kind=rol.kind, name=rol.name, scheme=scheme, digest=digest, known=bool(known))
        return None


def fitting(found: NoticeFollowed) -> NoticeFollowed:
    """Itself; without what the statuses mean, where that is more than a fact can hold."""
    try:
        fact(found, key="")
    except Refused:
        return found.model_copy(update={"stages": tuple(one.model_copy(update={"says": ""}) for one in found.stages)})
    return found
