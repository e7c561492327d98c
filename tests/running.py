"""A real `draad run` in a process of its own, and the commands beside it."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import IO, Any, Final, NamedTuple

import httpx
import structlog
from typer.testing import CliRunner

from draad.cli import app

START_S_MAX: Final = 90.0  # A machine that is busy with other tests is no Draad that does not start.
STOP_S_MAX: Final = 20.0
TOKEN: Final = "a-token-for-these-tests-and-nothing-else"
JAN: Final = {"kind": "phone", "value": "06 12345678"}
ROOT: Final = Path(__file__).parent.parent


def environment(log: Path, **more: str) -> dict[str, str]:
    """Nothing of Draad from outside, so that a test says all that is set."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("DRAAD_")}
    return clean | {"DRAAD_LOG": f"sqlite:///{log}", "DRAAD_TOKEN": TOKEN, "PYTHONPATH": str(ROOT)} | more


def draad(log: Path, *words: str, **more: str) -> "subprocess.CompletedProcess[str]":
    """One command, to its end."""
    command = [sys.executable, "-m", "draad", *words]
    environ = environment(log, **more)
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)


class Command(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


def command(log: Path, *words: str, **more: str) -> Command:
    """One command in this process, which is quicker, and shows the same."""
    environ: dict[str, str | None] = {name: None for name in os.environ if name.startswith("DRAAD_")}
    said = CliRunner().invoke(app, words, env=environ | environment(log, **more), catch_exceptions=False)
    structlog.reset_defaults()
    return Command(said.exit_code, said.stdout, said.stderr)


def aside(log: Path, *words: str, **more: str) -> Command:
    """The same in a thread of its own, as a browser may have the loop of this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(command, log, *words, **more).result()


@dataclass
class Running:
    """A Draad that runs, and what it said."""

    process: "subprocess.Popen[str]"
    said: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        return self.found(r"Draad runs at (http://\S+)/$")

    @property
    def link(self) -> str:
        return self.found(r"Open the desk, once, with (\S+)$")

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    def found(self, pattern: str) -> str:
        match = re.search(pattern, "\n".join(self.said), re.MULTILINE)
        assert match, self.said
        return match[1]

    @cached_property
    def client(self) -> httpx.Client:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        return httpx.Client(base_url=self.address, headers=headers, timeout=20, trust_env=False, verify=False)

    def post(self, key: str, body: Mapping[str, Any]) -> httpx.Response:
        return self.client.post("/v1/contacts", json=body, headers={"Idempotency-Key": key})

    @cached_property
    def stream(self) -> str:
        """Where the story of Jan is told live, who calls and writes in these tests."""
        answer = self.client.post("/v1/search", json={"phone": JAN["value"]})
        assert answer.status_code == 200
        return f"/v1/addresses/{answer.json()['addresses'][0]['address_id']}/stream"

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(STOP_S_MAX)

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(STOP_S_MAX)


def heard(output: IO[str]) -> "SimpleQueue[str]":
    """Its lines as they come; an empty one is the end."""
    lines: SimpleQueue[str] = SimpleQueue()

    def listen() -> None:
        for line in output:
            lines.put(line)
        lines.put("")

    Thread(target=listen, daemon=True).start()
    return lines


@contextmanager
def running(  # noqa: PLR0913, PLR0917  # All that a start may differ in.
    log: Path,
    port: int = 0,
    errors: Path | None = None,
    verb: str = "run",
    within: Sequence[str] = (),
    options: Sequence[str] = (),
    **more: str,
) -> Iterator[Running]:
    """Start it, within another command if need be, wait until it says that it runs, and let nothing stay behind."""
    command = [*within, sys.executable, "-m", "draad", verb, "--port", str(port), *options]
    with (errors or log.with_suffix(".err")).open("ab") as stderr:
        process = subprocess.Popen(
            command, env=environment(log, **more), stdout=subprocess.PIPE, stderr=stderr, text=True, bufsize=1
        )
    assert process.stdout
    house, lines = Running(process), heard(process.stdout)
    try:
        while not any(line.startswith(("Another time", "Draad works")) for line in house.said):
            line = lines.get(timeout=START_S_MAX)
            assert line, f"it ended with {process.wait(STOP_S_MAX)}"
            house.said.append(line.rstrip("\n"))
        yield house
    finally:
        process.kill()
        process.wait(STOP_S_MAX)
        process.stdout.close()
        if "client" in house.__dict__:
            house.client.close()
