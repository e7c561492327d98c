"""Every message ends in a fact, whatever its road does, and none goes out twice."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final

import pytest

from channels import twilio_rest
from channels.channel import Message, Secrets
from channels.loopback import Inbox, Loopback
from engine.ask import caught_up
from engine.engine import Engine
from engine.memory import Disk, MemoryStore
from schemas.contact import ContactAnswered, ContactMade
from schemas.errors import Ambiguous, Unavailable
from schemas.event import Envelope, fact
from services.intake import courier as module
from services.intake.budget import Budget
from services.intake.courier import Courier
from services.intake.outbox import LADDER, outbox
from services.intake.spent import spent
from simulation.twilio import Twilio, serving
from tests.channels.test_sms_sending import sms

NOW: Final = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
DAY: Final = 2  # Messages by SMS that may leave on one.
WAIT_S_MAX: Final = 20
INBOXES: Final = {"loopback": ["main", "second"]}


class Time:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


class House:
    """A log, the outbox at work on it, and a courier."""

    def __init__(self, disk: Disk, time: Time, senders: Mapping[str, Any]) -> None:
        self.time = time
        self.engine = Engine(MemoryStore(disk, time), clock=time)
        budget = Budget(self.engine, {"sms": DAY}, time, self.engine.meter.registry)
        self.courier = Courier(self.engine, senders, time, self.engine.meter.registry, INBOXES, budget)

    async def write(self, name: str, address: str = "a1", number: str = "", **more: Any) -> None:
        said: dict[str, Any] = {"at": self.time(), "contact_id": "c1", "agent_id": "g1", "text": f"Antwoord {name}"}
        said |= {"message_id": name, "address_id": address, "channel": "loopback", "address": number or address}
        await self.engine.append(fact(ContactAnswered(**said | more), key=name))

    async def ends(self, enough: Callable[[list[str]], bool]) -> list[str]:
        """What became of messages, as soon as it is this much."""
        async with asyncio.timeout(WAIT_S_MAX):
            while not enough(found := await self.came()):
                await self.engine.store.moved(self.engine.store.mark(), 0.02)
        return found

    async def came(self) -> list[str]:
        kinds = {"message.sent", "message.failed", "message.unknown", "message.postponed"}
        return [told(envelope) for envelope in await self.engine.read(limit=10_000) if envelope.type in kinds]


def told(envelope: Envelope) -> str:
    said = json.loads(envelope.data)
    return f"{said['message_id']} {envelope.type.removeprefix('message.')} {said.get('reason', '')}".strip()


def loopback(*failing: str) -> Loopback:
    inbox = Inbox.model_validate({"secret": "a-secret-of-these-tests", "failing": failing})
    return Loopback({"main": inbox, "second": inbox}, Secrets(b"pepper", b"tokens"))


@asynccontextmanager
async def at_work(
    sender: Any = None, disk: Disk | None = None, time: Time | None = None, name: str = "loopback"
) -> AsyncIterator[House]:
    house = House(disk or Disk(), time or Time(), {name: sender} if sender else {})
    async with asyncio.TaskGroup() as group:
        group.create_task(house.engine.run(outbox, spent))
        group.create_task(house.courier.run())
        try:
            yield house
        finally:
            house.engine.stop()
    await house.engine.close()


def exactly(count: int) -> Callable[[list[str]], bool]:
    return lambda found: len(found) >= count


async def test_what_an_agent_writes_is_sent_with_all_that_the_road_needs() -> None:
    road = loopback()
    async with at_work(road) as house:
        await house.write("m1", reply_to="r0", title="Re: Paspoort", thread_id="t1")
        assert await house.ends(exactly(1)) == ["m1 sent"]
    assert road.sent == [Message("m1", "a1", "a1", "main", "Antwoord m1", "Re: Paspoort", "t1", "r0", NOW)]


async def test_what_came_in_by_another_road_is_answered_from_the_first_inbox_of_this_one() -> None:
    road = loopback()
    async with at_work(road) as house:
        await house.write("m1", inbox="forms")
        await house.write("m2", inbox="second")
        await house.ends(exactly(2))
    assert [message.inbox for message in road.sent] == ["main", "second"]


@pytest.mark.parametrize(
    ("word", "end"),
    [("refused", "m1 failed refused"), ("closed", "m1 failed window-closed"), ("ambiguous", "m1 unknown")],
)
async def test_every_ending_is_a_fact(word: str, end: str) -> None:
    async with at_work(loopback(word)) as house:
        await house.write("m1")
        assert await house.ends(exactly(1)) == [end]


async def test_where_nobody_can_be_answered_it_has_failed() -> None:
    async with at_work() as house:
        await house.write("m1")
        assert await house.ends(exactly(1)) == ["m1 failed no-road"]


class Silent(Loopback):
    """Takes nothing to its end before it is let go."""

    def __init__(self) -> None:
        super().__init__({"main": Inbox.model_validate({"secret": "a-secret-of-these-tests"})}, Secrets(b"", b""))
        self.holding = {"slow"}
        self.begun, self.go = asyncio.Event(), asyncio.Event()

    async def send(self, message: Message) -> str:
        if message.address in self.holding:
            self.begun.set()
            await self.go.wait()
        return await super().send(message)


class Unsure(Silent):
    """Takes a message, or does not, and says nothing of it; its list may be late, or away."""

    def __init__(self, *, takes: bool, lists: bool = True) -> None:
        super().__init__()
        self.takes, self.lists, self.tried = takes, lists, 0

    async def send(self, message: Message) -> str:
        self.tried += 1
        if self.takes:
            await super().send(message)
        if message.address == "cut":
            await asyncio.Event().wait()
        raise Ambiguous("no answer")

    async def reconcile(self, message: Message) -> str | None:
        if not self.lists:
            raise Unavailable("no list")
        return await super().reconcile(message)


@pytest.mark.parametrize("address", ["unsaid", "cut"])
@pytest.mark.parametrize(
    ("takes", "lists", "end"), [(True, True, "sent"), (False, True, "unknown"), (True, False, "unknown")]
)
async def test_after_an_answer_that_says_nothing_the_provider_is_asked_and_nothing_is_sent_again(
    address: str, takes: bool, lists: bool, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SEND_S_MAX", 0.2)
    road, time = Unsure(takes=takes, lists=lists), Time()
    async with at_work(road, time=time) as house:
        await house.write("m1", address)
        assert await house.ends(exactly(1)) == [f"m1 {end}"]
        time.now += 2 * sum(LADDER, LADDER[0])
        await house.write("m2", "other")
        await house.ends(exactly(2))
    assert road.tried == 2, "one try each"


@pytest.mark.parametrize("fault", ["500", "silence", "cut"])
@pytest.mark.parametrize("taken", [False, True])
async def test_an_sms_of_which_twilio_says_nothing_is_sent_where_twilio_lists_it_and_else_unknown(
    fault: str, taken: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(twilio_rest, "ANSWER_S_MAX", 2.0)
    twilio, time = Twilio(), Time()
    time.now = datetime.now(UTC)  # Twilio's own clock.
    twilio.faults.append(f"{fault}-after-accept" if taken else fault)
    async with serving(twilio) as url:
        road = sms(api_url=url)
        async with at_work(road, time=time, name="sms") as house:
            await house.write("m1", number="+31612345678", channel="sms")
            assert await house.ends(exactly(1)) == ["m1 sent" if taken else "m1 unknown"]
        await road.close()
    assert len(twilio.messages) == taken


class Broken(Loopback):
    async def send(self, message: Message) -> str:
        raise ValueError(message.text)


async def test_after_a_bug_nobody_knows_and_nothing_personal_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    async with at_work(Broken({}, Secrets(b"", b""))) as house:
        await house.write("m1")
        assert await house.ends(exactly(1)) == ["m1 unknown"]
    said = "".join(capsys.readouterr())
    assert "ValueError in test_courier.py" in said
    assert "Antwoord" not in said


async def test_a_road_that_never_answers_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SEND_S_MAX", 0.05)
    async with at_work(Silent()) as house:
        await house.write("m1", "slow")
        assert await house.ends(exactly(1)) == ["m1 unknown"]


async def test_what_nobody_needs_any_more_leaves_no_more() -> None:
    road = loopback()
    async with at_work(road) as house:
        told: dict[str, Any] = {"at": NOW, "agent_id": "draad", "channel": "loopback", "text": "Uw afspraak"}
        for name, until in (("late", NOW), ("early", NOW + timedelta(minutes=1))):
            made = ContactMade(contact_id=name, message_id=name, address_id=name, until=until, **told)
            await house.engine.append(fact(made, key=name))
        assert sorted(await house.ends(exactly(2))) == ["early sent", "late failed too-late"]
    assert [(message.message_id, message.valid_s) for message in road.sent] == [("early", 60.0)]


async def test_what_nobody_typed_stops_at_the_budget_of_a_day_and_what_an_agent_writes_does_not() -> None:
    time = Time()
    told: dict[str, Any] = {"agent_id": "draad", "channel": "sms", "text": "Uw afspraak", "notification_id": "n1"}
    async with at_work(loopback(), time=time, name="sms") as house:

        async def tell(name: str) -> None:
            made = ContactMade(at=time.now, contact_id=name, message_id=name, address_id=name, **told)
            await house.engine.append(fact(made, key=name))

        async def came(count: int) -> str:
            last = (await house.ends(exactly(count)))[-1]
            assert await caught_up(house.engine, spent.name)
            return last

        await tell("m1")
        assert await came(1) == "m1 sent"
        await house.write("m2", channel="sms")
        assert await came(2) == "m2 sent"
        over = partial(house.engine.meter.registry.get_sample_value, "draad_over_budget_total", {"channel": "sms"})
        assert over() == 0
        await tell("m3")
        assert await came(3) == "m3 failed over-budget"
        assert over() == 1
        await house.write("m4", channel="sms")
        assert await came(4) == "m4 sent"
        time.now += timedelta(hours=13, minutes=59)
        await tell("m5")
        assert await came(5) == "m5 failed over-budget"
        time.now += timedelta(minutes=1)  # Midnight here; a day begins, and its budget.
        await tell("m6")
        assert await came(6) == "m6 sent"


async def test_one_address_holds_up_no_other() -> None:
    road = Silent()
    async with at_work(road) as house:
        await house.write("m1", "slow")
        await road.begun.wait()
        await house.write("m2", "quick")
        assert await house.ends(exactly(1)) == ["m2 sent"]
        road.go.set()
        assert await house.ends(exactly(2)) == ["m2 sent", "m1 sent"]


async def test_to_one_address_everything_goes_in_order() -> None:
    road = Silent()
    async with at_work(road) as house:
        for n in range(20):
            await house.write(f"m{n}", "slow" if n % 2 else "quick")
        await road.begun.wait()
        road.go.set()
        await house.ends(exactly(20))
    for address in ("slow", "quick"):
        numbers = [int(message.message_id[1:]) for message in road.sent if message.address == address]
        assert numbers == sorted(numbers)
        assert len(numbers) == 10


async def test_what_is_postponed_goes_out_later_once_and_before_what_came_after_it() -> None:
    road, time = loopback("unavailable", "unavailable"), Time()
    async with at_work(road, time=time) as house:
        await house.write("m1")
        assert await house.ends(exactly(1)) == ["m1 postponed"]
        await house.write("m2")
        time.now += LADDER[0]
        await house.ends(lambda found: found.count("m1 postponed") == 2)
        time.now += LADDER[1]
        ends = await house.ends(lambda found: "m2 sent" in found)
        assert [end for end in ends if "sent" in end] == ["m1 sent", "m2 sent"]
    assert [message.message_id for message in road.sent] == ["m1", "m2"]


async def crashed(road: Silent, disk: Disk, time: Time) -> None:
    """A process dies while a message is on its way."""
    house = House(disk, time, {"loopback": road})
    await house.write("m1", "slow")
    await house.engine.settle(outbox)
    running = asyncio.create_task(house.courier.run())
    await road.begun.wait()
    house.engine.store._disk = Disk()  # type: ignore[attr-defined]  # Whatever it still writes, it writes into the void.
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running


@pytest.mark.parametrize("arrived", [False, True])
async def test_what_was_begun_before_a_crash_is_looked_for_and_never_sent_again(arrived: bool) -> None:
    road, disk, time = Silent(), Disk(), Time()
    await crashed(road, disk, time)
    if arrived:
        road.sent.append(Message("m1", "slow", "slow", "main", "Antwoord m1"))
    before = len(road.sent)
    async with at_work(road, disk, time) as house:
        assert await house.ends(exactly(1)) == ["m1 sent" if arrived else "m1 unknown"]
    assert len(road.sent) == before


async def test_a_stop_lets_what_is_on_its_way_end() -> None:
    road = Silent()
    async with at_work(road) as house:
        await house.write("m1", "slow")
        await road.begun.wait()
        house.engine.stop()
        road.go.set()
    assert await house.came() == ["m1 sent"]


async def test_more_than_may_be_in_hand_at_once_all_go_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IN_HAND_MAX", 3)
    road = loopback()
    async with at_work(road) as house:
        for n in range(12):
            await house.write(f"m{n}", f"a{n}")
        assert len(await house.ends(exactly(12))) == 12
    assert len({message.message_id for message in road.sent}) == 12
