"""Draad as a bench has it: each process by itself, killed and started again, and what it and its servers used."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Final

import psutil

from bench.figures import say
from infra.server import HERE
from simulation import meta, twilio
from simulation.letters import FORMS, INFO
from simulation.people import QUESTIONS
from simulation.streets import SITE
from tests.running import Running, draad, running
from tests.services.chats import free_port

READS_MAX: Final = 5  # A Kafka that has much to do may not answer at once.
SECRETS: Final = {
    "TWILIO": twilio.TOKEN,
    "META_APP": meta.APP_SECRET,
    "META_VERIFY": meta.VERIFY,
    "META_ACCESS": meta.ACCESS,
    "FORMS": FORMS,
}
CHANNELS: Final = f"""
public_url = "http://{HERE}:{{port}}"
[phone.main]
auth_tokens = [{{{{ env = "TWILIO" }}}}]
connect = "front"
targets = {{{{ front = {{{{ queue = "front" }}}} }}}}
[whatsapp.main]
phone_number_id = "{meta.NUMBER_ID}"
app_secret = {{{{ env = "META_APP" }}}}
verify_token = {{{{ env = "META_VERIFY" }}}}
access_token = {{{{ env = "META_ACCESS" }}}}
[web.forms]
signing = {{{{ env = "FORMS" }}}}
[email.main]
address = "{INFO}"
smtp_host = "{HERE}"
smtp_port = {{smtp}}
smtp_security = "none"
"""
LISTEN: Final = 'lmtp_listen = "{here}:{lmtp}"\n'  # Of one process only.
TOLD: Final = f"""
channels = "channels.toml"
[journey]
origins = ["{SITE}"]
products = {json.dumps([question.product for question in QUESTIONS])}
[notify]
organisation = "Gemeente Oefenstad"
confirms = ["email", "web"]
"""


@dataclass
class Doors:
    """Where the town comes in, and where its mails go."""

    relay: int
    port: int = field(default_factory=free_port)
    lmtp: int = field(default_factory=free_port)

    def settings(self, place: Path, *, mails: bool) -> dict[str, str]:
        """The files of one process in a folder of its own, and the environment that names them."""
        place.mkdir()
        listens = LISTEN.format(here=HERE, lmtp=self.lmtp) if mails else ""
        (place / "channels.toml").write_text(CHANNELS.format(port=self.port, smtp=self.relay) + listens)
        (place / "site.toml").write_text(TOLD)
        return {"DRAAD_SITE": str(place / "site.toml"), "DRAAD_TRUSTED_PROXIES": HERE, **SECRETS}


@dataclass
class Used:
    """Seconds of processor time, and the most memory that was seen."""

    cpu_s: float = 0.0
    memory_mb: float = 0.0

    def more(self, other: "Used") -> None:
        self.cpu_s, self.memory_mb = self.cpu_s + other.cpu_s, max(self.memory_mb, other.memory_mb)


@dataclass
class Machine:
    """One process of Draad. `name` is what its figures are told under."""

    name: str
    verb: str
    log: Path
    port: int
    settings: Mapping[str, str]
    opened: ExitStack
    used: Used = field(default_factory=Used)
    running: Running | None = None

    def start(self) -> None:
        self.running = self.opened.enter_context(running(self.log, self.port, None, self.verb, **self.settings))

    def kill(self) -> None:
        """At once, as a power cut does."""
        assert self.running
        self.used.more(used(self.running.process.pid))
        self.running.kill()


@dataclass
class House:
    """All of Draad, and the servers that it stands on."""

    doors: Doors
    machines: Sequence[Machine]
    servers: Mapping[str, int] = field(default_factory=dict[str, int])  # By name, their first process.
    _kills: Iterator[int] = field(default_factory=count)
    _before: Mapping[str, Used] = field(default_factory=dict[str, Used])

    @property
    def address(self) -> str:
        return f"http://{HERE}:{self.doors.port}"

    def start(self) -> None:
        for machine in self.machines:
            machine.start()
        self._before = {name: used(pid) for name, pid in self.servers.items()}

    def kill_one(self) -> None:
        """Each in turn, and start it again."""
        machine = self.machines[next(self._kills) % len(self.machines)]
        machine.kill()
        machine.start()

    def report(self, took_s: float) -> None:
        """What each used since it was started. Tell it while they live."""
        for machine in self.machines:
            assert machine.running
            now = used(machine.running.process.pid)
            now.more(machine.used)
            told(machine.name, now, took_s)
        for name, pid in self.servers.items():
            now = used(pid)
            told(name, Used(now.cpu_s - self._before[name].cpu_s, now.memory_mb), took_s)

    def facts(self, kind: str) -> list[dict[str, Any]]:
        """What the log has of a type."""
        first = self.machines[0]
        words = ("log", "--json", "--after", "0", "--type", kind, "--data", "--personal")
        for _ in range(READS_MAX):
            said = draad(first.log, *words, **first.settings)
            if said.returncode == 0:
                break
        assert said.returncode == 0, said.stderr
        return [json.loads(line)["data"] for line in said.stdout.splitlines()]


def used(pid: int) -> Used:
    """By a process and its children, also by those that have ended."""
    found = Used()
    first = psutil.Process(pid)
    for process in (first, *first.children(recursive=True)):
        try:
            times, memory = process.cpu_times(), process.memory_full_info()
        except psutil.NoSuchProcess:  # It ended just now: its parent tells of it.
            continue
        found.cpu_s += times.user + times.system + times.children_user + times.children_system
        found.memory_mb += memory.pss / 2**20  # Of what several share, each has its part.
    return found


def told(name: str, what: Used, took_s: float) -> None:
    say(f"{name}: processor time", [what.cpu_s / took_s * 100], "% of one core", digits=0)
    say(f"{name}: memory", [what.memory_mb], "MB")


@contextmanager
def one_machine(place: Path, relay: int) -> Iterator[House]:
    """All of it in one process, on a file."""
    doors = Doors(relay)
    with ExitStack() as opened:
        settings = doors.settings(place / "one", mails=True)
        yield House(doors, [Machine("Draad", "run", place / "whole.db", doors.port, settings, opened)])
