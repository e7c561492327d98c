"""WhatsApp: what becomes of an answer, and of a file that we ask for."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from pydantic import SecretStr

from channels.address import address
from channels.channel import Heard, Inbound, Message, Secrets, Undeliverable
from channels.token import named
from channels.whatsapp import Inbox, WhatsApp, window_open
from schemas.errors import Ambiguous, Refused, Unavailable
from schemas.message import MessageRead
from simulation import meta
from simulation.meta import DISABLED, PAUSED, Meta, payload, status

NOW: Final = datetime(2026, 11, 24, 10, 0, 30, tzinfo=UTC)
SECRETS: Final = Secrets(pepper=b"pepper", tokens=b"tokens")
JOELLE: Final = "31612345678"
USER: Final = "NL.13491208655302741918"
PHONE_ID: Final = address("whatsapp", f"+{JOELLE}").pseudonym(b"pepper")
USER_ID: Final = address("whatsapp-user", USER).pseudonym(b"pepper")


def inbox(**more: Any) -> Inbox:
    return Inbox(
        phone_number_id=more.pop("phone_number_id", meta.NUMBER_ID),
        app_secret=SecretStr(more.pop("app_secret", meta.APP_SECRET)),
        verify_token=SecretStr(meta.VERIFY),
        access_token=SecretStr(more.pop("access_token", meta.ACCESS)),
        **more,
    )


@pytest.fixture
def graph() -> Iterator[Meta]:
    with Meta().running() as running:
        yield running


@pytest.fixture
async def reaching(graph: Meta) -> AsyncIterator[WhatsApp]:
    opened = WhatsApp({"main": inbox(graph_url=graph.graph_url, media_hosts=(graph.host,))}, SECRETS)
    yield opened
    await opened.close()


def inbound(body: bytes, name: str = "main", **more: Any) -> Inbound:
    headers = {"x-hub-signature-256": meta.signature(body)} | more.pop("headers", {})
    return Inbound(name, f"https://draad.example/webhooks/whatsapp/{name}", headers, body, NOW, **more)


def heard(channel: WhatsApp, said: dict[str, Any]) -> Heard:
    return channel.read(inbound(meta.packed(said)))


def letter(**more: Any) -> Message:
    base: dict[str, Any] = {"message_id": "m-1", "address_id": PHONE_ID, "address": f"+{JOELLE}", "inbox": "main"}
    return Message(**base | {"text": "Goedemorgen, dat kan."} | more)


async def test_an_answer_goes_out_with_our_own_name_of_it(reaching: WhatsApp, graph: Meta) -> None:
    reference = await reaching.send(letter(reply_to="wamid.IN"))
    [sent] = graph.sent
    assert (reference, sent["to"], sent["text"]["body"]) == (sent["wamid"], JOELLE, "Goedemorgen, dat kan.")
    assert sent["context"] == {"message_id": "wamid.IN"}
    assert named("receipt", sent["biz_opaque_callback_data"], SECRETS.tokens) == f"{PHONE_ID}~m-1"
    [told] = heard(reaching, payload(statuses=[status(reference, "read", sent["biz_opaque_callback_data"])])).facts
    assert isinstance(told.event, MessageRead)
    assert told.event.message_id == "m-1"


REMINDS: Final[dict[str, Any]] = {"template": "afspraak_herinnering/nl", "values": ("do 12 nov", "10:30", "Balie\n  2")}


async def test_a_template_goes_out_with_what_stands_in_its_gaps_and_its_receipt_finds_it(
    reaching: WhatsApp, graph: Meta
) -> None:
    graph.templates = {("afspraak_herinnering", "nl"): 3, ("zonder", "en_GB"): 0}
    reference = await reaching.send(letter(**REMINDS))
    await reaching.send(letter(template="zonder/en_GB"))
    filled, bare = graph.sent
    [body] = filled["template"]["components"]
    assert [gap["text"] for gap in body["parameters"]] == ["do 12 nov", "10:30", "Balie 2"]
    assert bare["template"] == {"name": "zonder", "language": {"code": "en_GB"}}
    [told] = heard(reaching, payload(statuses=[status(reference, "read", filled["biz_opaque_callback_data"])])).facts
    assert isinstance(told.event, MessageRead)
    assert told.event.message_id == "m-1"


@pytest.mark.parametrize(
    ("templates", "more", "word"),
    [
        ({}, {}, "no-template"),
        ({("afspraak_herinnering", "en"): 3}, {}, "no-template"),
        ({("afspraak_herinnering", "nl"): 2}, {}, "template-mismatch"),
        ({("afspraak_herinnering", "nl"): PAUSED}, {}, "template-paused"),
        ({("afspraak_herinnering", "nl"): DISABLED}, {}, "template-disabled"),
        ({("afspraak_herinnering", "nl"): 3}, {"values": ("do", "", "Balie")}, "template-mismatch"),
        ({("afspraak_herinnering", "nl"): 3}, {"values": ("do", "x" * 1_100, "Balie")}, "too-long"),
    ],
)
async def test_what_meta_does_not_take_of_a_template_is_told_for_what_it_is(
    reaching: WhatsApp, graph: Meta, templates: dict[tuple[str, str], int], more: dict[str, Any], word: str
) -> None:
    graph.templates = templates
    with pytest.raises(Undeliverable) as refused:
        await reaching.send(letter(**REMINDS | more))
    assert refused.value.word == word
    assert graph.sent == []


async def test_somebody_without_a_number_is_answered_by_what_meta_calls_them(reaching: WhatsApp, graph: Meta) -> None:
    await reaching.send(letter(address=USER, address_id=USER_ID))
    assert (graph.sent[0]["recipient"], "to" in graph.sent[0]) == (USER, False)


@pytest.mark.parametrize(
    ("code", "word"), [(132012, "template-mismatch"), (132018, "template-values"), (131008, "refused")]
)
async def test_what_meta_says_of_what_was_filled_in_is_told_too(
    reaching: WhatsApp, graph: Meta, code: int, word: str
) -> None:
    graph.failing = [(400, code)]
    with pytest.raises(Undeliverable) as refused:
        await reaching.send(letter(**REMINDS))
    assert refused.value.word == word


@pytest.mark.parametrize(("value", "code"), [("", 131008), ("a\nb", 132018), ("a     b", 132018), ("a    b", 0)])
def test_the_stand_in_takes_of_a_gap_what_meta_takes(graph: Meta, value: str, code: int) -> None:
    graph.templates = {("zonder", "nl"): 1}
    part = {"type": "body", "parameters": [{"type": "text", "text": value}]}
    assert graph.fault({"name": "zonder", "language": {"code": "nl"}, "components": [part]}) == code


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ((400, 131047), Undeliverable),
        ((400, 131026), Undeliverable),
        ((400, 100), Undeliverable),
        ((429, 130429), Unavailable),
        ((400, 130429), Unavailable),
        ((400, 131056), Unavailable),
        ((401, 190), Unavailable),
        ((500, 131000), Ambiguous),
        ((503, 131016), Ambiguous),
        ("silent", Ambiguous),
    ],
)
async def test_a_failure_says_whether_to_try_again(
    reaching: WhatsApp, graph: Meta, fault: Any, error: type[Exception]
) -> None:
    graph.failing = [fault]
    with pytest.raises(error) as raised:
        await reaching.send(letter())
    assert JOELLE not in str(raised.value)
    if fault == (400, 131047):
        assert isinstance(raised.value, Undeliverable)
        assert raised.value.word == "window-closed"


async def test_whoever_is_not_there_was_surely_not_told(graph: Meta) -> None:
    with Meta().running() as gone:
        url = gone.graph_url
    channel = WhatsApp({"main": inbox(graph_url=url)}, SECRETS)
    with pytest.raises(Unavailable):
        await channel.send(letter())
    await channel.close()


@pytest.mark.parametrize(
    ("wrong", "word"),
    [({"text": "x" * 4_097}, "too-long"), ({"text": ""}, "too-long"), ({"address": "Jan"}, "no-such-address"),
     ({"message_id": "m" * 100}, "refused")],
)  # fmt: skip
async def test_what_can_never_be_sent_is_said_before_anything_leaves(
    reaching: WhatsApp, graph: Meta, wrong: dict[str, str], word: str
) -> None:
    with pytest.raises(Undeliverable) as raised:
        await reaching.send(letter(**wrong))
    assert (raised.value.word, graph.sent) == (word, [])


async def test_a_file_is_fetched_in_two_steps_from_a_host_that_we_know(reaching: WhatsApp, graph: Meta) -> None:
    graph.files["901"] = b"\xff\xd8 a picture"
    assert await reaching.fetch("main/901") == b"\xff\xd8 a picture"
    assert graph.asked == [f"/v23.0/901?phone_number_id={meta.NUMBER_ID}", "/files/901"]
    graph.elsewhere = "127.0.0.2:80"
    with pytest.raises(Refused):
        await reaching.fetch("main/901")


@pytest.mark.parametrize("name", ["main/902", "main/../v23.0/me", "main/", "nobody/901", "901"])
async def test_a_file_that_is_none_is_refused(reaching: WhatsApp, graph: Meta, name: str) -> None:
    with pytest.raises(Refused):
        await reaching.fetch(name)


@pytest.mark.parametrize("packed", [False, True])
async def test_a_file_that_is_too_large_is_refused_while_it_comes(
    reaching: WhatsApp, graph: Meta, monkeypatch: pytest.MonkeyPatch, packed: bool
) -> None:
    graph.packed = packed
    monkeypatch.setattr("channels.whatsapp.MEDIA_BYTES_MAX", 1_000)
    graph.files |= {"1": b"x" * 1_000, "2": b"x" * 1_001}
    assert len(await reaching.fetch("main/1")) == 1_000
    with pytest.raises(Refused):
        await reaching.fetch("main/2")


def test_free_text_may_be_sent_for_a_day_after_they_wrote() -> None:
    day = timedelta(hours=24)
    assert window_open(NOW - day + timedelta(seconds=1), NOW)
    assert not window_open(NOW - day, NOW)
    assert not window_open(None, NOW)
