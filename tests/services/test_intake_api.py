"""What may be posted, what is kept of it, and how everything else is refused: whole, and without a word of it."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, Final

import pytest

from draad.manners import BODY_BYTES_MAX
from engine.memory import Disk, MemoryStore
from schemas.errors import Unavailable
from schemas.event import TEXT_CHARS_MAX
from schemas.reading import NESTING_MAX
from tests.rooms import Rooms, ago, clock, rooms, told

BSN: Final = "123456782"
ASKED: Final = {
    "channel": "phone",
    "text": "Hoe laat gaat u open?",
    "address": {"kind": "phone", "value": "06 12345678"},
}


@pytest.fixture
async def house() -> AsyncIterator[Rooms]:
    async with rooms() as built:
        yield built


async def kept(house: Rooms) -> list[dict[str, Any]]:
    return [json.loads(fact.data) | {"type": fact.type} for fact in await house.engine.read()]


async def test_a_contact_is_kept_before_it_is_answered(house: Rooms) -> None:
    answer = await house.post(ASKED)
    assert answer.status_code == 201
    [fact] = await kept(house)
    assert fact == answer.json() | {
        "type": "contact.received",
        "at": "2026-11-23T09:00:00Z",
        "channel": "phone",
        "text": ASKED["text"],
        "kind": "phone",
        "address": "+31612345678",
    }


async def test_the_address_itself_stands_in_its_own_field_and_nowhere_else_on_the_log(house: Rooms) -> None:
    await house.post(ASKED)
    [fact] = await house.engine.read()
    said = json.loads(fact.data)
    assert said.pop("address") == "+31612345678"
    assert "12345678" not in str(fact._replace(data=json.dumps(said)))


async def test_a_bsn_in_its_words_is_flagged(house: Rooms) -> None:
    await house.post(ASKED | {"text": "Mijn nummer is 111222333"})
    [fact] = await kept(house)
    assert fact["flags"] == ["bsn"]


async def test_the_same_request_again_is_the_same_contact(house: Rooms) -> None:
    answers = await asyncio.gather(*(house.post(ASKED) for _ in range(10)))
    assert len({answer.text for answer in answers}) == 1
    assert {answer.status_code for answer in answers} == {201}
    assert len(await kept(house)) == 1


async def test_a_key_that_is_used_again_for_other_words_loses_none(house: Rooms) -> None:
    one, other = await house.post(ASKED), await house.post(ASKED | {"text": "Iets anders"})
    assert one.json()["contact_id"] != other.json()["contact_id"]
    assert len(await kept(house)) == 2


async def test_who_calls_twice_has_one_pseudonym(house: Rooms) -> None:
    one, other = await house.post(ASKED), await house.post(ASKED, key="k2")
    assert one.json()["address_id"] == other.json()["address_id"]
    assert one.json()["contact_id"] != other.json()["contact_id"]


async def test_a_contact_without_an_address_is_filed_under_itself(house: Rooms) -> None:
    body = (await house.post({"channel": "counter"})).json()
    assert body["address_id"] == f"unknown.{body['contact_id']}"


async def test_it_happened_when_the_sender_says(house: Rooms) -> None:
    await house.post(ASKED | {"at": "2026-11-20T10:00:00+01:00"})
    assert [fact["at"] for fact in await kept(house)] == ["2026-11-20T09:00:00Z"]


async def test_an_answer_is_kept_too(house: Rooms) -> None:
    contact = (await house.post(ASKED | {"at": ago(1)})).json()
    path = f"/v1/contacts/{contact['contact_id']}/answers"
    body = {"address_id": contact["address_id"], "agent_id": "agent-7", "text": "Om negen uur."}
    for _ in range(2):
        answer = await house.client.post(path, json=body, headers={"Idempotency-Key": "a1"})
        assert (answer.status_code, answer.json()) == (201, contact)
    assert [fact["type"] for fact in await kept(house)] == ["contact.received", "contact.answered"]


DEEP: Final = 1_000_000
BAD: Final = {
    "not JSON": b"hallo Jan",
    "nothing": b"",
    "not an object": b'["Jan"]',
    "not UTF-8": b'{"channel": "phone", "text": "\xff"}',
    "a lone surrogate": b'{"channel": "phone", "text": "Jan\\ud800"}',
    "NUL": b'{"channel": "phone", "text": "Jan\\u0000"}',
    "NUL in a name": b'{"channel": "phone", "Jan\\u0000": 1}',
    "a wrong type": b'{"channel": "phone", "text": {"Jan": 1}}',
    "a number for a word": b'{"channel": 5}',
    "no channel": b'{"text": "Jan"}',
    "an unknown field": b'{"channel": "phone", "Jan": 1}',
    "the same name twice": b'{"channel": "phone", "channel": "Jan"}',
    "NaN": b'{"channel": "phone", "text": NaN}',
    "a naive moment": b'{"channel": "phone", "at": "2026-11-02T10:00:00"}',
    "a number for a moment": b'{"channel": "phone", "at": 1700000000}',
    "no moment": b'{"channel": "phone", "at": "Jan"}',
    "a moment before all": b'{"channel": "phone", "at": "0001-01-01T00:00:00+14:00"}',
    "a moment after all": b'{"channel": "phone", "at": "9999-12-31T23:59:59-14:00"}',
    "a text too long": json.dumps({"channel": "phone", "text": "Jan" + "x" * TEXT_CHARS_MAX}).encode(),
    "nested one too deep": b'{"channel": "phone", "x": ' + b"[" * NESTING_MAX + b"1" + b"]" * NESTING_MAX + b"}",
    "nested as deep as fits": b"[" * BODY_BYTES_MAX,
    "an address that is no line": b'{"channel": "phone", "address": {"kind": "phone", "value": "Jan\\n"}}',
    "a BSN for a channel": b'{"channel": "123456782"}',
}


@pytest.mark.parametrize("body", BAD.values(), ids=BAD)
async def test_a_bad_body_is_refused_whole_and_never_quoted(house: Rooms, body: bytes) -> None:
    headers = {"Idempotency-Key": "k1", "Content-Type": "application/json"}
    answer = await house.client.post("/v1/contacts", content=body, headers=headers)
    assert told(answer, 400)
    assert "Jan" not in answer.text
    assert BSN not in answer.text
    assert await kept(house) == []


async def test_a_body_at_the_limit_is_read_and_one_byte_more_is_not(house: Rooms) -> None:
    body = json.dumps({"channel": "phone", "text": "Jan"}).encode()
    headers = {"Idempotency-Key": "k1", "Content-Type": "application/json"}
    for size, status in ((BODY_BYTES_MAX, 400), (BODY_BYTES_MAX + 1, 413)):
        answer = await house.client.post("/v1/contacts", content=body.ljust(size), headers=headers)
        assert "larger than" in told(answer, status)
    assert await kept(house) == []


async def test_nesting_a_million_deep_is_too_large_before_it_is_read(house: Rooms) -> None:
    headers = {"Idempotency-Key": "k1", "Content-Type": "application/json"}
    assert told(await house.client.post("/v1/contacts", content=b"[" * DEEP, headers=headers), 413)


@pytest.mark.parametrize("key", ["", "with space", "é", "x" * 201])
async def test_a_key_of_ones_own_is_needed(house: Rooms, key: str) -> None:
    headers = [(b"Idempotency-Key", key.encode("latin-1"))] if key else []
    assert "Idempotency-Key" in told(await house.client.post("/v1/contacts", json=ASKED, headers=headers), 400)
    assert (await house.post(ASKED, key="x" * 200)).status_code == 201


async def test_only_json_is_taken(house: Rooms) -> None:
    headers = {"Idempotency-Key": "k1", "Content-Type": "text/plain"}
    assert told(await house.client.post("/v1/contacts", content=b"{}", headers=headers), 415)


@pytest.mark.parametrize("field", ["address_id", "agent_id"])
async def test_a_bsn_where_a_pseudonym_belongs_is_refused(house: Rooms, field: str) -> None:
    body = {"address_id": "a1", "agent_id": "g1"} | {field: BSN}
    headers = {"Idempotency-Key": "k1"}
    answer = await house.client.post("/v1/contacts/c1/answers", json=body, headers=headers)
    assert told(answer, 400)
    assert BSN not in answer.text
    assert await kept(house) == []


async def test_a_contact_id_that_is_none_is_refused(house: Rooms) -> None:
    body = {"address_id": "a1", "agent_id": "g1"}
    headers = {"Idempotency-Key": "k1"}
    answer = await house.client.post("/v1/contacts/%20/answers", json=body, headers=headers)
    assert "contact_id" in told(answer, 400)


class Broken(MemoryStore):
    """A log that cannot be reached."""

    async def append(self, facts: Any) -> None:
        raise Unavailable("the disk is full: nothing more is written until there is space")


async def test_a_log_that_cannot_be_written_is_no_yes_and_no_no() -> None:
    async with rooms(Broken(Disk(), clock)) as house:
        answer = await house.post(ASKED)
        assert "full" in told(answer, 503)
        assert int(answer.headers["retry-after"]) > 0


class Forgetful(MemoryStore):
    """A mistake of ours, whose words quote the fact."""

    async def append(self, facts: Any) -> None:
        raise ValueError(str(facts))


async def test_a_mistake_of_ours_is_a_problem_that_quotes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    async with rooms(Forgetful(Disk(), clock)) as house:
        answer = await house.post(ASKED)
        assert told(answer, 500)
    said = answer.text + "".join(capsys.readouterr())
    assert str(ASKED["text"]) not in said
    assert "ValueError" in said
