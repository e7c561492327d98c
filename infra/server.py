"""One server process of ours: started on a free port of this machine, in a folder of its own, and surely stopped."""

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from pathlib import Path
from tempfile import gettempdir, mkdtemp
from types import TracebackType
from typing import Final, NamedTuple, Protocol, Self

from infra import guard

HERE: Final = "127.0.0.1"
HELD_S_MAX: Final = 5.0
START_S_MAX: Final = 60
STOP_S_MAX: Final = 30
ANSWER_S_MAX: Final = 2
LOG_LINES_SHOWN: Final = 20
# Below where Linux takes ports for outgoing connections, so that none of those sits on a port while its server is down.
PORTS: Final = range(20_000, 32_000)


class NotStarted(Exception):
    """A server that does not start, in its own last words."""


class Claim(NamedTuple):
    """A port that is ours until `held` closes, also while nobody listens there."""

    port: int
    held: socket.socket


def claim() -> Claim:
    """Take a port that neither a server nor another process of ours has. The claim dies with this process."""
    for port in random.sample(PORTS, len(PORTS)):  # Parallel tests begin at different places, no more.
        held = socket.socket(socket.AF_UNIX)
        try:
            held.bind(f"\0draad-port-{port}")
            with socket.create_server((HERE, port)):
                return Claim(port, held)
        except OSError:
            held.close()
    raise NotStarted(f"All ports from {PORTS.start} to {PORTS.stop} are taken.")


def ask(port: int, question: bytes) -> bytes:
    """What it answers first, or nothing."""
    try:
        with socket.create_connection((HERE, port), ANSWER_S_MAX) as connection:
            connection.sendall(question)
            return connection.recv(64)
    except OSError:
        return b""


def in_containers() -> bool:
    """Whether servers are to come from images. It has to be asked for: no test fetches anything by itself."""
    return os.environ.get("DRAAD_TEST_SERVERS") == "docker"


def run(name: str, *command: str, user: str | None = None, seconds_max: float = START_S_MAX) -> None:
    """Run one of a server's own tools to its end."""
    try:
        subprocess.run(
            command, check=True, capture_output=True, text=True, user=user, cwd=gettempdir(), timeout=seconds_max
        )
    except FileNotFoundError as error:
        raise NotStarted(f"{name}: there is no {command[0]} here; infra/packages.sh installs it.") from error
    except subprocess.CalledProcessError as error:
        raise NotStarted(
            f"{name}: {command[0]} ended with {error.returncode}:\n{error.stdout}{error.stderr}"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise NotStarted(f"{name}: {command[0]} took more than {seconds_max} s.") from error


class Life(Protocol):
    """A server from one start to its end."""

    @property
    def pid(self) -> int: ...

    @property
    def alive(self) -> bool:
        """Whether it has not ended, held or not."""

    def ask(self, number: signal.Signals) -> None: ...
    def kill(self) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...

    def ended(self, seconds: float) -> bool:
        """Whether it ends within this time."""

    def said(self) -> str: ...

    def close(self) -> None:
        """Let go of it, once it has ended."""


class Guarded:
    """A process of this machine, which does not outlive us."""

    def __init__(self, command: list[str], folder: Path, user: str, log: Path) -> None:
        guarded = [sys.executable, "-I", "-S", guard.__file__, str(folder), user, *command]
        with log.open("ab") as written:
            self._process = subprocess.Popen(
                guarded, stdin=subprocess.PIPE, stdout=written, stderr=written, start_new_session=True
            )
        self._log = log

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def kill(self) -> None:
        guard.signal_all(self.pid, signal.SIGKILL)

    def pause(self) -> None:
        guard.signal_all(self.pid, signal.SIGSTOP)
        until = time.monotonic() + HELD_S_MAX
        while Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] not in "Tt":
            assert time.monotonic() < until, "it does not stand still"
            time.sleep(0.01)

    def resume(self) -> None:
        guard.signal_all(self.pid, signal.SIGCONT)

    def ended(self, seconds: float) -> bool:
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def said(self) -> str:
        return self._log.read_text(errors="replace")

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()


class Opened(ABC):
    """Open inside its `with` block, and gone after it: also where opening fails halfway."""

    @abstractmethod
    def open(self) -> None: ...

    @abstractmethod
    def close(self) -> None: ...

    def __enter__(self) -> Self:
        try:
            self.open()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Server(Opened):
    """One server process and its folder. The folder outlives `kill` and `stop`, and goes with `close`."""

    name: str
    stops_at = signal.SIGTERM
    user = ""  # Whom it runs as; empty is ourselves.
    image = ""  # Of a container that has its programs; empty where there is none.

    def __init__(self) -> None:
        self.folder = Path(mkdtemp(prefix=f"draad-{self.name}-"))
        self._claims: list[Claim] = []
        self._life: Life | None = None

    @abstractmethod
    def prepare(self) -> None:
        """Make what it needs before its first start."""

    @abstractmethod
    def command(self) -> list[str]: ...

    @abstractmethod
    def answers(self) -> bool:
        """Whether it speaks its protocol: an open port is no proof."""

    def open(self) -> None:
        self.prepare()
        self.start()

    @property
    def pid(self) -> int:
        return self._now.pid

    @property
    def _now(self) -> Life:
        assert self._life, f"{self.name} was not started"
        return self._life

    @property
    def running(self) -> bool:
        """Whether there is a process, paused or not."""
        return self._life is not None and self._life.alive

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    def take_port(self) -> int:
        self._claims.append(claim())
        return self._claims[-1].port

    def start(self) -> None:
        """Start it again after `kill` or `stop`, on the same port and the same data; back when it answers."""
        self.launch()
        self.await_answer()

    def launch(self) -> None:
        assert not self.running, f"{self.name} runs already"
        self._let_go()
        if self.image and in_containers():
            from infra.containers import Contained

            self._life = Contained(self.image, self.command(), self.folder, self.user)
        else:
            self._life = Guarded(self.command(), self.folder, self.user, self.log)

    def run(self, *command: str) -> None:
        """Run one of its own tools to its end."""
        if self.image and in_containers():
            from infra import containers

            containers.run(self.name, self.image, list(command), self.folder, self.user)
        else:
            run(self.name, *command, user=self.user or None)

    def await_answer(self) -> None:
        deadline = time.monotonic() + START_S_MAX
        while not self.answers():
            if not self.running:
                raise NotStarted(f"{self.name} did not start. Its last words:\n{self.last_words()}")
            if time.monotonic() > deadline:
                self.kill()
                raise NotStarted(f"{self.name} gave no answer in {START_S_MAX} s. Its last words:\n{self.last_words()}")
            time.sleep(0.05)

    def last_words(self) -> str:
        return "\n".join(self._now.said().splitlines()[-LOG_LINES_SHOWN:])

    def kill(self) -> None:
        """End it as a power cut would: no goodbye."""
        if self.running:
            self._now.kill()
            self._reap()

    def stop(self) -> None:
        """Ask it to end, and wait until it has. Whoever does not hear in time is killed."""
        if self.running:
            self.resume()
            self._now.ask(self.stops_at)
            self._reap()

    def pause(self) -> None:
        """Hold it: connections stay open, and nothing is answered."""
        self._now.pause()

    def resume(self) -> None:
        self._now.resume()

    def _reap(self) -> None:
        if not self._now.ended(STOP_S_MAX):
            self._now.kill()
            self._now.ended(STOP_S_MAX)

    def _let_go(self) -> None:
        if self._life:
            self._life.close()

    def close(self) -> None:
        self.kill()
        self._let_go()
        for taken in self._claims:
            taken.held.close()
        shutil.rmtree(self.folder, ignore_errors=True)
