"""What intake makes of an address, a moment and a body."""

from datetime import UTC, datetime, timedelta

import pytest

from schemas.errors import Refused
from services.intake.address import pseudonym
from services.intake.body import AHEAD_MAX, EARLIEST, NewContact, described, moment, read

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
PEPPER = b"a pepper"


@pytest.mark.parametrize("spelling", ["06-12 34 56 78", "+31 6 12345678", "0031612345678", "06 1234 5678"])
def test_one_telephone_has_one_pseudonym_however_it_is_written(spelling: str) -> None:
    assert pseudonym("phone", spelling, PEPPER) == pseudonym("phone", "+31612345678", PEPPER)


def test_one_mailbox_has_one_pseudonym_in_capitals_too() -> None:
    assert pseudonym("email", " Jan@Voorbeeld.nl", PEPPER) == pseudonym("email", "jan@voorbeeld.nl", PEPPER)


def test_another_pepper_kind_or_address_is_another_pseudonym() -> None:
    names = {
        pseudonym("phone", "0612345678", PEPPER),
        pseudonym("phone", "0612345679", PEPPER),
        pseudonym("whatsapp", "0612345678", PEPPER),
        pseudonym("phone", "0612345678", b"another"),
    }
    assert len(names) == 4


def test_a_moment_is_believed_up_to_its_limits_and_no_further() -> None:
    assert moment(None, NOW) == NOW
    assert moment(EARLIEST, NOW) == EARLIEST
    assert moment(NOW + AHEAD_MAX, NOW) == NOW + AHEAD_MAX
    for wrong in (EARLIEST - timedelta(microseconds=1), NOW + AHEAD_MAX + timedelta(microseconds=1)):
        with pytest.raises(Refused, match="at lies before"):
            moment(wrong, NOW)


@pytest.mark.parametrize("edge", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_moment_that_no_clock_can_show_in_utc_is_refused(edge: str) -> None:
    body = read(NewContact, f'{{"channel":"phone","at":"{edge}"}}'.encode())
    with pytest.raises(Refused, match="at lies before"):
        moment(body.at, NOW)


def test_a_body_is_described_without_references_and_marks() -> None:
    text = str(described(NewContact))
    assert "'address'" in text
    assert "$ref" not in text
    assert "personal" not in text
