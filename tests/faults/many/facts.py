"""What is said on many machines: every caller speaks of several jars in turn, and several callers of each jar."""

from datetime import datetime, timedelta
from typing import Final

from schemas.event import Envelope, fact
from tests.faults.parts import ALARM_AFTER, CALLERS, JARS, START, Added, Letter

SLOTS: Final = 3  # Workers; caller c is at the one in slot c % 3.
ROWS: Final = 4  # Jars that a caller speaks of.
TOPICS: Final = ("box", "jar")
PARTITIONS: Final = 3
ALARM_STEP: Final = timedelta(milliseconds=20)
TOTAL_MAX: Final = 1_000_000


def added(caller: int, number: int, start: datetime) -> Envelope:
    """The same fact, whenever it is made: alarms of the first are due soon after `start`, of later ones later."""
    nth, row = divmod(number, ROWS)
    alarm = start + number * ALARM_STEP + ALARM_AFTER
    event = Added(at=START, jar_id=f"j{caller % JARS}-{row}", caller=caller, nth=nth, alarm=alarm)
    return fact(event, key=f"{caller}-{number}")


def number_of(event: Added) -> int:
    """As the how manieth its caller said it."""
    return event.nth * ROWS + int(event.jar_id.partition("-")[2])


def letter(event: Letter) -> int:
    """A letter's own number, for the diary."""
    group, _, row = event.jar_id.removeprefix("j").partition("-")
    return (int(group) * ROWS + int(row)) * TOTAL_MAX + event.total


def callers(slot: int) -> range:
    return range(slot, CALLERS, SLOTS)
