"""A backup of a Draad at work is whole, and what is restored from it goes on as if nothing had happened."""

import asyncio
import json
import shutil
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import SecretStr

from channels.channel import Secrets
from channels.loopback import Inbox, Loopback
from draad.parts import PARTS
from engine.engine import Engine, open_engine, utc_now
from schemas.contact import ContactAnswered
from schemas.event import fact
from schemas.message import MessageSent, MessageUnknown
from services.intake.courier import Courier
from tests.draad.test_webhooks import call, settings
from tests.running import Command, Running, command, running

CONTACT: Final = {"channel": "phone", "text": "hallo", "address": {"kind": "phone", "value": "06 12345678"}}
CALLS: Final = 60


@pytest.fixture
def log(tmp_path: Path) -> Path:
    (tmp_path / "channels.toml").write_text(
        'public_url = "https://contact.example.nl"\n[loopback.trial]\nsecret = { env = "LOOPBACK_SECRET" }\n'
    )
    return tmp_path / "draad.db"


def backup(log: Path, folder: Path) -> Command:
    return command(log, "backup", str(folder))


def restored(log: Path, folder: Path) -> Command:
    return command(log, "restore", str(folder))


def facts(log: Path) -> list[str]:
    return [json.loads(line)["id"] for line in command(log, "log", "--json", "--after", "0").stdout.splitlines()]


def posted(house: Running, nth: int) -> str:
    answer = house.post(f"k{nth}", CONTACT)
    assert answer.status_code == 201
    return str(answer.json()["contact_id"])


def test_a_backup_of_a_draad_at_work_is_whole_and_goes_on_elsewhere(log: Path, tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "backup", tmp_path / "elsewhere" / "draad.db"
    with running(log, **settings(log)) as house, ThreadPoolExecutor(1) as callers:
        before = [posted(house, nth) for nth in range(5)]
        assert call(house, b"nobody can read this").status_code == 200
        calls = callers.submit(lambda: [posted(house, nth) for nth in range(5, CALLS)])
        made = backup(log, folder)
        assert (made.returncode, made.stderr) == (0, "")
        meanwhile = calls.result()
        address = house.post("again", CONTACT).json()["address_id"]
        assert len(set(before + meanwhile)) == CALLS
        house.stop()

    back = restored(elsewhere, folder)
    assert (back.returncode, back.stderr) == (0, "")
    there = facts(elsewhere)
    assert there == facts(log)[: len(there)], "it is the log as it stood at one moment"
    with running(elsewhere, **settings(log)) as house:
        assert [posted(house, nth) for nth in range(CALLS)] == before + meanwhile
        assert house.post("again", CONTACT).json()["address_id"] == address, "who calls is known as before"
        [item] = house.client.get("/v1/quarantine").json()["items"]
        kept = Path(f"{elsewhere}.blobs") / item["digest"][:2] / item["digest"]
        assert kept.read_bytes() == b"nobody can read this"
        doctor = command(elsewhere, "doctor", "--port", str(house.port))
        assert "WRONG  The log" not in doctor.stdout
        house.stop()


async def emptied(log: Path) -> None:
    async with open_engine(f"sqlite:///{log}"):
        pass


@pytest.fixture
def saved(log: Path, tmp_path: Path) -> Path:
    """A backup with a log, a file and a key."""
    asyncio.run(emptied(log))
    Path(f"{log}.key").write_text("ab" * 32)
    Path(f"{log}.key").chmod(0o600)
    name = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    (Path(f"{log}.blobs") / name[:2]).mkdir(parents=True)
    (Path(f"{log}.blobs") / name[:2] / name).write_text("hello")
    assert backup(log, tmp_path / "backup").returncode == 0
    return tmp_path / "backup"


def test_nobody_else_on_the_machine_reads_a_backup_or_what_is_restored(saved: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere" / "draad.db"
    assert restored(elsewhere, saved).returncode == 0
    private = [saved, Path(f"{elsewhere}.blobs"), saved / "key", Path(f"{elsewhere}.key"), saved / "log.db", elsewhere]
    assert [stat.S_IMODE(path.stat().st_mode) & 0o077 for path in private] == [0] * len(private)


def flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


DAMAGES: Final[dict[str, Callable[[Path], Any]]] = {
    "the log": lambda saved: flipped(saved / "log.db"),
    "the key": lambda saved: flipped(saved / "key"),
    "a file": lambda saved: flipped(next((saved / "files").glob("*/*"))),
    "a file is gone": lambda saved: next((saved / "files").glob("*/*")).unlink(),
    "the log is gone": lambda saved: (saved / "log.db").unlink(),
    "the contents": lambda saved: (saved / "contents.json").write_text("{}"),
    "all of it": shutil.rmtree,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_what_is_damaged_is_not_restored(saved: Path, tmp_path: Path, damage: Callable[[Path], Any]) -> None:
    damage(saved)
    elsewhere = tmp_path / "elsewhere" / "draad.db"
    answer = restored(elsewhere, saved)
    assert answer.returncode == 1
    assert len(answer.stderr.splitlines()) == 1
    assert not elsewhere.exists()


def test_nothing_is_overwritten(saved: Path, log: Path, tmp_path: Path) -> None:
    assert f"{saved} is there already" in backup(log, saved).stderr
    for name in (log, Path(f"{log}.key"), Path(f"{log}.blobs")):
        assert f"{name} is there already" in restored(log, saved).stderr
        name.rename(tmp_path / f"old{name.suffix}")
    assert restored(log, saved).returncode == 0


def test_where_there_is_nothing_to_back_up_nothing_is_made(log: Path, tmp_path: Path) -> None:
    assert "there is no log at" in backup(log, tmp_path / "backup").stderr
    assert "docs/running.md" in command(log, "backup", str(tmp_path / "backup"), "--log", "memory:").stderr
    log.write_text("something else")
    assert "is not a log of Draad" in backup(log, tmp_path / "backup").stderr
    assert [path.name for path in tmp_path.iterdir() if "backup" in path.name] == []


SECRETS: Final = Secrets(b"pepper", b"tokens")


async def answered(engine: Engine, name: str) -> None:
    said = ContactAnswered(
        at=utc_now(), contact_id="c1", address_id="a1", agent_id="g1", text="Dat kan", channel="loopback",
        message_id=name, address="Jan", inbox="trial",
    )  # fmt: skip
    await engine.append(fact(said, key=name))
    await engine.settle(*PARTS)


async def carried(engine: Engine, road: Loopback, ended: type[Any]) -> list[str]:
    """What became of messages, once one ended so."""
    at_work = asyncio.create_task(Courier(engine, {"loopback": road}, utc_now).run())
    async with asyncio.timeout(20):
        while ended.type not in [one.type for one in await engine.read()]:
            await engine.store.moved(engine.store.mark(), 0.1)
    engine.stop()
    await at_work
    return [one.type for one in await engine.read() if one.type in {MessageSent.type, MessageUnknown.type}]


def test_what_was_to_be_sent_when_the_backup_was_made_is_not_sent_again(log: Path, tmp_path: Path) -> None:
    """It may have left after the backup, before the disk died: nobody knows, so it is looked for, and said so."""
    elsewhere = tmp_path / "elsewhere" / "draad.db"

    async def sent_and_asked() -> None:
        async with open_engine(f"sqlite:///{log}") as engine:
            await answered(engine, "m1")
            assert await carried(engine, road, MessageSent) == ["message.sent"]
        async with open_engine(f"sqlite:///{log}") as engine:
            await answered(engine, "m2")

    async def gone_on() -> list[str]:
        async with open_engine(f"sqlite:///{elsewhere}") as engine:
            return await carried(engine, road, MessageUnknown)

    road = Loopback({"trial": Inbox(secret=SecretStr("a-secret-of-these-tests"))}, SECRETS)
    asyncio.run(sent_and_asked())
    assert backup(log, tmp_path / "backup").returncode == restored(elsewhere, tmp_path / "backup").returncode == 0
    assert asyncio.run(gone_on()) == ["message.sent", "message.unknown"]
    assert [message.message_id for message in road.sent] == ["m1"]
