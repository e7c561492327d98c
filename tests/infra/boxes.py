"""A town hall's own copy of docker-compose.yml at work: its secrets and settings, its volumes, ports that are free."""

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import httpx

from infra.server import HERE, claim
from tests.running import ROOT
from tests.signers.loopback import SETTINGS

BASE: Final = "draad-debian"  # Where the environment names no other.
COMMAND_S_MAX: Final = 900  # Images are built, and what they need comes over the network.
WELL_S_MAX: Final = 300  # On a machine that is busy with other things too.
PAUSE_S: Final = 0.2
CHANNELS: Final = """
public_url = "https://contact.example.nl"
[loopback.trial]
secret = { file = "secret" }
"""


class Boxes:
    """One profile that runs. Grafana stays away: it is not in Debian, and so has no stand-in."""

    def __init__(self, house: Path, profile: str, environ: Mapping[str, str], workers: int) -> None:
        self._house, self._environ = house, environ
        self._project = ("docker", "compose", "--project-name", f"draad-{uuid4().hex[:8]}", "--profile", profile)
        self._scale = ("--scale", "grafana=0", *(("--scale", f"worker={workers}") if workers else ()))

    @property
    def address(self) -> str:
        return f"http://{HERE}:{self._environ['PORT']}"

    @cached_property
    def token(self) -> str:
        return given(self._house)["DRAAD_TOKEN"]

    @cached_property
    def client(self) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx.Client(base_url=self.address, headers=headers, timeout=20, trust_env=False)

    def run(self, *words: str) -> str:
        """One command of `docker compose`, and what it said."""
        return run(*self._project, *words, at=self._house, environ=self._environ)

    def up(self) -> None:
        """Back when every box is well. What runs already is left alone."""
        self.run("up", "--detach", "--pull", "never", "--no-recreate", *self._scale)
        self.recover()

    def recover(self) -> None:
        """Back when every box is well, by itself."""
        eventually(lambda: {name for name, state in self._states() if state != "healthy"}, set(), WELL_S_MAX)

    def _states(self) -> Iterator[tuple[str, str]]:
        for box in self.described():
            if "Health" in box["State"]:  # Who makes the topics ends, and has none.
                yield box["Name"], box["State"]["Health"]["Status"] if box["State"]["Running"] else "down"

    def kill_all_in(self, service: str, index: int) -> None:
        """Everything in this box, as a fault would. `docker kill` is somebody's wish, after which it stays away."""
        killing = ("exec", "--no-TTY", "--index", str(index), service, "sh", "-c", "kill -9 -1")
        run(*self._project, *killing, at=self._house, dies=True, environ=self._environ)

    def described(self) -> Sequence[Mapping[str, Any]]:
        """Its boxes, as Docker tells of them."""
        ids = self.run("ps", "--all", "--quiet").split()
        return list(json.loads(run("docker", "inspect", *ids, at=self._house)))

    def watched(self, what: str) -> Any:  # As JSON has it.
        """What Prometheus says."""
        port = self._environ["PROMETHEUS_PORT"]
        return httpx.get(f"http://{HERE}:{port}/api/v1/{what}", trust_env=False).raise_for_status().json()["data"]

    def secrets(self) -> set[str]:
        texts = "\n".join(path.read_text() for path in (self._house / "var/secrets").iterdir())
        return set(re.findall(r"\b[0-9a-f]{64}\b", texts))


def eventually(found: Callable[[], object], expected: object, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while (now := found()) != expected:
        assert time.monotonic() < deadline, (now, expected)
        time.sleep(PAUSE_S)


def run(*words: str, at: Path, dies: bool = False, environ: Mapping[str, str] | None = None) -> str:
    """One command to its end, which may be a sudden one."""
    done = subprocess.run(
        words,
        cwd=at,
        env={**os.environ, **(environ or {})},
        capture_output=True,
        text=True,
        timeout=COMMAND_S_MAX,
        check=False,
    )
    assert dies or done.returncode == 0, (words, done.stdout, done.stderr)
    return done.stdout


def given(house: Path) -> dict[str, str]:
    """What secrets.sh made for Draad."""
    return dict(line.split("=", 1) for line in (house / "var/secrets/draad").read_text().splitlines())


def checkout(folder: Path) -> Path:
    """What a clone would have, with secrets and settings of its own."""
    wanted = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for name in ("docker-compose.yml", ".dockerignore", *wanted):
        path = ROOT / name
        if path.is_dir():
            shutil.copytree(path, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(path, folder)
    run("infra/secrets.sh", at=folder)
    (folder / "var/settings/channels.toml").write_text(CHANNELS)
    (folder / "var/settings/secret").write_text(SETTINGS["secret"])
    with (folder / "var/secrets/draad").open("a") as secrets:
        secrets.write("DRAAD_CHANNELS=/etc/draad/channels.toml\n")
    return folder


@contextmanager
def boxes(folder: Path, profile: str, workers: int = 0) -> Iterator[Boxes]:
    """Built and started, and nothing of it left behind but its images."""
    house = checkout(folder)
    with ExitStack() as held:
        environ = {"BASE": os.environ.get("BASE", BASE)}
        for name in ("PORT", "PROMETHEUS_PORT"):
            taken = claim()
            held.enter_context(closing(taken.held))
            environ[name] = str(taken.port)
        if profile == "one":
            environ |= {name: given(house)[name] for name in ("DRAAD_TOKEN", "DRAAD_CHANNELS")}
        made = Boxes(house, profile, environ, workers)
        held.callback(made.run, "down", "--volumes", "--timeout", "5")
        made.run("build")
        made.up()
        with made.client:
            yield made
