"""What each fact shows on the timeline, and what it never shows."""

from datetime import UTC, datetime, timedelta

import pytest

from engine.testing import shown
from schemas.contact import ContactAnswered, ContactMissed, ContactOverdue, ContactReceived
from services.desk.timeline import MASK, masked, timeline

MONDAY = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)

asked = ContactReceived(at=MONDAY, contact_id="c1", address_id="a1", channel="email", text="Waar blijft het?")


def test_a_contact_is_a_row_with_its_channel_and_its_words() -> None:
    [row] = shown(timeline, asked)
    assert row == {
        "position": 1,
        "at": "2026-11-02T09:00:00.000000Z",
        "type": "contact.received",
        "contact_id": "c1",
        "address_id": "a1",
        "word": "email",
        "text": "Waar blijft het?",
    }


def test_every_fact_about_a_contact_has_a_row_of_its_own() -> None:
    later = MONDAY + timedelta(days=2)
    rows = shown(
        timeline,
        asked,
        ContactMissed(at=MONDAY, contact_id="c2", address_id="a1", reason="busy"),
        ContactOverdue(at=later, contact_id="c1", address_id="a1", due=later),
        ContactAnswered(at=later, contact_id="c1", address_id="a1", agent_id="g1", text="Het ligt klaar."),
    )
    assert [(row["type"], row["word"], row["text"]) for row in rows] == [
        ("contact.received", "email", "Waar blijft het?"),
        ("contact.missed", "busy", ""),
        ("contact.overdue", "2026-11-04T09:00:00.000000Z", ""),
        ("contact.answered", "", "Het ligt klaar."),
    ]


@pytest.mark.parametrize("bsn", ["123456782", "1234.56.782", "1234 56 782", "123-456-782", "111222333"])
def test_what_looks_like_a_bsn_is_masked(bsn: str) -> None:
    assert masked(f"Mijn nummer is {bsn}.") == f"Mijn nummer is {MASK}."
    [row] = shown(timeline, asked.model_copy(update={"text": f"BSN:{bsn}"}))
    assert row["text"] == f"BSN:{MASK}"


@pytest.mark.parametrize("other", ["123456789", "0612345678", "zaak2026-123456782a", "12345678", "1234567820"])
def test_other_numbers_stay_readable(other: str) -> None:
    assert masked(f"Het gaat om {other}.") == f"Het gaat om {other}."
