"""Prometheus for tests, with the settings, rules and command of the containers. An hour there takes a minute here."""

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import yaml

from infra.server import ANSWER_S_MAX, HERE, Server, ask

ROOT: Final = Path(__file__).parent.parent
SETTINGS: Final = Path(__file__).parent / "prometheus"
MINUTES: Final = re.compile(r"(?<=\[)\d+m(?=\])|(?<=for: )\d+m")


def swift(text: str) -> str:
    """Rules or a query with a second for each minute."""
    return MINUTES.sub(lambda found: f"{found[0][:-1]}s", text)


def queries() -> Mapping[str, Sequence[str]]:
    """What the panels of each board ask."""
    boards = sorted((ROOT / "infra" / "grafana").rglob("*.json"))
    shown = {board.stem: json.loads(board.read_text())["panels"] for board in boards}
    return {name: [target["expr"] for panel in panels for target in panel["targets"]] for name, panels in shown.items()}


def command_in_containers() -> Sequence[str]:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return [str(word) for word in compose["services"]["prometheus"]["command"]]


class Prometheus(Server):
    """It asks the doors of each job, such as 127.0.0.1:8000, every two seconds."""

    name = "prometheus"

    def __init__(self, doors: Mapping[str, Sequence[str]], token: str) -> None:
        super().__init__()
        self.port, self._doors, self._token = self.take_port(), doors, token

    def prepare(self) -> None:
        settings = yaml.safe_load((SETTINGS / "prometheus.yml").read_text())
        settings["global"] = {"scrape_interval": "2s", "scrape_timeout": "2s", "evaluation_interval": "1s"}
        settings["rule_files"] = [Path(name).name for name in settings["rule_files"]]
        for job in settings["scrape_configs"]:
            del job["dns_sd_configs"]
            job["authorization"]["credentials_file"] = "token"
            job["static_configs"] = [{"targets": [*self._doors.get(job["job_name"], ())]}]
        (self.folder / "token").write_text(self._token)
        (self.folder / "prometheus.yml").write_text(json.dumps(settings))  # Which is YAML too.
        for name in settings["rule_files"]:
            (self.folder / name).write_text(swift((SETTINGS / name).read_text()))

    def command(self) -> list[str]:
        places = {"/etc/prometheus": str(self.folder), "=/prometheus": f"={self.folder}/data"}
        words = ["prometheus", *command_in_containers(), f"--web.listen-address={HERE}:{self.port}", "--log.level=warn"]
        for place, here in places.items():
            words = [word.replace(place, here) for word in words]
        return words

    def answers(self) -> bool:
        return b" 200 " in ask(self.port, b"GET /-/ready HTTP/1.0\r\n\r\n")

    def firing(self) -> set[str]:
        """The names of alerts that fire now."""
        alerts = self._get("alerts")["alerts"]
        return {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}

    def found(self, query: str) -> Sequence[Mapping[str, Any]]:
        """What a query returns now, with a second for each minute in it."""
        return list(self._get("query", query=swift(query))["result"])

    def _get(self, what: str, **asked: str) -> Mapping[str, Any]:
        connection = HTTPConnection(HERE, self.port, timeout=ANSWER_S_MAX * 5)
        with closing(connection):
            connection.request("GET", f"/api/v1/{what}?{urlencode(asked)}")
            return dict(json.load(connection.getresponse())["data"])
