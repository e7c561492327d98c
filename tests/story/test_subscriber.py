"""A case system hears of every change, in order, whatever is killed in between."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from tests.beside import beside
from tests.many import Many
from tests.running import Running
from tests.services.hooks.subscriber import RESET, SILENCE, Subscriber, listening
from tests.story.conftest import alone, together
from tests.story.town import eventually, kept_open

SITE: Final = """
[subscribers]
inner = ["127.0.0.0/8"]
"""
CASES: Final = 8
STATUSES: Final = ("received", "weighed", "decided", "sent")


class Office:
    """Draad, its settings, and a subscriber beside it."""

    def __init__(self, opening: Any, folder: Path, settings: dict[str, str], heard: Subscriber) -> None:
        self.opening, self.folder, self.settings, self.heard = opening, folder, settings, heard
        self.houses: list[Running] = []

    def says(self, path: str, key: str, **body: Any) -> dict[str, Any]:
        """Until it is acknowledged, as a program does that hears that nobody knows."""
        found: list[httpx.Response] = []

        def acknowledged() -> bool:
            found[:] = [self.houses[0].client.post(path, json=body, headers={"Idempotency-Key": key})]
            return found[0].status_code == httpx.codes.CREATED

        eventually(acknowledged)
        return dict(found[0].json())

    def told(self) -> dict[str, list[str]]:
        """What it heard of each case, without repeats: the event's word, or the status."""
        seen, story = set(), dict[str, list[str]]()
        for one in self.heard.heard:
            if one.headers["webhook-id"] not in seen:
                seen.add(one.headers["webhook-id"])
                story.setdefault(one.event["subject"], []).append(one.event["data"].get("status", one.type))
        return story


@pytest.fixture(params=["one machine", pytest.param("many machines", marks=pytest.mark.xdist_group("servers"))])
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Office]:
    many: Many = {} if request.param == "one machine" else request.getfixturevalue("many")
    (tmp_path / "site.toml").write_text(SITE)
    settings = {**many, "DRAAD_SITE": str(tmp_path / "site.toml")}
    with beside() as there, kept_open(there, listening) as heard:
        yield Office(together if many else alone, tmp_path, settings, heard)


@pytest.mark.timeout(400)
def test_a_case_system_hears_all_of_each_case_in_order_though_draad_is_killed(office: Office) -> None:
    with office.opening(office.folder, 0, office.settings) as office.houses:
        asked = {"name": "zaken", "url": office.heard.url, "types": ["case."]}
        office.says("/v1/cases", "before", party_id="p1", kind="permit", title="Van vroeger")
        made = office.says("/v1/subscriptions", "s1", **asked)
        office.heard.answers.extend([SILENCE, "500 Oops", RESET, "204 No Content", "503 Later", RESET])
        cases = [opened(office, number) for number in range(CASES)]
        for status in STATUSES[:2]:
            moved(office, cases, status)
        eventually(lambda: len(office.heard.heard) >= 6)
        for house in office.houses:
            house.kill()
    office.heard.answers.clear()
    with office.opening(office.folder, 0, office.settings) as office.houses:
        for status in STATUSES[2:]:
            moved(office, cases, status)
        whole = {f"case/{case}": ["case.opened", *STATUSES] for case in cases}
        eventually(lambda: office.told() == whole, 120)
        assert office.says("/v1/subscriptions", "s1", **asked) == made
    assert all(one.signed_with(made["secret"]) for one in office.heard.heard)
    assert b"Geheim" not in b"".join(one.body for one in office.heard.heard)


def opened(office: Office, number: int) -> str:
    said = {"party_id": f"p{number}", "kind": "permit", "title": "Geheim"}
    return str(office.says("/v1/cases", f"k{number}", **said)["case_id"])


def moved(office: Office, cases: list[str], status: str) -> None:
    for case in cases:
        office.says(f"/v1/cases/{case}/status", f"{case}-{status}", status=status)
