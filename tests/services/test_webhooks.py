"""A webhook is answered after its facts are durable; what is not signed leaves nothing but a count."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx
import pytest
from limits import RateLimitItemPerMinute

from channels.channel import Heard, Inbound, Secrets
from channels.loopback import SIGNATURE, Inbox, Loopback, batch, signed
from draad.rates import FORGER, LIMITS, Rates
from draad.roads import Plan, Roads
from engine.blobs import MemoryBlobs
from engine.memory import Disk, MemoryStore
from schemas.contact import ContactReceived
from schemas.errors import Unavailable
from services.intake import webhooks
from tests.rooms import KEYS, Rooms, clock, rooms, told

SECRET: Final = "a-secret-of-these-tests"
ROAD: Final = "/webhooks/loopback/main"
TEXT: Final = "Mijn BSN is 123456782, groetjes Joëlle 🌷"


def roads(channel: Loopback | None = None) -> Roads:
    inboxes = {"main": Inbox.model_validate({"secret": SECRET}), "other": Inbox.model_validate({"secret": SECRET * 2})}
    loopback = channel or Loopback(inboxes, Secrets(KEYS.addresses, KEYS.tokens))
    return Roads(Plan("https://contact.example.nl/draad", {"loopback": inboxes}), {"loopback": loopback})


@asynccontextmanager
async def open_house(**more: Any) -> AsyncIterator[Rooms]:
    async with rooms(roads=more.pop("roads", roads()), **more) as built:
        del built.client.headers["authorization"]
        yield built


@pytest.fixture
async def house() -> AsyncIterator[Rooms]:
    async with open_house() as built:
        yield built


async def call(house: Rooms, body: bytes, path: str = ROAD, secret: str = SECRET, **headers: str) -> httpx.Response:
    given = {SIGNATURE: signed(body, secret.encode())} | headers
    return await house.client.post(path, content=body, headers=given)


def messages(*names: str) -> bytes:
    return batch(messages=[{"id": name, "sender": "jan", "text": TEXT} for name in names])


async def facts(house: Rooms) -> list[str]:
    return [envelope.type for envelope in await house.engine.read()]


async def counted(house: Rooms) -> Mapping[str, float]:
    """What became of webhooks at the main inbox."""
    values = {
        sample.labels["outcome"]: sample.value
        for metric in house.engine.meter.registry.collect()
        if metric.name == "draad_webhooks"
        for sample in metric.samples
        if sample.name.endswith("_total") and sample.labels["inbox"] == "main"
    }
    return {outcome: value for outcome, value in values.items() if value}


async def test_every_item_of_a_batch_is_a_fact_and_a_repeat_is_none(house: Rooms) -> None:
    body = messages("m1", "m2", "m3")
    for _ in range(3):
        answer = await call(house, body)
        assert (answer.status_code, answer.text) == (200, "taken")
    parallel = await asyncio.gather(*(call(house, messages("m3", "m4")) for _ in range(10)))
    assert {answer.status_code for answer in parallel} == {200}
    assert await facts(house) == [ContactReceived.type] * 4
    assert [json.loads(envelope.data)["text"] for envelope in await house.engine.read()] == [TEXT] * 4
    assert await counted(house) == {"taken": 13}


class Slow(MemoryStore):
    """Takes facts when it is told to."""

    def __init__(self) -> None:
        super().__init__(Disk(), clock)
        self.go, self.asked = asyncio.Event(), asyncio.Event()

    async def append(self, facts: Any) -> None:
        self.asked.set()
        await self.go.wait()
        await super().append(facts)


async def test_it_is_answered_after_the_fact_is_durable_and_not_before() -> None:
    store = Slow()
    async with open_house(store=store) as house:
        calling = asyncio.create_task(call(house, messages("m1")))
        await store.asked.wait()
        assert not calling.done()
        store.go.set()
        assert (await calling).status_code == 200
        assert await facts(house) == [ContactReceived.type]


class Away(MemoryStore):
    async def append(self, facts: Any) -> None:
        raise Unavailable("the disk is full: nothing more is written until there is space")


async def test_while_the_log_is_away_the_provider_is_asked_to_come_again() -> None:
    async with open_house(store=Away(Disk(), clock)) as house:
        for body in (messages("m1"), b"no batch"):
            answer = await call(house, body)
            assert "the disk is full" in told(answer, 503)
            assert answer.headers["retry-after"] == "5"
        assert await counted(house) == {"unavailable": 2}


@pytest.mark.parametrize("headers", [{}, {SIGNATURE: ""}, {SIGNATURE: "0" * 64}, {SIGNATURE: "é"}])
async def test_what_is_not_signed_leaves_nothing_but_a_count(
    house: Rooms, headers: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    sent = [(name.encode(), value.encode()) for name, value in headers.items()]
    for body in (messages("m1"), b"", b"\xff" * 1000):
        answer = await house.client.post(ROAD + "/a-token", content=body, headers=sent)
        assert told(answer, 403) == "the signature is wrong"
    assert (await call(house, messages("m1"), secret=SECRET * 2)).status_code == 403
    assert await facts(house) == []
    assert await counted(house) == {"untrusted": 4}
    said = "".join(capsys.readouterr())
    assert "webhook.untrusted" in said
    for secret in ("a-token", TEXT, "jan", SECRET):
        assert secret not in said


async def test_one_inbox_is_not_opened_with_the_key_of_another(house: Rooms) -> None:
    assert (await call(house, messages("m1"), "/webhooks/loopback/other")).status_code == 403
    assert (await call(house, messages("m1"), "/webhooks/loopback/other", SECRET * 2)).status_code == 200


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b'{"messages": 1}', b"\xff\xfe", b'{"messages": [{}]}'])
async def test_what_is_signed_but_unreadable_is_kept_whole_once(body: bytes) -> None:
    blobs = MemoryBlobs()
    async with open_house(blobs=blobs) as house:
        for _ in range(2):
            assert (await call(house, body)).status_code == 200, "it would only be sent again as it was"
        [entered] = await house.engine.read()
        kept = json.loads(entered.data)
        assert (entered.type, kept["channel"], kept["size_bytes"]) == ("quarantine.entered", "loopback", len(body))
        assert await blobs.get(kept["digest"]) == body
        assert await counted(house) == {"unreadable": 2}


@pytest.mark.parametrize("path", ["/webhooks/", "/webhooks/loopback", "/webhooks/loopback/none", "/webhooks/x/main"])
async def test_an_inbox_that_is_not_there_is_not_there(house: Rooms, path: str) -> None:
    assert told(await call(house, messages("m1"), path), 404)
    assert await facts(house) == []


async def test_other_methods_are_told_which_are_taken(house: Rooms) -> None:
    for method in ("PUT", "DELETE", "HEAD", "OPTIONS"):
        answer = await house.client.request(method, ROAD)
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")


async def test_a_get_is_answered_in_the_words_of_the_channel(house: Rooms) -> None:
    answer = await house.client.get(ROAD, headers={SIGNATURE: signed(b"", SECRET.encode())})
    assert (answer.status_code, answer.text) == (200, "here")
    assert await facts(house) == []


async def test_every_answer_says_the_version_and_is_kept_nowhere(house: Rooms) -> None:
    for answer in (
        await call(house, messages("m1")),
        await house.client.post(ROAD),
        await house.client.post(ROAD[:-1]),
    ):
        assert answer.headers["api-version"]
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"


class Listening(Loopback):
    """Remembers what it was given to read."""

    def __init__(self) -> None:
        super().__init__({"main": Inbox.model_validate({"secret": SECRET})}, Secrets(KEYS.addresses, KEYS.tokens))
        self.heard: list[Inbound] = []

    def read(self, inbound: Inbound) -> Heard:
        self.heard.append(inbound)
        return super().read(inbound)


async def test_the_channel_sees_the_public_address_and_everything_as_it_was_sent() -> None:
    channel = Listening()
    async with open_house(roads=roads(channel)) as house:
        path = f"{ROAD}/rest%20of/it?b=%C3%AB&a=&a=1&bodySHA256=123456782"
        assert (await call(house, messages("m1"), path, **{"X-Some": "Thing"})).status_code == 200
    [inbound] = channel.heard
    assert inbound.url == f"https://contact.example.nl/draad{path}"
    assert (inbound.inbox, inbound.method, inbound.body) == ("main", "POST", messages("m1"))
    assert inbound.headers["x-some"] == "Thing"


class Broken(Loopback):
    def read(self, inbound: Inbound) -> Heard:
        raise ValueError(TEXT)


async def test_a_bug_of_a_channel_is_named_in_the_log_and_the_provider_comes_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    broken = Broken({"main": Inbox.model_validate({"secret": SECRET})}, Secrets(b"", b""))
    async with open_house(roads=roads(broken)) as house:
        assert told(await call(house, messages("m1")), 500)
        assert await counted(house) == {"failed": 1}
    said = "".join(capsys.readouterr())
    assert "ValueError in test_webhooks.py" in said
    assert TEXT not in said


class WithFiles(Loopback):
    """Brings files along."""

    files: Mapping[str, bytes] = {}

    def read(self, inbound: Inbound) -> Heard:
        heard = super().read(inbound)
        return Heard(heard.facts, heard.reply, self.files)


class Watched(MemoryBlobs):
    def __init__(self) -> None:
        super().__init__()
        self.failing = False

    async def put(self, data: bytes) -> str:
        if self.failing:
            raise Unavailable("the disk is full: nothing more is written until there is space")
        return await super().put(data)


async def test_files_are_durable_before_the_facts_that_name_them() -> None:
    channel, blobs = WithFiles(roads().plan.inboxes["loopback"], Secrets(b"", b"")), Watched()  # type: ignore[arg-type]
    digest = await blobs.put(b"a picture")
    channel.files, blobs._kept, blobs.failing = {digest: b"a picture"}, {}, True
    async with open_house(roads=roads(channel), blobs=blobs) as house:
        assert told(await call(house, messages("m1")), 503)
        assert await facts(house) == []
        blobs.failing = False
        assert (await call(house, messages("m1"))).status_code == 200
        assert await blobs.get(digest) == b"a picture"
        assert await facts(house) == [ContactReceived.type]


def pieces(body: bytes, size: int) -> Iterator[bytes]:
    return (body[at : at + size] for at in range(0, len(body), size))


async def test_a_body_at_the_limit_is_read_and_one_past_it_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    body = messages("m1")
    monkeypatch.setattr(webhooks, "BODY_BYTES_MAX", len(body))
    async with open_house() as house:
        assert (await call(house, body)).status_code == 200
        answer = await call(house, body + b" ")
        assert "larger than" in told(answer, 413)
        assert answer.headers["connection"] == "close"


class Raw:
    """The application as a server calls it, a piece of the body at a time."""

    def __init__(self, house: Rooms, body: bytes, size: int) -> None:
        self._app, self._left = house.house.app, [*pieces(body, size)]
        headers = [(SIGNATURE.encode(), signed(body, SECRET.encode()).encode())]
        self._scope = {
            "type": "http", "method": "POST", "path": ROAD, "raw_path": ROAD.encode(), "query_string": b"",
            "headers": headers, "client": ("10.0.0.1", 1), "scheme": "http",
        }  # fmt: skip
        self.stays, self.sent = False, list[Any]()

    async def receive(self) -> Any:
        if not self._left:
            if self.stays:
                await asyncio.Event().wait()
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": self._left.pop(0), "more_body": bool(self._left) or self.stays}

    async def run(self) -> int:
        async def send(message: Any) -> None:
            self.sent.append(message)

        await self._app(self._scope, self.receive, send)
        return int(self.sent[0]["status"])


async def test_a_body_in_pieces_is_one_body_and_may_not_be_too_long_or_too_slow(
    house: Rooms, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await Raw(house, messages("m1"), 7).run() == 200
    assert await facts(house) == [ContactReceived.type]
    monkeypatch.setattr(webhooks, "BODY_S_MAX", 0.05)
    slow = Raw(house, messages("m2"), 7)
    slow.stays = True
    assert await slow.run() == 408
    monkeypatch.setattr(webhooks, "READING_BYTES_MAX", 20)
    assert await Raw(house, messages("m2"), 7).run() == 503
    monkeypatch.undo()
    assert await Raw(house, messages("m2"), 7).run() == 200, "what was being read is let go of"


async def test_a_body_whose_sender_is_gone_is_no_fact(house: Rooms) -> None:
    gone = Raw(house, b"", 1)
    assert await gone.run() == 400
    assert await facts(house) == []


async def test_a_flood_of_wrong_signatures_is_limited_by_address_and_never_holds_up_a_right_one() -> None:
    few = dict(LIMITS) | {FORGER: RateLimitItemPerMinute(3, namespace=FORGER)}
    async with open_house(rates=Rates(limits=few, clock=lambda: 0.0)) as house:
        for _ in range(3):
            assert (await house.client.post(ROAD)).status_code == 403
        answer = await house.client.post(ROAD)
        assert told(answer, 429)
        assert int(answer.headers["retry-after"]) > 0
        for n in range(20):
            assert (await call(house, messages(f"m{n}"))).status_code == 200
        assert (await house.client.get("/health/live")).status_code == 200


async def test_without_channels_there_are_no_webhooks_and_all_else_works() -> None:
    async with rooms() as house:
        assert told(await house.client.post(ROAD), 404)
        assert (await house.client.get("/health/live")).status_code == 200


async def test_what_it_counts_names_the_channel_and_the_inbox_alone(house: Rooms) -> None:
    await call(house, messages("m1"), f"{ROAD}/t0ken")
    house.client.headers["authorization"] = "Bearer a-token-for-these-tests-and-nothing-else"
    text = (await house.client.get("/metrics")).text
    assert 'draad_webhooks_total{channel="loopback",inbox="main",outcome="taken"} 1.0' in text
    assert "t0ken" not in text
    assert "jan" not in text
