"""The year of the figures comes in over real roads, and is on the log to the last call."""

from collections import Counter
from datetime import datetime
from pathlib import Path

from channels.days import day_of, working
from simulation.year import Table, Year
from tests.simulation.years import year_house

SHARE = Table().share(400)


def test_a_year_is_the_table_whatever_share_of_it_is_played() -> None:
    assert Table().share(1) == Table()
    assert SHARE == (185, 120, 38, 65, 20, 1345, 48, 6)


def test_the_same_seed_makes_the_same_year_and_another_makes_another() -> None:
    small = Table().share(2_000)
    years = [list(Year(small, seed).items()) for seed in (1, 1, 2)]
    assert years[0] == years[1] != years[2]
    assert [item.at for item in years[0]] == sorted(item.at for item in years[0])


async def test_the_year_comes_in_over_its_roads_and_each_figure_of_the_table_is_on_the_log(tmp_path: Path) -> None:
    async with year_house(tmp_path / "year.db") as house:
        for item in Year(SHARE).items():
            await house.takes(item)
        await house.ends()
        received = await house.facts("contact.received")
        assert Counter(one["channel"] for one in received) == {
            "phone": SHARE.phone,
            "counter": SHARE.counter,
            "email": SHARE.email,
            "web": SHARE.web,
            "chat": SHARE.chat,
        }
        steps = Counter(one["step"] for one in await house.facts("journey.stepped"))
        assert steps == {"information": SHARE.visits, "started": SHARE.web, "completed": SHARE.web}
        assert len(await house.facts("appointment.booked")) == SHARE.appointments
        assert len(await house.facts("appointment.no-show")) == SHARE.no_shows
        assert len(await house.facts("appointment.served")) == SHARE.appointments - SHARE.no_shows
        called = [one["at"] for one in received if one["channel"] == "phone"]
        assert all(working(day_of(datetime.fromisoformat(at))) for at in called)
