"""A team lead sees figures of any two periods beside each other; nobody else does, and that is written down."""

import csv
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from html import unescape
from io import StringIO
from pathlib import Path
from typing import Any, Final

import pytest

from draad.site import Site
from engine import ask
from engine.sqlite import SqliteStore
from schemas.appointment import AppointmentArrived, AppointmentBooked, AppointmentNoShow, AppointmentReminded
from schemas.contact import ContactAnswered, ContactReceived
from schemas.event import Event, fact
from schemas.journey import JourneyStepped
from schemas.opinion import OpinionAsked, OpinionCounted
from services.desk.door import AGENT, LEAD
from services.desk.figured import LANGUAGES, span
from services.desk.figures_words import SPLITS, WORDS
from services.metrics.settings import MetricsSettings
from tests.rooms import NOW, Rooms, rooms
from tests.watcher import BROWSER

DAY: Final = timedelta(days=1)
SITE: Final = Site(metrics=MetricsSettings(products=("paspoort",)))


@pytest.fixture
async def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rooms]:
    """Its parts do not run by themselves, so nobody waits for them either."""
    monkeypatch.setattr(ask, "SHOWN_S_MAX", 0.0)
    async with rooms(await SqliteStore.open(str(tmp_path / "log.db"), lambda: NOW), site=SITE) as built:
        await built.settle()
        del built.client.headers["authorization"]
        built.client.cookies.set("draad", built.house.door.admit("lea", LEAD))
        yield built


async def tells(house: Rooms, *events: Event) -> None:
    for nth, event in enumerate(events):
        await house.engine.append(fact(event, key=f"{event.at} {nth}"))
    await house.settle()


def call(name: str, days: int, seconds: int = 20) -> list[Event]:
    on: dict[str, Any] = {"contact_id": name, "address_id": f"a-{name}"}
    at = NOW + days * DAY
    answered = ContactAnswered(at=at + timedelta(seconds=seconds), agent_id="k1", **on)
    return [ContactReceived(at=at, channel="phone", **on), answered]


async def opens(house: Rooms, path: str, status: int = 200, **asked: str) -> str:
    answer = await house.client.get(path, params=asked, headers=BROWSER)
    assert answer.status_code == status, answer.text
    return answer.text


def read(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


async def test_this_week_stands_beside_last_week_and_the_same_week_of_a_year_ago(house: Rooms) -> None:
    await tells(house, *call("c1", 0), *call("c2", 0), *call("c3", -7), *call("c4", -364, 70))
    said = read(await opens(house, "/figures"))
    card = said.partition("Deze week")[2]
    assert "Contacten ? 2 vorige week ▲ 100% hoger een jaar eerder ▲ 100% hoger" in card
    assert "Op tijd aangenomen ? 100,0 % 2 / 2 vorige week = gelijk een jaar eerder ▲ 100,0 procentpunt hoger" in card
    english = read(await opens(house, "/figures", lang="en"))
    assert "Contacts ? 2 last week ▲ 100% higher" in english


async def test_any_two_periods_stand_side_by_side_in_a_table_under_each_chart(house: Rooms) -> None:
    await tells(house, *call("c1", -40), *call("c2", -40), *call("c3", -100))
    asked: dict[str, Any] = {
        "first": "2026-10-14",
        "last": "2026-10-15",
        "against_first": "2026-08-15",
        "against_last": "2026-08-16",
    }
    html = await opens(house, "/figures", **asked)
    [table] = re.findall(r'aria-label="Tabel: Contacten">(.*?)</table>', html, re.DOTALL)
    rows = [re.findall(r'data-value="([^"]*)"', row) for row in table.split("<tr>")[2:]]
    assert rows == [["2", "1"], ["0", "0"]]
    assert 'href="/figures/meanings?lang=nl#contacts"' in html
    sheet = await house.client.get("/figures/sheet.csv", params=asked)
    assert sheet.headers["content-type"] == "text/csv; charset=utf-8"
    found = [one for one in csv.DictReader(StringIO(sheet.text)) if one["figure"] == "contacts"]
    assert [one["value"] for one in found] == ["2", "0", "1", "0"]


async def test_no_shows_stand_side_by_side_by_what_became_of_the_reminder(house: Rooms) -> None:
    facts: list[Event] = []
    for n, came in enumerate(("delivered", "delivered", "failed", "")):
        on: dict[str, Any] = {"at": NOW, "appointment_id": f"v{n}"}
        facts.append(AppointmentBooked(**on, party_id="p", product="paspoort", branch="main", starts_at=NOW))
        if came:
            facts.append(AppointmentReminded(**on, notification_id=f"n{n}", channel="sms", came=came))
        facts.append(AppointmentArrived(**on) if n == 0 else AppointmentNoShow(**on))
    await tells(house, *facts)
    said = read(await opens(house, "/figures"))
    assert "Afgeleverd 1 1 50,0 % (1 / 2)" in said
    assert "Mislukt 0 1 100,0 % (1 / 1) 0 0" in said
    assert "Geen herinnering 0 1 100,0 % (1 / 1)" in said


async def test_beside_each_score_stands_how_many_answered(house: Rooms) -> None:
    on: dict[str, Any] = {"at": NOW, "party_id": "p", "about": "contact/c", "channel": "phone", "happened_at": NOW}
    await tells(
        house,
        *(OpinionAsked(**on, opinion_id=f"o{n}", road="sms") for n in range(4)),
        OpinionCounted(**on, opinion_id="o1", score=8),
        OpinionCounted(**on, opinion_id="o2", score=7),
    )
    html = await opens(house, "/figures")
    assert "Tevredenheid ? 7,5 van 2 Antwoordde: 50,0 % (2 / 4)" in read(html)
    [table] = re.findall(r'aria-label="Tabel: Tevredenheid">(.*?)</table>', html, re.DOTALL)
    assert "7,5 (van 2) 50,0 %" in read(table)


async def test_a_journey_is_a_funnel_for_each_product(house: Rooms) -> None:
    steps = ("information",) * 4 + ("started",) * 2 + ("completed",)
    await tells(
        house, *(JourneyStepped(at=NOW, step_id=f"s{n}", product="paspoort", step=step) for n, step in enumerate(steps))
    )
    html = await opens(house, "/figures")
    assert "Informatie bekeken 4 Formulier begonnen 2 Formulier afgerond 1 Begon 50,0 % Rondde af 50,0 %" in read(html)
    assert re.findall(r'<rect width="(\d+)"', html) == ["100", "50", "25"]


async def test_today_is_in_the_part_that_refreshes_itself(house: Rooms) -> None:
    assert "Contacten 0" in read(await opens(house, "/figures/today"))
    await tells(house, *call("c1", 0))
    assert "Contacten 1 Gesprekken aangenomen 1" in read(await opens(house, "/figures/today"))


async def test_every_figure_has_its_meaning(house: Rooms) -> None:
    html, page = await opens(house, "/figures"), await opens(house, "/figures/meanings")
    linked = set(re.findall(r'/figures/meanings\?lang=nl#([a-z-]+)"', html))
    assert linked
    assert linked <= set(re.findall(r'<div id="([a-z-]+)">', page))
    assert "What came in." in await opens(house, "/figures/meanings", lang="en")


NONE: Final[tuple[dict[str, Any], ...]] = (
    {"first": "2026-02-30", "last": "2026-03-01"},
    {"first": "gisteren", "last": "2026-03-01"},
    {"first": "2026-03-02", "last": "2026-03-01"},
    {"first": "0001-01-01", "last": "9999-12-31"},
    {"first": "0001-01-01", "last": "0001-01-02"},
    {"first": "2026-03-01"},
    {"against_first": "2026-03-01"},
    {"first": "2026-01-01", "last": "2026-01-02", "against_first": "2030-01-02", "against_last": "2030-01-01"},
)


async def test_a_period_that_is_none_is_said_on_the_page(house: Rooms) -> None:
    for asked in NONE:
        html = await opens(house, "/figures", 400, **asked)
        assert "Deze perioden kunnen wij niet tonen" in html
        assert "gisteren" not in html
        assert (await house.client.get("/figures/sheet.csv", params=asked)).status_code == 400


async def test_who_counted_nothing_reads_so(house: Rooms) -> None:
    assert "In deze perioden is niets geteld" in await opens(house, "/figures")


async def test_an_agent_without_the_role_is_refused_and_it_is_written_down(house: Rooms) -> None:
    house.client.cookies.set("draad", house.house.door.admit("anna", AGENT))
    paths = ("/figures", "/figures/today", "/figures/meanings", "/figures/sheet.csv")
    for path in paths:
        assert "Contacten" not in await opens(house, path, 403)
    [refused] = [one for one in await house.engine.read(limit=100) if one.type == "record.refused"]  # Once an hour.
    assert '"agent_id":"anna"' in refused.data
    await house.settle()
    house.client.cookies.set("draad", house.house.door.admit("lea", LEAD))
    assert "anna werd geweigerd bij Cijfers" in read(await opens(house, "/looked"))
    house.client.cookies.clear()
    for path in paths:
        await opens(house, path, 401)


def test_both_languages_say_the_same() -> None:
    assert [*WORDS] == [*SPLITS] == [*LANGUAGES]
    assert WORDS["nl"].keys() == WORDS["en"].keys()
    assert SPLITS["nl"].keys() == SPLITS["en"].keys()


@pytest.mark.parametrize(
    ("ms", "said"),
    [(0, "0 s"), (59_999, "59 s"), (61_000, "1 min 1 s"), (5_400_000, "1 u 30 min"), (216_000_000, "2,5 dagen")],
)
def test_a_length_of_time_is_said_in_two_units_at_most(ms: int, said: str) -> None:
    assert span(ms, "nl") == said
