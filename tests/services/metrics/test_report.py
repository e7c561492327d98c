"""Reports: what they count, by which days, and what they refuse."""

import csv
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest
from hypothesis import given as over
from hypothesis import strategies as st
from pydantic import ValidationError

from channels.days import day_of
from draad.scopes import needed
from draad.site import Site
from engine.sqlite import SqliteStore
from schemas.contact import ContactAnswered, ContactMissed, ContactReceived
from schemas.event import Event, fact
from services.metrics.cells import VIEWS
from services.metrics.days import By, Days, after, named, periods, stretches
from services.metrics.definitions import definitions
from services.metrics.report import DAYS_MAX, Figure, Line, Meaning, Report, Side
from services.metrics.settings import MetricsSettings
from services.metrics.sheet import sheet
from services.metrics.tally import BUCKETS, SCALES
from tests.rooms import Rooms, rooms, told

DAY: Final = timedelta(days=1)
MONDAY: Final = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
MARCH: Final = {"first": "2026-03-01", "last": "2026-03-31"}


@pytest.fixture
async def house() -> AsyncIterator[Rooms]:
    site = Site(metrics=MetricsSettings(products=("passport", "parking")))
    async with rooms(site=site) as opened:
        yield opened


async def call(house: Rooms, name: str, after: timedelta, seconds: float | None, **said: Any) -> None:
    """Somebody calls; who is there after so many seconds picks up, and otherwise they hang up."""
    on: Any = {"contact_id": name, "address_id": f"a-{name}"}
    at = MONDAY + after
    facts: list[Event] = [ContactReceived(at=at, channel="phone", **on, **said)]
    if seconds is not None:
        then = at + timedelta(seconds=abs(seconds))
        answered = ContactAnswered(at=then, agent_id="g1", **on)
        facts.append(answered if seconds > 0 else ContactMissed(at=then, reason="abandoned", **on))
    await house.engine.append(*(fact(event, key=event.type) for event in facts))


async def figures(house: Rooms, names: str, **asked: str) -> Any:
    await house.settle()
    answer = await house.client.get("/v1/reports", params={"figures": names} | MARCH | asked)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_calls_are_counted_by_how_they_ended(house: Rooms) -> None:
    for nth, seconds in enumerate((8, 21, 44, -3, -70)):
        await call(house, f"c{nth}", timedelta(minutes=nth), seconds)
    names = "contacts,calls-answered,calls-abandoned,calls-abandoned-short,service-level,time-to-answer"
    [line] = (await figures(house, names))["lines"]
    assert {name: figure["value"] for name, figure in line["figures"].items()} == {
        "contacts": 5,
        "calls-answered": 3,
        "calls-abandoned": 1,
        "calls-abandoned-short": 1,
        "service-level": 0.5,
        "time-to-answer": 24_333,
    }
    share = line["figures"]["service-level"]
    assert (share["part"], share["whole"]) == (2, 4)


async def test_each_period_and_channel_has_its_line_whether_anything_happened_or_not(house: Rooms) -> None:
    await call(house, "c1", timedelta(days=1), 8)
    await tell(house, "c2", timedelta(days=2), "email")
    made = await figures(house, "contacts", first="2026-03-02", last="2026-03-04", by="day", per="channel")
    assert [(line["period"], line["label"], line["figures"]["contacts"]["value"]) for line in made["lines"]] == [
        ("2026-03-02", "email", 0),
        ("2026-03-02", "phone", 0),
        ("2026-03-03", "email", 0),
        ("2026-03-03", "phone", 1),
        ("2026-03-04", "email", 1),
        ("2026-03-04", "phone", 0),
    ]


async def test_a_week_is_the_same_however_it_is_told_apart(house: Rooms) -> None:
    for nth, product in enumerate(("passport", "parking", "passport", "passport")):
        await call(house, f"c{nth}", nth * 3 * DAY, 8, product=product)
    await tell(house, "c9", 3 * DAY, "email", answered=8 * DAY)
    asked = {"first": "2026-03-02", "last": "2026-03-15", "by": "week"}
    for per in ("", "channel", "product", "team", "split"):
        found: Counter[tuple[str, str]] = Counter()
        for line in (await figures(house, "contacts,questions", per=per, **asked))["lines"]:
            found[line["period"], "contacts"] += line["figures"]["contacts"]["value"]
            found[line["period"], "questions"] += line["figures"]["questions"]["value"]
        weeks = {"2026-W10": 4, "2026-W11": 1}
        assert found == {(week, name): many for week, many in weeks.items() for name in ("contacts", "questions")}, per
    made = await figures(house, "contacts", per="channel", product="passport", **asked)
    assert [(line["period"], line["label"], line["figures"]["contacts"]["value"]) for line in made["lines"]] == [
        ("2026-W10", "phone", 2),
        ("2026-W11", "phone", 1),
    ]


async def tell(house: Rooms, name: str, after: timedelta, channel: str, answered: timedelta | None = None) -> None:
    on: Any = {"contact_id": name, "address_id": f"a-{name}"}
    facts: list[Event] = [ContactReceived(at=MONDAY + after, channel=channel, **on)]
    if answered:
        facts.append(ContactAnswered(at=MONDAY + after + answered, agent_id="g1", **on))
    await house.engine.append(*(fact(event, key=event.type) for event in facts))


async def test_what_waits_at_the_end_of_a_day_is_all_that_ever_came_without_all_that_was_answered(house: Rooms) -> None:
    await tell(house, "c1", -40 * DAY, "email")
    await tell(house, "c2", timedelta(), "email", answered=2 * DAY)
    await tell(house, "c3", DAY, "email")
    made = await figures(house, "backlog", first="2026-03-01", last="2026-03-05", by="day")
    assert [line["figures"]["backlog"]["value"] for line in made["lines"]] == [1, 2, 3, 2, 2]
    await house.settle()
    answer = await house.client.get("/v1/reports/now")
    assert answer.json() == {
        "zone": "Europe/Amsterdam",
        "open": [{"figure": "backlog", "label": "email", "many": 2, "oldest": "2026-01-21T09"}],
    }


async def test_any_days_stand_beside_any_others(house: Rooms) -> None:
    for nth in range(3):
        await tell(house, f"c{nth}", nth * DAY, "email")
    asked = {"first": "2026-03-03", "last": "2026-03-04", "against_first": "2025-03-01", "against_last": "2026-03-02"}
    made = await figures(house, "contacts", **asked)
    assert made["lines"][0]["figures"]["contacts"]["value"] == 2
    assert made["against"]["lines"][0]["figures"]["contacts"]["value"] == 1


async def test_a_share_of_nothing_is_unknown_and_not_0(house: Rooms) -> None:
    [line] = (await figures(house, "service-level,time-to-answer,contacts"))["lines"]
    assert [figure["value"] for figure in line["figures"].values()] == [None, None, 0]


async def test_products_that_nobody_named_are_other(house: Rooms) -> None:
    for nth, product in enumerate(("passport", "zeppelin", "dirigible", "unknown")):
        await call(house, f"c{nth}", timedelta(), 8, product=product)
    made = await figures(house, "contacts", per="product")
    found = {line["label"]: line["figures"]["contacts"]["value"] for line in made["lines"]}
    assert found == {"other": 2, "passport": 1, "unknown": 1}
    [line] = (await figures(house, "contacts", product="passport", channel="phone"))["lines"]
    assert line["figures"]["contacts"]["value"] == 1


async def test_every_figure_says_by_which_definition_and_which_threshold(house: Rooms) -> None:
    meaning = (await figures(house, "service-level"))["figures"]["service-level"]
    assert meaning == {
        "version": 1,
        "title": "Op tijd aangenomen",
        "unit": "share",
        "thresholds": {"answer_call_s": 30, "short_call_s": 5},
        "href": "/v1/definitions/service-level",
    }
    said = (await house.client.get(meaning["href"])).json()
    assert said["share"]["part"] == [{"measure": "answered", "splits": [], "within": "answer_call_s", "beyond": ""}]
    assert (await house.client.get("/v1/definitions/no-such")).status_code == 404
    listed = (await house.client.get("/v1/definitions")).json()["definitions"]
    assert [one["name"] for one in listed] == [*definitions()]


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"figures": "dreams"}, "/v1/definitions"),
        ({"figures": ""}, "/v1/definitions"),
        ({"first": "2026-04-01"}, "last is on or after first"),
        ({"first": "2024-01-01", "by": "day"}, "at most 400 days"),
        ({"first": "1026-03-01"}, "at most 3,700 days"),
        ({"first": "1999-12-31", "last": "1999-12-31"}, "days lie from 2000"),
        ({"first": "9999-12-31", "last": "9999-12-31"}, "days lie from 2000"),
        ({"first": "2026-02-30"}, "wrong parameter"),
        ({"by": "decade"}, "wrong parameter"),
        ({"per": "agent"}, "wrong parameter"),
        ({"product": "zeppelin"}, "not one of those"),
        ({"team": "'; DROP TABLE"}, "wrong parameter"),
        ({"against_first": "2026-01-01"}, "come together"),
        ({"against_first": "2026-01-02", "against_last": "2026-01-01"}, "last is on or after first"),
        ({"format": "xls"}, "wrong parameter"),
    ],
)
async def test_what_cannot_be_shown_is_refused_with_why(house: Rooms, asked: dict[str, str], says: str) -> None:
    answer = await house.client.get("/v1/reports", params={"figures": "contacts"} | MARCH | asked)
    assert says in told(answer, 400)


async def test_a_report_of_too_many_lines_is_refused(house: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    await call(house, "c1", timedelta(), 8)
    await house.settle()
    monkeypatch.setattr("services.metrics.report.LINES_MAX", 30)
    asked = {"figures": "contacts", "by": "day"} | MARCH
    assert "more than 30 lines" in told(await house.client.get("/v1/reports", params=asked), 400)


async def test_a_report_is_for_whoever_may_read_reports(house: Rooms) -> None:
    path = "/v1/reports?figures=contacts&first=2026-03-01&last=2026-03-01"
    del house.client.headers["authorization"]
    assert (await house.client.get(path)).status_code == 401
    assert {needed("GET", p) for p in ("/v1/reports", "/v1/reports/now", "/v1/definitions/x")} == {"reports.read"}


async def test_a_spreadsheet_gets_a_row_for_each_figure_and_runs_none_of_them(house: Rooms) -> None:
    await call(house, "c1", timedelta(), 8)
    await house.settle()
    answer = await house.client.get(
        "/v1/reports", params=MARCH | {"figures": "contacts,service-level", "format": "csv"}
    )
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == (
        'attachment; filename="contacts-service-level-2026-03-01-2026-03-31.csv"'
    )
    assert answer.text.splitlines() == [
        "first,last,period,label,figure,version,unit,value,part,whole,half_within,most_within,late",
        "2026-03-01,2026-03-31,,,contacts,1,count,1,,,,,1",
        "2026-03-01,2026-03-31,,,service-level,1,share,1.0,1,1,,,1",
    ]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_no_cell_is_read_as_a_formula(start: str) -> None:
    side = Side(first=date(2026, 1, 1), last=date(2026, 1, 1), lines=[])
    line = Line(period="", label=f"{start}1+1", figures={"contacts": Figure(value=-1)})
    means = Meaning(version=1, title="", unit="count", thresholds={}, href="")
    made = Report(**dict(side) | {"lines": [line]}, zone="", by="", per="team", only={}, figures={"contacts": means})
    [head, row] = csv.reader(StringIO(sheet(made)))
    assert head[3] == "team"
    assert row[3] == f"'{start}1+1"
    assert row[7] == "-1"  # A number is a number.


BYS: Final[tuple[By, ...]] = ("total", "month", "week")
days = st.dates(date(2024, 1, 1), date(2027, 12, 31))


@over(days, st.integers(0, 900), st.sampled_from(["total", "month", "week", "day", "hour"]))
def test_the_cells_of_a_report_are_its_days_each_of_them_once(first: date, more: int, by: By) -> None:
    asked = Days(first, first + min(more, DAYS_MAX[by] - 1) * DAY)
    each: list[str] = []
    for grain, start, end in stretches(asked, by):
        begin, last = (date.fromisoformat(f"{day}-01"[:10]) for day in (start, end))
        while begin <= last:
            beyond = after(begin, grain) if grain in {"week", "month"} else begin + DAY
            held = periods(Days(begin, beyond - DAY), "day")
            assert len({named(day, by) for day in held if by != "hour"}) <= 1, "a cell belongs to one period"
            each += held
            begin = beyond
    assert sorted(each) == list(periods(asked, "day"))
    assert {named(day, by) for day in each if by != "hour"} <= {*periods(asked, by)}


async def test_a_report_is_what_one_would_count_by_hand(tmp_path: Path) -> None:
    """Two years of calls, and reports of whatever days, against the facts themselves."""
    dice, store = Random(8), await SqliteStore.open(str(tmp_path / "log.db"), lambda: MONDAY)
    came: list[tuple[date, str, int]] = []
    async with rooms(store) as house:
        for nth in range(150):
            after, seconds = timedelta(minutes=dice.randrange(-525_600, 525_600)), dice.choice([3, 20, 90])
            product = dice.choice(["passport", "parking"])
            await call(house, f"c{nth}", after, seconds, product=product)
            came.append((day_of(MONDAY + after), product, seconds))
        await house.settle()
        for by in BYS * 10:
            first, last = sorted(dice.sample(came, 2))
            asked = {"first": str(first[0]), "last": str(last[0]), "by": by, "per": "product"}
            answer = await house.client.get("/v1/reports", params={"figures": "contacts,service-level"} | asked)
            lines = answer.json()["lines"]
            assert {line["period"] for line in lines} == {*periods(Days(first[0], last[0]), by)}
            for line in lines:
                mine = [
                    s
                    for day, what, s in came
                    if first[0] <= day <= last[0] and (named(str(day), by), what) == (line["period"], line["label"])
                ]
                assert line["figures"]["contacts"]["value"] == len(mine)
                assert line["figures"]["service-level"]["part"] == sum(s <= 30 for s in mine)


@pytest.mark.parametrize("said", [{"answer_call_s": 31}, {"respond_hours": 0}, {"colour": 1}])
def test_a_threshold_is_one_of_the_bounds(said: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        MetricsSettings(**said)


def test_every_figure_is_made_of_measures_that_are_kept_and_splits_that_there_are() -> None:
    kept = [measure for _, measures in VIEWS for measure in measures]
    assert len(kept) == len({*kept})
    for view, measures in VIEWS:
        assert (BUCKETS[0] in view.table.columns) == bool({*SCALES} & {*measures}), view.name
    for one in definitions().values():
        assert {*one.measures} <= {*kept}, one.name
        assert sum(map(bool, (one.sum, one.share, one.mean, one.stock))) == 1, one.name
        assert all(hasattr(MetricsSettings(), name) for name in one.thresholds)
        assert all(term.measure in SCALES for term in one.terms if term.within or term.beyond)
        assert one.mean in {"", *SCALES}
