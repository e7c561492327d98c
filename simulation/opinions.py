"""What residents answer who are asked what they think: one in two does, and the scores are those that were published.

They are exact at any moment: however many answered on a road, their mean is the published one, as near as whole marks
come to it. So nobody is very content, and nobody is very angry.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Final

TENTHS: Final[Mapping[str, int]] = {"phone": 83, "counter": 87, "email": 72, "web": 60, "whatsapp": 74}
FIRST_LINE: Final = ("phone", "counter", "email", "whatsapp")  # Who is helped by a person at once,
FIRST_LINE_TENTHS: Final = 83  # and what they think, all together.
ANSWERS: Final = 2  # One in so many.


class Opinions:
    """Residents, who are asked one after the other."""

    def __init__(self) -> None:
        self._asked = Counter[str]()

    def mark(self, channel: str) -> int | None:
        """What the next one answers who is asked about help on this channel; none from who does not answer."""
        before, silent = divmod(self._asked[channel], ANSWERS)
        self._asked[channel] += 1
        if silent:
            return None
        tenths = TENTHS[channel]
        return rounded(tenths * (before + 1)) - rounded(tenths * before)


def rounded(tenths: int) -> int:
    return (tenths + 5) // 10
