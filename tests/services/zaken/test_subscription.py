"""Our subscription at the Notificaties API is made once, and set anew when it is asked for again."""

import pytest

from schemas.errors import DraadError
from services.zaken.subscription import subscribe, subscribed
from tests.services.zaken.town_hall import register_of, town_hall


async def test_it_is_made_once_and_what_changes_is_told() -> None:
    async with town_hall() as hall:
        register = hall.register()
        assert await subscribed(register) == ""
        assert await subscribe(register)
        assert not await subscribe(register)
        assert list(hall.zaak.subscriptions) == [await subscribed(register)]
        hall.zaak.opens()
        assert await hall.zaak.delivers() == [204]
        assert len(await hall.facts("notice.received")) == 1


async def test_another_subscriber_is_left_alone() -> None:
    async with town_hall() as hall:
        other = register_of(hall.zaak, hall.hour, callback_url="http://localhost/zgw/notificaties?")
        hall.zaak.subscriptions["0"] = {"callbackUrl": other.settings.callback_url + "x", "url": "x/0", "auth": "x"}
        assert await subscribe(hall.register())
        assert len(hall.zaak.subscriptions) == 2


async def test_a_wrong_token_is_found_out_at_once() -> None:
    async with town_hall() as hall:
        wrong = register_of(hall.zaak, hall.hour, callback_token="another-token-that-opens-nothing-at-all")
        with pytest.raises(DraadError, match="400"):
            await subscribe(wrong)
        assert hall.zaak.subscriptions == {}


@pytest.mark.parametrize("fault", ["500", "403", "nonsense", "another shape", "redirect"])
async def test_what_the_other_side_says_instead_is_told(fault: str) -> None:
    async with town_hall() as hall:
        hall.zaak.faults.append(fault)
        with pytest.raises(DraadError):
            await subscribe(hall.register())
