"""What agents do comes in over HTTP, and is seen in the story of whom it concerns; and who looked is known."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, Final

import httpx
import pytest

from schemas.notification import NotificationWanted
from services.notify.cases import cases
from tests.rooms import NOW, Rooms, ago, rooms, told
from tests.watcher import Watcher, events

BSN: Final = "123456782"
LATER: Final = (NOW + timedelta(hours=4)).isoformat()


@pytest.fixture
async def house() -> AsyncIterator[Rooms]:
    async with rooms() as built:
        yield built


class Agent:
    """Somebody at the desk, who does one thing after another."""

    def __init__(self, house: Rooms) -> None:
        self.house, self._acts = house, 0

    async def send(self, path: str, **body: Any) -> httpx.Response:
        self._acts += 1
        key = {"Idempotency-Key": f"act-{self._acts}"}
        return await self.house.client.post(f"/v1{path}", json=body, headers=key)

    async def does(self, path: str, **body: Any) -> dict[str, str]:
        answer = await self.send(path, **body)
        assert answer.status_code == 201, answer.text
        await self.house.settle()
        return dict(answer.json())

    async def called(self, number: str = "06 12345678", hours_ago: float = 1, **said: Any) -> dict[str, str]:
        address = {"kind": "phone", "value": number}
        return await self.does("/contacts", channel="phone", address=address, at=ago(hours_ago), **said)

    async def story(self, subject: str, **asked: str) -> list[tuple[str, str]]:
        answer = await self.house.client.get(f"/v1/{subject}/timeline", params=asked)
        assert answer.status_code == 200, answer.text
        return [(entry["type"], entry.get("text") or entry.get("word", "")) for entry in answer.json()["entries"]]

    async def work(self) -> list[str]:
        return [item["why"] for item in (await self.house.client.get("/v1/work")).json()["items"]]


@pytest.fixture
def agent(house: Rooms) -> Agent:
    return Agent(house)


async def jansen(agent: Agent, number: str = "06 12345678") -> str:
    party = await agent.does("/parties", name="J. Jansen")
    await agent.does(f"/parties/{party['party_id']}/addresses", address={"kind": "phone", "value": number})
    return party["party_id"]


async def test_a_call_that_is_answered_at_once_is_one_contact_of_whom_it_was(agent: Agent) -> None:
    party = await jansen(agent)
    call = await agent.called(agent_id="g1", note="Wanneer is het klaar?", result="answered", party_id=party)
    lines = await agent.story(f"parties/{party}")
    wanted = {("contact.received", "phone"), ("contact.noted", "Wanneer is het klaar?"), ("contact.identified", "")}
    assert wanted <= set(lines)
    assert await agent.work() == []
    on = {"address_id": call["address_id"]}
    await agent.does(f"/contacts/{call['contact_id']}/transfer", leg_id="l2", to="burgerzaken", **on)
    assert await agent.work() == ["transferred"]
    await agent.does(f"/contacts/{call['contact_id']}/answers", agent_id="g2", **on)
    assert await agent.work() == []
    await agent.does(f"/contacts/{call['contact_id']}/end", **on)
    assert ("conversation.closed", "ended") in await agent.story(f"addresses/{call['address_id']}")


async def test_a_call_back_is_a_task_that_is_tried_passed_on_done_and_reopened(agent: Agent) -> None:
    call = await agent.called(agent_id="g1", result="call-back")
    about = f"address/{call['address_id']}"
    address = {"kind": "phone", "value": "06 12345678"}
    said = {"owner_kind": "department", "owner": "burgerzaken", "due": LATER, "about": about, "address": address}
    task = await agent.does("/tasks", contact_id=call["contact_id"], text="Graag terugbellen", **said)
    path = f"/tasks/{task['task_id']}"
    assert "call-back" in await agent.work()
    await agent.does(f"{path}/assign", owner_kind="person", owner="g7", text="Hoort bij belastingen")
    await agent.does(f"{path}/tried", reached=False)
    await agent.does(f"{path}/due", due=(NOW + timedelta(days=1)).isoformat())
    await agent.does("/contacts/made", address=address, channel="phone", agent_id="g7", text="Gesproken")
    await agent.does(f"{path}/done", result="reached", agent_id="g7")
    assert await agent.work() == []
    await agent.does(f"{path}/reopen")
    assert await agent.work() == ["call-back"]
    types = [kind for kind, _ in await agent.story(f"addresses/{call['address_id']}")]
    for kind in ("opened", "assigned", "tried", "due-set", "done", "reopened"):
        assert f"task.{kind}" in types
    assert "contact.made" in types


async def test_a_case_is_opened_from_a_contact_and_tells_all_that_is_filed_there(agent: Agent) -> None:
    party = await jansen(agent)
    call = await agent.called(text="Kuil in de weg")
    begun = {"contact_id": call["contact_id"], "address_id": call["address_id"]}
    case = await agent.does("/cases", party_id=party, kind="report", title="Kuil", due=LATER, **begun)
    second = await agent.called("06 87654321", text="Dezelfde kuil")
    await agent.does(f"/contacts/{second['contact_id']}/file", address_id=second["address_id"], case_id=case["case_id"])
    await agent.does(f"/cases/{case['case_id']}/assign", agent_id="g2")
    await agent.does(f"/cases/{case['case_id']}/status", status="repaired")
    await agent.does(f"/cases/{case['case_id']}/close", outcome="done")
    await agent.does(f"/cases/{case['case_id']}/reopen")
    told = await agent.story(f"cases/{case['case_id']}")
    assert {text for kind, text in told if kind == "contact.received"} == {"Kuil in de weg", "Dezelfde kuil"}
    assert {kind for kind, _ in told if kind.startswith("case.")} == {
        "case.opened", "case.due-set", "case.assigned", "case.status-changed", "case.closed", "case.reopened"
    }  # fmt: skip
    assert "case.closed" in {kind for kind, _ in await agent.story(f"parties/{party}")}
    await agent.does(
        f"/contacts/{second['contact_id']}/unfile", address_id=second["address_id"], case_id=case["case_id"]
    )
    assert "Dezelfde kuil" not in {text for _, text in await agent.story(f"cases/{case['case_id']}")}


async def test_by_when_a_new_case_is_done_is_told_in_the_message_that_it_has_begun(agent: Agent) -> None:
    await agent.does("/cases", party_id=await jansen(agent), kind="report", title="Kuil", due=LATER)
    await agent.house.engine.settle(cases)
    log = await agent.house.engine.read()
    [wanted] = [one.data for one in log if one.type == NotificationWanted.type]
    message = NotificationWanted.model_validate_json(wanted)
    assert (message.template, message.due) == ("case-opened", NOW + timedelta(hours=4))


async def test_who_asks_for_several_things_at_once_has_a_main_case_and_a_sub_case_for_each(agent: Agent) -> None:
    party, on = await jansen(agent), {"kind": "request"}
    call = await agent.called(text="Een feest met een podium en een bar")
    begun = {"contact_id": call["contact_id"], "address_id": call["address_id"]}
    main = await agent.does("/cases", party_id=party, title="Feest", **on, **begun)
    stage = await agent.does("/cases", party_id=party, title="Podium", main_id=main["case_id"], **on)
    bar = await agent.does("/cases", party_id=party, title="Bar", main_id=main["case_id"], **on)
    await agent.does(f"/cases/{stage['case_id']}/close", outcome="granted")
    told = await agent.story(f"cases/{main['case_id']}")
    assert [kind for kind, _ in told].count("case.split") == 2
    assert "case.closed" not in {kind for kind, _ in told}, "a sub-case ends by itself"
    assert {kind for kind, _ in await agent.story(f"cases/{stage['case_id']}")} == {"case.opened", "case.closed"}
    assert {kind for kind, _ in await agent.story(f"cases/{bar['case_id']}")} == {"case.opened"}


async def test_a_contact_can_be_about_a_tree_and_all_about_that_tree_is_one_story(agent: Agent) -> None:
    first, second = (
        await agent.called(text="De boom staat scheef"),
        await agent.called("06 87654321", text="Hij valt om"),
    )
    other = await agent.called("06 11223344", text="Een lamp is kapot")
    ids = []
    for call, title in ((first, "Boom 4711"), (second, "boom  4711"), (other, "Lamp 12")):
        on = {"address_id": call["address_id"], "kind": "tree", "title": title}
        ids.append((await agent.does(f"/contacts/{call['contact_id']}/tie", **on))["object_id"])
    assert ids[0] == ids[1] != ids[2]
    assert "4711" not in ids[0]
    told = await agent.story(f"objects/{ids[0]}")
    assert {text for kind, text in told if kind == "contact.received"} == {"De boom staat scheef", "Hij valt om"}
    async with Watcher(agent.house, f"object/{ids[0]}", str(agent.house.house.news.place)) as watcher:
        on = {"address_id": second["address_id"], "kind": "tree", "title": "Boom 4711"}
        await agent.does(f"/contacts/{second['contact_id']}/untie", **on)
        assert "event: reload" in await watcher.next()
    told = await agent.story(f"objects/{ids[0]}")
    assert {text for kind, text in told if kind == "contact.received"} == {"De boom staat scheef"}


async def test_somebody_who_speaks_for_another_is_told_with_both(agent: Agent) -> None:
    mother, daughter = await jansen(agent), await jansen(agent, "06 87654321")
    visit = await agent.does("/contacts", channel="counter", agent_id="g1", note="Voor haar moeder", party_id=daughter)
    await agent.does(
        f"/contacts/{visit['contact_id']}/identify", address_id=visit["address_id"], party_id=mother, how="on-behalf"
    )
    for party in (mother, daughter):
        assert ("contact.noted", "Voor haar moeder") in await agent.story(f"parties/{party}")
    await agent.does(f"/contacts/{visit['contact_id']}/unidentify", address_id=visit["address_id"], party_id=mother)
    assert ("contact.noted", "Voor haar moeder") not in await agent.story(f"parties/{mother}")


async def test_a_party_is_not_merged_with_itself_and_a_merge_is_taken_back_from_either_side(agent: Agent) -> None:
    one, other = await jansen(agent), await jansen(agent, "06 87654321")
    told(await agent.send(f"/parties/{one}/merge", party_id=one), 400)
    await agent.called("06 87654321", text="van de ander")
    await agent.does(f"/parties/{one}/merge", party_id=other)
    assert ("contact.received", "van de ander") in await agent.story(f"parties/{one}")
    await agent.does(f"/parties/{other}/merge", party_id=one)
    await agent.does(f"/parties/{other}/unmerge", party_id=one)
    assert ("contact.received", "van de ander") not in await agent.story(f"parties/{one}")


async def test_a_party_is_found_by_name_number_mail_and_bsn_and_the_number_is_kept_nowhere(agent: Agent) -> None:
    party = await jansen(agent)
    await agent.does(f"/parties/{party}/identifiers", scheme="bsn", value=BSN)
    client = agent.house.client
    for asked in ({"name": "jans"}, {"phone": "0612345678"}, {"bsn": BSN}):
        found = (await client.post("/v1/search", json=asked)).json()
        assert [one["party_id"] for one in found["parties"]] == [party]
    for asked in ({"name": "pieters"}, {"email": "jan@example.nl"}, {"bsn": "111222333"}, {"name": "%%"}):
        assert (await client.post("/v1/search", json=asked)).json()["parties"] == []
    assert BSN not in "".join(envelope.data for envelope in await agent.house.engine.read())


@pytest.mark.parametrize("asked", [{}, {"name": "j"}, {"bsn": "123456789"}, {"who": "Jan"}])
async def test_a_search_for_nothing_is_refused_and_not_quoted(house: Rooms, asked: dict[str, str]) -> None:
    await house.settle()
    assert not set(asked.values()) & set(told(await house.client.post("/v1/search", json=asked), 400).split())


async def test_the_same_act_again_is_the_same_fact(agent: Agent) -> None:
    key = {"Idempotency-Key": "once"}
    answers = [await agent.house.client.post("/v1/parties", json={"name": "Jan"}, headers=key) for _ in range(3)]
    assert len({answer.text for answer in answers}) == 1
    assert len(await agent.house.engine.read()) == 1


async def test_a_conversation_is_taken_by_one_and_closed_by_an_agent(agent: Agent) -> None:
    mail = {"kind": "email", "value": "jan@example.nl"}
    asked = await agent.does("/contacts", channel="email", address=mail, text="Waar blijft het?")
    path, on = f"/conversations/{asked['contact_id']}", {"address_id": asked["address_id"], "agent_id": "g1"}
    await agent.does(f"{path}/take", **on)
    [item] = (await agent.house.client.get("/v1/work")).json()["items"]
    assert (item["why"], item["claimed_by"], item["candidates"]) == ("unanswered", "g1", 0)
    await agent.does(f"{path}/take", let_go=True, **on)
    assert "claimed_by" not in (await agent.house.client.get("/v1/work")).json()["items"][0]
    await agent.does(f"{path}/close", **on)
    assert await agent.work() == []


async def test_who_looked_is_written_down_before_anything_is_shown(agent: Agent) -> None:
    party = await jansen(agent)
    await agent.house.client.get(f"/v1/parties/{party}/timeline", headers={"Draad-Agent": "g7"})
    last = (await agent.house.engine.read())[-1]
    assert (last.type, last.subject, json.loads(last.data)["agent_id"]) == ("record.opened", f"party/{party}", "g7")
    bad = await agent.house.client.get(f"/v1/parties/{party}/timeline", headers={"Draad-Agent": "Jan de Vries"})
    assert "Vries" not in told(bad, 400)


async def test_there_is_no_story_under_another_name(house: Rooms) -> None:
    await house.settle()
    told(await house.client.get("/v1/journeys/passport/timeline"), 404)
    told(await house.client.get(f"/v1/parties/{'p' * 121}/timeline"), 400)
    told(await house.client.get("/v1/parties/p1/timeline", params={"before": "Jan"}), 400)


async def test_a_story_grows_before_your_eyes_and_goes_on_after_a_lost_connection(agent: Agent) -> None:
    house, party = agent.house, await jansen(agent)
    place = str(house.house.news.place)
    async with Watcher(house, f"party/{party}", place) as watcher:
        await agent.called("06 87654321", text="van een ander")
        await agent.called(text="van ons")
        seen = await watcher.next()
    assert "van een ander" not in seen
    first = next(events(seen))
    assert (first.event, json.loads(first.data)["text"], json.loads(first.data)["sure"]) == ("entry", "van ons", True)
    await agent.called(hours_ago=0.5, text="gemist")
    async with Watcher(house, f"party/{party}", list(events(seen))[-1].place) as watcher:
        again = await watcher.next()
    assert "gemist" in again
    assert "van ons" not in again


async def test_when_other_facts_belong_to_a_story_it_is_read_anew(agent: Agent) -> None:
    house, party, other = agent.house, await jansen(agent), await jansen(agent, "06 87654321")
    async with Watcher(house, f"party/{party}", str(house.house.news.place)) as watcher:
        await agent.does(f"/parties/{other}/merge", party_id=party)
        assert "event: reload" in await watcher.next()


async def test_a_case_is_read_anew_when_a_conversation_that_is_filed_there_goes_on(agent: Agent) -> None:
    house, party = agent.house, await jansen(agent)
    app = {"channel": "whatsapp", "address": {"kind": "phone", "value": "06 12345678"}}
    asked = await agent.does("/contacts", text="eerste", at=ago(2), **app)
    begun = {"contact_id": asked["contact_id"], "address_id": asked["address_id"]}
    case = await agent.does("/cases", party_id=party, kind="report", title="Kuil", **begun)
    async with Watcher(house, f"case/{case['case_id']}", str(house.house.news.place)) as watcher:
        await agent.does("/contacts", text="tweede", at=ago(1), **app)
        assert "event: reload" in await watcher.next()
    told_ = await agent.story(f"cases/{case['case_id']}")
    assert {text for kind, text in told_ if kind == "contact.received"} == {"eerste", "tweede"}
