"""250 means durable; every recipient hears what became of his own."""

import asyncio
import smtplib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import pytest

from channels.mime import RAW_BYTES_MAX
from engine.engine import Engine
from engine.memory import Disk, MemoryStore
from infra.server import HERE
from schemas.contact import ContactReceived
from schemas.errors import Unavailable
from services.intake.lmtp import SESSIONS_MAX, Taker, listen
from services.intake.post import Post
from tests.channels.post import ADDRESS, NOW, email, plain
from tests.contract.looks import everything
from tests.contract.places import Place
from tests.services.shelf import Shelf

BALIE: Final = "balie@gemeente.example"


class Inlet:
    def __init__(self, engine: Engine, shelf: Shelf, port: int) -> None:
        self.engine, self.shelf, self.port = engine, shelf, port

    async def hand(self, raw: bytes, *to: str, sender: str = "jan@mail.example") -> list[tuple[int, bytes]]:
        """What each recipient is answered, as a relay sees it."""

        def talk() -> list[tuple[int, bytes]]:
            with smtplib.LMTP(HERE, self.port, timeout=60) as relay:
                relay.ehlo_or_helo_if_needed()
                code, said = relay.mail(sender, [f"size={len(raw)}"])
                if code != 250:
                    return [(code, said)]
                answers = [relay.rcpt(each) for each in to]
                taken = [answer for answer in answers if answer[0] == 250]
                refused = [answer for answer in answers if answer[0] != 250]
                return refused if not taken else [*refused, relay.data(raw), *(relay.getreply() for _ in taken[1:])]

        return await asyncio.to_thread(talk)

    async def texts(self) -> list[str]:
        log = await everything(self.engine)
        return [ContactReceived.model_validate_json(e.data).text for e in log if e.type == "contact.received"]


@asynccontextmanager
async def open_inlet(place: Place | None = None) -> AsyncIterator[Inlet]:
    engine = await place.open() if place else Engine(MemoryStore(Disk(), lambda: NOW), clock=lambda: NOW)
    shelf = Shelf()
    channel = email()
    inboxes = {"info": channel.inboxes["info"], "balie": channel.inboxes["info"].model_copy(update={"address": BALIE})}
    channel.inboxes = inboxes
    server = await listen(HERE, 0, Taker(inboxes, Post(shelf, channel), engine, lambda: NOW))
    try:
        yield Inlet(engine, shelf, server.sockets[0].getsockname()[1])
    finally:
        server.close()
        await engine.close()


async def test_250_means_that_it_is_there_and_again_changes_nothing(place: Place) -> None:
    for _ in range(2):  # Also to another Draad, started anew.
        async with open_inlet(place) as inlet:
            for _ in range(2):
                assert [code for code, _ in await inlet.hand(plain("Dag"), ADDRESS)] == [250]
            assert await inlet.texts() == ["Dag"]


async def test_each_recipient_is_answered_for_himself_and_gets_his_own() -> None:
    async with open_inlet() as inlet:
        answers = await inlet.hand(plain("Dag"), ADDRESS, "niemand@gemeente.example", BALIE)
        assert [code for code, _ in answers] == [550, 250, 250]
        log = await inlet.engine.read()
        found = {ContactReceived.model_validate_json(e.data).inbox for e in log if e.type == "contact.received"}
        assert found == {"info", "balie"}


async def test_while_the_log_or_the_blobs_are_away_it_is_later_and_nothing_is_promised() -> None:
    async with open_inlet() as inlet:
        inlet.shelf.away = True
        assert [code for code, _ in await inlet.hand(plain(), ADDRESS, BALIE)] == [451, 451]
        inlet.shelf.away = False
        append = inlet.engine.append

        async def away(*_: Any) -> None:
            raise Unavailable("away")

        inlet.engine.append = away  # type: ignore[method-assign]
        assert [code for code, _ in await inlet.hand(plain(), ADDRESS)] == [451]
        inlet.engine.append = append  # type: ignore[method-assign]
        assert await inlet.texts() == []


async def test_our_own_mistake_is_later_and_never_a_refusal() -> None:
    async with open_inlet() as inlet:

        async def broken(*_: Any) -> None:
            raise ZeroDivisionError

        inlet.engine.append = broken  # type: ignore[method-assign]
        assert [code for code, _ in await inlet.hand(plain(), ADDRESS, BALIE)] == [451, 451]


async def test_a_mail_of_25_mb_passes() -> None:
    async with open_inlet() as inlet:
        big = plain("Groot") + b"0123456789abcdef\r\n" * (25 * 2**20 // 18)
        assert [code for code, _ in await inlet.hand(big, ADDRESS)] == [250]
        assert (await inlet.texts())[0].startswith("Groot")


async def test_a_mail_of_40_mb_is_refused_at_once_in_a_sentence() -> None:
    async with open_inlet() as inlet:
        ((code, said),) = await inlet.hand(b"x" * (40 * 2**20), ADDRESS)
        assert code == 552
        assert f"larger than the {RAW_BYTES_MAX // 2**20} MB".encode() in said


async def test_a_mail_that_lied_about_its_size_is_refused_for_every_recipient() -> None:
    async with open_inlet() as inlet:

        def talk() -> list[int]:
            with smtplib.LMTP(HERE, inlet.port, timeout=60) as relay:
                relay.ehlo_or_helo_if_needed()
                relay.mail("jan@mail.example")
                relay.rcpt(ADDRESS)
                relay.rcpt(BALIE)
                code, _ = relay.data(b"x" * 70 + b"\r\n" + b"0123456789abcdef\r\n" * (RAW_BYTES_MAX // 18 + 1))
                return [code, relay.getreply()[0], relay.noop()[0]]

        assert await asyncio.to_thread(talk) == [552, 552, 250]
        assert await inlet.texts() == []


async def test_what_nobody_can_read_is_taken_and_goes_aside() -> None:
    async with open_inlet() as inlet:
        assert [code for code, _ in await inlet.hand(plain("--x\r\n" * 20_000), ADDRESS)] == [250]
        assert [e.type for e in await inlet.engine.read()] == ["quarantine.entered"]


async def test_the_envelope_tells_a_bounce_from_a_person() -> None:
    async with open_inlet() as inlet:
        await inlet.hand(plain("Weg"), ADDRESS, sender="")
        (fact,) = await inlet.engine.read()
        assert ContactReceived.model_validate_json(fact.data).robot == "auto-reply"


async def test_a_token_behind_a_plus_reaches_the_same_mailbox() -> None:
    async with open_inlet() as inlet:
        assert [code for code, _ in await inlet.hand(plain("Dag"), ADDRESS.replace("@", "+a.b@").upper())] == [250]
        assert await inlet.texts() == ["Dag"]


async def test_who_comes_when_all_hands_are_full_is_asked_to_come_later() -> None:
    async with open_inlet() as inlet:

        def crowd() -> list[int]:
            relays = [smtplib.LMTP(HERE, inlet.port, timeout=60) for _ in range(SESSIONS_MAX + 1)]
            codes = []
            for relay in relays:
                relay.ehlo_or_helo_if_needed()
                codes.append(relay.mail("jan@mail.example")[0])
            relays[0].quit()
            codes.append(relays[-1].mail("jan@mail.example")[0])  # A place is free again.
            for relay in relays[1:]:
                relay.close()
            return codes

        codes = await asyncio.to_thread(crowd)
        assert codes == [250] * SESSIONS_MAX + [451, 250]


@pytest.mark.parametrize("line", [b"x" * 5_000, b"." * 3])
async def test_a_long_line_or_one_of_dots_is_kept(line: bytes) -> None:
    async with open_inlet() as inlet:
        await inlet.hand(plain("Dag") + line + b"\r\n", ADDRESS)
        assert (await inlet.texts())[0].encode().endswith(line)
