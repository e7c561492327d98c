"""What docker-compose.yml, the Dockerfile, the broker's settings and secrets.sh promise. No Docker is asked."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zipfile import ZipFile

import click
import pytest
import typer.main
import yaml

from draad.cli import app
from draad.settings import Settings

ROOT = Path(__file__).parent.parent.parent
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (ROOT / "infra/Dockerfile").read_text()
SURGE = (ROOT / "infra/surge.Dockerfile").read_text()
BROKER = dict(
    line.split("=", 1)
    for line in (ROOT / "infra/kafka/broker.properties").read_text().splitlines()
    if not line.startswith("#")
)
SECRET_WORD = re.compile(r"password|token|pepper|secret", re.IGNORECASE)
SERVERS = {"kafka", "postgres", "redis"}
WATCHERS = {"prometheus", "grafana"}  # Of both profiles.
DRAADS = {"topics", "worker", "desk"}  # Of profile many.
SECRETS = {"draad", "postgres", "redis", "metrics", "grafana"}
KAFKA = {"kafka_user", "kafka_password", "kafka_ca"}
LASTING = {"draad", "postgres", "redis"}  # Without which what was made with them is lost.

each_service = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
each_of_many = pytest.mark.parametrize("name", sorted(DRAADS))


def environment(service: dict[str, Any]) -> dict[str, str | None]:
    """By name; nothing where the value is that of whoever starts it."""
    given = service.get("environment", {})
    return (
        {name: value or None for name, _, value in (each.partition("=") for each in given)}
        if isinstance(given, list)
        else given
    )


def test_one_is_a_process_and_a_file_and_many_has_all_servers() -> None:
    profiles = {name: service["profiles"] for name, service in SERVICES.items()}
    assert [name for name, of in profiles.items() if "one" in of] == ["draad", "prometheus", "grafana"]
    assert {name for name, of in profiles.items() if "many" in of} == SERVERS | DRAADS | WATCHERS


@each_service
def test_every_image_is_pinned_to_a_whole_version(service: dict[str, Any]) -> None:
    assert re.fullmatch(r"[a-z/-]+:v?\d+\.\d+(\.\d+)?(-[a-z]+)?", service["image"])


@pytest.mark.parametrize(("name", "text"), [("draad", DOCKERFILE), ("topics", DOCKERFILE), ("surge", SURGE)])
def test_the_base_image_is_pinned_and_the_same_in_all_files(name: str, text: str) -> None:
    base = re.search(r"^ARG BASE=(python:\d+\.\d+\.\d+-slim-[a-z]+)$", text, re.MULTILINE)
    assert base
    assert SERVICES[name]["build"]["args"]["BASE"] == f"${{BASE:-{base[1]}}}"


def test_each_profile_builds_one_image_and_the_others_take_it_from_here() -> None:
    assert {name for name, service in SERVICES.items() if "build" in service} == {"draad", "topics", "surge"}
    for name in ("worker", "desk"):
        assert SERVICES[name]["image"] == SERVICES["topics"]["image"]
        assert SERVICES[name]["pull_policy"] == "never"


def test_every_image_that_is_not_ours_has_a_stand_in_but_grafana() -> None:
    targets = set(re.findall(r"^FROM debian AS (\w+)$", (ROOT / "infra/boxes/Dockerfile").read_text(), re.MULTILINE))
    made = re.search(r"^for name in (.+); do$", (ROOT / "infra/boxes.sh").read_text(), re.MULTILINE)
    assert made
    assert set(made[1].split()) == targets == SERVERS | WATCHERS - {"grafana"}
    assert {re.split("[/:]", SERVICES[name]["image"])[-2] for name in targets} == targets


def test_kafka_in_the_tests_is_kafka_in_the_containers() -> None:
    tested = re.search(r"<kafka\.version>(.+)</kafka\.version>", (ROOT / "infra/kafka/pom.xml").read_text())
    assert tested
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{tested[1]}"


@each_service
def test_no_service_is_root_or_can_become_it(service: dict[str, Any]) -> None:
    user, group = service["user"].split(":")
    assert int(user) > 0
    assert int(group) > 0
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service


@each_service
def test_every_service_writes_only_to_named_volumes_and_memory(service: dict[str, Any]) -> None:
    assert service["read_only"] is True
    assert service["tmpfs"]
    for volume in service.get("volumes", []):
        name, _, rest = volume.partition(":")
        assert name in COMPOSE["volumes"] or rest.endswith(":ro")


def test_only_the_log_and_what_is_known_of_it_last() -> None:
    lasting = {
        name for name, service in SERVICES.items() for each in service.get("volumes", []) if not each.endswith(":ro")
    }
    assert lasting == {"draad", "kafka", "postgres", "prometheus"}
    assert SERVICES["kafka"]["volumes"][0] == f"kafka:{BROKER['log.dirs']}"


@each_of_many
def test_the_folder_that_the_image_keeps_for_one_is_memory_in_many(name: str) -> None:
    folder = re.search(r"^VOLUME (\S+)$", DOCKERFILE, re.MULTILINE)
    assert folder
    assert any(each.startswith(f"{folder[1]}:") for each in SERVICES[name]["tmpfs"])


@each_service
def test_every_service_has_limits_and_time_to_end(service: dict[str, Any]) -> None:
    assert service["mem_limit"]
    assert service["pids_limit"]
    lasts = "volumes" in service or service["image"].startswith("draad:")
    assert not lasts or int(service["stop_grace_period"].removesuffix("s")) >= 30


@pytest.mark.parametrize("name", sorted(SERVICES.keys() - {"topics"}))
def test_every_service_that_stays_has_a_health_check(name: str) -> None:
    service = SERVICES[name]
    assert service["restart"] == "unless-stopped"
    assert service["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}
    assert {"interval", "timeout", "retries", "start_period"} <= set(service["healthcheck"])


@pytest.mark.parametrize("name", ["draad", "worker", "desk"])
def test_draad_is_asked_whether_it_is_ready(name: str) -> None:
    assert "'http://127.0.0.1:8000/health/ready'" in SERVICES[name]["healthcheck"]["test"][-1]


def test_topics_are_made_once_and_that_is_all() -> None:
    assert SERVICES["topics"]["restart"] == "no"
    assert SERVICES["topics"]["healthcheck"] == {"disable": True}


def test_draad_starts_when_its_topics_are_made_and_its_servers_are_well() -> None:
    order = {name: {on: how["condition"] for on, how in SERVICES[name]["depends_on"].items()} for name in DRAADS}
    servers = {"postgres": "service_healthy", "redis": "service_healthy"}
    assert order["topics"] == {"kafka": "service_healthy"}
    assert order["worker"] == order["desk"] == {"topics": "service_completed_successfully"} | servers


@each_of_many
def test_every_command_is_one_of_draad(name: str) -> None:
    program, *words = SERVICES[name]["command"]
    assert program == "draad"
    command: Any = typer.main.get_command(app)
    for word in words:
        command = command.get_command(click.Context(command), word)
    assert command is not None


@each_service
def test_no_secret_stands_in_the_file(service: dict[str, Any]) -> None:
    for name, value in environment(service).items():
        assert value is None or not SECRET_WORD.search(name) or value.startswith("/run/secrets/"), name
    for name in service.get("secrets", []):
        assert COMPOSE["secrets"][name] == {"file": f"./var/secrets/{name}"}


def test_only_this_machine_reaches_the_desk_and_nobody_the_rest() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published.keys() == {"draad", "desk", "prometheus", "grafana"}
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)


@pytest.mark.parametrize("name", ["draad", "desk"])
def test_a_link_names_the_port_that_is_published(name: str) -> None:
    [port] = SERVICES[name]["ports"]
    assert f"http://{port.rpartition(':')[0]}" in str(environment(SERVICES[name])["DRAAD_DESK_URL"])


def test_only_who_serves_or_carries_reaches_beyond_the_servers() -> None:
    assert COMPOSE["networks"]["inside"]["internal"] is True
    beyond = {"draad", "desk", "worker"} | WATCHERS
    assert all(SERVICES[name]["networks"] == ["inside", "outside"] for name in beyond)
    assert all(SERVICES[name]["networks"] == ["inside"] for name in SERVICES.keys() - beyond)


@pytest.mark.parametrize("name", ["draad", "worker", "desk"])
def test_files_of_settings_are_where_the_settings_say(name: str) -> None:
    assert "./var/settings:/etc/draad:ro" in SERVICES[name]["volumes"]


def test_one_is_passed_every_setting_that_is_not_of_its_place_or_of_many() -> None:
    of_its_place, of_many = {"log", "host", "port"}, {"database", "redis", "prefix", "topics_replication"}
    others = {name for name in Settings.model_fields if name not in of_its_place | of_many | KAFKA}
    assert {name.removeprefix("DRAAD_").lower() for name in environment(SERVICES["draad"])} == others


def test_the_broker_is_where_draad_looks_and_keeps_what_it_acknowledges() -> None:
    assert (
        BROKER["advertised.listeners"] == f"PLAIN://{urlsplit(str(environment(SERVICES['desk'])['DRAAD_LOG'])).netloc}"
    )
    assert BROKER["default.replication.factor"] == environment(SERVICES["topics"])["DRAAD_TOPICS_REPLICATION"] == "1"
    assert BROKER["log.flush.interval.messages"] == "1"
    assert BROKER["log.retention.ms"] == "-1"
    assert BROKER["auto.create.topics.enable"] == "false"


@pytest.mark.parametrize(
    ("text", "lock"), [(DOCKERFILE, "requirements-run.lock"), (SURGE, "/tmp/requirements.lock")], ids=["draad", "surge"]
)
def test_the_image_is_locked_and_nobodys_root(text: str, lock: str) -> None:
    assert f"--require-hashes --requirement {lock}" in text
    assert re.search(r"^USER \d{4,}:\d{4,}$", text, re.MULTILINE)
    assert not re.search(r"^(ENV|ARG) .*(TOKEN|PEPPER|PASSWORD)", text, re.MULTILINE)


def test_what_runs_by_itself_is_watched_by_docker_too() -> None:
    assert "HEALTHCHECK" in DOCKERFILE


def test_draad_in_the_image_reads_its_secrets_before_it_starts() -> None:
    lines = re.findall(r"'([^']+)'", DOCKERFILE.partition("printf '%s\\n' ")[2].partition(">/opt/bin/draad")[0])
    assert lines == ["#!/bin/sh", "set -a", "[ ! -r /run/secrets/draad ] || . /run/secrets/draad", lines[-1]]
    assert lines[-1] == 'exec /opt/draad/bin/draad "$@"'
    assert "ENV PATH=/opt/bin:/opt/draad/bin:" in DOCKERFILE


def test_the_builder_sees_no_data_and_no_history() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert lines[1] == "*"
    assert not {"!var", "!.git", "!.env"} & set(lines)
    assert "var/" in (ROOT / ".gitignore").read_text().splitlines()


def test_the_wheel_has_the_topics_and_every_migration(tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(ROOT / "infra", source / "infra", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    wheel = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-index", "--no-deps", "--no-build-isolation"]
    subprocess.run([*wheel, f"--wheel-dir={tmp_path}", str(source)], check=True)
    with ZipFile(next(tmp_path.glob("*.whl"))) as made:
        inside = set(made.namelist())
    migrations = {str(path.relative_to(ROOT)) for path in (ROOT / "infra/migrations").rglob("*.py")}
    assert {"infra/kafka/topics.yaml", "infra/migrations/env.py"} | migrations <= inside


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A checkout in which nothing has been made yet."""
    (tmp_path / "infra").mkdir()
    shutil.copy(ROOT / "infra/secrets.sh", tmp_path / "infra")
    return tmp_path


def make_secrets(house: Path, umask: int = 0o022) -> subprocess.CompletedProcess[str]:
    """From elsewhere, for it finds its own place."""
    command = [house / "infra/secrets.sh"]
    return subprocess.run(command, cwd="/", umask=umask, capture_output=True, text=True, check=False)


def secrets_of(house: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in (house / "var/secrets").iterdir()}


def words_of(house: Path) -> Iterator[str]:
    for text in secrets_of(house).values():
        yield from re.findall(r"\b[0-9a-f]{64}\b", text)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_only_their_owner_comes_near_the_secrets_and_every_container_reads_its_own(house: Path, umask: int) -> None:
    assert make_secrets(house, umask).returncode == 0
    folder = house / "var/secrets"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()} == dict.fromkeys(SECRETS, 0o644)
    assert COMPOSE["secrets"].keys() == SECRETS
    assert (house / "var/settings").stat().st_mode & 0o777 == 0o755  # In which whoever starts it puts files.


def test_secrets_are_random_and_are_not_said(house: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")
    shutil.copytree(house / "infra", other / "infra")
    said = make_secrets(house)
    assert make_secrets(other).returncode == 0
    ours = set(words_of(house))
    assert len(ours) == 6  # Two passwords, each written twice, two tokens, the pepper and what opens the boards.
    assert not ours & set(words_of(other))
    assert said.stdout.startswith("Made var/secrets: ")
    assert said.stdout.count("\n") == 1
    assert not [word for word in ours if word in said.stdout + said.stderr]


def test_secrets_that_are_there_are_not_overwritten(house: Path) -> None:
    make_secrets(house)
    before = secrets_of(house)
    again = make_secrets(house)
    assert (again.returncode, again.stdout) == (0, "var/secrets is there already, and stays as it is.\n")
    assert secrets_of(house) == before


@pytest.mark.parametrize("missing", sorted(LASTING))
def test_half_of_the_secrets_is_refused_and_left_alone(house: Path, missing: str) -> None:
    make_secrets(house)
    (house / "var/secrets" / missing).unlink()
    before = secrets_of(house)
    again = make_secrets(house)
    assert again.returncode == 1
    assert f"not var/secrets/{missing}: restore it" in again.stderr
    assert secrets_of(house) == before


@pytest.mark.parametrize("missing", sorted(SECRETS - LASTING))
def test_what_only_opens_the_figures_is_made_anew_where_it_is_missing(house: Path, missing: str) -> None:
    make_secrets(house)
    before = secrets_of(house)
    (house / "var/secrets" / missing).unlink()
    again = make_secrets(house)
    assert (again.returncode, again.stdout) == (0, f"Made var/secrets/{missing}, which was missing.\n")
    after = secrets_of(house)
    assert after.pop(missing) != before.pop(missing)
    assert after == before


def test_prometheus_asks_every_door_of_draad_with_a_token_for_the_figures_alone() -> None:
    jobs = yaml.safe_load((ROOT / "infra/prometheus/prometheus.yml").read_text())["scrape_configs"]
    [[names], [surge]] = (job["dns_sd_configs"] for job in jobs)
    assert (set(names["names"]), names["port"]) == ({"draad", "worker", "desk"}, 8000)
    assert (surge["names"], surge["port"]) == (["surge"], 8000)
    [token] = {job["authorization"]["credentials_file"] for job in jobs}
    for name in ("draad", "worker", "desk", "surge"):
        assert environment(SERVICES[name])["DRAAD_METRICS_TOKEN_FILE"] == token
        assert token.removeprefix("/run/secrets/") in SERVICES[name]["secrets"]
    assert SERVICES["prometheus"]["secrets"] == ["metrics"]


def test_the_boards_are_where_grafana_looks_and_ask_where_prometheus_is() -> None:
    provisioning = ROOT / "infra/grafana/provisioning"
    [source] = yaml.safe_load((provisioning / "datasources/prometheus.yml").read_text())["datasources"]
    [provider] = yaml.safe_load((provisioning / "dashboards/draad.yml").read_text())["providers"]
    home = str(environment(SERVICES["grafana"])["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    mounted = dict(volume.split(":")[1::-1] for volume in SERVICES["grafana"]["volumes"])
    assert source["url"] == "http://prometheus:9090"
    assert mounted[provider["options"]["path"]] == "./infra/grafana/dashboards"
    assert (ROOT / "infra/grafana/dashboards" / Path(home).name).exists()


@pytest.mark.parametrize(
    "board", sorted((ROOT / "infra/grafana/dashboards").glob("*.json")), ids=lambda path: path.stem
)
def test_a_board_is_whole_and_no_panel_lies_on_another(board: Path) -> None:
    shown = json.loads(board.read_text())
    assert (shown["uid"], shown["editable"], shown["title"].startswith("Draad")) == (board.stem, False, True)
    assert len({panel["id"] for panel in shown["panels"]}) == len(shown["panels"])
    taken: set[tuple[int, int]] = set()
    for panel in shown["panels"]:
        place = panel["gridPos"]
        across, down = range(place["x"], place["x"] + place["w"]), range(place["y"], place["y"] + place["h"])
        cells = {(x, y) for x in across for y in down}
        assert across.stop <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
        assert {target["datasource"]["uid"] for target in panel["targets"]} == {"draad"}


@each_of_many
def test_with_its_secrets_draad_knows_where_everything_is(house: Path, name: str) -> None:
    make_secrets(house)
    kept = secrets_of(house)
    secret = dict(line.split("=", 1) for line in kept["draad"].splitlines())
    given = {name: str(value) for name, value in environment(SERVICES[name]).items()}
    assert not given.keys() & secret.keys()

    settings = Settings.from_env(given | secret)
    assert settings.database
    assert settings.redis
    database, redis = (urlsplit(url.get_secret_value()) for url in (settings.database, settings.redis))
    of_postgres = environment(SERVICES["postgres"])
    assert (settings.servers, database.hostname, redis.hostname) == ("kafka:9092", "postgres", "redis")
    assert (database.username, database.path) == (of_postgres["POSTGRES_USER"], f"/{of_postgres['POSTGRES_DB']}")
    assert kept["postgres"] == f"{database.password}\n"
    assert kept["redis"] == f"requirepass {redis.password}\n"


def test_an_empty_word_stays_a_word_in_the_command_of_redis() -> None:
    """`--save` and nothing: no snapshot. Without its empty word it would take the next one."""
    command = SERVICES["redis"]["command"]
    assert ("--save", "") in pairwise(command)
    assert ("--appendonly", "no") in pairwise(command)
