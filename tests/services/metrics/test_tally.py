"""In which cells it is counted: of which hour, day, week and month, as clocks show them here; and what came late."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import pytest
from hypothesis import given as over
from hypothesis import strategies as st

from engine.testing import shown
from schemas.contact import ContactAnswered, ContactReceived
from schemas.event import Event, fact
from schemas.journey import JourneyStepped
from services.metrics.contacts import contacts
from services.metrics.journeys import journeys, step
from services.metrics.tally import AMOUNTS, BUCKETS

MONDAY: Final = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("at", "hour", "monday"),
    [
        (datetime(2026, 3, 29, 0, 59, tzinfo=UTC), "2026-03-29T01", "2026-03-23"),
        (datetime(2026, 3, 29, 1, 0, tzinfo=UTC), "2026-03-29T03", "2026-03-23"),  # At two, clocks go to three.
        (datetime(2026, 3, 29, 21, 59, tzinfo=UTC), "2026-03-29T23", "2026-03-23"),  # That week has an hour less.
        (datetime(2026, 3, 29, 22, 0, tzinfo=UTC), "2026-03-30T00", "2026-03-30"),
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "2026-10-25T02", "2026-10-19"),
        (datetime(2026, 10, 25, 1, 30, tzinfo=UTC), "2026-10-25T02", "2026-10-19"),  # The hour that there is twice.
        (datetime(2026, 12, 31, 23, 30, tzinfo=UTC), "2027-01-01T00", "2026-12-28"),
        (datetime(9999, 12, 31, 23, 59, tzinfo=UTC), "9000-01-01T01", "8999-12-30"),
    ],
)
def test_it_counts_in_the_hour_that_clocks_show_here(at: datetime, hour: str, monday: str) -> None:
    step = JourneyStepped(at=at, step_id="s1", product="passport", step="started")
    found = {row["grain"]: row["since"] for row in shown(journeys, step)}
    weeks = dict.fromkeys(("week", "week-channel", "week-product", "week-team"), monday)
    assert found == {"hour": hour, "day": hour[:10], **weeks, "month": hour[:7]}


moments = st.datetimes(datetime(2024, 1, 1), datetime(2027, 12, 31)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001


@over(st.lists(moments, max_size=12), st.lists(st.timedeltas(-MINUTE, 400 * DAY), min_size=12, max_size=12))
def test_days_weeks_and_months_hold_what_their_hours_hold(asked_at: list[datetime], waits: list[timedelta]) -> None:
    """Whenever it came in and however late it was answered: of each measure and label, to the digit."""
    events: list[Event] = []
    for nth, (at, wait) in enumerate(zip(asked_at, waits, strict=False)):
        on: Any = {"contact_id": f"c{nth}", "address_id": "a1"}
        events.append(ContactReceived(at=at, channel="phone", product=f"p{nth % 3}", **on))
        events.append(ContactAnswered(at=at + wait, agent_id="g1", **on))
    left: Counter[Any] = Counter()
    for row in shown(contacts, *events):
        grown = {(row["measure"], column): row[column] for column in (*AMOUNTS, *BUCKETS)}
        labels = (row["channel"], row["product"], row["team"])
        if row["grain"] == "hour":
            day = row["since"][:10]
            monday = date.fromisoformat(day) - date.fromisoformat(day).weekday() * DAY
            longer: list[Any] = [("day", day, *labels), ("week", str(monday), *labels), ("month", day[:7], *labels)]
            for of, label in enumerate(("channel", "product", "team")):
                alone = (one if nth == of else "" for nth, one in enumerate(labels))
                longer.append((f"week-{label}", str(monday), *alone))
            for cell in longer:
                left.update({(cell, *name): amount for name, amount in grown.items()})
        else:
            cell = (row["grain"], row["since"], *labels)
            left.subtract({(cell, *name): amount for name, amount in grown.items()})
    assert not any(left.values())


@pytest.mark.parametrize(
    ("written", "late"),
    [
        ("", 0),
        ("2026-03-02T22:59:00.000000Z", 0),
        ("2026-03-03T00:00:00.000000Z", 0),
        ("2026-03-03T00:00:01.000000Z", 1),
    ],
)
def test_what_is_written_down_an_hour_after_its_day_is_late(written: str, late: int) -> None:
    event = JourneyStepped(at=MONDAY, step_id="s1", product="passport", step="started")
    cause = fact(event, key="1")._replace(time=written)
    assert {add.amounts["late"] for add in step(event, cause)} == {late}
