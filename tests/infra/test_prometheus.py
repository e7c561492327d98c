"""A real Prometheus watches a real Draad: every panel of every board shows something, and every alert fires.

A second is a minute here. When alerts fire in minutes that are minutes, promtool tells from the same rules.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
import yaml

from infra.prometheus import Prometheus, queries
from infra.server import run
from tests.infra.watched import SCRAPER, Watched, watched
from tests.story.town import eventually

ROOT: Final = Path(__file__).parent.parent.parent
RULES: Final = {
    name: yaml.safe_load((ROOT / "infra/prometheus" / f"{name}.yml").read_text())["groups"][0]["rules"]
    for name in ("records", "alerts")
}
ALERTS: Final = {rule["alert"]: rule for rule in RULES["alerts"]}
QUERIES: Final = sorted(
    {query for name, asked in queries().items() if name != "draad-surge" for query in asked}
    | {rule["record"] for rule in RULES["records"]}
)  # What surge shows is in test_surge.py.
# Where the fault is there, and the same Prometheus tells: Kafka does not run here.
SHOWN_ELSEWHERE: Final = {"DraadLogAway": "tests/draad/test_many.py", "DraadSurge": "tests/infra/test_surge.py"}
TURNS_MAX: Final = 40  # Each takes a second and a half.


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with watched(tmp_path_factory.mktemp("watched")) as found:
        yield found


@pytest.mark.timeout(300)
def test_every_panel_shows_something_and_every_alert_fires_when_its_fault_is_there(house: Watched) -> None:
    awaited, unseen = set(ALERTS) - set(SHOWN_ELSEWHERE) - {"DraadDown"}, set(QUERIES)
    with Prometheus({"draad": house.doors}, SCRAPER) as prometheus:
        for _ in range(TURNS_MAX):
            house.turn()
            awaited -= prometheus.firing()
            unseen = {query for query in unseen if not prometheus.found(query)}
            if not awaited and not unseen:
                break
        assert (awaited, unseen) == (set(), set())
        eventually(lambda: "DraadDown" not in prometheus.firing())
        house.full.kill()
        eventually(lambda: "DraadDown" in prometheus.firing())


@pytest.mark.parametrize(("alert", "where"), SHOWN_ELSEWHERE.items(), ids=SHOWN_ELSEWHERE)
def test_what_is_not_broken_here_is_broken_there(alert: str, where: str) -> None:
    assert f'"{alert}" in prometheus.firing()' in (ROOT / where).read_text()


def test_whoever_is_woken_finds_what_it_means_and_what_to_do() -> None:
    page = (ROOT / "docs/running.md").read_text().partition("## What each alert means")[2]
    assert re.findall(r"^### (\w+)$", page, re.MULTILINE) == list(ALERTS)
    for name, rule in ALERTS.items():
        assert rule["annotations"]["runbook"] == f"docs/running.md#{name.lower()}"
        assert rule["annotations"]["summary"]
        assert rule["labels"]["severity"] in {"page", "ticket"}


WELL_M: Final = 20
REQUESTS: Final = 'draad_http_seconds_count{method="GET",route="/v1/work",status="%s"}'
BUCKETS: Final = 'draad_http_seconds_bucket{method="GET",route="/v1/work",status="2xx",le="%s"}'
WEBHOOKS: Final = 'draad_webhooks_total{channel="sms",inbox="main",outcome="%s"}'
SURGE: Final = 'draad_surge_%s{channel="sms"}'
MESSAGES: Final = 'draad_messages_total{channel="sms",outcome="%s"}'

# What it looks like while all is well and from the fault on, minute by minute; and after how many minutes it fires.
FAULTS: Final[dict[str, tuple[dict[str, tuple[str, str]], int]]] = {
    "DraadDown": ({'up{job="draad"}': ("1", "0")}, 1),
    "DraadNotReady": ({"draad_ready": ("1", "0")}, 2),
    "DraadDiskNearlyFull": ({"draad_disk_free_bytes": ("2000000000", "1000000000")}, 5),
    "DraadErrors": ({REQUESTS % "2xx": ("0+60", "1260+60"), REQUESTS % "5xx": ("0+1", "40+20")}, 5),
    "DraadSlow": (
        {
            BUCKETS % "1.0": ("0+60", "1230+30"),
            BUCKETS % "2.5": ("0+60", "1260+60"),
            BUCKETS % "+Inf": ("0+60", "1260+60"),
        },
        10,
    ),
    "DraadBehind": ({'draad_behind_events{part="desk.entry",version="1"}': ("3", "101")}, 15),
    "DraadParked": ({'draad_parked_events{part="desk.entry",version="1"}': ("0", "1")}, 1),
    "DraadTimersLate": ({'draad_timers_due{part="desk.entry",version="1"}': ("0", "1")}, 5),
    "DraadLogAway": ({"draad_log_away": ("0", "1")}, 2),
    "DraadLimitsNotShared": ({"draad_rates_shared": ("1", "0")}, 5),
    "DraadMailboxDown": ({'draad_mailbox_up{inbox="info"}': ("1", "0")}, 5),
    "DraadWebhooksRefused": ({WEBHOOKS % "untrusted": ("0", "6")}, 0),
    "DraadWebhooksFailing": ({WEBHOOKS % "failed": ("0", "1+1")}, 5),
    "DraadUnreadable": ({WEBHOOKS % "unreadable": ("0", "1")}, 0),
    "DraadMessagesUnknown": ({MESSAGES % "unknown": ("0", "1")}, 0),
    "DraadMessagesFailing": ({MESSAGES % "sent": ("0", "0"), MESSAGES % "failed": ("0", "9+9")}, 10),
    "DraadRoadRests": ({"draad_roads_resting": ("0", "1")}, 10),
    "DraadBudgetSpent": ({'draad_over_budget_total{channel="sms"}': ("0", "1")}, 0),
    "DraadResidentsNotTold": ({"draad_notify_gap": ("0", "1")}, 0),
    "DraadCaseSystemAway": ({"draad_zaken_up": ("1", "0")}, 15),
    "DraadSubscriberSilent": ({"draad_subscribers_silent": ("0", "1")}, 15),
    "DraadSurge": ({SURGE % "contacts": ("16", "17"), SURGE % "usual": ("2", "2")}, 10),
    "DraadGuessing": ({'draad_rate_limited_total{limit="guess"}': ("0", "11")}, 0),
}


def test_every_alert_fires_in_time_and_not_before(tmp_path: Path) -> None:
    assert FAULTS.keys() == ALERTS.keys()
    asked = {
        "rule_files": [str(ROOT / f"infra/prometheus/{name}.yml") for name in RULES],
        "group_eval_order": [*RULES],  # Alerts lean on what was recorded in the same turn.
        "evaluation_interval": "1m",
    }
    told = tmp_path / "alerts.test.yml"
    told.write_text(yaml.safe_dump(asked | {"tests": [trial(alert) for alert in FAULTS]}))
    run("promtool", "promtool", "test", "rules", str(told))


def trial(alert: str) -> dict[str, object]:
    series, after = FAULTS[alert]
    firing = f'count(ALERTS{{alertname="{alert}",alertstate="firing"}})'
    at = WELL_M + 1 + after
    return {
        "name": alert,
        "interval": "1m",
        "input_series": [
            {"series": name, "values": f"{well}x{WELL_M} {wrong}x60"} for name, (well, wrong) in series.items()
        ],
        "promql_expr_test": [
            {"expr": firing, "eval_time": f"{at - 1}m", "exp_samples": []},
            {"expr": firing, "eval_time": f"{at}m", "exp_samples": [{"labels": "{}", "value": 1}]},
        ],
    }
