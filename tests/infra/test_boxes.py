"""Both profiles of docker-compose.yml, started for real, where DRAAD_TEST_SERVERS=docker asks for it.

Their images have to be here: fetched, or made by `infra/boxes.sh` of Debian's packages.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from threading import Event, Thread
from typing import Any, Final, Self

import httpx
import pytest

from channels.loopback import batch
from tests.infra.boxes import Boxes, boxes, eventually
from tests.running import JAN
from tests.signers.loopback import SETTINGS, sign

pytestmark = pytest.mark.timeout(900)  # Images are built, and each box comes back in its own time.

SETTLES_S_MAX: Final = 180
PAUSE_S: Final = 0.05
ASKED: Final = "Waar is mijn paspoort?"
WEBHOOK: Final = "/webhooks/loopback/trial"
BOXES: Final[Mapping[str, Mapping[str, int]]] = {
    "one": {"draad": 1, "prometheus": 1},
    "many": {"desk": 1, "worker": 3, "kafka": 1, "postgres": 1, "redis": 1, "prometheus": 1},
}


@pytest.fixture(scope="module", params=BOXES)
def started(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Boxes]]:
    workers = BOXES[request.param].get("worker", 0)
    with boxes(tmp_path_factory.mktemp(request.param), request.param, workers) as made:
        yield request.param, made


class Residents:
    """They call, one after the other, and whoever is not told that it is kept calls again about the same."""

    def __init__(self, made: Boxes) -> None:
        self._made, self._enough = made, Event()
        self.kept: list[str] = []
        self._thread = Thread(target=self._call, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        self._thread.join()

    def heard(self, contacts: int) -> bool:
        return len(self.kept) >= contacts

    def _call(self) -> None:
        body = {"channel": "phone", "address": JAN, "text": ASKED}
        number = 0
        while not self._enough.wait(PAUSE_S):
            try:
                answer = self._made.client.post("/v1/contacts", json=body, headers={"Idempotency-Key": f"c{number}"})
            except httpx.TransportError:
                continue
            if answer.status_code == httpx.codes.CREATED:
                self.kept.append(answer.json()["contact_id"])
                number += 1
            else:
                assert answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR, answer.text


def told(made: Boxes) -> list[str]:
    """The contacts that stand in the story of Jan, as often as they stand there."""
    [address] = made.client.post("/v1/search", json={"phone": JAN["value"]}).raise_for_status().json()["addresses"]
    where = f"/v1/addresses/{address['address_id']}/timeline"
    found, before = list[str](), dict[str, str]()
    while True:
        page: Any = made.client.get(where, params=before).raise_for_status().json()
        found += [entry["contact_id"] for entry in page["entries"] if entry["type"] == "contact.received"]
        if page["before"] is None:
            return sorted(found)
        before = {"before": page["before"]}


def restarted(made: Boxes) -> list[str]:
    """Whose box came back by itself, once each time."""
    label = "com.docker.compose.service"
    return sorted(box["Config"]["Labels"][label] for box in made.described() for _ in range(box["RestartCount"]))


def test_every_box_is_killed_in_turn_and_comes_back_and_nothing_is_lost_or_doubled(
    started: tuple[str, Boxes], record_property: Callable[[str, object], None]
) -> None:
    profile, made = started
    with Residents(made) as residents:
        for service, count in BOXES[profile].items():
            before = len(residents.kept)
            made.kill_all_in(service, count)
            eventually(lambda: service in restarted(made), True, SETTLES_S_MAX)  # noqa: B023  # It is asked at once.
            made.recover()
            eventually(partial(residents.heard, before + 1), expected=True, seconds=SETTLES_S_MAX)
    record_property(
        "boxes", f"{profile}: {len(residents.kept)} contacts acknowledged while {', '.join(BOXES[profile])} fell"
    )
    assert len(set(residents.kept)) == len(residents.kept)
    eventually(lambda: told(made), sorted(residents.kept), SETTLES_S_MAX)
    assert restarted(made) == sorted(BOXES[profile])


def test_a_webhook_is_believed_by_its_signature_and_the_link_opens_the_desk(started: tuple[str, Boxes]) -> None:
    profile, made = started
    body = batch(messages=[{"id": "m1", "sender": "jan", "text": ASKED}])
    signed = made.client.post(WEBHOOK, content=body, headers=dict(sign(SETTINGS, WEBHOOK, body)))
    assert signed.status_code == httpx.codes.OK
    assert made.client.post(WEBHOOK, content=body).status_code == httpx.codes.FORBIDDEN
    link = made.run("exec", "--no-TTY", "draad" if profile == "one" else "desk", "draad", "link").strip()
    assert link.startswith(f"{made.address}/open/")
    with httpx.Client(trust_env=False, follow_redirects=True) as browser:
        assert "Werk" in browser.post(link).raise_for_status().text


def test_prometheus_hears_every_process_and_reads_every_rule(started: tuple[str, Boxes]) -> None:
    profile, made = started
    doors = sum(count for name, count in BOXES[profile].items() if name in {"draad", "desk", "worker"})
    eventually(
        lambda: [each["health"] for each in made.watched("targets")["activeTargets"]], ["up"] * doors, SETTLES_S_MAX
    )
    rules = [rule for group in made.watched("rules")["groups"] for rule in group["rules"]]
    assert {rule["health"] for rule in rules} == {"ok"}


def test_no_log_names_a_resident_and_no_description_holds_a_secret(started: tuple[str, Boxes]) -> None:
    profile, made = started
    said = made.run("logs", "--no-color")
    for word in ("12345678", "paspoort", "jan"):
        assert word not in said
    described = str(made.described())
    given = {made.token} if profile == "one" else set[str]()  # Which is in the environment of who starts it.
    assert not [word for word in {*made.secrets()} - given if word in said + described]


def test_each_box_is_nobodys_root_and_cannot_write_where_nothing_lasts(started: tuple[str, Boxes]) -> None:
    profile, made = started
    for service in BOXES[profile]:
        tried = "id -u; touch /etc/mine 2>/dev/null && echo written"
        user, *written = made.run("exec", "--no-TTY", service, "sh", "-c", f"{tried}; true").split()
        assert int(user) > 0
        assert not written
