"""WhatsApp through the whole house: what Meta sends badly is on the log once, and one person has one story."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from channels.address import address
from channels.channel import Secrets
from channels.token import token
from channels.whatsapp import Inbox, open_channel
from draad.roads import Plan, Roads
from schemas.event import fact
from schemas.party import PartyAddressLinked
from services.desk.story import story
from simulation import meta
from simulation.meta import message, payload, status
from tests.contract.looks import everything
from tests.contract.places import Place
from tests.rooms import KEYS, NOW, Rooms, clock, rooms
from tests.signers.whatsapp import SETTINGS

JOELLE = "31612345678"
USER = "NL.13491208655302741918"
PHONE_ID = address("whatsapp", f"+{JOELLE}").pseudonym(KEYS.addresses)


@asynccontextmanager
async def open_house(place: Place | None = None) -> AsyncIterator[Rooms]:
    inboxes = {"main": Inbox.model_validate(SETTINGS)}
    channel = open_channel(inboxes, Secrets(KEYS.addresses, KEYS.tokens), "http://draad")
    roads = Roads(Plan("http://draad", {"whatsapp": inboxes}), {"whatsapp": channel})
    async with rooms(
        await place.store() if place else None, roads=roads, clock=place.clock if place else clock
    ) as built:
        yield built
    await channel.close()


@pytest.fixture
async def house() -> AsyncIterator[Rooms]:
    async with open_house() as built:
        yield built


async def post(house: Rooms, said: dict[str, Any], secret: str = meta.APP_SECRET) -> httpx.Response:
    body = meta.packed(said)
    headers = {"X-Hub-Signature-256": meta.signature(body, secret), "Content-Type": "application/json"}
    return await house.client.post("/webhooks/whatsapp/main", content=body, headers=headers)


async def types(house: Rooms) -> list[str]:
    return [envelope.type for envelope in await everything(house.engine)]


async def test_an_album_that_is_sent_three_times_at_once_in_any_order_is_five_contacts(place: Place) -> None:
    """And sent again after three seconds, and after six days, when Draad was started anew."""
    several = [one for one in meta.album(JOELLE) for _ in range(3)]
    random.Random(7).shuffle(several)
    async with open_house(place) as house:
        answers = await asyncio.gather(*(post(house, payload(one)) for one in several))
        assert {answer.status_code for answer in answers} == {200}
        assert (await types(house)).count("contact.received") == 5
    for later in ({"seconds": 3}, {"days": 6}):
        place.clock.pass_(**later)
        async with open_house(place) as house:
            for one in meta.album(JOELLE):
                assert (await post(house, payload(one))).status_code == 200
            assert (await types(house)).count("contact.received") == 5


async def test_a_receipt_that_comes_first_is_of_the_same_message(house: Rooms) -> None:
    name = token("receipt", f"{PHONE_ID}~m-1", KEYS.tokens)
    words = ["read", "delivered", "sent"]
    for word in words * 2:
        assert (await post(house, payload(statuses=[status("wamid.OUT", word, name)]))).status_code == 200
    assert await types(house) == [f"message.{word}" for word in words]


async def test_who_wrote_without_a_number_and_then_with_it_has_one_story(house: Rooms) -> None:
    await post(house, payload(message("wamid.1", user=USER, text={"body": "eerst"})))
    await post(house, payload(message("wamid.2", number=JOELLE, user=USER, text={"body": "daarna"})))
    await post(house, payload(message("wamid.3", number=JOELLE, text={"body": "nog eens"})))
    linked = PartyAddressLinked(
        at=NOW, party_id="p1", address_id=PHONE_ID, channel="whatsapp", address=f"+{JOELLE}", certainty="certain"
    )
    await house.engine.append(fact(linked, key="p1"))
    await house.settle()
    told = await story(house.engine, "party/p1")
    texts = [(entry.row["text"], entry.sure) for entry in told.entries if entry.row["type"] == "contact.received"]
    assert sorted(texts) == [("daarna", True), ("eerst", True), ("nog eens", True)]


async def test_what_is_forged_leaves_nothing_and_what_is_strange_is_set_aside(house: Rooms) -> None:
    said = payload(message("wamid.1", number=JOELLE, text={"body": "x"}))
    assert (await post(house, said, "guessed")).status_code == 403
    assert await types(house) == []
    elsewhere = payload(message("wamid.1", number=JOELLE, text={"body": "x"}), number_id="99999999")
    for _ in range(2):
        assert (await post(house, elsewhere)).status_code == 200
    assert await types(house) == ["quarantine.entered"]


async def test_the_challenge_comes_back_as_it_was(house: Rooms) -> None:
    asked = {"hub.mode": "subscribe", "hub.verify_token": meta.VERIFY, "hub.challenge": "42"}
    answer = await house.client.get("/webhooks/whatsapp/main", params=asked)
    assert (answer.status_code, answer.text) == (200, "42")
    assert (await house.client.get("/webhooks/whatsapp/main", params=asked | {"hub.mode": "x"})).status_code == 403
