"""Calls and SMS over the whole road: HTTP in, facts on the log, and what an agent writes out to Twilio and back."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from itertools import permutations
from typing import Any, Final
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import httpx
import pytest

from channels import phone, sms, twilio_rest
from channels.channel import Channel, Secrets
from draad.roads import Plan, Roads
from engine.engine import Engine
from engine.memory import Disk, MemoryStore
from schemas.contact import ContactAnswered
from schemas.event import Envelope, fact
from services.intake.courier import Courier
from services.intake.outbox import outbox
from simulation.twilio import ARRIVAL, OURS, PUBLIC, Callback, Twilio, Voice, inbound, serving, texted
from tests.contract.looks import everything
from tests.contract.places import Place
from tests.rooms import KEYS, Rooms, clock, rooms
from tests.signers.phone import SETTINGS as PHONE
from tests.signers.sms import SETTINGS as SMS

SECRETS: Final = Secrets(KEYS.addresses, KEYS.tokens)
WAIT_S_MAX: Final = 20


def texting(**more: Any) -> sms.Sms:
    return sms.open_channel({"main": sms.Inbox.model_validate({**SMS, "list_late_s_max": 0, **more})}, SECRETS, PUBLIC)


@asynccontextmanager
async def open_house(place: Place | None = None) -> AsyncIterator[Rooms]:
    calls = {"main": phone.Inbox.model_validate(PHONE)}
    texts = {"main": sms.Inbox.model_validate(SMS)}
    plan = Plan(PUBLIC, {"phone": calls, "sms": texts})
    opened: dict[str, Channel] = {"phone": phone.open_channel(calls, SECRETS, PUBLIC), "sms": texting()}
    async with rooms(await place.store() if place else None, roads=Roads(plan, opened)) as built:
        del built.client.headers["authorization"]
        yield built


async def post(house: Rooms, callback: Callback, **more: Any) -> httpx.Response:
    request = inbound(callback, **more)
    path = callback.url.removeprefix(PUBLIC)
    return await house.client.post(path, content=request.body, headers=dict(request.headers))


async def kinds(engine: Engine) -> list[str]:
    return sorted(envelope.type for envelope in await everything(engine))


async def callbacks(house: Rooms) -> list[Callback]:
    """What Twilio posts after the TwiML that it was really given."""
    voice = Voice()
    answer = await post(house, voice.rings())
    assert answer.headers["content-type"].startswith("text/xml")
    dial = ET.fromstring(answer.text).find("Dial")
    assert dial is not None
    leg = dial[0].attrib["statusCallback"]
    stages = [voice.leg(leg, status, nth) for nth, status in enumerate(("initiated", "ringing", "in-progress"))]
    return [*stages, voice.leg(leg, "completed", 3), voice.dialled(dial.attrib["action"], "completed"), voice.ends()]


WHOLE: Final = ["contact.answered", "contact.ended", "contact.ended", "contact.received"]


async def test_a_call_is_on_the_log_once_though_everything_comes_in_parallel_and_twice(place: Place) -> None:
    async with open_house(place) as house:
        posted = [Voice().rings(), *await callbacks(house)]
        answers = await asyncio.gather(*(post(house, callback) for callback in posted * 3))
        assert {answer.status_code for answer in answers} == {200}
        assert await kinds(house.engine) == WHOLE


async def test_a_call_is_the_same_whatever_order_it_comes_in() -> None:
    async with open_house() as house:
        posted = await callbacks(house)
    for order in list(permutations(posted))[:: 720 // 24]:
        async with open_house() as house:
            for callback in order:
                assert (await post(house, callback)).status_code == 200
            assert await kinds(house.engine) == WHOLE


async def test_a_forged_call_or_text_leaves_nothing_and_what_cannot_be_read_waits_for_a_person() -> None:
    async with open_house() as house:
        for callback in (Voice().rings(), texted("Hoi")):
            assert (await post(house, callback, token="another")).status_code == 403
        assert await kinds(house.engine) == []
        assert (await post(house, Voice().leg(f"{PUBLIC}/webhooks/phone/main/leg", "ringing", 1))).status_code == 200
        assert await kinds(house.engine) == ["quarantine.entered"]


async def test_five_texts_at_once_and_again_are_five_contacts() -> None:
    async with open_house() as house:
        posted = [texted("Foto 🌷", sid=f"SM{nth}", NumMedia="1", MediaUrl0=f"https://x.nl/{nth}") for nth in range(5)]
        await asyncio.gather(*(post(house, callback) for callback in posted * 2))
        assert (await kinds(house.engine)).count("contact.received") == 5


class Desk:
    """A log with the outbox and the courier at work on it, and Twilio behind."""

    def __init__(self, road: sms.Sms) -> None:
        self.engine = Engine(MemoryStore(Disk(), clock), clock=clock)
        self.courier = Courier(self.engine, {"sms": road}, clock, self.engine.meter.registry)
        self.road = road

    async def write(self, text: str, name: str = "m1") -> None:
        answer = ContactAnswered(
            at=clock(), contact_id="c1", address_id="a1", agent_id="g1", text=text, message_id=name, channel="sms",
            address="+31612345678",
        )  # fmt: skip
        await self.engine.append(fact(answer, key=name))

    async def hears(self, callback: Callback, at: datetime = ARRIVAL) -> None:
        heard = self.road.read(inbound(callback, at))
        await self.engine.append(*(fact(told.event, key=told.key) for told in heard.facts))

    async def until(self, kind: str) -> Envelope:
        async with asyncio.timeout(WAIT_S_MAX):
            while True:
                found = [envelope for envelope in await self.engine.read(limit=1_000) if envelope.type == kind]
                if found:
                    return found[0]
                await self.engine.store.moved(self.engine.store.mark(), 0.02)


@asynccontextmanager
async def at_work(twilio: Twilio) -> AsyncIterator[Desk]:
    async with serving(twilio) as url:
        desk = Desk(texting(api_url=url))
        async with asyncio.TaskGroup() as group:
            group.create_task(desk.engine.run(outbox))
            group.create_task(desk.courier.run())
            try:
                yield desk
            finally:
                desk.engine.stop()
        await desk.engine.close()
        await desk.road.close()


async def test_what_an_agent_writes_is_texted_and_its_receipt_stands_with_the_same_address() -> None:
    twilio = Twilio()
    async with at_work(twilio) as desk:
        await desk.write("Uw paspoort ligt klaar, Zoë 🌷")
        sent = json.loads((await desk.until("message.sent")).data)
        [message] = twilio.messages
        assert (sent["reference"], message["from"]) == (message["sid"], OURS)
        for callback in twilio.receipts(message["sid"], "delivered", "sent", "delivered"):
            await desk.hears(callback)
        delivered = await desk.until("message.delivered")
        assert (delivered.subject, json.loads(delivered.data)["message_id"]) == ("address/a1", "m1")
        assert (await kinds(desk.engine)).count("message.delivered") == 1


@pytest.mark.parametrize("fault", ["silence-after-accept", "cut-after-accept", "500-after-accept"])
async def test_where_twilio_does_not_answer_it_is_found_there_and_nothing_is_sent_again(
    fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(twilio_rest, "ANSWER_S_MAX", 2.0)
    twilio = Twilio()
    twilio.faults.append(fault)
    async with at_work(twilio) as desk:
        await desk.write("Uw paspoort ligt klaar")
        sent = json.loads((await desk.until("message.sent")).data)
        assert sent["reference"] == twilio.messages[0]["sid"]
        [callback] = twilio.receipts(twilio.messages[0]["sid"], "sent")
        assert not urlsplit(callback.url).query.count("612345678")
        await desk.hears(callback)
        assert (len(twilio.messages), twilio.asked) == (1, 2)  # One to send it, and one to look.


async def test_why_twilio_will_not_send_it_stands_at_the_desk() -> None:
    twilio = Twilio()
    twilio.opted_out.add("+31612345678")
    async with at_work(twilio) as desk:
        await desk.write("Uw paspoort ligt klaar")
        assert json.loads((await desk.until("message.failed")).data)["reason"] == "opted-out"
