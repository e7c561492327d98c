"""What people and scripts send that they should not: a clear error, nothing leaked, and a line that says so."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

import httpx
import pytest
from structlog.testing import capture_logs

from channels.link import OPINION, PARTY, Links
from draad.parts import NOTIFY, PARTS
from draad.parts import OPINION as ASKING
from draad.site import Site
from engine import ask
from schemas.event import derived, fact
from schemas.opinion import OpinionWanted
from services.desk.door import AGENT
from services.intake.branches import branches
from services.intake.journey import JourneySettings
from services.metrics.settings import MetricsSettings
from services.notify.settings import NotifySettings, OpinionSettings
from services.notify.texts import read_texts
from services.resident.opinions import ANSWERS_MAX
from tests.rooms import KEYS, NOW, Rooms, rooms

SECRET: Final = "Joëlle"
MAIL: Final = {"kind": "email", "value": f"{SECRET}@mail.example"}
PAGE: Final = {"accept": "text/html"}
FORM: Final = PAGE | {"content-type": "application/x-www-form-urlencoded"}
OURS: Final = "https://www.voorbeeld.nl"
KEY: Final = "a" * 24
SITE: Final = Site(
    branches({"main": {"title": "Stadhuis"}}),
    journey=JourneySettings(origins=(OURS,), products=("paspoort",)),
    notify=NotifySettings(organisation="Gemeente Voorbeeld"),
    texts=read_texts(),
    opinion=OpinionSettings(sensitive=()),
    metrics=MetricsSettings(products=("paspoort",)),
)
EVERY: Final = (*PARTS, *NOTIFY, *ASKING)
LINKS: Final = Links(KEYS.links, "")
MARCH: Final = {"figures": "contacts", "first": "2026-03-01", "last": "2026-03-31"}


@pytest.fixture
async def house(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rooms]:
    monkeypatch.setattr(ask, "SHOWN_S_MAX", 0.0)
    async with rooms(site=SITE) as built:
        await built.engine.settle(*EVERY)
        yield built


def bare(house: Rooms, **cookies: str) -> httpx.AsyncClient:
    """A browser that nobody gave a token."""
    transport = httpx.ASGITransport(app=house.house.app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://draad", cookies=cookies)


def answered(logs: list[Any], **said: Any) -> bool:
    """Whether a line says so of the last request, and none a word of a resident."""
    assert SECRET not in str(logs)
    [line] = [line for line in logs if line["event"] == "http.answered"][-1:]
    return bool(said.items() <= line.items())


@pytest.mark.parametrize(
    ("asked", "what"),
    [
        ({"last": "2026-02-01"}, "last is on or after first"),
        ({"first": "1999-12-31", "last": "2000-01-01"}, "days lie from 2000"),
        ({"first": "2024-01-01", "by": "day"}, "by day at most 400 days"),
        ({"first": "2026-02-30"}, "missing or wrong parameter"),
        ({"against_first": "2026-02-01"}, "come together"),
        ({"product": SECRET}, "missing or wrong parameter"),
        ({"product": "rijbewijs"}, "this product is not one of those"),
        ({"team": "=cmd|'/c calc'!A1", "format": "csv"}, "missing or wrong parameter"),
    ],
)
async def test_what_no_report_can_show(house: Rooms, asked: Mapping[str, str], what: str) -> None:
    with capture_logs() as logs:
        answer = await house.client.get("/v1/reports", params={**MARCH, **asked})
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert what in answer.json()["detail"]
    assert SECRET not in answer.text
    assert answered(logs, route="/v1/reports", status=400, caller="program")


async def test_a_questionnaire_that_a_script_stuffs(house: Rooms) -> None:
    name = derived("a question")
    asks: dict[str, Any] = {"party_id": "p1", "about": "contact/c1", "channel": "phone", "happened_at": NOW}
    await house.engine.append(fact(OpinionWanted(at=NOW, opinion_id=name, **asks), key="o1"))
    await house.engine.settle(*EVERY)
    path, statuses = f"/o/{LINKS.token(OPINION, name, NOW)}", []
    with capture_logs() as logs:
        async with bare(house) as script:
            for nth in range(ANSWERS_MAX + 2):
                body = {"key": f"{nth:024x}", "score": "1", "text": f"{SECRET} {nth}"}
                statuses.append((await script.post(path, data=body, headers=PAGE)).status_code)
                await house.engine.settle(*EVERY)
            other = await script.post(
                path, data={"key": KEY, "score": "1"}, headers=PAGE | {"origin": "https://x.example"}
            )
    assert statuses == [200] * ANSWERS_MAX + [410] * 2
    assert other.status_code == 403
    assert [line["state"] for line in logs if line["event"] == "opinion.uncounted"] == ["done"] * 2
    assert answered(logs, route="/o/{token}", status=403, caller="visitor")


@pytest.mark.parametrize(
    ("origin", "product", "why"), [("https://x.example", "paspoort", "elsewhere"), (OURS, "rijbewijs", "unknown")]
)
async def test_a_beacon_from_elsewhere_or_of_something_else(house: Rooms, origin: str, product: str, why: str) -> None:
    step = {"product": product, "step": "information", "id": "a" * 16}
    with capture_logs() as logs:
        async with bare(house) as page:
            answer = await page.post("/journey", json=step, headers={"origin": origin})
    assert (answer.status_code, answer.content) == (204, b"")
    assert [line["error"] for line in logs if line["event"] == "journey.dropped"] == [why]
    assert not [one for one in await house.engine.read(limit=500) if one.type == "journey.stepped"]


async def test_a_link_of_another_resident_or_one_that_was_made_up(house: Rooms) -> None:
    made = await house.client.post("/v1/parties", json={"name": SECRET}, headers={"Idempotency-Key": "p"})
    party = made.json()["party_id"]
    await house.client.post(f"/v1/parties/{party}/addresses", json={"address": MAIL}, headers={"Idempotency-Key": "a"})
    await house.engine.settle(*EVERY)
    theirs = LINKS.token(PARTY, party, NOW)
    async with bare(house) as browser:
        assert (await browser.get(f"/m/{theirs}", headers=PAGE)).status_code == 200
        told = set()
        for path in (f"/m/{theirs[:-3]}AAA", f"/o/{theirs}", f"/a/{theirs}", f"/m/{LINKS.token(OPINION, party, NOW)}"):
            with capture_logs() as logs:
                answer = await browser.get(path, headers=PAGE)
            assert answer.status_code == 404
            assert answered(logs, route=f"{path[:3]}{{token}}", status=404, caller="visitor")
            told.add(answer.text.replace(path, ""))
    assert len(told) == 1, "and all of them say the same"
    assert SECRET not in told.pop()


async def test_a_session_that_has_ended_and_an_agent_without_the_role(house: Rooms) -> None:
    with capture_logs() as logs:
        async with bare(house, draad="ended") as browser:
            answer = await browser.get("/figures", headers=PAGE)
    assert answer.status_code == 401
    assert answered(logs, status=401, caller="stranger")
    with capture_logs() as logs:
        async with bare(house, draad=house.house.door.admit("anna", AGENT)) as browser:
            answer = await browser.get("/figures", headers=PAGE)
    assert answer.status_code == 403
    assert answered(logs, route="/figures", status=403, caller="session")
    assert [one.type for one in await house.engine.read(limit=500)].count("record.refused") == 1
