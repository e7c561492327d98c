"""A subscriber hears of what happens after it asked: in order, signed, and with nothing personal in it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from ipaddress import ip_network
from typing import Any, Final

import httpx

from draad.parts import PARTS
from draad.site import Site
from engine.engine import Engine
from schemas.case import CaseClosed, CaseOpened, CaseStatusChanged
from schemas.event import Event, fact
from services.status.hooks import Hooks
from services.status.outside import Outside
from services.status.settings import SubscribersSettings
from services.status.signing import Signer
from tests.contract.places import Place
from tests.rooms import KEYS, NOW, Rooms, rooms
from tests.services.hooks.subscriber import Subscriber, listening

INNER: Final = (ip_network("127.0.0.0/8"),)
SITE: Final = Site(subscribers=SubscribersSettings(inner=INNER))
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
