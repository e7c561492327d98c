"""Draad on many machines, each a process of its own: who works, who answers, and what happens when one is gone."""

import json
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Final

import httpx
import pytest

from infra.prometheus import Prometheus
from infra.server import HERE
from infra.servers import Redis
from tests.contract.places import servers
from tests.many import PEPPER, TOPICS, Many, started
from tests.running import JAN, TOKEN, Running, command
from tests.story.town import eventually

pytestmark = pytest.mark.xdist_group("kafka")

SOON_S: Final = 30.0


def post(house: Running, numbers: Iterable[int]) -> list[str]:
    answers = [house.post(f"k{n}", {"channel": "phone", "text": f"Vraag-{n}-van-Jan", "address": JAN}) for n in numbers]
    assert {answer.status_code for answer in answers} == {201}, [answer.text for answer in answers]
    return [answer.json()["contact_id"] for answer in answers]


def watch(house: Running, numbers: Iterable[int], opened: Event) -> None:
    """Stay at an open desk until all of these have come down the stream, each once."""
    left = [f"Vraag-{number}-van-Jan" for number in numbers]
    with house.client.stream("GET", house.stream, timeout=SOON_S) as stream:
        assert stream.status_code == 200
        for line in stream.iter_lines():
            if line.startswith("event: reload"):
                opened.set()  # From here on everything is new.
            for word in [word for word in left if word in line]:
                left.remove(word)
            if not left:
                return
    raise AssertionError(f"never seen: {left}")


@contextmanager
def watched(house: Running, numbers: Iterable[int]) -> Iterator[None]:
    """What is done meanwhile is seen at this desk."""
    opened = Event()
    with ThreadPoolExecutor(1) as threads:
        watching = threads.submit(watch, house, numbers, opened)
        assert opened.wait(SOON_S)
        yield
        watching.result(SOON_S)


def contacts(tmp_path: Path, many: Many) -> list[str]:
    shown = command(tmp_path, "log", "--json", "--after", "0", "--type", "contact.received", "--data", **many)
    assert (shown.returncode, shown.stderr) == (0, "")
    return [json.loads(line)["data"]["contact_id"] for line in shown.stdout.splitlines()]


def test_every_desk_shows_the_same_live_whoever_works_and_whoever_is_killed(
    tmp_path: Path, many: Many, redis: Redis
) -> None:
    with ExitStack() as opened:
        one, two = (opened.enter_context(started(tmp_path / f"w{n}", "work", many)) for n in "12")
        left, right = (opened.enter_context(started(tmp_path / f"d{n}", "desk", many)) for n in "12")
        with watched(right, range(10)):
            kept = post(left, range(10))
        one.kill()
        with watched(left, range(10, 20)):
            kept += post(right, range(10, 20))
        redis.kill()
        with watched(left, range(20, 30)), watched(right, range(20, 30)):
            kept += post(right, range(20, 30))
        redis.start()
        assert post(left, range(30)) == kept  # Said again, and known.
        assert sorted(contacts(tmp_path, many)) == sorted(kept)
        doctor = command(tmp_path, "doctor", "--port", str(left.port), **many)
        assert doctor.returncode == 0, doctor.stdout
        assert [house.stop() for house in (left, right, two)] == [0, 0, 0]
    said = "".join(path.read_text() for path in tmp_path.glob("*.err"))
    assert "engine.bell.silent" in said
    for secret in ("Jan", PEPPER, TOKEN, redis.password, servers().postgres.password):
        assert secret not in said


def test_facts_are_taken_while_kafka_is_away_and_shown_when_it_is_back(tmp_path: Path, many: Many) -> None:
    """And whoever has to mend it is called."""
    with (
        started(tmp_path / "work", "work", many),
        started(tmp_path / "desk", "desk", many) as desk,
        Prometheus({"draad": [f"{HERE}:{desk.port}"]}, TOKEN) as prometheus,
    ):
        with watched(desk, range(5)):
            kept = post(desk, range(5))
        servers().kafka.pause()
        try:
            kept += post(desk, range(5, 10))
            while "facts are kept and wait" not in (ready := desk.client.get("/health/ready")).text:
                assert ready.status_code == 200, ready.text
            eventually(lambda: "DraadLogAway" in prometheus.firing())
        finally:
            with watched(desk, range(5, 10)):
                servers().kafka.resume()
        assert sorted(contacts(tmp_path, many)) == sorted(kept)


def test_a_deployment_without_its_topics_says_so_and_writes_nothing(tmp_path: Path, many: Many) -> None:
    other = many | {"DRAAD_PREFIX": "elsewhere."}
    for verb in ("work", "desk"):
        refused = command(tmp_path, verb, "--port", "0", **other)
        assert (refused.returncode, refused.stdout) == (1, "")
        missing = "draad: Topic elsewhere.address does not exist: run `draad topics apply`"
        assert refused.stderr == f"{missing} ({TOPICS - 1} more: see `draad topics check`)\n"


def test_a_token_made_beside_them_holds_on_every_node_until_it_is_revoked(many: Many, tmp_path: Path) -> None:
    with started(tmp_path / "work", "work", many) as worker, started(tmp_path / "desk", "desk", many) as desk:
        doors = [worker.found(r"at (http://\S+)/health/ready"), desk.address]

        def answers(token: str) -> list[int]:
            headers = {"Authorization": f"Bearer {token}"}
            return [httpx.get(f"{door}/metrics", headers=headers, trust_env=False).status_code for door in doors]

        def soon(expected: list[int]) -> None:
            """A node that is slow looks a little later."""
            ends = monotonic() + SOON_S
            while (found := answers(token)) != expected and monotonic() < ends:
                Event().wait(0.1)
            assert found == expected

        words = ("--scope", "metrics.read", "--until", "9d", "--name", "grafana")
        token = command(tmp_path, "token", "create", *words, **many).stdout.strip()
        soon([200, 200])
        assert "grafana is revoked" in command(tmp_path, "token", "revoke", "grafana", **many).stdout
        soon([401, 401])
        assert "revoked" in command(tmp_path, "token", "list", **many).stdout
