"""A town that is played comes again for the same seed, and can be told from a real one."""

import asyncio
import random
import tomllib
from functools import partial
from typing import Any

import httpx
from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import Envelope

from channels.address import address, reachable_by_sms
from draad.site import read_site
from simulation.people import AGENTS, QUESTIONS, resident
from simulation.providers import read
from simulation.relay import HERE
from simulation.streets import Streets
from simulation.town import RESIDENTS, SITE_FILE, day
from tests.rooms import rooms


def test_the_same_seed_makes_the_same_day_and_another_makes_another() -> None:
    days = [day(random.Random(seed)) for seed in (1, 1, 2)]
    assert days[0] == days[1] != days[2]
    assert [each.at_s for each in days[0]] == sorted(each.at_s for each in days[0])


def test_nobody_here_can_be_reached_or_mistaken_for_another() -> None:
    every = [resident(nth) for nth in range(RESIDENTS)]
    assert len({who.name for who in every}) == len({who.phone for who in every}) == RESIDENTS
    assert all(who.email == "" or who.email.endswith(".example") for who in every)
    assert all(address("phone", who.phone).value == who.phone and reachable_by_sms(who.phone) for who in every)
    assert not {who.name for who in every} & set(AGENTS)


def test_what_is_asked_about_is_counted_as_a_product() -> None:
    site = read_site(SITE_FILE)
    assert {question.product for question in QUESTIONS} == set(site.journey.products)
    assert tomllib.loads(SITE_FILE.read_text())["notify"]["organisation"] == "Gemeente Oefenstad"


async def test_a_real_draad_has_no_outbox() -> None:
    async with rooms() as house:
        await house.enter()
        for path in ("/outbox", "/outbox/1"):
            answer = await house.client.get(path)
            assert answer.status_code == httpx.codes.NOT_FOUND
        assert "/outbox" not in (await house.client.get("/")).text


def test_a_message_by_template_is_read_by_its_name_and_gaps() -> None:
    gaps = [{"type": "text", "text": "maandag"}, {"type": "text", "text": "10:00"}]
    template = {"name": "afspraak", "components": [{"type": "body", "parameters": gaps}]}
    assert read({"template": template}) == "[afspraak]\nmaandag\n10:00"
    assert read({"text": {"body": "Tot zo."}}) == "Tot zo."


class Taker:
    """Takes mail as Draad does: with a thread from those that everybody in the process may ask for."""

    def __init__(self) -> None:
        self.taken = 0

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:  # noqa: N802
        await asyncio.to_thread(envelope.rcpt_tos.clear)
        self.taken += 1
        return "250 2.0.0 Durable"


async def test_however_many_mail_at_once_draad_can_take_it_in_the_same_process() -> None:
    taker, many = Taker(), 40
    async with await asyncio.get_running_loop().create_server(partial(LMTP, taker), HERE, 0) as door:
        streets = Streets("http://draad.example", "", door.sockets[0].getsockname()[1], random.Random(1))
        async with asyncio.TaskGroup() as group:
            for nth in range(many):
                group.create_task(streets.mails(resident(nth), "Paspoort", "Is het klaar?"))
        await streets.close()
    assert taker.taken == many
