"""What is for a named address is played, and all else goes its real way."""

import asyncio
from pathlib import Path
from typing import Final

import pytest

from channels.address import address, reachable_by_sms
from channels.channel import Message, Undeliverable
from channels.loopback import Loopback
from channels.simulator import BY_NUMBER, DOMAIN, OFTEN, PLAYS, Simulator, play_of
from schemas.errors import Ambiguous, DraadError, Refused, Unavailable
from schemas.event import Event
from services.intake.courier import Nobody, hand_over, look_for
from tests.services.test_courier import NOW, loopback

REFUSED: Final = {"refused": "no-such-address", "no-mobile": "no-mobile", "full": "mailbox-full"}
LATER: Final = {
    "delivered": "message.delivered",
    "slow": "message.delivered",
    "busy": "message.delivered",
    "bounced": "message.bounced",
}


class House:
    """A simulator before a road, and what it told."""

    def __init__(self) -> None:
        self.told: list[Event] = []
        self.road: Loopback = loopback()
        self.simulator = Simulator(self.road, self._tell, lambda: NOW, waits_s=(0.0, 0.0))

    async def _tell(self, event: Event, key: str) -> None:
        assert key
        self.told.append(event)

    async def receipts(self) -> list[str]:
        for _ in range(10):
            await asyncio.sleep(0)
        return [event.type for event in self.told]


def message(where: str, name: str = "m1") -> Message:
    return Message(message_id=name, address_id="a1", address=where, inbox="main", text="Dag")


ADDRESSES: Final = [*((name, f"{name}@{DOMAIN}") for name in PLAYS), *((name, one) for one, name in BY_NUMBER.items())]


@pytest.mark.parametrize(("name", "where"), ADDRESSES)
async def test_it_fares_as_its_name_says_and_never_reaches_the_road(name: str, where: str) -> None:
    house, error = House(), None
    for _ in range(OFTEN + 1):
        try:
            assert await hand_over(house.simulator, message(where)) == "simulated.m1"
        except DraadError as raised:
            error = raised
    match name:
        case "busy":
            assert isinstance(error, Unavailable)
        case "unknown":
            assert isinstance(error, Ambiguous)
        case _ if word := REFUSED.get(name):
            assert isinstance(error, Undeliverable)
            assert error.word == word
        case _:
            assert error is None
    assert {*await house.receipts()} == ({LATER[name]} if name in LATER else set())
    assert house.road.sent == []


async def test_all_else_goes_its_real_way() -> None:
    house = House()
    for where in ("jan@mail.example", f"delivered@werk.{DOMAIN}", f"jan@{DOMAIN}", "+31612345678", "+46701740605"):
        assert not play_of(where)
        await house.simulator.send(message(where, where))
    assert len(house.road.sent) == 5
    assert await house.receipts() == []


async def test_after_a_crash_what_it_took_is_found_and_what_it_does_not_say_is_not() -> None:
    house = House()
    assert await look_for(house.simulator, message(f"delivered@{DOMAIN}")) == "simulated.m1"
    with pytest.raises(Ambiguous):
        await look_for(house.simulator, message(f"unknown@{DOMAIN}"))
    assert await house.simulator.reconcile(message("jan@mail.example")) is None
    unasked = Simulator(Nobody(), house._tell, lambda: NOW)
    with pytest.raises(Refused):
        await unasked.reconcile(message("jan@mail.example"))


def test_its_numbers_can_be_linked_and_texted_and_stand_in_the_handbook() -> None:
    handbook = (Path(__file__).parents[2] / "docs/notify.md").read_text(encoding="utf-8")
    for number, name in BY_NUMBER.items():
        assert address("phone", number).value == number
        assert reachable_by_sms(number)
        assert f"| `{name}` | `{number}` |" in handbook
    assert all(address("email", f"{name}@{DOMAIN}").value == f"{name}@{DOMAIN}" for name in PLAYS)
