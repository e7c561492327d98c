"""A team lead sees who opened which story, and when; nobody else does, and nobody is named there."""

import re
from collections.abc import AsyncIterator
from typing import Final

import pytest

from schemas.event import fact
from schemas.party import PartyRegistered
from schemas.record import RecordOpened
from services.desk import lookers
from services.desk.door import LEAD
from tests.rooms import NOW, Rooms, rooms, told
from tests.watcher import BROWSER

WHO: Final = re.compile(r'agent=[^"]*">([^<]+)</a> (\S+)')


@pytest.fixture
async def house() -> AsyncIterator[Rooms]:
    async with rooms() as built:
        yield built


async def look(house: Rooms, *abouts: str, agent: str = "anna", why: str = "open") -> None:
    for about in abouts:
        event = RecordOpened(at=NOW, about=about, agent_id=agent, why=why)
        await house.engine.append(fact(event, key=f"{agent} {why}"))
    await house.settle()


async def page(house: Rooms, role: str = LEAD, **asked: str) -> str:
    del house.client.headers["authorization"]
    house.client.cookies.set("draad", house.house.door.admit("lea", role))
    answer = await house.client.get("/looked", params=asked, headers=BROWSER)
    house.client.headers["authorization"] = ""
    assert answer.status_code == (200 if role == LEAD else 403)
    return answer.text


async def test_who_looked_is_told_with_whose_story_and_why_and_without_a_name(house: Rooms) -> None:
    await house.engine.append(fact(PartyRegistered(at=NOW, party_id="p1", kind="person", name="Jan Jansen"), key="p"))
    await look(house, "party/p1", "address/ab12cd34ef")
    await look(house, "case/c0ffee00", agent="bram", why="search")
    html = await page(house)
    assert set(WHO.findall(html)) == {("anna", "opende"), ("bram", "vond")}
    assert all(said in html for said in ("J… J…", "Afzender AB12-CD34", "Zaak C0FF-EE00", "10:00"))
    assert "Jansen" not in html


async def test_an_agent_and_a_program_are_not_told(house: Rooms) -> None:
    await look(house, "party/p1")
    assert "team lead" in told(await house.client.get("/looked"), 403)
    assert "Dit mag u niet zien" in await page(house, "agent")


async def test_it_is_told_of_one_story_or_of_one_colleague(house: Rooms) -> None:
    await look(house, "party/p1", "party/p2")
    await look(house, "party/p1", agent="bram")
    assert {agent for agent, _ in WHO.findall(await page(house, about="party/p1"))} == {"anna", "bram"}
    assert len(WHO.findall(await page(house, agent="anna"))) == 2
    assert "Nog niemand keek" in await page(house, about="party/p3")


async def test_many_looks_are_told_a_page_at_a_time(house: Rooms, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookers, "PAGE_MAX", 3)
    await look(house, *(f"case/{n:08}" for n in range(7)))
    seen, asked = list[str](), dict[str, str]()
    for _ in range(3):
        html = await page(house, **asked)
        seen += re.findall(r"data-row>Zaak 0000-(\d+)<", html)
        asked = dict(re.findall(r'/looked\?(before)=([^"]+)"', html))
        asked = {name: value.replace("%3A", ":") for name, value in asked.items()}
    assert (seen, asked) == ([f"000{n}" for n in (6, 5, 4, 3, 2, 1, 0)], {})


@pytest.mark.parametrize("asked", [{"before": "Jan"}, {"agent": "Jan" * 99}])
async def test_what_is_no_place_and_no_name_is_refused_and_not_quoted(house: Rooms, asked: dict[str, str]) -> None:
    await look(house, "party/p1")
    del house.client.headers["authorization"]
    house.client.cookies.set("draad", house.house.door.admit("lea", LEAD))
    assert "Jan" not in told(await house.client.get("/looked", params=asked), 400)
