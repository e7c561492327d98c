"""The year of the figures comes in over real roads, and the reports show its table to the last call."""

from datetime import datetime
from http import HTTPStatus
from pathlib import Path

import pytest

from channels.days import day_of, working
from engine import ask
from simulation.opinions import FIRST_LINE, FIRST_LINE_TENTHS, TENTHS
from simulation.year import Table, Year
from tests.simulation.years import Played, year_house

pytestmark = pytest.mark.xdist_group("year")  # So that the longest of all is begun early.

SHARE = Table().share(400)


def test_a_year_is_the_table_whatever_share_of_it_is_played() -> None:
    assert Table().share(1) == Table()
    assert SHARE == (185, 120, 38, 65, 20, 25, 1345, 48, 6)


def test_the_same_seed_makes_the_same_year_and_another_makes_another() -> None:
    small = Table().share(2_000)
    years = [list(Year(small, seed).items()) for seed in (1, 1, 2)]
    assert years[0] == years[1] != years[2]
    assert [item.at for item in years[0]] == sorted(item.at for item in years[0])


@pytest.mark.timeout(300)
async def test_the_reports_of_the_year_show_exactly_its_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And each of its facts is on the log."""
    monkeypatch.setattr(ask, "SHOWN_S_MAX", 0.0)  # No part runs but at noon: no page waits for what it wrote.
    async with year_house(tmp_path / "year.db") as house:
        for item in Year(SHARE).items():
            await house.takes(item)
        await house.ends()
        assert await reported(house, per="channel", figures="contacts") == {
            ("phone", "contacts"): SHARE.phone,
            ("counter", "contacts"): SHARE.counter,
            ("email", "contacts"): SHARE.email,
            ("web", "contacts"): SHARE.web,
            ("chat", "contacts"): SHARE.chat,
            ("whatsapp", "contacts"): SHARE.whatsapp,
        }
        assert await reported(house, figures="appointments,visits,no-shows,journey-information,journey-completed") == {
            ("", "appointments"): SHARE.appointments,
            ("", "visits"): SHARE.appointments - SHARE.no_shows,
            ("", "no-shows"): SHARE.no_shows,
            ("", "journey-information"): SHARE.visits,
            ("", "journey-completed"): SHARE.web,
        }
        thought = await reported(house, per="channel", figures="satisfaction,opinion-response")
        asked, marks = house.neighbours.asked, house.neighbours.marks
        assert thought == {
            **{(channel, "satisfaction"): tenths / 10 for channel, tenths in TENTHS.items()},
            **{(channel, "opinion-response"): round(len(marks[channel]) / asked[channel], 4) for channel in TENTHS},
        }
        first_line = [mark for channel in FIRST_LINE for mark in marks[channel]]
        assert round(sum(first_line) / len(first_line), 1) == FIRST_LINE_TENTHS / 10
        months = await reported(house, per="channel", by="month", figures="contacts", channel="chat")
        chatted = {period for (period, _), many in months.items() if many}
        assert chatted == {f"2018-{month:02}" for month in range(5, 13)}
        received = await house.facts("contact.received")
        assert len(received) == len({one["contact_id"] for one in received}) == sum(SHARE[:6])
        called = [one["at"] for one in received if one["channel"] == "phone"]
        assert all(working(day_of(datetime.fromisoformat(at))) for at in called)


async def reported(house: Played, **asked: str) -> dict[tuple[str, str], int | float]:
    """What the reports say of the year, by period or label and figure."""
    whole = {"first": "2018-01-01", "last": "2018-12-31", **asked}
    answer = await house.rooms.client.get("/v1/reports", params=whole)
    assert answer.status_code == HTTPStatus.OK, answer.text
    return {
        (line["period"] or line["label"], name): figure["value"]
        for line in answer.json()["lines"]
        for name, figure in line["figures"].items()
    }
