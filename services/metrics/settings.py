"""From when on something is too late, too short, or again. Each is one of the bounds that values are told apart by.

So a threshold can be moved at any time, and holds for the past too: nothing is counted anew.
"""

from collections.abc import Sequence
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from schemas.event import Word
from services.metrics.tally import DAY, DAYS, HOUR, HOURS, QUICK, SECOND

PRODUCTS_MAX: Final = 500


def bound(scale: Sequence[int], unit: int) -> AfterValidator:
    """One of the bounds of this scale. Raises `ValueError`."""
    allowed = [value // unit for value in scale if value % unit == 0]

    def check(number: int) -> int:
        if number not in allowed:
            raise ValueError(f"one of {', '.join(map(str, allowed))}")
        return number

    return AfterValidator(check)


class Thresholds(BaseModel):
    """What a municipality promises, and how it counts."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    answer_call_s: Annotated[int, bound(QUICK, SECOND)] = 30  # Within it a call is answered in time.
    short_call_s: Annotated[int, bound(QUICK, SECOND)] = 5  # Who hangs up within it did not wait for us.
    respond_hours: Annotated[int, bound(HOURS, HOUR)] = 48
    resolve_days: Annotated[int, bound(DAYS, DAY)] = 56  # Eight weeks, as the law has it where nothing else is said.
    again_days: Annotated[int, bound(DAYS, DAY)] = 7
    send_s: Annotated[int, bound(QUICK, SECOND)] = 60

    def ms(self, name: str) -> int:
        """A threshold in milliseconds."""
        unit = {"s": SECOND, "hours": HOUR, "days": DAY}[name.rpartition("_")[2]]
        return int(getattr(self, name)) * unit


class MetricsSettings(Thresholds):
    """Thresholds, and the products by which figures are told apart: the rest is `other`."""

    products: Annotated[tuple[Word, ...], Field(max_length=PRODUCTS_MAX)] = ()
