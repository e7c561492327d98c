"""What docker-compose.yml and the Dockerfile promise, read from the files themselves."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent.parent
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (ROOT / "infra/Dockerfile").read_text()

each_service = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)


def test_one_is_a_process_and_a_file() -> None:
    assert {name: service["profiles"] for name, service in SERVICES.items()} == {"draad": ["one"]}


@each_service
def test_every_image_is_pinned_to_a_whole_version(service: dict[str, Any]) -> None:
    assert re.fullmatch(r"[a-z/]+:\d+\.\d+(\.\d+)?(-[a-z]+)?", service["image"])


def test_the_base_image_is_pinned_and_the_same_in_both_files() -> None:
    base = re.search(r"^ARG BASE=(python:\d+\.\d+\.\d+-slim-[a-z]+)$", DOCKERFILE, re.MULTILINE)
    assert base
    assert SERVICES["draad"]["build"]["args"]["BASE"] == f"${{BASE:-{base[1]}}}"


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
    for volume in service["volumes"]:
        name, _, rest = volume.partition(":")
        assert name in COMPOSE["volumes"] or rest.endswith(":ro")


@each_service
def test_every_service_has_a_health_check_and_limits(service: dict[str, Any]) -> None:
    assert service["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}
    assert {"interval", "timeout", "retries", "start_period"} <= set(service["healthcheck"])
    assert service["mem_limit"]
    assert service["pids_limit"]


@each_service
def test_no_secret_stands_in_the_file(service: dict[str, Any]) -> None:
    """A name without a value is passed on from the environment of whoever starts it."""
    assert all("=" not in name for name in service.get("environment", []))
    assert "secrets" not in service


@each_service
def test_only_this_machine_reaches_a_published_port(service: dict[str, Any]) -> None:
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_the_image_is_locked_and_nobodys_root() -> None:
    assert "--require-hashes --requirement requirements-run.lock" in DOCKERFILE
    assert re.search(r"^USER \d{4,}:\d{4,}$", DOCKERFILE, re.MULTILINE)
    assert "HEALTHCHECK" in DOCKERFILE
    assert not re.search(r"^(ENV|ARG) .*(TOKEN|PEPPER|PASSWORD)", DOCKERFILE, re.MULTILINE)


def test_the_builder_sees_no_data_and_no_history() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert lines[1] == "*"
    assert not {"!var", "!.git", "!.env"} & set(lines)
