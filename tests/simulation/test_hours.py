"""A day has its shape, and nobody is lost in it."""

import random
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from simulation.hours import BUSY, CLOSES, OPENS, free, moments, spread


@given(st.integers(0, 10**6), st.lists(st.integers(1, 100), min_size=1, max_size=60))
def test_a_total_is_spread_to_the_last_one_and_close_to_its_weights(total: int, weights: list[int]) -> None:
    parts = spread(total, weights)
    assert sum(parts) == total
    assert all(abs(part - total * weight / sum(weights)) <= 1 for part, weight in zip(parts, weights, strict=True))


@given(st.integers(0, 500), st.integers(0, 99))
def test_everybody_comes_while_it_is_open_and_in_order(count: int, seed: int) -> None:
    came = moments(count, BUSY, random.Random(seed))
    assert len(came) == count
    assert came == sorted(came)
    assert all(OPENS <= at / 3600 < CLOSES for at in came)


def test_few_come_at_lunch() -> None:
    came = moments(1_000, BUSY, random.Random(1))
    at = [sum(int(one // 3600) == hour for one in came) for hour in (10, 12, 13)]
    assert at[1] < min(at[0], at[2])


def test_hours_are_free_on_the_next_five_working_days() -> None:
    days = [*free(date(2026, 11, 26))]  # A Thursday.
    assert [f"{day:%a}" for day, _ in days] == ["Fri", "Mon", "Tue", "Wed", "Thu"]
    assert [f"{day:%d}" for day, _ in free(date(2026, 12, 23))] == ["24", "28", "29", "30", "31"], "Christmas is none"
    day, hours = days[0]
    assert (day, len(hours)) == (date(2026, 11, 27), 3 * (CLOSES - OPENS))
    assert (hours[0], hours[-1]) == ("2026-11-27T08:00", "2026-11-27T16:40")
