"""What intake makes of an address, a moment and a body."""

from datetime import UTC, datetime, timedelta

import pytest

from schemas.errors import Refused
from schemas.reading import posted
from services.intake.body import AHEAD_MAX, EARLIEST, NewContact, described, moment

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


def test_a_moment_is_believed_up_to_its_limits_and_no_further() -> None:
    assert moment(None, NOW) == NOW
    assert moment(EARLIEST, NOW) == EARLIEST
    assert moment(NOW + AHEAD_MAX, NOW) == NOW, "whoever is ahead of our clock means now"
    for wrong in (EARLIEST - timedelta(microseconds=1), NOW + AHEAD_MAX + timedelta(microseconds=1)):
        with pytest.raises(Refused, match="at lies before"):
            moment(wrong, NOW)


@pytest.mark.parametrize("edge", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
def test_a_moment_that_no_clock_can_show_in_utc_is_refused(edge: str) -> None:
    body = posted(NewContact, f'{{"channel":"phone","at":"{edge}"}}'.encode())
    with pytest.raises(Refused, match="at lies before"):
        moment(body.at, NOW)


def test_a_body_is_described_without_references_and_marks() -> None:
    text = str(described(NewContact))
    assert "'address'" in text
    assert "$ref" not in text
    assert "personal" not in text
