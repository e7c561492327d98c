"""A mailbox on a real server is taken in whole, once, whatever breaks on the way."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
from imapclient import IMAPClient

from channels.email import Email, Inbox
from channels.mime import RAW_BYTES_MAX
from draad.parts import PARTS
from engine.engine import Engine
from infra.mail import USER, Dovecot
from infra.server import HERE
from schemas.contact import ContactReceived
from schemas.errors import Unavailable
from schemas.event import Envelope
from schemas.quarantine import QuarantineEntered
from services.intake.mailbox import Gauges, Mailbox
from services.intake.mend import Mender
from services.intake.post import Post
from tests.channels.post import NOW, email, plain, sample
from tests.contract.looks import everything
from tests.contract.places import MemoryPlace, Place
from tests.services.shelf import Shelf

WAIT_S_MAX: Final = 60


@pytest.fixture
def dovecot() -> Iterator[Dovecot]:
    with Dovecot() as opened:
        yield opened


@dataclass
class Office:
    """One engine and one shelf, and as many lives of a fetcher as a test needs."""

    server: Dovecot
    place: Place = field(default_factory=lambda: MemoryPlace(Path(), 1))
    shelf: Shelf = field(default_factory=Shelf)

    def inbox(self, **changes: Any) -> dict[str, Any]:
        given = {"imap_host": HERE, "imap_port": self.server.imap, "imap_security": "none", "imap_user": USER}
        return given | {"imap_password": self.server.password, "poll_s": 1} | changes

    async def engine(self) -> Engine:
        self.place.clock.now = NOW
        return await self.place.open()

    def fetcher(self, engine: Engine, channel: Email | None = None, **changes: Any) -> Mailbox:
        opened = channel or email(**self.inbox(**changes))
        gauges = Gauges(engine.meter.registry)
        settings = Inbox.model_validate(opened.inboxes["info"])
        return Mailbox("info", settings, post=Post(self.shelf, opened), engine=engine, gauges=gauges, clock=lambda: NOW)

    @asynccontextmanager
    async def at_work(self, **changes: Any) -> AsyncIterator[tuple[Engine, Mailbox]]:
        engine = await self.engine()
        await engine.settle(*PARTS)
        mailbox = self.fetcher(engine, **changes)
        yield engine, mailbox
        await engine.settle(*PARTS)
        await engine.close()

    async def once(self, **changes: Any) -> list[Envelope]:
        """A whole life: everything that is there is taken in. Returns the whole log."""
        async with self.at_work(**changes) as (engine, mailbox):
            await mailbox.visit(0)
            return await everything(engine)


@pytest.fixture
def office(dovecot: Dovecot) -> Office:
    return Office(dovecot)


@pytest.fixture
def both(dovecot: Dovecot, place: Place) -> Office:
    return Office(dovecot, place)


def texts(log: list[Envelope]) -> list[str]:
    return [ContactReceived.model_validate_json(e.data).text for e in log if e.type == "contact.received"]


def flags_there(server: Dovecot) -> list[tuple[bytes, ...]]:
    client = IMAPClient(HERE, server.imap, ssl=False)
    client.login(USER, server.password)
    client.select_folder("INBOX", readonly=True)
    found = list(client.get_flags(client.search()).values())
    client.logout()
    return found


async def test_what_is_there_is_taken_in_once_and_left_as_it_was(both: Office) -> None:
    both.server.deliver(*(plain(f"Mail {n}", Message_ID=f"<{n}@x>") for n in range(120)))
    log = await both.once()
    assert texts(log) == [f"Mail {n}" for n in range(120)]
    assert texts(await both.once()) == texts(log)
    assert len(flags_there(both.server)) == 120
    assert not any(b"\\Seen" in flags for flags in flags_there(both.server))
    raws = [ContactReceived.model_validate_json(e.data).raw for e in log if e.type == "contact.received"]
    assert all(b"Mail" in both.shelf.kept[raw] for raw in raws)


async def test_what_somebody_read_in_another_client_is_taken_in_all_the_same(office: Office) -> None:
    office.server.deliver(plain("Gezien"))
    client = IMAPClient(HERE, office.server.imap, ssl=False)
    client.login(USER, office.server.password)
    client.select_folder("INBOX")
    client.add_flags(client.search(), [b"\\Seen"])
    client.logout()
    assert texts(await office.once()) == ["Gezien"]


async def test_after_days_away_nothing_is_missed_and_nothing_read_again(office: Office) -> None:
    office.server.deliver(plain("Een", Message_ID="<1@x>"))
    await office.once()
    office.server.deliver(plain("Twee", Message_ID="<2@x>"), plain("Drie", Message_ID="<3@x>"))
    before = dict(office.shelf.kept)
    office.shelf.kept.clear()
    assert texts(await office.once()) == ["Een", "Twee", "Drie"]
    assert not before.keys() & office.shelf.kept.keys()  # Only what is new was fetched.


async def test_a_server_that_counts_anew_doubles_nothing_and_hides_nothing(both: Office) -> None:
    both.server.deliver(*(plain(f"Mail {n}", Message_ID=f"<{n}@x>") for n in range(60)))
    await both.once()
    both.server.count_anew()
    both.server.deliver(plain("Nieuw", Message_ID="<new@x>"))
    async with both.at_work() as (engine, mailbox):
        append, handed = engine.append, list[Envelope]()

        async def noted(*facts: Envelope) -> None:
            handed.extend(facts)
            await append(*facts)

        engine.append = noted  # type: ignore[method-assign]
        await mailbox.visit(0)
        # Only the new one was handed to the log, which may have forgotten the others after thirty days.
        assert texts(handed) == ["Nieuw"]
        assert len(texts(await everything(engine))) == 61
        assert handed[-1].type == "mailbox.read"


async def test_a_mail_that_nobody_can_read_goes_aside_whole_and_blocks_nothing(office: Office) -> None:
    bad = b"From: a@b.example\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n" + b"--x\r\n" * 20_000
    office.server.deliver(plain("Een", Message_ID="<1@x>"), bad, plain("Twee", Message_ID="<2@x>"))
    log = await office.once()
    assert texts(log) == ["Een", "Twee"]
    (aside,) = (QuarantineEntered.model_validate_json(e.data) for e in log if e.type == "quarantine.entered")
    assert (aside.cause, aside.inbox) == ("too-many-parts", "info")
    assert office.shelf.kept[aside.digest].count(b"--x\r\n") == 20_000
    assert aside.size_bytes == len(office.shelf.kept[aside.digest])


class Fragile(Email):
    """A reader with a mistake in it, which is mended later."""

    broken = True

    def read(self, inbound: Any) -> Any:
        if self.broken and b"breekt" in inbound.body:
            raise ZeroDivisionError
        return super().read(inbound)


async def test_what_went_aside_by_our_own_mistake_is_read_again_once_it_is_mended(office: Office) -> None:
    office.server.deliver(plain("Dit breekt ons", Message_ID="<1@x>"), plain("Heel", Message_ID="<2@x>"))
    opened = email(**office.inbox())
    fragile = Fragile(opened.inboxes, opened._secrets)
    engine = await office.engine()
    await engine.settle(*PARTS)
    await office.fetcher(engine, fragile).visit(0)
    await engine.settle(*PARTS)
    mender = Mender(engine, office.shelf, {"email": fragile}, lambda: NOW)
    (item,) = await mender.items()
    assert item["cause"] == "unreadable"
    with pytest.raises(Exception, match="still cannot be read: unreadable"):
        await mender.retry(item["item_id"])
    fragile.broken = False
    contact = await mender.retry(item["item_id"], "g-1")
    await engine.settle(*PARTS)
    assert await mender.retry(item["item_id"]) == contact
    assert await mender.items() == []
    log = list(await engine.read())
    assert sorted(texts(log)) == ["Dit breekt ons", "Heel"]
    assert [e.type for e in log].count("quarantine.mended") == 1
    await engine.close()


@pytest.mark.parametrize("at_call", range(1, 7))
async def test_killed_at_any_write_it_goes_on_where_it_was(office: Office, at_call: int) -> None:
    """Each write to the shelf and each append is once the last thing that this life does."""
    office.server.deliver(*(plain(f"Mail {n}", Message_ID=f"<{n}@x>") for n in range(3)))
    calls = 0

    class Killed(BaseException):
        """No one catches this: as a kill."""

    def counted(function: Any, *, after: bool) -> Any:
        async def call(*args: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == at_call and not after:
                raise Killed
            done = await function(*args)
            if calls == at_call and after:
                raise Killed
            return done

        return call

    for after in (False, True):
        calls = 0
        engine = await office.engine()
        await engine.settle(*PARTS)
        mailbox = office.fetcher(engine)
        engine.append = counted(engine.append, after=after)  # type: ignore[method-assign]
        put, office.shelf.put = office.shelf.put, counted(office.shelf.put, after=after)  # type: ignore[method-assign]
        with suppress(Killed):
            await mailbox.visit(0)
        office.shelf.put = put  # type: ignore[method-assign]
        log = await (await office.engine()).read()
        contacts = [ContactReceived.model_validate_json(e.data) for e in log if e.type == "contact.received"]
        assert all(contact.raw in office.shelf.kept for contact in contacts)
        read_up_to = [e for e in log if e.type == "mailbox.read"]
        assert not read_up_to or len(contacts) == 3
    assert texts(await office.once()) == ["Mail 0", "Mail 1", "Mail 2"]


async def test_while_the_log_is_away_nothing_is_passed_over(office: Office) -> None:
    office.server.deliver(plain("Een", Message_ID="<1@x>"), plain("Twee", Message_ID="<2@x>"))
    async with office.at_work() as (engine, mailbox):
        append, asked = engine.append, asyncio.Event()

        async def away(*facts: Envelope) -> None:
            asked.set()
            raise Unavailable("away")

        engine.append = away  # type: ignore[method-assign]
        running = asyncio.create_task(mailbox.run())
        await asyncio.wait_for(asked.wait(), WAIT_S_MAX)
        assert await engine.read() == []
        engine.append = append  # type: ignore[method-assign]
        await until(engine, 2)
        mailbox.stop()
        await running
        assert texts(list(await engine.read())) == ["Een", "Twee"]


async def until(engine: Engine, contacts: int) -> None:
    async with asyncio.timeout(WAIT_S_MAX):
        while len(texts(list(await engine.read()))) < contacts:  # noqa: ASYNC110  # No event says so.
            await asyncio.sleep(0.02)


async def until_red(mailbox: Mailbox, *, red: bool = True) -> None:
    async with asyncio.timeout(WAIT_S_MAX):
        while bool(mailbox.fault) != red:  # noqa: ASYNC110  # As above.
            await asyncio.sleep(0.02)


async def test_a_new_mail_comes_in_by_itself(office: Office) -> None:
    async with office.at_work() as (engine, mailbox):
        running = asyncio.create_task(mailbox.run())
        office.server.deliver(plain("Een", Message_ID="<1@x>"))
        await until(engine, 1)
        office.server.deliver(plain("Twee", Message_ID="<2@x>"))
        await until(engine, 2)
        mailbox.stop()
        await running


async def test_the_server_may_go_and_come_back(office: Office) -> None:
    async with office.at_work() as (engine, mailbox):
        running = asyncio.create_task(mailbox.run())
        office.server.deliver(plain("Een", Message_ID="<1@x>"))
        await until(engine, 1)
        office.server.kill()
        await until_red(mailbox)
        assert up(engine) == 0
        office.server.start()
        office.server.deliver(plain("Twee", Message_ID="<2@x>"))
        await until(engine, 2)
        await until_red(mailbox, red=False)
        assert up(engine) == 1
        mailbox.stop()
        await running


def up(engine: Engine) -> float | None:
    return engine.meter.registry.get_sample_value("draad_mailbox_up", {"inbox": "info"})


async def test_a_password_that_is_revoked_turns_it_red_at_the_next_visit(office: Office) -> None:
    async with office.at_work() as (engine, mailbox):
        mailbox._visit_s_max = 0.2
        running = asyncio.create_task(mailbox.run())
        async with asyncio.timeout(WAIT_S_MAX):
            while up(engine) != 1:  # noqa: ASYNC110  # No event says so.
                await asyncio.sleep(0.02)
        office.server.set_password("another")
        await until_red(mailbox)
        assert "does not let us in" in mailbox.fault
        assert up(engine) == 0
        mailbox.stop()
        await running


def test_a_visit_ends_within_a_minute_with_the_pause_before_it() -> None:
    from services.intake.mailbox import VISIT_S_MAX

    assert VISIT_S_MAX < 60


async def test_a_mail_of_25_mb_passes_and_one_of_40_is_named_and_left_there(office: Office) -> None:
    big = (
        b"Content-Type: multipart/mixed; boundary=x\r\n"
        + plain("Groot", Message_ID="<1@x>")
        .replace(b"Content-Type: text/plain; charset=utf-8", b"X-Y: z")
        .replace(
            b"\r\n\r\nGroot",
            b"\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\nGroot\r\n--x\r\nContent-Type: image/png\r\n\r\n",
        )
        + b"0123456789abcdef\r\n" * (25 * 2**20 // 18)
    )
    office.server.deliver(big, b"X-Size: 40 MB\r\n" + plain("x", Message_ID="<2@x>") + b"x" * 70 + b"\r\n" * 20_000_000)
    log = await office.once()
    assert texts(log) == ["Groot"]
    (aside,) = (QuarantineEntered.model_validate_json(e.data) for e in log if e.type == "quarantine.entered")
    assert aside.cause == "too-large"
    assert aside.size_bytes > RAW_BYTES_MAX
    assert b"X-Size" in office.shelf.kept[aside.digest]
    assert len(office.shelf.kept[aside.digest]) < 10_000


async def test_a_reply_of_an_hour_of_robots_is_recorded_and_nobody_is_answered(office: Office) -> None:
    ours = email().letter(message_to("p.bakker@bedrijf.example"))
    loop = [sample("out-of-office").replace(b"ooo-1", f"ooo-{n}-{ours.own_id}".encode()) for n in range(60)]
    office.server.deliver(*loop)
    log = await office.once()
    robots = [ContactReceived.model_validate_json(e.data).robot for e in log if e.type == "contact.received"]
    assert robots == ["auto-reply"] * 60
    assert not [e for e in log if e.type in {"contact.answered", "contact.made", "notification.requested"}]


def message_to(address: str) -> Any:
    from channels.channel import Message

    return Message("m1", "a1", address, "info", "Dag", at=NOW)
