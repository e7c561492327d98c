"""A real Draad in a process of its own: what it says, what it keeps, and how it ends."""

import asyncio
import json
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread
from typing import Any, Final
from uuid import UUID

import pytest

from draad.couriers import NAMES
from draad.parts import PARTS
from engine.engine import open_engine
from schemas.event import Envelope
from tests.running import Running, command, draad, environment, heard, running

SOON_S: Final = 5.0
TEXT: Final = "Mijn BSN is 123456782 en ik heet Jan"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "draad.db"


def facts(log: Path, *words: str) -> list[dict[str, Any]]:
    shown = command(log, "log", "--json", "--after", "0", *words)
    assert (shown.returncode, shown.stderr) == (0, "")
    return [json.loads(line) for line in shown.stdout.splitlines()]


def kept(house: Running, count: int) -> list[str]:
    answers = [house.post(f"k{n}", {"channel": "phone", "text": TEXT}) for n in range(count)]
    assert {answer.status_code for answer in answers} == {201}
    return [answer.json()["contact_id"] for answer in answers]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_soon_and_well_though_somebody_watches(log: Path, number: int) -> None:
    with running(log) as house, house.client.stream("GET", house.stream) as stream:
        assert stream.status_code == 200
        began = time.monotonic()
        assert house.stop(number) == 0
        assert time.monotonic() - began < SOON_S


def test_whatever_was_acknowledged_outlives_a_kill(log: Path) -> None:
    with running(log) as house:
        before = kept(house, 5)
        house.kill()
    with running(log) as house:
        after = kept(house, 7)
        assert after[:5] == before
        assert house.stop() == 0
    contacts = facts(log, "--type", "contact.received")
    assert [fact["id"] for fact in contacts] == list(dict.fromkeys(fact["id"] for fact in contacts))
    assert len(contacts) == 7


def test_the_log_is_seen_beside_it_and_says_nothing_personal(log: Path) -> None:
    with running(log) as house:
        [contact] = kept(house, 1)
        house.client.get("/?x=Jan")
        lines = command(log, "log").stdout
        assert "contact.received" in lines
        assert "address/unknown." + contact in lines
        masked = [fact["data"] for fact in facts(log, "--data", "--type", "contact.*")]
        assert masked[0]["text"] == "(personal)"
        assert masked[0]["contact_id"] == contact
        whole = [fact["data"] for fact in facts(log, "--data", "--personal", "--type", "contact.received")]
        assert whole[0]["text"] == TEXT
        house.stop()
    said = log.with_suffix(".err").read_text()
    assert "http.answered" in said
    for secret in ("Jan", "123456782", house.link.rpartition("/")[2], "a-token-for-these"):
        assert secret not in said


def test_the_log_is_filtered_and_cut(log: Path) -> None:
    with running(log) as house:
        ids = kept(house, 30)
        house.stop()
    contact = ["--type", "contact.received"]
    assert len(command(log, "log", *contact).stdout.splitlines()) == 20
    assert len(command(log, "log", *contact, "--limit", "5").stdout.splitlines()) == 5
    assert len(facts(log, *contact, "--limit", "7")) == 7
    positions = [fact["position"] for fact in facts(log, *contact)]
    assert len(facts(log, *contact, "--after", str(positions[9]))) == 20
    assert {f["subject"] for f in facts(log, "--subject", f"address/unknown.{ids[3]}")} == {f"address/unknown.{ids[3]}"}
    assert len(facts(log, "--subject", "address/*", *contact)) == 30
    assert facts(log, "--subject", "case/*") == []


def test_the_tail_follows_what_comes_in(log: Path) -> None:
    with running(log) as house:
        command = [sys.executable, "-m", "draad", "log", "--follow", "--type", "contact.received"]
        with subprocess.Popen(command, env=environment(log), stdout=subprocess.PIPE, text=True) as tail:
            assert tail.stdout
            lines = heard(tail.stdout)
            [contact] = kept(house, 1)
            assert contact in lines.get(timeout=20)
            try:
                tail.send_signal(signal.SIGINT)
                assert tail.wait(20) == 130
            finally:
                tail.kill()  # Where a shell had put us in the background, it heeds no interrupt.


def test_a_view_is_rebuilt_beside_it_and_alone(log: Path) -> None:
    with running(log) as house:
        kept(house, 20)
        beside = command(log, "rebuild", "desk.entry")
        assert (beside.returncode, "desk.entry is rebuilt" in beside.stdout) == (0, True)
        assert house.client.get("/").text.count("<li ") == 20
        house.stop()
    alone = command(log, "rebuild", "status.overdue")
    assert (alone.returncode, "status.overdue is rebuilt" in alone.stdout) == (0, True)
    unknown = command(log, "rebuild", "nonsense")
    assert unknown.returncode == 1
    assert f"there is {', '.join(sorted({*NAMES} | {part.name for part in PARTS}))}" in unknown.stderr


def test_nothing_parked_is_nothing_to_try(log: Path) -> None:
    with running(log) as house:
        assert (command(log, "parked").returncode, command(log, "redrive", "status.overdue").returncode) == (0, 0)
        house.stop()
    assert (command(log, "parked").stdout, command(log, "redrive", "status.overdue").returncode) == (
        "Nothing is parked.\n",
        0,
    )


POISON: Final = Envelope(str(UUID(int=1)), "contact.received", "address/a1", '{"text": "Jan"}')


async def poison(log: Path) -> None:
    async with open_engine(f"sqlite:///{log}") as engine:
        await engine.append(POISON)


def test_what_is_parked_is_seen_tried_again_and_not_forgotten(log: Path) -> None:
    asyncio.run(poison(log))
    pepper = "p" * 32
    with running(log, DRAAD_PEPPER=pepper) as house:
        for answer in (
            command(log, "redrive", "desk.entry"),
            command(log, "redrive", "status.overdue", "address/a1"),
        ):
            assert (answer.returncode, answer.stdout) == (1, "Tried again: 1 subject. Still parked: 1.\n")
        assert command(log, "redrive", "desk.entry", "address/a2").stdout == "Nothing was parked there.\n"
        house.stop()
    shown = command(log, "parked")
    assert shown.returncode == 1
    assert all(word in shown.stdout for word in ("desk.entry", "status.overdue", "address/a1", "does not fit"))
    assert "Jan" not in shown.stdout
    assert command(log, "redrive", "desk.entry").stdout == "Tried again: 1 subject. Still parked: 1.\n"
    doctor = command(log, "doctor", DRAAD_PEPPER=pepper)
    assert (doctor.returncode, "draad parked says why" in doctor.stdout) == (1, True)


def test_the_doctor_sees_a_healthy_house(log: Path) -> None:
    with running(log) as house:
        doctor = command(log, "doctor", "--port", str(house.port))
        assert doctor.returncode == 0, doctor.stdout
        assert f"Draad runs at {house.address}/ and is ready." in doctor.stdout
        house.stop()
    assert "Nobody answers" in command(log, "doctor", "--port", str(house.port)).stdout


def test_the_doctor_sees_what_is_wrong(log: Path) -> None:
    with running(log) as house:
        house.stop()
    Path(f"{log}.key").chmod(0o644)
    doctor = command(log, "doctor", "--port", str(house.port))
    assert doctor.returncode == 1
    assert "WRONG  Others can read the key" in doctor.stdout
    log.write_bytes(b"something else entirely")
    assert "is not a log of Draad" in command(log, "doctor", "--port", str(house.port)).stdout


def test_another_link_opens_the_desk_of_the_running_one(log: Path) -> None:
    with running(log) as house:
        said = house.found(r"^Another time, `draad (link .+)` gives another link\.$")
        link = command(log, *said.split()).stdout.strip()
        assert link.startswith(f"{house.address}/open/")
        assert house.client.post(link).status_code == 303
        assert house.client.post(link).status_code == 410
        assert house.client.post(house.link).status_code == 303


def test_a_token_of_its_own_is_made_and_said_where_none_is_set(log: Path) -> None:
    with running(log, DRAAD_TOKEN="x" * 32) as house:
        assert "token" not in "\n".join(house.said)
        house.stop()
    assert stat.S_IMODE(Path(f"{log}.key").stat().st_mode) == 0o600


MISTAKES: Final[list[tuple[str, list[str], dict[str, str], int, str]]] = [
    ("an unknown setting", ["run"], {"DRAAD_PROT": "1"}, 2, "did you mean DRAAD_PORT?"),
    ("a wrong setting", ["doctor"], {"DRAAD_PORT": "x"}, 2, "DRAAD_PORT must be"),
    ("a wrong log", ["run", "--log", "postgres://x"], {}, 2, "DRAAD_LOG must be"),
    ("an unknown command", ["nonsense"], {}, 2, "No such command"),
    ("an unknown option", ["log", "--nonsense"], {}, 2, "No such option"),
    ("a word too few", ["rebuild"], {}, 2, "Missing argument"),
    ("a log that is not there", ["log"], {}, 1, "there is no log at"),
    ("no log to rebuild", ["rebuild", "desk.entry"], {}, 1, "there is no log at"),
    ("no log to open", ["link"], {}, 1, "start it first"),
    ("a log in memory", ["parked", "--log", "memory:"], {}, 1, "gone when its process ends"),
    ("a host that is not here", ["run", "--host", "192.0.2.1"], {}, 1, "cannot listen"),
    ("a host that is none", ["run", "--host", "nonsense.invalid"], {}, 1, "not one of this machine"),
]


@pytest.mark.parametrize(
    ("words", "more", "code", "sentence"), [mistake[1:] for mistake in MISTAKES], ids=[m[0] for m in MISTAKES]
)
def test_a_mistake_is_answered_in_a_sentence(
    log: Path, words: list[str], more: dict[str, str], code: int, sentence: str
) -> None:
    answer = draad(log, *words, **more)
    assert answer.returncode == code
    assert sentence in " ".join(answer.stderr.split())
    assert "Traceback" not in answer.stderr
    assert answer.stdout == ""


def test_a_log_in_use_and_a_port_in_use_are_told_in_a_sentence(log: Path) -> None:
    with running(log) as house:
        second = draad(log, "run", "--port", "0")
        assert (second.returncode, "in use by another Draad" in second.stderr) == (1, True)
        other = draad(log.with_name("other.db"), "run", "--port", str(house.port))
        assert (other.returncode, "choose another with --port" in other.stderr) == (1, True)
        assert "Traceback" not in second.stderr + other.stderr


def test_another_program_at_the_port_is_recognised(log: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]

        def answer() -> None:
            line, _ = other.accept()
            with line:
                line.recv(65_536)
                line.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

        thread = Thread(target=answer, daemon=True)
        thread.start()
        doctor = draad(log, "doctor", "--port", str(port))
        thread.join(20)
    assert (doctor.returncode, "Another program answers" in doctor.stdout) == (1, True)


def test_a_lost_key_stops_it_before_it_makes_another_pseudonym(log: Path) -> None:
    with running(log) as house:
        kept(house, 1)
        house.stop()
    Path(f"{log}.key").unlink()
    answer = draad(log, "run", "--port", "0")
    assert (answer.returncode, "its key is gone" in answer.stderr) == (1, True)
