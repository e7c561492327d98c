"""How busy it is: the arithmetic of windows by itself, and the monitor on a real Kafka."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies

from services.surge.windows import SPAN_S, SPANS, WEEKS, WEEKS_MIN, ZONE, back, hour, oldest, span_of, usual

MONDAY = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
FIRST = oldest(MONDAY)


def counts(*moments: datetime) -> dict[int, int]:
    spans = [span_of(moment) for moment in moments]
    return {span: spans.count(span) for span in spans}


@given(strategies.integers(0, 5_000_000))
def test_a_contact_counts_for_an_hour_and_no_longer(minutes: int) -> None:
    at = MONDAY - timedelta(minutes=minutes)
    one = counts(at)
    begins = (span_of(at) + 1) * SPAN_S
    shown = [hour(one, datetime.fromtimestamp(begins + nth * SPAN_S, UTC)) for nth in range(-1, SPANS + 1)]
    assert shown == [0, *[1] * SPANS, 0]


def test_what_is_usual_is_the_median_of_the_same_hour_in_past_weeks() -> None:
    past = [back(MONDAY, week) - timedelta(minutes=20) for week in range(1, WEEKS + 1)]
    many = counts(*past, *[past[2]] * 100, *[moment - timedelta(days=1) for moment in past])
    assert usual(many, MONDAY, FIRST) == 1


def test_where_too_few_weeks_are_known_nobody_says_what_is_usual() -> None:
    first = span_of(back(MONDAY, WEEKS_MIN)) - SPANS
    assert usual({}, MONDAY, first) == 0
    assert usual({}, MONDAY, first + 1) is None


@pytest.mark.parametrize("weeks", range(1, WEEKS + 1))
def test_nine_o_clock_stays_nine_o_clock_over_the_change_of_the_clock(weeks: int) -> None:
    assert back(MONDAY.replace(month=11, day=2), weeks).astimezone(ZONE).hour == 10
    assert span_of(back(MONDAY, weeks)) - SPANS >= FIRST
