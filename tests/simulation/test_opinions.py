"""Residents who are asked what they think say what was published, however many of them are asked."""

from statistics import mean
from typing import Final

import pytest

from simulation.opinions import ANSWERS, TENTHS, Opinions

EXACT_FROM: Final = 10  # With fewer whole marks no mean comes as near as a tenth.


@pytest.mark.parametrize("channel", TENTHS)
def test_the_mean_is_the_published_one_at_any_moment(channel: str) -> None:
    opinions, marks = Opinions(), list[int]()
    for asked in range(1, 1_000):
        mark = opinions.mark(channel)
        marks += [mark] if mark else []
        assert len(marks) == -(-asked // ANSWERS)
        assert len(marks) < EXACT_FROM or round(mean(marks), 1) == TENTHS[channel] / 10
    assert {*marks} <= {*range(1, 11)}
