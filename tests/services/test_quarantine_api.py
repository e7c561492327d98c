"""What nobody could read is seen, read again or discarded over HTTP, once."""

from typing import Any, Final

import pytest

from channels.channel import Heard, Inbound
from channels.email import Email
from draad.roads import Plan, Roads
from engine.blobs import MemoryBlobs
from services.intake.post import Post
from tests.channels.post import email, plain
from tests.rooms import NOW, Rooms, rooms, told


class Mendable(Email):
    """A reader that cannot read a word of ours, until it can."""

    broken = True

    def read(self, inbound: Inbound) -> Heard:
        if self.broken:
            raise ZeroDivisionError
        return super().read(inbound)


async def quarantined(house: Rooms, blobs: MemoryBlobs, channel: Email, count: int = 1) -> list[str]:
    for n in range(count):
        raw = plain(f"Mail {n}", Message_ID=f"<{n}@x>")
        await house.engine.append(*await Post(blobs, channel).facts(Inbound("info", "", {}, raw, NOW)))
    await house.settle()
    listed = (await house.client.get("/v1/quarantine", params={"limit": 100})).json()["items"]
    return [str(item["item_id"]) for item in listed]


def opened() -> tuple[MemoryBlobs, Mendable, dict[str, Any]]:
    blobs, channel = MemoryBlobs(), Mendable(email().inboxes, email()._secrets)
    return (
        blobs,
        channel,
        {
            "blobs": blobs,
            "roads": Roads(Plan("https://contact.example.nl", {"email": channel.inboxes}), {"email": channel}),
        },
    )


async def test_an_item_is_seen_and_read_again_once_it_can_be_read() -> None:
    blobs, channel, given = opened()
    async with rooms(**given) as house:
        (item,) = await quarantined(house, blobs, channel)
        answer = await house.client.post(f"/v1/quarantine/{item}/retry", json={"agent_id": "g-1"})
        assert "still cannot be read" in told(answer, 400)
        channel.broken = False
        first = await house.client.post(f"/v1/quarantine/{item}/retry", json={"agent_id": "g-1"})
        assert first.status_code == 200, first.text
        await house.settle()
        again = await house.client.post(f"/v1/quarantine/{item}/retry", json={"agent_id": "g-1"})
        assert again.json() == first.json()
        assert (await house.client.get("/v1/quarantine")).json() == {"items": [], "next": ""}
        (mended,) = (await house.client.get("/v1/quarantine?state=mended")).json()["items"]
        assert mended["contact_id"] == first.json()["contact_id"]
        types = [envelope.type for envelope in await house.engine.read()]
        assert [types.count(t) for t in ("contact.received", "quarantine.mended")] == [1, 1]


async def test_an_item_is_discarded_with_a_reason_and_only_once() -> None:
    blobs, channel, given = opened()
    async with rooms(**given) as house:
        (item,) = await quarantined(house, blobs, channel)
        body = {"agent_id": "g-1", "text": "Reclame"}
        assert (await house.client.post(f"/v1/quarantine/{item}/discard", json=body)).status_code == 200
        await house.settle()
        answer = await house.client.post(f"/v1/quarantine/{item}/discard", json=body)
        assert "already" in told(answer, 400)
        (gone,) = (await house.client.get("/v1/quarantine?state=discarded")).json()["items"]
        assert (gone["item_id"], gone["agent_id"]) == (item, "g-1")
        # Who discards by mistake may still have it read.
        channel.broken = False
        mended = await house.client.post(f"/v1/quarantine/{item}/retry", json={"agent_id": "g-1"})
        assert mended.status_code == 200


async def test_a_long_list_comes_in_pages_that_miss_and_double_nothing() -> None:
    blobs, channel, given = opened()
    async with rooms(**given) as house:
        everything = await quarantined(house, blobs, channel, count=7)
        found: list[str] = []
        after = ""
        for _ in range(3):
            page = (await house.client.get("/v1/quarantine", params={"after": after, "limit": 3})).json()
            found += [item["item_id"] for item in page["items"]]
            after = page["next"]
        assert found == everything
        assert after == ""


BODIES: Final[list[dict[str, str]]] = [{}, {"agent_id": "g 1"}, {"agent_id": "g-1", "why": "x"}]


@pytest.mark.parametrize("body", BODIES)
async def test_a_wrong_body_is_refused(body: dict[str, str]) -> None:
    async with rooms() as house:
        assert (await house.client.post("/v1/quarantine/q-1/retry", json=body)).status_code == 400
        assert (await house.client.post("/v1/quarantine/q-1/discard", json=body)).status_code == 400


async def test_an_unknown_item_is_not_there_and_a_wrong_page_is_refused() -> None:
    async with rooms() as house:
        await house.settle()
        for verb, more in (("retry", {}), ("discard", {"text": "Reclame"})):
            answer = await house.client.post(f"/v1/quarantine/q-1/{verb}", json={"agent_id": "g-1"} | more)
            assert told(answer, 404)
        assert "no item" in told(await house.client.get("/v1/quarantine?after=q-1"), 400)
        assert (await house.client.get("/v1/quarantine?state=gone")).status_code == 400
        assert (await house.client.get("/v1/quarantine?limit=101")).status_code == 400


async def test_nobody_without_a_token_sees_it() -> None:
    async with rooms() as house:
        del house.client.headers["authorization"]
        assert (await house.client.get("/v1/quarantine")).status_code == 401


async def test_mail_over_http_is_never_believed() -> None:
    _, channel, given = opened()
    channel.broken = False
    async with rooms(**given) as house:
        answer = await house.client.post("/webhooks/email/info", content=plain())
        assert answer.status_code in {401, 403}
        assert await house.engine.read() == []
