"""One press switches one kind of message off: by a mail program, or with a button. Looking does nothing."""

import asyncio
from datetime import timedelta
from typing import Final

import pytest

from schemas.kinds import KINDS, OFF, OPTIONAL
from schemas.party import PartyAddressUnlinked, PartyMerged
from tests.rooms import NOW
from tests.services.resident.town import BROWSER, ELSEWHERE, FORM, LINKS, Town

ONE_CLICK: Final = "List-Unsubscribe=One-Click"
PARTS: Final = '--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n'


def path(town: Town, party: str, kind: str = "reminders") -> str:
    return f"/u/{kind}/{LINKS.token(f'u/{kind}', party, town.hand.now)}"


async def presses(town: Town, at: str, body: str = ONE_CLICK, **headers: str) -> int:
    """As a mail program does: without a cookie, a page before it, or a word about who it is."""
    answer = await town.house.client.post(at, content=body, headers=headers)
    assert "set-cookie" not in answer.headers
    return answer.status_code


async def chosen(town: Town) -> list[tuple[str, str, str, str]]:
    facts = await town.facts("party.kind-preferred")
    return [(one["party_id"], one["kind"], one["channel"], one["how"]) for one in facts]


@pytest.mark.parametrize(
    ("body", "kind"),
    [(ONE_CLICK, "application/x-www-form-urlencoded"), (PARTS, "multipart/form-data; boundary=x"), ("", "text/plain")],
)
async def test_one_press_in_a_mail_program_is_kept_once_for_all_that_is_them(town: Town, body: str, kind: str) -> None:
    party, same = await town.party(), await town.party("joelle@werk.example")
    await town.tells(PartyMerged(at=NOW, party_id=party, merged_id=same))
    at = path(town, party)
    assert await asyncio.gather(*(presses(town, at, body, **{"content-type": kind}) for _ in range(3))) == [200] * 3
    await town.house.settle()
    assert await presses(town, at, body, **{"content-type": kind}, **ELSEWHERE) == 200
    assert sorted(await chosen(town)) == sorted((one, "reminders", OFF, "one-click") for one in (party, same))


async def test_looking_does_nothing_and_what_was_switched_off_can_be_taken_back_and_switched_off_again(
    town: Town,
) -> None:
    party = await town.party()
    at = path(town, party)
    assert "Herinneringen: kort voor uw afspraak." in await town.opens(at)
    assert (await town.house.client.head(at, headers=BROWSER)).status_code == 200
    assert await chosen(town) == []
    said = await town.posts(at, 200)
    assert "Dit sturen wij u niet meer" in said
    assert "U hoort nog wel of uw afspraak doorgaat" in said
    assert "Herinneringen: niet. Dat koos u." in await town.opens(town.link("m", party))
    assert "Stuur mij dit toch weer" in await town.opens(at)
    town.hand.now += timedelta(minutes=1)
    await town.posts(f"{at}/again", 403, ELSEWHERE)
    await town.posts(f"{at}/again", 200)
    assert "Stuur mij dit niet meer" in await town.opens(at)
    town.hand.now += timedelta(minutes=1)
    await town.posts(at, 200)
    assert [one[2] for one in await chosen(town)] == [OFF, "unknown", OFF]


async def test_no_link_opens_another_kind_another_thing_or_what_they_have_to_hear(town: Town) -> None:
    party = await town.party()
    token = path(town, party).rpartition("/")[2]
    must = next(kind for kind in KINDS if kind not in OPTIONAL)
    for at in (
        f"/u/progress/{token}",
        f"/u/nothing/{token}",
        f"/m/{token}",
        path(town, party, must),
        f"{path(town, party)[:-4]}AAAA",
    ):
        assert "Dit lukt niet" in await town.opens(at, 404)
        assert (await town.house.client.post(at, content=ONE_CLICK, headers=FORM)).status_code in {404, 405}
    assert await chosen(town) == []


async def test_one_of_long_ago_or_to_an_address_that_is_theirs_no_more_opens_nothing(town: Town) -> None:
    party = await town.party()
    old = path(town, party)
    town.hand.now += timedelta(days=401)
    await town.opens(old, 404)
    at = path(town, party)
    await town.opens(at)
    await town.tells(PartyAddressUnlinked(at=town.hand.now, party_id=party, address_id="x"))
    assert await presses(town, at) == 404
    assert await chosen(town) == []
