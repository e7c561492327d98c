"""Whatever fails, and wherever everything dies: what is to be told is taken once by a provider, or there is a reason.

Each schedule is played from a seed: roads that are away, refuse, take it and say nothing or break off before; mails
that come back; and a process that dies before or after any step, and begins anew with what is on the disk. The same is
played where the log is on Kafka and the rest in PostgreSQL: two towns, or as many as `DRAAD_TEST_SCHEDULES` says.
"""

import asyncio
import json
import os
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from channels.channel import Message, Undeliverable
from schemas import CATALOGUE
from schemas.case import CaseOpened, CaseStatusChanged
from schemas.contact import ContactMade
from schemas.event import Envelope
from schemas.message import MessageUnknown
from schemas.notification import NotificationDue, NotificationRequested, NotificationWithheld
from schemas.party import PartyAddressLinked, PartyPreferenceSet
from schemas.task import TaskOpened
from services.notify.notification import by_a_person
from tests.contract.looks import everything
from tests.contract.places import MemoryPlace
from tests.services.notify.schedules import KNOWN, ROADS, START, Road, World, play
from tests.services.places import HousePlace

SCHEDULES: Final = 1_000
TOGETHER: Final = 50  # In one test.
TOWN: Final = 25  # Residents of one schedule where each step goes over the network: most of it is waiting.
FAR: Final = int(os.environ.get("DRAAD_TEST_SCHEDULES", "2"))  # Towns.
FAR_S_MAX: Final = 600  # Each.
AT_ONCE: Final = 2  # Each of them waits most of the time.
NEWS_TOLD: Final = '"case-status"'


@pytest.mark.parametrize("first", range(0, SCHEDULES, TOGETHER))
async def test_each_is_taken_once_or_there_is_a_reason(first: int) -> None:
    for seed in range(first, first + TOGETHER):
        place = MemoryPlace(Path(), seed)
        world = await play(place, seed)
        judge(world, await everything(world.engine))


@pytest.mark.timeout(FAR * FAR_S_MAX)
@pytest.mark.xdist_group("servers")
async def test_the_same_holds_for_towns_on_many_machines(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    seeds, wished, taken, deaths = iter(range(FAR)), 0, 0, Counter[str]()

    async def lane() -> None:
        nonlocal wished, taken
        for seed in seeds:
            place = HousePlace(tmp_path, partitions=2)
            try:
                world = await play(place, seed, people=TOWN)
                wished += judge(world, await everything(world.engine))
                taken += len(world.taken)
                deaths.update(world.deaths)
            finally:
                await place.close()

    await asyncio.gather(*(lane() for _ in range(AT_ONCE)))
    died = ", ".join(f"{times} {when}" for when, times in sorted(deaths.items()))
    sums = f"{FAR * TOWN} residents, {wished} to be told, {taken} taken; died: {died}"
    record_property("schedules", f"seeds 0 to {FAR - 1}: {sums}")
    assert {*deaths} == {"begun", "acted", "done", "unsaid"}, "it died at each of them"


def judge(world: World, log: Sequence[Envelope]) -> int:
    """Whether each wish to tell somebody was taken once, or there is a reason; how many there were."""
    opened = [CATALOGUE[one.type].model_validate_json(one.data) for one in log]
    wished = {e.notification_id for e in opened if isinstance(e, NotificationRequested)}
    written = {e.message_id: e.notification_id for e in opened if isinstance(e, ContactMade)}
    unknown = {written[e.message_id] for e in opened if isinstance(e, MessageUnknown)}
    withheld = {e.notification_id for e in opened if isinstance(e, NotificationWithheld)}
    tasks = [e.task_id for e in opened if isinstance(e, TaskOpened)]
    assert wished
    assert all(times == 1 for times in world.taken.values())
    assert len(tasks) == len({*tasks})
    reasons = unknown | withheld | {name for name in wished if task_of(name) in tasks}
    for name in wished:
        kept = [m for m in world.taken if written[m] == name and m not in world.bounced]
        assert len(kept) == 1 or (not kept and name in reasons), (name, kept)
    return len(wished)


def task_of(notification_id: str) -> str:
    return by_a_person(NotificationRequested(**WISH, notification_id=notification_id), START).task_id


WISH: Final[dict[str, Any]] = {"at": START, "party_id": "p1", "about": "case/k1", "template": "case-status"}


class Shut(Road):
    """A provider that knows nobody."""

    async def send(self, message: Message) -> str:
        raise Undeliverable("no such address", "no-such-address")


async def test_whom_no_road_reaches_is_told_by_a_person_however_many_roads_were_tried() -> None:
    world = World(MemoryPlace(Path(), 0), 0, roads=Shut)
    world.living = True
    await world.begin()
    on: dict[str, Any] = {"at": START, "party_id": "p1"}
    for channel, address, _ in KNOWN:
        linked = PartyAddressLinked(**on, address_id=channel, channel=channel, address=address, certainty="certain")
        await world.say(linked)
    await world.say(PartyPreferenceSet(**on, channel="whatsapp"), CaseOpened(**on, case_id="k1", kind="x", title="X"))
    await world.say(CaseStatusChanged(at=START, case_id="k1", status="klaar"))
    for _ in range(3 * len(ROADS)):
        await world.turn()
    log = await everything(world.engine)
    tried = [
        json.loads(one.data)["channel"] for one in log if one.type == NotificationDue.type and NEWS_TOLD in one.data
    ]
    assert tried == ["whatsapp", "sms", "email", "letter"]
    assert [one.type for one in log].count(TaskOpened.type) == 2  # Of both messages.
    assert await world.engine.parked() == []
