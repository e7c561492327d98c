"""What a page posts is believed only from a page of ours, from who may do it, and is kept once."""

import re
from collections.abc import AsyncIterator
from typing import Final

import httpx
import pytest

from engine.work import stamp
from schemas.contact import ContactAnswered
from schemas.event import fact
from schemas.party import PartyRegistered
from services.desk.whose import candidates
from tests.rooms import NOW, Rooms, ago, rooms
from tests.watcher import BROWSER

CSRF: Final = re.compile(r'name="csrf" value="([0-9a-f]+)"')


@pytest.fixture
async def house() -> AsyncIterator[Rooms]:
    async with rooms() as built:
        await built.settle()
        yield built


async def thread(
    house: Rooms, hours_ago: float = 1, kind: str = "whatsapp", text: str = "Hallo"
) -> tuple[str, dict[str, str]]:
    """The path of a thread, and what a form of its page would send."""
    address = {"kind": "phone", "value": "0612345678"}
    body = {"channel": kind, "text": text, "at": ago(hours_ago), "address": address}
    told = (await house.post(body)).json()
    await house.settle()
    if "authorization" in house.client.headers:
        await house.enter()
    path = f"/threads/address/{told['address_id']}"
    html = (await house.client.get(path, headers=BROWSER)).text
    return path, {"csrf": CSRF.findall(html)[0], "key": "k1", "way": f"{kind} {told['address_id']}", **told}


async def sent(house: Rooms, path: str, said: dict[str, str], **headers: str) -> httpx.Response:
    return await house.client.post(path, data=said, headers=headers)


async def answers(house: Rooms) -> int:
    return sum(one.type == ContactAnswered.type for one in await house.engine.read(limit=500))


async def test_an_answer_that_comes_twice_is_kept_once_and_other_words_are_kept_too(house: Rooms) -> None:
    path, said = await thread(house)
    for _ in range(2):
        assert (await sent(house, f"{path}/answer", said | {"text": "Ja"})).status_code == 303
    assert await answers(house) == 1
    await sent(house, f"{path}/answer", said | {"text": "Nee"})
    assert await answers(house) == 2


@pytest.mark.parametrize(
    ("change", "headers"),
    [
        ({"csrf": ""}, {}),
        ({"csrf": "0" * 40}, {}),
        ({}, {"Sec-Fetch-Site": "cross-site"}),
        ({}, {"Sec-Fetch-Site": "same-site"}),
        ({}, {"Origin": "https://elsewhere.example"}),
        ({}, {"Origin": "null"}),
    ],
)
async def test_nothing_is_taken_from_another_site(
    house: Rooms, change: dict[str, str], headers: dict[str, str]
) -> None:
    path, said = await thread(house)
    answer = await sent(house, f"{path}/answer", said | {"text": "Ja"} | change, **headers)
    assert (answer.status_code, await answers(house)) == (403, 0)


async def test_a_page_of_ours_is_believed_though_its_browser_tells_no_referrer(house: Rooms) -> None:
    path, said = await thread(house)
    headers = {"Origin": "null", "Sec-Fetch-Site": "same-origin"}
    assert (await sent(house, f"{path}/answer", said | {"text": "Ja"}, **headers)).status_code == 303


async def test_after_24_hours_whatsapp_is_shut_and_an_sms_is_not(house: Rooms) -> None:
    path, said = await thread(house, hours_ago=24)
    html = (await house.client.get(path, headers=BROWSER)).text
    assert "de 24 uur na het laatste bericht zijn voorbij" in html
    assert (await sent(house, f"{path}/answer", said | {"text": "Ja"})).status_code == 400
    sms = said | {"text": "Ja", "way": f"sms {said['address_id']}"}
    assert (await sent(house, f"{path}/answer", sms)).status_code == 303


async def test_what_is_answered_carries_what_the_courier_needs(house: Rooms) -> None:
    path, said = await thread(house)
    await sent(house, f"{path}/answer", said | {"text": "Ja"})
    [envelope] = [one for one in await house.engine.read(limit=500) if one.type == ContactAnswered.type]
    event = ContactAnswered.model_validate_json(envelope.data)
    assert (event.channel, event.address, event.agent_id) == ("whatsapp", "+31612345678", "local")
    assert event.message_id
    assert event.thread_id == said["contact_id"]
    assert stamp(event.at) == stamp(NOW)


async def test_opening_a_thread_is_written_down_once_an_hour(house: Rooms) -> None:
    path, _ = await thread(house)
    await house.client.get(path, headers=BROWSER)
    looked = [one for one in await house.engine.read(limit=500) if one.type == "record.opened"]
    assert [one.subject for one in looked] == [path.removeprefix("/threads/")]


async def test_any_agent_gives_an_address_to_somebody_who_is_known_already(house: Rooms) -> None:
    path, said = await thread(house)
    known = PartyRegistered(at=NOW, party_id="p1", kind="person", name="Joëlle Bakker")
    await house.engine.append(fact(known, key="p1"))
    await house.settle()
    asked = said | {"q": "joëlle", "address": "+31612345678", "channel": "phone"}
    found = (await sent(house, "/search", asked)).text
    assert f'action="{path}/link"' in found
    assert 'name="party_id" value="p1"' in found
    assert (await sent(house, f"{path}/link", asked | {"party_id": "p1"})).status_code == 303
    await house.settle()
    [row] = await candidates(house.engine, said["address_id"])
    assert (row["party_id"], row["certainty"]) == ("p1", "certain")


async def test_a_number_that_may_be_a_bsn_is_masked_and_the_agent_is_told(house: Rooms) -> None:
    path, _ = await thread(house, text="Mijn nummer is 111222333, en dat van hem 1112.22.333.")
    html = (await house.client.get(path, headers=BROWSER)).text
    assert "op een BSN lijkt" in html
    assert html.count("[nummer afgeschermd]") == 2
    assert "111222333" not in html
    assert "1112.22.333" not in html


@pytest.mark.parametrize("deed", ["merge", "unmerge"])
async def test_only_a_team_lead_merges_and_discards(house: Rooms, deed: str) -> None:
    path, said = await thread(house)
    session = house.house.door.admit("anna", "agent")
    found = house.house.door.whose(session)
    assert found
    house.client.cookies.clear()
    house.client.cookies.set("draad", session)
    pair = said | {"csrf": found.csrf, "party_id": "p1", "merged_id": "p2"}
    assert (await sent(house, f"/threads/party/p1/{deed}", pair)).status_code == 403
    assert (await sent(house, "/quarantine/i1/discard", pair | {"text": "weg"})).status_code == 403
    assert (await sent(house, f"{path}/note", pair | {"text": "mag wel"})).status_code == 303
