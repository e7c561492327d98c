"""Whatever comes of its notices, a case has the same life here as in its case system, and each status is told once.

A life is drawn, and beside it the moments at which somebody looks: a notice that comes twice, late, out of order or
never is a look more, later, or none. The last look is that of the poll, which looks only where its list shows a change.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from random import Random
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.engine import Engine
from engine.memory import Disk, MemoryStore
from engine.testing import Scene
from schemas.event import Event
from schemas.notice import NoticeDue, NoticeFollowed, NoticeReceived
from schemas.reading import read
from services.zaken.cases import cases
from services.zaken.courier import NAME, Courier
from services.zaken.words import Zaak
from tests.fakes.openzaak import BSN, STATUSES, OpenZaak
from tests.rooms import KEYS
from tests.services.zaken.town_hall import Hour, register_of, town_hall

LIFE: Final = ("case.opened", "case.status-changed", "case.closed", "case.reopened")
HAPPENS: Final = st.one_of(
    st.sampled_from([name for name, *_ in STATUSES]).map(lambda name: ("reaches", name)),
    st.sampled_from([("asks", BSN), ("results", "Toegekend"), ("suspends", True), ("suspends", False)]),
    st.integers(1, 9).map(lambda days: ("is_due", days)),
)
Deed = tuple[str, Any]


class Told(Scene[Any]):
    """All that followed, from the beginning."""

    def __init__(self) -> None:
        super().__init__(cases)
        self.every: list[Event] = []
        self.digest = ""

    def sees(self, found: NoticeFollowed) -> None:
        self.when(found)
        self.digest = found.digest
        self.every += [read(outcome.type, outcome.data) for outcome in self._outcomes]

    @property
    def life(self) -> list[tuple[Any, ...]]:
        told = [event for event in self.every if event.type in LIFE]
        return [(one.type, one.at, getattr(one, "status", ""), getattr(one, "inform", True)) for one in told]

    def last(self, kind: str, field: str) -> Any:  # A field of any event.
        return next((getattr(event, field) for event in reversed(self.every) if event.type == kind), None)

    @property
    def still(self) -> bool:
        kinds = [event.type for event in self.every if event.type in {"case.suspended", "case.resumed", "case.closed"}]
        return bool(kinds) and kinds[-1] == "case.suspended"


def does(zaak: OpenZaak, case: str, deed: Deed, hour: Hour) -> None:
    what, said = deed
    if what == "is_due":
        said = hour().date() + timedelta(days=said)
    getattr(zaak, what)(case, said)


async def lived(deeds: Sequence[Deed], looks: Sequence[int]) -> Told:
    """What is told of this life by who looks after so many deeds, and at the end as the poll does."""
    hour, zaak, told = Hour(), OpenZaak(), Told()
    zaak.now = hour
    register = register_of(zaak, hour)

    async def nobody(_scheme: str, _digest: str) -> list[str]:
        return []

    courier, case = Courier(None, register, nobody, KEYS.addresses, hour), zaak.opens()  # type: ignore[arg-type]  # It only looks.

    async def look() -> None:
        hour.passes(seconds=1)
        found = await courier.look(case)
        assert isinstance(found, NoticeFollowed)
        told.sees(found)

    for nth, deed in enumerate(deeds):
        for _ in range(looks.count(nth)):
            await look()
        hour.passes(hours=1)
        does(zaak, case, deed, hour)
    for _ in range(looks.count(len(deeds))):
        await look()
    if Zaak.of(zaak.case(case)).digest != told.digest:
        await look()
    await register.close()
    return told


@settings(max_examples=50, deadline=None)
@given(st.lists(HAPPENS, min_size=1, max_size=9), st.lists(st.integers(0, 9), max_size=8))
def test_any_notices_come_to_the_same_life(deeds: list[Deed], looks: list[int]) -> None:
    best = asyncio.run(lived(deeds, range(len(deeds) + 1)))
    any_way = asyncio.run(lived(deeds, looks))
    # What is seen of an hour is a second later for each look before it.
    assert [rounded(one) for one in any_way.life] == [rounded(one) for one in best.life]
    assert any_way.last("case.due-set", "due") == best.last("case.due-set", "due")
    assert any_way.still == best.still
    if best.life and best.life[-1][0] == "case.closed":
        assert any_way.last("case.closed", "outcome") == best.last("case.closed", "outcome")
    told = [one for one in any_way.life if one[0] in {"case.status-changed", "case.closed"}]
    assert len(told) == len(set(told))


def rounded(one: tuple[Any, ...]) -> tuple[Any, ...]:
    return one[0], one[1].replace(minute=0, second=0), *one[2:]


DEEDS: Final[Sequence[Deed]] = (
    ("asks", BSN), ("reaches", "Ontvangen"), ("is_due", 9), ("reaches", "In behandeling"), ("suspends", True),
    ("reaches", "Intern overleg"), ("suspends", False), ("results", "Toegekend"), ("reaches", "Afgehandeld"),
)  # fmt: skip


@pytest.mark.parametrize("seed", range(8))
async def test_over_the_log_they_come_to_the_same_life_too(seed: int) -> None:
    """Through the door and the parts, each at its own pace; the first courier dies with a notice in hand."""
    random, disk = Random(seed), Disk()
    wanted = (await lived(DEEDS, range(len(DEEDS) + 1))).life
    async with town_hall(disk) as hall:
        case = hall.zaak.opens()
        for deed in DEEDS:
            hall.hour.passes(hours=1)
            does(hall.zaak, case, deed, hall.hour)
        told = [notice for notice in hall.zaak.told for _ in range(random.randrange(3))]  # Lost, once, or twice.
        random.shuffle(told)
        assert {(await hall.tells(notice)).status_code for notice in told} == {204}
        await dies(Engine(MemoryStore(disk, hall.hour), clock=hall.hour))
        hall.hour.passes(hours=1)
        hall.zaak.faults.extend(random.choices(["", "500", "403", "nonsense"], [8, 1, 1, 1], k=20))
        async with hall.at_work():
            await hall.comes(bool, "notice.followed", "notice.postponed")
            hall.hour.passes(hours=3)
            hall.zaak.faults.clear()
            await hall.polls()
            await hall.comes(lambda facts: "case.closed" in {fact.type for fact in facts})
        found = [fact for fact in await hall.facts("case.") if fact.type in LIFE]
        assert [(one.type, getattr(one, "status", "")) for one in found] == [(one[0], one[2]) for one in wanted]


async def dies(engine: Engine) -> None:
    """A courier that is gone with what it had begun."""
    await anext(aiter(engine.follow(NAME, NoticeReceived, NoticeDue)))
