"""The surge monitor on a real Kafka: it counts what Draad writes, tells a real Prometheus, goes on after a stop."""

import asyncio
import os
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import httpx
import pytest
import yaml

from draad.many import cluster
from draad.settings import Settings
from engine.engine import open_engine, utc_now
from infra import surge
from infra.prometheus import Prometheus, queries
from infra.server import HERE, Claim, claim
from schemas.contact import ContactReceived
from schemas.event import Envelope, fact
from services.surge.windows import WEEKS, back
from tests.many import Many
from tests.running import ROOT, TOKEN
from tests.story.town import eventually

pytestmark = pytest.mark.xdist_group("servers")

SECRET: Final = "Vledderveen"
USUAL: Final = 2


def contact(at: datetime, channel: str, nth: int) -> Envelope:
    address = f"a{nth % 7}"  # On several partitions.
    name = f"{channel} {at.isoformat()} {nth}"
    event = ContactReceived(at=at, contact_id=f"c{nth}", address_id=address, channel=channel, text=SECRET)
    return fact(event, key=name)


def quiet_weeks(at: datetime) -> list[Envelope]:
    past = [back(at, week) for week in range(1, WEEKS + 1)]
    long_ago = contact(back(at, WEEKS + 2), "chat", 1)
    return [long_ago, *(contact(then, "phone", nth) for then in past for nth in range(USUAL))]


def busy(at: datetime, contacts: int) -> list[Envelope]:
    return [contact(at, "email", 1), *(contact(at, "phone", nth) for nth in range(contacts))]


async def told(many: Many, *facts: Envelope) -> None:
    """As Draad writes them."""
    settings = Settings.from_env(many | {"DRAAD_TOKEN": TOKEN})
    async with open_engine(settings.log, cluster=cluster(settings)) as engine:
        await engine.append(*facts)
        await engine.store.carried()


@contextmanager
def monitor(many: Many, door: Claim, folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    (folder / "token").write_text(TOKEN)
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "DRAAD_PORT": str(door.port)} | many
    environ["DRAAD_METRICS_TOKEN_FILE"] = str(folder / "token")
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    python, *words = compose["services"]["surge"]["command"]
    assert python == "python3"
    command = [str(surge.python()), *words]
    with (folder / "surge.log").open("ab") as said:
        process = subprocess.Popen(command, env=environ, cwd=folder, stdout=said, stderr=said)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def figures(door: Claim, token: str = TOKEN) -> httpx.Response | None:
    try:
        return httpx.get(f"http://{HERE}:{door.port}/metrics", headers={"Authorization": f"Bearer {token}"})
    except httpx.TransportError:
        return None


def shown(door: Claim) -> dict[str, float]:
    """What it counts now and in past weeks, by channel."""
    answer = figures(door)
    lines = answer.text.splitlines() if answer else []
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line.startswith("draad"))}


def seen(contacts: int) -> dict[str, float]:
    """What is long ago is not in it."""
    return {
        'draad_surge_contacts{channel="phone"}': contacts,
        'draad_surge_usual{channel="phone"}': USUAL,
        'draad_surge_contacts{channel="email"}': 1,
        'draad_surge_usual{channel="email"}': 0,
    }


@pytest.mark.timeout(300)
def test_a_busy_hour_is_seen_against_past_weeks_and_known_again_after_a_stop(many: Many, tmp_path: Path) -> None:
    door, lately = claim(), utc_now() - timedelta(minutes=10)
    asyncio.run(told(many, *quiet_weeks(lately), *busy(lately, 20)))
    with closing(door.held):
        with monitor(many, door, tmp_path) as process:
            eventually(lambda: shown(door) == seen(20), 90)
            assert (figures(door, "guessed") or httpx.Response(200)).status_code == httpx.codes.UNAUTHORIZED
            with Prometheus({"surge": [f"{HERE}:{door.port}"]}, TOKEN) as prometheus:
                eventually(lambda: "DraadSurge" in prometheus.firing(), 60)
                assert [query for query in queries()["draad-surge"] if not prometheus.found(query)] == []
            process.terminate()
            process.wait(30)
        with monitor(many, door, tmp_path):
            eventually(lambda: shown(door) == seen(20), 90)
            asyncio.run(told(many, *busy(lately, 21)))
            eventually(lambda: shown(door) == seen(21), 90)
    assert SECRET not in (tmp_path / "surge.log").read_text()
