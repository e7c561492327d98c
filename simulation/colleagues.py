"""Who works at this town hall: they read what waits, answer it at the desk, and write down what they did."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import httpx

from services.desk.door import AGENT, Door, Session
from services.desk.entrance import COOKIE
from services.desk.forms import QUIET
from simulation.people import AGENTS, QUESTIONS, THANKS, Question
from simulation.streets import Streets, taken

LOOK_S: Final = 1.0
GREETING: Final = "Beste {name},\n\n{answer}\n\nMet vriendelijke groet,\n{agent}, gemeente Oefenstad"
ELSE: Final = "Dank voor uw bericht. Ik zoek het voor u uit en kom er vandaag bij u op terug."
UNANSWERED: Final = frozenset({"unanswered", "overdue"})
WRITTEN: Final = frozenset({"email", "web", "sms", "whatsapp", "chat"})
CASES: Final = frozenset({"melding", "vergunning"})  # What becomes a case.
WRITERS_MAX: Final = 3  # The others are at the telephone and the counter.


class Known(NamedTuple):
    """Who wrote, as far as a colleague found out."""

    party_id: str
    name: str


class Colleagues:
    """All of them. Whoever is busy is not there for somebody else."""

    def __init__(self, streets: Streets, door: Door, dice: random.Random, minute_s: float) -> None:
        self.streets, self._door, self._dice, self.minute_s = streets, door, dice, minute_s
        self._free: asyncio.Queue[str] = asyncio.Queue()
        for agent in AGENTS:
            self._free.put_nowait(agent)
        self._sessions: dict[str, str] = {}
        self._at: set[tuple[str, str]] = set()  # What somebody is at, or was: an item, and since when it waited.
        self._known: dict[str, Known] = {}  # By the address that they wrote from.
        self.opened: asyncio.Queue[str] = asyncio.Queue()  # Cases, for whoever deals with them.

    async def minutes(self, least: float, most: float) -> None:
        """Minutes of this town, which are shorter than ours."""
        await asyncio.sleep(self._dice.uniform(least, most) * self.minute_s)

    @asynccontextmanager
    async def one(self, patience_minutes: float = 0.0) -> AsyncIterator[str]:
        """Somebody who is free. Raises `TimeoutError` if that takes longer than this; without it, it may take long."""
        wait = patience_minutes * self.minute_s if patience_minutes else None
        agent = await asyncio.wait_for(self._free.get(), wait)
        try:
            yield agent
        finally:
            self._free.put_nowait(agent)

    async def run(self) -> None:
        """Read what waits, until it is cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(WRITERS_MAX):
                group.create_task(self.writes())

    async def writes(self) -> None:
        while True:
            item = await self.next()
            if item is None:
                await asyncio.sleep(LOOK_S)
                continue
            async with self.one() as agent:
                await self.deals(agent, item)

    async def next(self) -> Mapping[str, Any] | None:
        """The oldest thing that waits for somebody and can be dealt with in writing."""
        waiting = [item for item in await self.streets.work() if named(item) not in self._at and writable(item)]
        item = min(waiting, key=lambda one: (one.get("channel") != "chat", one["since"]), default=None)
        if item is not None:
            self._at.add(named(item))
        return item

    async def deals(self, agent: str, item: Mapping[str, Any]) -> None:
        """Whatever it is, with a look at the story first."""
        if item["kind"] == "task":
            await self.minutes(2, 5)
            await self.streets.api(f"/v1/tasks/{item['task_id']}/tried", agent_id=agent, reached=True)
            await self.streets.api(f"/v1/tasks/{item['task_id']}/done", agent_id=agent, text="Gesproken.")
            return
        if item["why"] == "missed":
            await self.calls_back(agent, item)
            return
        said = await self.reads(agent, item["address_id"])
        chat = item.get("channel") == "chat"
        await (self.minutes(0.5, 2) if chat else self.minutes(5, 14))
        if said in THANKS:
            await self.closes(agent, item)
            return
        question = asked(said)
        await self.answers(agent, item, question)
        if question and not chat and item.get("value"):
            await self.registers(agent, item, question)

    async def reads(self, agent: str, address_id: str) -> str:
        """What they wrote last."""
        path = f"/v1/addresses/{address_id}/timeline"
        story = taken(await self.streets.get(path, {"draad-agent": agent})).json()
        written = (one.get("text", "") for one in story["entries"] if one["type"] == "contact.received")
        return next(written, "")

    async def answers(self, agent: str, item: Mapping[str, Any], question: Question | None) -> None:
        """At the desk, as a page of it posts the answer."""
        answer, channel = question.answer if question else ELSE, item["channel"]
        if channel in {"email", "web"}:
            name = item.get("profile") or "inwoner"
            answer = GREETING.format(name=name, answer=answer, agent=agent.capitalize())
            channel = "email" if "@" in item.get("value", "") else "sms"
        form = {"way": f"{channel} {item['address_id']}", "text": answer}
        await self.posts(agent, item["address_id"], "answer", form)

    async def closes(self, agent: str, item: Mapping[str, Any]) -> None:
        form = {"conversation_id": item["item_id"], "address_id": item["address_id"]}
        await self.posts(agent, item["address_id"], "close", form)

    async def posts(self, agent: str, address_id: str, deed: str, form: Mapping[str, str]) -> None:
        """A form of the desk. What was overtaken or shut meanwhile is left as it is."""
        session = self.session(agent)
        whole = {**form, "csrf": session.csrf, "key": self.streets.name()}
        path, cookies = f"/threads/address/{address_id}/{deed}", {"Cookie": f"{COOKIE}={self._sessions[agent]}"}
        answer = await self.streets.client.post(path, data=whole, headers=cookies | {QUIET: "1"})
        if answer.status_code not in {httpx.codes.BAD_REQUEST, httpx.codes.CONFLICT}:
            taken(answer)

    def session(self, agent: str) -> Session:
        """They came in this morning."""
        found = self._door.whose(self._sessions.get(agent, ""))
        if found is None:
            self._sessions[agent] = self._door.admit(agent, AGENT)
            found = self._door.whose(self._sessions[agent])
        assert found, "it was made just now"
        return found

    async def calls_back(self, agent: str, item: Mapping[str, Any]) -> None:
        """Somebody hung up before anybody answered."""
        await self.minutes(2, 6)
        if not item.get("value"):
            return
        where = {"kind": "phone", "value": item["value"]}
        said = "Teruggebeld: de vraag is beantwoord."
        await self.streets.api("/v1/contacts/made", agent_id=agent, address=where, channel="phone", text=said)

    async def knows(self, agent: str, item: Mapping[str, Any]) -> Known:
        """Who that is: a party of ours from now on, with this address."""
        value = item["value"]
        if value not in self._known:
            name = item.get("profile") or "Inwoner zonder naam"
            party = (await self.streets.api("/v1/parties", agent_id=agent, name=name))["party_id"]
            where = {"kind": "email" if "@" in value else "phone", "value": value}
            await self.streets.api(f"/v1/parties/{party}/addresses", agent_id=agent, address=where)
            self._known[value] = Known(party, name)
        return self._known[value]

    async def registers(self, agent: str, item: Mapping[str, Any], question: Question) -> None:
        """What it was about; and a case, where that is what it comes to."""
        on = {"agent_id": agent, "address_id": item["address_id"]}
        note = {"text": f"{question.title}: beantwoord.", "product": question.product, "result": "answered"}
        await self.streets.api(f"/v1/contacts/{item['contact_id']}/notes", **on, **note)
        known = await self.knows(agent, item)
        if question.product in CASES:
            due = datetime.now(UTC) + timedelta(days=5)
            case = await self.streets.api(
                "/v1/cases", **on, party_id=known.party_id, kind=question.product, title=question.title,
                contact_id=item["contact_id"], due=due.isoformat(),
            )  # fmt: skip
            self.opened.put_nowait(case["case_id"])


def named(item: Mapping[str, Any]) -> tuple[str, str]:
    """Whoever writes again in the same conversation waits anew."""
    return item.get("address_id") or item["item_id"], item["since"]


def writable(item: Mapping[str, Any]) -> bool:
    """Whether it can be dealt with away from the telephone and the counter."""
    if item["kind"] == "task" or item["why"] == "missed":
        return True
    return item["why"] in UNANSWERED and item.get("channel") in WRITTEN and bool(item.get("address_id"))


def asked(said: str) -> Question | None:
    """Which of the usual questions it is."""
    return next((question for question in QUESTIONS if question.text in said), None)
