"""No program writes where nobody is, or where somebody said STOP; and again where that has changed."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from engine.engine import Engine
from engine.memory import Disk, MemoryStore
from engine.testing import given
from schemas.address import AddressRestored, AddressSuppressed
from schemas.appointment import AppointmentBooked
from schemas.contact import ContactNoted, ContactReceived
from schemas.event import Event, fact
from schemas.message import MessageBounced, MessageFailed
from schemas.notification import NotificationDue
from schemas.party import PartyAddressLinked
from services.notify.hours import RECEIVED
from services.notify.known import heard, shut_for
from services.notify.shut import addresses_shut
from services.notify.suppression import TRIED_AGAIN, suppression

NOW: Final = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
DAY: Final = timedelta(days=1)
ON: Final[dict[str, Any]] = {"message_id": "m1", "address_id": "a1"}


def bounced(channel: str = "email", reason: str = "no-such-address", at: datetime = NOW) -> MessageBounced:
    return MessageBounced(at=at, channel=channel, reason=reason, **ON)


def failed(channel: str = "sms", reason: str = "no-mobile") -> MessageFailed:
    return MessageFailed(at=NOW, channel=channel, reason=reason, **ON)


def wrote(text: str = "Dag", channel: str = "sms", at: datetime = NOW, **more: Any) -> ContactReceived:
    return ContactReceived(at=at, contact_id="c1", address_id="a1", channel=channel, text=text, **more)


def suppressed(channel: str, reason: str, at: datetime = NOW) -> AddressSuppressed:
    until = None if reason == "opted-out" else at + TRIED_AGAIN
    return AddressSuppressed(at=at, address_id="a1", channel=channel, reason=reason, until=until)


def restored(channel: str, reason: str) -> AddressRestored:
    return AddressRestored(at=NOW, address_id="a1", channel=channel, reason=reason)


def noted(text: str) -> ContactNoted:
    return ContactNoted(at=NOW, contact_id="c1", address_id="a1", agent_id="draad", text=text, result="answered")


@pytest.mark.parametrize(
    ("said", "follows"),
    [
        (bounced(), suppressed("email", "no-such-address")),
        (failed(), suppressed("sms", "no-mobile")),
        (failed(reason="opted-out"), suppressed("sms", "opted-out")),
        (failed("whatsapp", "not-on-whatsapp"), suppressed("whatsapp", "not-on-whatsapp")),
    ],
)
def test_what_a_provider_says_for_good_shuts_it(said: Event, follows: Event) -> None:
    given(suppression).when(said).then(follows)


@pytest.mark.parametrize("reason", ["mailbox-full", "refused", "unreachable", "no-road", "too-late", "twilio-30032"])
def test_what_may_pass_shuts_nothing(reason: str) -> None:
    given(suppression).when(bounced(reason=reason), failed(reason=reason)).then()


@pytest.mark.parametrize(
    "stop", [wrote("STOP"), wrote(" stop. "), wrote("Afmelden"), wrote("QUIT", flags=("opt-out",))]
)
def test_their_own_stop_shuts_it_and_waits_for_nobody_until_they_take_it_back(stop: ContactReceived) -> None:
    scene = given(suppression).when(stop)
    scene.then(suppressed("sms", "opted-out"), noted("Wil geen sms meer van ons."))
    scene.when(wrote("Kunt u mij bellen?"), failed(), wrote("Dag", "email")).then()
    scene.when(wrote("START")).then(restored("sms", "opted-in"), noted("Wil weer sms van ons."))
    scene.when(failed()).then(suppressed("sms", "no-mobile"))


@pytest.mark.parametrize("text", ["Stop met die brieven", "Hoe kan ik stoppen?", "startdatum", "", "st\u200bop"])
def test_whoever_writes_more_shuts_nothing(text: str) -> None:
    given(suppression).when(wrote(text)).then()


def test_stop_on_whatsapp_shuts_whatsapp_alone() -> None:
    scene = given(suppression).when(wrote("Stop", "whatsapp"))
    scene.then(suppressed("whatsapp", "opted-out"), noted("Wil geen WhatsApp meer van ons."))
    scene.when(wrote("start", "whatsapp")).then(restored("whatsapp", "opted-in"), noted("Wil weer WhatsApp van ons."))


def test_stop_in_a_mail_is_a_question_like_any_other() -> None:
    given(suppression).when(wrote("STOP", "email")).then()


def test_who_writes_from_it_is_there() -> None:
    given(suppression, bounced()).when(wrote(channel="email")).then(restored("email", "heard"))
    given(suppression, bounced()).when(wrote(channel="email", robot="auto-reply"), wrote(channel="web")).then()


async def shut(
    *events: Event, channel: str = "email", now: datetime = NOW, answers: NotificationDue | None = None
) -> str:
    engine = Engine(MemoryStore(Disk(), lambda: NOW))
    for nth, event in enumerate(events):
        await engine.append(fact(event, key=str(nth)))
    await engine.settle(suppression, addresses_shut)
    return await shut_for(engine, "a1", channel, now, heard(answers) if answers else None)


async def test_it_is_shut_on_that_channel_only_and_not_for_ever() -> None:
    assert await shut() == ""
    assert await shut(bounced()) == "no-such-address"
    assert await shut(bounced(), channel="sms") == ""
    assert await shut(bounced(), now=NOW + TRIED_AGAIN - DAY) == "no-such-address"
    assert await shut(bounced(), now=NOW + TRIED_AGAIN) == ""
    again = bounced(at=NOW + TRIED_AGAIN)  # Tried, and still gone.
    assert await shut(bounced(), again, now=NOW + TRIED_AGAIN + DAY) == "no-such-address"


async def test_given_again_it_is_tried_again_but_their_wish_stands() -> None:
    for later, here in ((DAY, ""), (-DAY, "no-such-address")):
        linked = PartyAddressLinked(
            at=NOW + later, party_id="p1", address_id="a1", channel="email", address="j@mail.example",
            certainty="certain",
        )  # fmt: skip
        booked = AppointmentBooked(
            at=NOW + later, appointment_id="b1", product="paspoort", branch="main", party_id="p2", kind="email",
            address="j@mail.example", address_id="a1", starts_at=NOW + 9 * DAY,
        )  # fmt: skip
        for told in (linked, booked):
            assert await shut(bounced(), told) == await shut(told, bounced()) == here
            assert await shut(wrote("STOP"), told, channel="sms") == "opted-out"
    presumed = linked.model_copy(update={"certainty": "proposed", "at": NOW + DAY})
    assert await shut(bounced(), presumed) == "no-such-address"


async def test_heard_again_it_is_open_and_after_start_too() -> None:
    assert await shut(bounced(), wrote(channel="email")) == ""
    assert await shut(wrote("STOP"), wrote("START"), channel="sms") == ""


async def test_who_is_answered_on_the_road_on_which_they_wrote_is_there_before_anybody_says_so() -> None:
    """The part that restores an address and the one that writes to it run side by side, on machines of their own."""
    assert await shut(bounced(), answers=due()) == ""
    assert await shut(bounced(), answers=due(at=NOW - DAY)) == "no-such-address", "it came back since"
    assert await shut(bounced(), answers=due(kind="web")) == "no-such-address", "they only filled it in"
    assert await shut(bounced(), answers=due(template="case-status")) == "no-such-address"
    assert await shut(wrote("STOP"), channel="sms", answers=due(channel="sms", kind="sms")) == "opted-out"


def due(**more: Any) -> NotificationDue:
    said: dict[str, Any] = {"at": NOW + DAY, "notification_id": "n1", "party_id": "unknown.a1", "about": "contact/c1"}
    said |= {"template": RECEIVED, "kind": "email", "channel": "email", "address": "j@mail.example"}
    return NotificationDue(**(said | {"address_id": "a1"} | more))


async def test_years_shut_without_their_wish_it_is_their_wish_that_lasts() -> None:
    assert await shut(wrote("STOP"), channel="sms", now=NOW + 20 * TRIED_AGAIN) == "opted-out"
