"""When people come to a town hall: the shape of a day and of a week. Pure; the dice are thrown by whoever asks."""

import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from itertools import accumulate
from typing import Final

from channels.days import answered_by

OPENS: Final = 8  # The first hour of the day in which anybody is there,
CLOSES: Final = 17  # and the first in which nobody is.
# How many come in each hour, beside each other: most before noon, few at lunch, again some after it.
BUSY: Final[Mapping[int, int]] = {8: 5, 9: 15, 10: 18, 11: 16, 12: 8, 13: 12, 14: 12, 15: 9, 16: 5}
# What is written comes at any hour, most in the evening after work.
WRITTEN: Final[Mapping[int, int]] = {
    6: 1, 7: 3, 8: 6, 9: 9, 10: 9, 11: 8, 12: 7, 13: 7, 14: 7, 15: 6, 16: 6, 17: 5,
    18: 4, 19: 6, 20: 7, 21: 6, 22: 3, 23: 1,
}  # fmt: skip
FREE_DAYS: Final = 5  # For so many working days ahead the counter says which hours are free,
FREE_MINUTES: Final = (0, 20, 40)  # at these minutes of each hour.
WEEK: Final = (26, 21, 19, 18, 16)  # Monday has the weekend's questions too.


def spread(total: int, weights: Sequence[int]) -> list[int]:
    """The total in whole parts after these weights, exactly: no part is more than one off, and none is lost.

    >>> spread(10, [1, 1, 1])
    [3, 4, 3]
    """
    whole = sum(weights)
    marks = [(total * sum_ * 2 + whole) // (2 * whole) for sum_ in accumulate(weights)]
    return [after - before for before, after in zip([0, *marks], marks, strict=False)]


def moments(count: int, hours: Mapping[int, int], dice: random.Random) -> list[float]:
    """So many seconds after midnight, in order, after the shape of the day."""
    each = zip(hours, spread(count, list(hours.values())), strict=True)
    return sorted(hour * 3600 + dice.random() * 3600 for hour, times in each for _ in range(times))


def free(today: date) -> Iterator[tuple[date, Sequence[str]]]:
    """The next working days, and on each of them the hours that residents may choose, as the clock shows them."""
    for nth in range(1, FREE_DAYS + 1):
        day = answered_by(today, nth)
        yield day, [f"{day}T{hour:02}:{minute:02}" for hour in range(OPENS, CLOSES) for minute in FREE_MINUTES]
