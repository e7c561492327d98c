"""What became of a message is said of its notification; and one word by SMS confirms an appointment, or cancels it."""

from datetime import UTC, datetime
from typing import Any, Final

import pytest

from engine.testing import given
from schemas.appointment import AppointmentCancelled, AppointmentConfirmed
from schemas.contact import ContactMade, ContactNoted, ContactReceived
from schemas.event import Event
from schemas.message import MessageBounced, MessageDelivered, MessageFailed, MessageRead, MessageSent, MessageUnknown
from schemas.notification import (
    NotificationBounced,
    NotificationDelivered,
    NotificationFailed,
    NotificationSent,
    NotificationUnknown,
)
from services.notify.receipts import TOLD_MAX, receipts

NOW: Final = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
ON: Final[dict[str, Any]] = {"at": NOW, "message_id": "m1", "address_id": "t", "channel": "sms"}
TOLD: Final[dict[str, Any]] = {"at": NOW, "notification_id": "n1", "channel": "sms"}


def written(**more: str) -> ContactMade:
    said: dict[str, Any] = {
        "contact_id": "m1",
        "address_id": "t",
        "agent_id": "draad",
        "channel": "sms",
        "message_id": "m1",
    }
    return ContactMade(at=NOW, **(said | {"notification_id": "n1", "about": "appointment/a1"} | more))


def says(text: str, channel: str = "sms") -> ContactReceived:
    return ContactReceived(at=NOW, contact_id="c1", address_id="t", channel=channel, text=text)


def noted(text: str) -> ContactNoted:
    """So that it waits for nobody."""
    return ContactNoted(at=NOW, contact_id="c1", address_id="t", agent_id="draad", text=text, result="answered")


@pytest.mark.parametrize(
    ("receipt", "said"),
    [
        (MessageSent(**ON, reference="SM1"), NotificationSent(**TOLD, address_id="t", reference="SM1")),
        (MessageDelivered(**ON), NotificationDelivered(**TOLD)),
        (MessageRead(**ON), NotificationDelivered(**TOLD)),
        (MessageBounced(**ON, reason="no-such-address"), NotificationBounced(**TOLD, reason="no-such-address")),
        (MessageFailed(**ON, reason="no-road"), NotificationFailed(**TOLD, reason="no-road")),
        (MessageUnknown(**ON), NotificationUnknown(**TOLD)),
    ],
)
def test_what_became_of_it(receipt: Event, said: Event) -> None:
    given(receipts, written()).when(receipt).then(said)
    given(receipts, written(notification_id="")).when(receipt).then()  # An agent wrote it.


@pytest.mark.parametrize("text", ["JA", "ja", " Ja! ", "Yes."])
def test_yes_confirms_the_appointment(text: str) -> None:
    confirmed = AppointmentConfirmed(at=NOW, appointment_id="a1")
    given(receipts, written()).when(says(text)).then(confirmed, noted("Bevestigde de afspraak."))


@pytest.mark.parametrize("text", ["AFZEGGEN", "afzeggen.", "no"])
def test_no_cancels_it_and_once(text: str) -> None:
    scene = given(receipts, written()).when(says(text))
    cancelled = AppointmentCancelled(at=NOW, appointment_id="a1", by="party")
    scene.then(cancelled, noted("Zegde de afspraak af.")).when(says(text)).then()


@pytest.mark.parametrize("text", ["", "ja maar ik kom later", "kan ik afzeggen?", "STOP", "ja" * 5_000, "j\u200ba"])
def test_whoever_writes_more_is_answered_by_a_person(text: str) -> None:
    given(receipts, written()).when(says(text)).then()


def test_the_word_counts_on_the_road_on_which_it_was_asked_and_for_what_was_told_last() -> None:
    given(receipts).when(says("ja")).then()
    given(receipts, written()).when(says("ja", "email")).then()
    given(receipts, written(channel="email")).when(says("ja")).then()
    given(receipts, written(channel="whatsapp")).when(says("ja")).then()
    on_whatsapp = given(receipts, written(channel="whatsapp")).when(says("ja", "whatsapp"))
    on_whatsapp.then(AppointmentConfirmed(at=NOW, appointment_id="a1"), noted("Bevestigde de afspraak."))
    later = written(about="appointment/a2", message_id="m2", notification_id="n2")
    confirmed = AppointmentConfirmed(at=NOW, appointment_id="a2")
    given(receipts, written(), later).when(says("ja")).then(confirmed, noted("Bevestigde de afspraak."))


def test_an_address_that_is_told_ever_more_is_kept_small() -> None:
    many = [written(message_id=f"m{n}") for n in range(3 * TOLD_MAX)]
    assert len(given(receipts, *many).knows("address/t").messages) == TOLD_MAX
