"""A subscriber hears of what happens after it asked: in order, signed, and with nothing personal in it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from sqlalchemy import select

from draad.parts import PARTS
from draad.site import Site
from engine.ask import caught_up
from engine.engine import Engine
from schemas.case import CaseClosed, CaseOpened, CaseStatusChanged
from schemas.event import Event, fact
from services.status import book, waiting
from services.status import hooks as module
from services.status.hooks import Hooks
from services.status.outside import Outside
from services.status.settings import SubscribersSettings
from services.status.signing import Signer
from services.status.webhook import PARALLEL_MAX
from tests.contract.places import Place
from tests.rooms import KEYS, NOW, Rooms, rooms
from tests.services.hooks.subscriber import OK, RESET, SILENCE, Subscriber, listening
from tests.services.places import ENGINES

INNER: Final = (ip_network("127.0.0.0/8"),)
SITE: Final = Site(subscribers=SubscribersSettings(inner=INNER))
GIVEN: Final = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SOURCE: Final = "urn:nld:oin:00000001234567890000:systeem:draad"


@asynccontextmanager
async def at_work(place: Place) -> AsyncIterator[Rooms]:
    """The house, its parts and its hooks, on this engine."""
    async with rooms(await place.store(), site=SITE, clock=place.clock) as house:
        running = [asyncio.create_task(work) for work in (house.engine.run(*PARTS), hooks(house.engine, place).run())]
        try:
            yield house
        finally:
            house.engine.stop()
            await asyncio.gather(*running)


def hooks(engine: Engine, place: Place) -> Hooks:
    return Hooks(engine, Signer(KEYS.subscribers), Outside(INNER), SOURCE, place.clock)


async def subscribed(house: Rooms, to: Subscriber, key: str = "s1", **more: Any) -> Mapping[str, str]:
    body = {"name": "zaken", "url": to.url, "types": ["case."]} | more
    while True:
        answer = await house.client.post("/v1/subscriptions", json=body, headers={"Idempotency-Key": key})
        if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:  # A new log has its views built first.
            break
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def opened(case: str) -> Event:
    return CaseOpened(at=NOW, case_id=case, party_id="p1", kind="permit", title="Dakkapel van J. Jansen")


async def happen(house: Rooms, *events: Event) -> None:
    await house.engine.append(*(fact(event, key=f"{event.type} {nth}") for nth, event in enumerate(events)))


@pytest.fixture(autouse=True)
def looks_again_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """What somebody changed holds for the next delivery, and not half a second later."""
    monkeypatch.setattr(book, "LOOK_S", 0.0)


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Place]:
    """One machine, for what does not hang on the engine."""
    found = ENGINES["sqlite"](tmp_path)
    found.clock.now = NOW
    yield found
    await found.close()


async def later(place: Place, one: Subscriber, count: int, **span: float) -> None:
    """Time passes, until so many were heard."""
    while len(one.heard) < count:
        place.clock.pass_(**span)
        with suppress(TimeoutError):
            await one.hears(count, 0.5)


async def test_a_subscriber_hears_of_what_happens_after_it_asked(place: Place) -> None:
    async with at_work(place) as house, listening() as one:
        await happen(house, opened("before"))
        made = await subscribed(house, one)
        await happen(house, opened("k1"), CaseStatusChanged(at=NOW, case_id="k1", status="ready"))
        heard = await one.hears(2)
        await happen(house, CaseClosed(at=NOW, case_id="k1", outcome="granted"))
        heard = await one.hears(3)
    assert one.types == ["case.opened", "case.status-changed", "case.closed"]
    assert all(each.signed_with(made["secret"]) for each in heard)
    first = heard[0]
    assert first.headers["content-type"].startswith("application/cloudevents+json")
    assert first.event["data"] == {"at": "2026-11-23T09:00:00Z", "case_id": "k1", "party_id": "p1", "kind": "permit"}
    assert first.event["subject"] == "case/k1"
    assert first.event["source"] == SOURCE
    assert first.headers["webhook-id"] == first.event["id"]
    assert b"Jansen" not in first.body


async def test_what_it_does_not_take_comes_again_under_the_same_id_and_nothing_overtakes_it(here: Place) -> None:
    async with at_work(here) as house, listening("500 Oops", RESET, "302 Found") as one:
        await subscribed(house, one)
        await happen(house, opened("k1"), CaseStatusChanged(at=NOW, case_id="k1", status="ready"), opened("k2"))
        await one.hears(2)
        await later(here, one, 6, minutes=3)
    of_one = [each for each in one.heard if each.event["subject"] == "case/k1"]
    assert sorted({each.event["subject"] for each in one.heard}) == ["case/k1", "case/k2"]
    types = [each.type for each in of_one]
    assert types == sorted(types)  # case.opened, again and again, and then case.status-changed.
    assert {"case.opened", "case.status-changed"} == {*types}
    assert len({each.headers["webhook-id"] for each in one.heard}) == 3
    assert len({each.body for each in one.heard}) == 3
    signed = {(each.headers["webhook-timestamp"], each.body) for each in of_one}  # Two tries may be of one second.
    assert len({each.headers["webhook-signature"] for each in of_one}) == len(signed) >= 2


async def test_a_subscriber_that_is_away_holds_up_nobody_else(here: Place) -> None:
    async with at_work(here) as house, listening(usual=SILENCE) as away, listening() as one:
        await subscribed(house, away, "s1")
        await subscribed(house, one, "s2")
        cases = [opened(f"k{number}") for number in range(100)]
        await happen(house, *cases)
        await one.hears(100)
        assert len(away.heard) <= PARALLEL_MAX
    assert sorted(each.event["subject"] for each in one.heard) == sorted(case.subject for case in cases)


async def test_what_is_more_than_it_takes_at_once_comes_later(here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "QUEUE_MAX", 1)
    monkeypatch.setattr(module, "PARALLEL_MAX", 1)
    async with at_work(here) as house, listening() as one:
        await subscribed(house, one)
        await happen(house, *(opened(f"k{number}") for number in range(10)))
        await later(here, one, 10, minutes=10)
        reasons = {envelope.data for envelope in await house.engine.read(limit=1_000) if "crowded" in envelope.data}
    assert reasons
    assert sorted(each.event["subject"] for each in one.heard) == sorted(f"case/k{number}" for number in range(10))


async def test_who_does_not_answer_is_left_alone_for_a_while(here: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PARALLEL_MAX", 1)
    async with at_work(here) as house, listening(usual=RESET) as one:
        await subscribed(house, one)
        await happen(house, *(opened(f"k{number}") for number in range(10)))
        await one.hears(module.SILENT_MAX)
        untried = 10 - module.SILENT_MAX
        for nth in range(3):
            while await times_rested(house) < untried + 10 * nth:
                await moment(house)
            here.clock.pass_(minutes=10)
        while await times_rested(house) < untried + 30:
            await moment(house)
        assert len(one.heard) == module.SILENT_MAX


async def test_when_it_is_back_what_waits_for_it_goes_at_once_a_few_at_a_time_and_once(
    here: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WAKE_S", 0.05)
    monkeypatch.setattr(waiting, "MANY", 4)
    async with at_work(here) as house, listening(usual="503 Later") as one:
        await subscribed(house, one)
        await happen(house, *(opened(f"k{number}") for number in range(10)))
        await later(here, one, 30, minutes=1)  # By now each waits for minutes.
        one.usual, count = OK, len(one.heard)
        await house.engine.append(fact(opened("new"), key="new"))
        heard = (await one.hears(count + 11))[count:]
        await caught_up(house.engine, "status.")
        left = await house.engine.fetch(select(await house.engine.table(waiting.waiting)))
    subjects = [each.event["subject"] for each in heard]
    assert (subjects[0], sorted(subjects[1:])) == ("case/new", [f"case/k{number}" for number in range(10)])
    assert left == []


async def test_what_was_on_its_way_at_a_crash_comes_again_under_the_same_id(place: Place) -> None:
    async with listening(SILENCE) as one:
        async with at_work(place) as house:
            await subscribed(house, one)
            await happen(house, opened("k1"))
            await one.hears(1)
        async with at_work(place):
            await one.hears(2)
    first, second = one.heard
    assert (first.headers["webhook-id"], first.body) == (second.headers["webhook-id"], second.body)


async def test_who_answers_that_it_is_gone_is_told_nothing_any_more(here: Place) -> None:
    async with at_work(here) as house, listening("410 Gone") as gone, listening() as one:
        made = await subscribed(house, gone, "s1")
        await subscribed(house, one, "s2")
        await happen(house, opened("k1"), CaseClosed(at=NOW, case_id="k1", outcome="granted"))
        await one.hears(2)
        await ended(house, made)
        await happen(house, opened("k2"))
        await one.hears(3)
        shown = (await house.client.get(f"/v1/subscriptions/{made['subscription_id']}")).json()
    assert shown["reason"] == "gone"
    assert len(gone.heard) == 1


async def test_after_three_days_it_stands_apart_until_somebody_asks_for_it(here: Place) -> None:
    async with at_work(here) as house, listening(usual="500 Oops") as one:
        made = await subscribed(house, one)
        at = f"/v1/subscriptions/{made['subscription_id']}"
        await happen(house, opened("k1"), CaseClosed(at=NOW, case_id="k1", outcome="granted"), opened("k2"))
        await one.hears(2)
        while len(missed := (await house.client.get(f"{at}/undelivered")).json()["items"]) < 3:
            here.clock.pass_(hours=8)
            await moment(house)
        assert [each["type"] for each in missed if each["subject"] == "case/k1"] == ["case.opened", "case.closed"]
        assert {each["reason"] for each in missed} == {"status-500"}
        first = (await house.client.get(f"{at}/undelivered", params={"limit": 1})).json()
        rest = (await house.client.get(f"{at}/undelivered", params={"after": first["next"]})).json()
        assert first["items"] + rest["items"] == missed
        one.usual, before = "204 No Content", len(one.heard)
        headers = {"Idempotency-Key": "r1"}
        some = await house.client.post(f"{at}/replay", json={"event_ids": [missed[0]["event_id"]]}, headers=headers)
        assert some.json() == {"replayed": 1, "more": False}
        await one.hears(before + 1)
        every = await house.client.post(f"{at}/replay", json={}, headers=headers)
        assert every.json() == {"replayed": 2, "more": False}
        await one.hears(before + 3)
        while (await house.client.get(f"{at}/undelivered")).json()["items"]:
            await moment(house)
    again = [each.headers["webhook-id"] for each in one.heard[before:]]
    assert sorted(again) == sorted(each["event_id"] for each in missed)


async def test_who_unsubscribes_hears_nothing_more_not_even_what_waits(here: Place) -> None:
    async with at_work(here) as house, listening("500 Oops") as one, listening() as other:
        made = await subscribed(house, one, "s1")
        await subscribed(house, other, "s2")
        await happen(house, opened("k1"))
        await one.hears(1)
        for _ in range(2):
            assert (await house.client.delete(f"/v1/subscriptions/{made['subscription_id']}")).status_code == 204
        await happen(house, opened("k2"))
        await later(here, other, 2, hours=1)
        here.clock.pass_(hours=1)
        await happen(house, opened("k3"))
        await other.hears(3)
    assert len(one.heard) == 1


async def test_a_new_secret_signs_at_once_and_the_old_one_for_a_day(here: Place) -> None:
    async with at_work(here) as house, listening() as one:
        made = await subscribed(house, one, secret=GIVEN)
        assert made["secret"] == GIVEN
        path = f"/v1/subscriptions/{made['subscription_id']}/secret"
        fresh = (await house.client.post(path, json={}, headers={"Idempotency-Key": "n1"})).json()["secret"]
        assert fresh == (await house.client.post(path, json={}, headers={"Idempotency-Key": "n1"})).json()["secret"]
        await happen(house, opened("k1"))
        first = (await one.hears(1))[0]
        here.clock.pass_(days=1)
        await happen(house, opened("k2"))
        second = (await one.hears(2))[1]
    assert (first.signed_with(GIVEN), first.signed_with(fresh)) == (True, True)
    assert (second.signed_with(GIVEN), second.signed_with(fresh)) == (False, True)


async def test_only_what_was_asked_for_is_told(here: Place) -> None:
    async with at_work(here) as house, listening() as one:
        await subscribed(house, one, types=["case.closed", "task."], about="case/k1")
        closed = [CaseClosed(at=NOW, case_id=name, outcome="granted") for name in ("k2", "k1")]
        await happen(house, opened("k1"), *closed)
        await one.hears(1)
        await caught_up(house.engine, "status.")
    assert [(each.type, each.event["subject"]) for each in one.heard] == [("case.closed", "case/k1")]


async def times_rested(house: Rooms) -> int:
    """How often one was not tried, as nobody answers there."""
    return sum('"rests"' in envelope.data for envelope in await house.engine.read(limit=1_000))


async def moment(house: Rooms) -> None:
    await house.engine.store.moved(house.engine.store.mark(), 0.05)


async def ended(house: Rooms, made: Mapping[str, str]) -> None:
    """It is over, for whoever looks."""
    while not (await house.client.get(f"/v1/subscriptions/{made['subscription_id']}")).json()["ended_at"]:
        await moment(house)
