"""WhatsApp: what Meta really sends, as facts; and what becomes of an answer."""

import itertools
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from pydantic import SecretStr

from channels.address import address
from channels.channel import Heard, Inbound, Secrets
from channels.token import token
from channels.whatsapp import Inbox, WhatsApp, open_channel
from channels.whatsapp_words import name_digest
from engine.engine import Engine
from engine.memory import Disk, MemoryStore
from schemas.address import AddressRevealed
from schemas.contact import ContactReceived
from schemas.errors import Refused, Untrusted
from schemas.event import fact
from schemas.message import MessageDelivered, MessageFailed, MessageRead, MessageSent
from schemas.quarantine import QuarantineEntered
from simulation import meta
from simulation.meta import message, payload, sender, status

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
async def channel() -> AsyncIterator[WhatsApp]:
    opened = open_channel({"main": inbox()}, SECRETS, "https://draad.example")
    yield opened
    await opened.close()


def inbound(body: bytes, name: str = "main", **more: Any) -> Inbound:
    headers = {"x-hub-signature-256": meta.signature(body)} | more.pop("headers", {})
    return Inbound(name, f"https://draad.example/webhooks/whatsapp/{name}", headers, body, NOW, **more)


def heard(channel: WhatsApp, said: dict[str, Any]) -> Heard:
    return channel.read(inbound(meta.packed(said)))


def received(channel: WhatsApp, *messages: dict[str, Any], contacts: Any = ()) -> list[ContactReceived]:
    facts = heard(channel, payload(*messages, contacts=contacts)).facts
    return [told.event for told in facts if isinstance(told.event, ContactReceived)]


def ours(word: str, **more: Any) -> dict[str, Any]:
    name = token("receipt", f"{PHONE_ID}~m-1", SECRETS.tokens)
    return status("wamid.OUT", word, name, **more)


def test_a_text_is_a_contact_from_the_telephone_it_came_from(channel: WhatsApp) -> None:
    said = message("wamid.A==", number=JOELLE, text={"body": "Mag ik parkeren?"})
    [contact] = received(channel, said, contacts=[sender("Joëlle 🌷", JOELLE)])
    assert (contact.channel, contact.kind, contact.address) == ("whatsapp", "phone", "+31612345678")
    assert (contact.text, contact.profile, contact.inbox) == ("Mag ik parkeren?", "Joëlle 🌷", "main")
    assert (contact.address_id, contact.reference, contact.digest) == (PHONE_ID, "wamid.A==", name_digest("wamid.A=="))
    assert contact.at == datetime.fromtimestamp(1795514400, UTC)


def test_a_bsn_in_a_message_is_flagged(channel: WhatsApp) -> None:
    [contact] = received(channel, message("wamid.A==", number=JOELLE, text={"body": "Mijn nummer is 1112.22.333"}))
    assert contact.flags == ("bsn",)


def test_a_body_with_umlauts_and_emoji_is_believed_by_the_bytes_it_came_in(channel: WhatsApp) -> None:
    body = meta.packed(payload(message("wamid.A", number=JOELLE, text={"body": "Ik ben Joëlle 🌷"})))
    assert b"\\u00eb" in body
    [told] = channel.read(inbound(body)).facts
    assert isinstance(told.event, ContactReceived)
    assert told.event.text == "Ik ben Joëlle 🌷"
    unescaped = body.replace(b"\\u00eb", "ë".encode())
    with pytest.raises(Untrusted):
        channel.read(inbound(unescaped, headers={"x-hub-signature-256": meta.signature(body)}))


@pytest.mark.parametrize("wrong", ["", "sha256=", "sha256=00", "sha1=00", "sha256=é"])
def test_a_wrong_or_missing_signature_is_not_believed(channel: WhatsApp, wrong: str) -> None:
    body = meta.packed(payload(message("wamid.A", number=JOELLE, text={"body": "x"})))
    with pytest.raises(Untrusted):
        channel.read(inbound(body, headers={"x-hub-signature-256": wrong}))


def challenge(**more: str) -> Inbound:
    asked = {"hub.mode": "subscribe", "hub.verify_token": meta.VERIFY, "hub.challenge": "1158201444"} | more
    query = "&".join(f"{name}={value}" for name, value in asked.items())
    return inbound(b"", method="GET")._replace(url=f"https://draad.example/webhooks/whatsapp/main?{query}")


def test_the_challenge_comes_back_to_who_knows_our_word(channel: WhatsApp) -> None:
    assert channel.read(challenge()).reply.body == "1158201444"


@pytest.mark.parametrize(
    "wrong",
    [{"hub.verify_token": "guessed"}, {"hub.verify_token": ""}, {"hub.mode": "x"}, {"hub.challenge": "<script>"}],
)
def test_a_challenge_that_is_none_is_not_answered(channel: WhatsApp, wrong: dict[str, str]) -> None:
    with pytest.raises(Untrusted):
        channel.read(challenge(**wrong))


def test_all_messages_and_statuses_of_all_entries_are_facts(channel: WhatsApp) -> None:
    texts = [message(f"wamid.{n}", number=JOELLE, text={"body": str(n)}) for n in range(3)]
    said = payload(*texts, statuses=[ours("sent"), ours("delivered")])
    said["entry"] += payload(message("wamid.3", number=JOELLE, text={"body": "3"}))["entry"]
    said["entry"][0]["changes"] += payload(message("wamid.4", number=JOELLE, text={"body": "4"}))["entry"][0]["changes"]
    events = [told.event for told in heard(channel, said).facts]
    assert sorted(event.text for event in events if isinstance(event, ContactReceived)) == list("01234")
    assert {type(event) for event in events} == {ContactReceived, MessageSent, MessageDelivered}


async def test_the_same_payload_in_parallel_and_days_later_is_one_contact(channel: WhatsApp) -> None:
    engine = Engine(MemoryStore(Disk(), lambda: NOW), clock=lambda: NOW)
    bodies = [meta.packed(payload(one)) for one in meta.album(JOELLE)]
    for n, body in enumerate(meta.again(bodies, random.Random(5))):
        late = inbound(body)._replace(at=NOW + timedelta(days=n % 7))
        await engine.append(*(fact(told.event, key=told.key) for told in channel.read(late).facts))
    log = await engine.read()
    assert len(log) == 5
    assert {envelope.subject for envelope in log} == {f"address/{PHONE_ID}"}
    await engine.close()


KINDS: Final = [
    ("image", {"id": "1", "mime_type": "image/jpeg", "caption": "de kuil"}, "de kuil", ()),
    ("video", {"id": "2", "mime_type": "video/mp4"}, "", ()),
    ("audio", {"id": "3", "mime_type": "audio/ogg; codecs=opus", "voice": True}, "", ("voice",)),
    ("document", {"id": "4", "mime_type": "application/pdf", "filename": "b.pdf"}, "", ()),
    ("sticker", {"id": "5", "mime_type": "image/webp", "animated": False}, "", ()),
    ("image", {"mime_type": "image/jpeg"}, "", ("without-file",)),
    ("location", {"latitude": 52.1, "longitude": 5.1, "name": "Brug"}, "Brug\n52.1, 5.1", ("location",)),
    ("reaction", {"message_id": "wamid.OUT", "emoji": "👍"}, "👍", ("reaction",)),
    ("reaction", {"message_id": "wamid.OUT", "emoji": ""}, "", ("reaction-removed",)),
    ("button", {"text": "Ja", "payload": "yes"}, "Ja", ("choice",)),
    ("interactive", {"type": "button_reply", "button_reply": {"id": "1", "title": "Ja"}}, "Ja", ("choice",)),
    ("interactive", {"type": "list_reply", "list_reply": {"title": "Wijk"}}, "Wijk", ("choice",)),
    ("interactive", {"type": "nfm_reply", "nfm_reply": {"name": "flow", "response_json": "{}"}}, "flow", ("choice",)),
    ("order", {"product_items": [{"product_retailer_id": "zak", "quantity": 2}]}, "2 x zak", ("order",)),
    ("poll_of_tomorrow", {"body": "kies"}, "kies", ("unknown-kind",)),
    ("unsupported", None, "", ("unsupported",)),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "inside", "text", "flags"), KINDS)
def test_every_kind_of_message_is_a_fact(
    channel: WhatsApp, kind: str, inside: Any, text: str, flags: tuple[str, ...]
) -> None:
    [contact] = received(channel, message("wamid.K", kind, JOELLE, **({kind: inside} if inside else {})))
    assert (contact.text, contact.flags) == (text, flags)


def test_a_file_comes_by_reference_and_what_is_strange_is_kept_whole(channel: WhatsApp) -> None:
    file = {"id": "77", "mime_type": "audio/ogg; codecs=opus", "filename": "a\nb.ogg"}
    [contact] = received(channel, message("wamid.F", "audio", JOELLE, audio=file))
    [attachment] = contact.attachments
    assert (attachment.reference, attachment.media_type, attachment.name) == ("main/77", "audio/ogg", "a b.ogg")
    assert (attachment.digest, contact.raw) == ("", "")
    strange = heard(channel, payload(message("wamid.S", "hologram", JOELLE, hologram={"x": 1})))
    [told] = strange.facts
    assert isinstance(told.event, ContactReceived)
    assert b"hologram" in strange.files[told.event.raw]


def test_cards_are_written_out(channel: WhatsApp) -> None:
    cards = [{"name": {"formatted_name": "Loket"}, "phones": [{"phone": "+31 850"}], "emails": [{"email": "a@b.nl"}]}]
    [contact] = received(channel, message("wamid.C", "contacts", JOELLE, contacts=cards))
    assert contact.text == "Loket, +31 850, a@b.nl"


def test_a_reply_refers_to_what_it_answers(channel: WhatsApp) -> None:
    said = message("wamid.R", number=JOELLE, text={"body": "Ja"}, context={"from": "1", "id": "wamid.OUT"})
    [contact] = received(channel, said)
    assert contact.refers_to == (name_digest("wamid.OUT"),)


def test_a_new_number_is_told_and_only_proposed_as_the_same_person(channel: WhatsApp) -> None:
    system = {"type": "user_changed_number", "wa_id": "31687654321", "body": "Joëlle changed"}
    facts = heard(channel, payload(message("wamid.N", "system", JOELLE, system=system))).facts
    [contact, revealed] = [told.event for told in facts]
    assert isinstance(contact, ContactReceived)
    assert (contact.flags, contact.robot) == (("number-changed",), "system")
    assert isinstance(revealed, AddressRevealed)
    assert (revealed.address_id, revealed.address, revealed.certainty) == (PHONE_ID, "+31687654321", "proposed")


def test_somebody_without_a_number_has_the_address_that_meta_made_of_them(channel: WhatsApp) -> None:
    said = message("wamid.U", user=USER, text={"body": "Hallo"})
    [contact] = received(channel, said, contacts=[sender("Joëlle", user=USER)])
    assert (contact.kind, contact.address, contact.address_id) == ("whatsapp-user", USER, USER_ID)


def test_a_number_that_is_revealed_later_is_linked_to_the_user_once(channel: WhatsApp) -> None:
    first = received(channel, message("wamid.1", user=USER, text={"body": "Hallo"}))
    both = [message(f"wamid.{n}", number=JOELLE, user=USER, text={"body": str(n)}) for n in (2, 3)]
    facts = [told.event for told in heard(channel, payload(*both)).facts]
    revealed = [event for event in facts if isinstance(event, AddressRevealed)]
    assert [one.address_id for one in first] == [USER_ID]
    assert {event.address_id for event in facts if isinstance(event, ContactReceived)} == {PHONE_ID}
    [link] = revealed
    assert (link.address_id, link.other_id, link.kind) == (USER_ID, PHONE_ID, "phone")
    assert (link.address, link.certainty) == (f"+{JOELLE}", "certain")


def test_who_tells_no_address_is_still_heard(channel: WhatsApp) -> None:
    [contact] = received(channel, message("wamid.X", text={"body": "Hallo"}))
    assert (contact.kind, contact.address, contact.flags) == ("unknown", "", ("no-address",))
    assert contact.address_id == f"unknown.{contact.contact_id}"


def test_each_message_is_from_its_own_sender(channel: WhatsApp) -> None:
    two = [message("wamid.1", number=JOELLE, text={"body": "a"}), message("wamid.2", user=USER, text={"body": "b"})]
    contacts = [sender("Karim", user=USER), sender("Joëlle", JOELLE)]
    assert [one.profile for one in received(channel, *two, contacts=contacts)] == ["Joëlle", "Karim"]


def test_nobody_is_taken_for_somebody_else_in_the_same_payload(channel: WhatsApp) -> None:
    two = [message("wamid.1", number=JOELLE, text={"body": "a"}), message("wamid.2", number="31687654321")]
    facts = [told.event for told in heard(channel, payload(*two, contacts=[sender("Joëlle", JOELLE, USER)])).facts]
    assert [event.profile for event in facts if isinstance(event, ContactReceived)] == ["Joëlle", ""]
    assert [event.other_id for event in facts if isinstance(event, AddressRevealed)] == [PHONE_ID]


def test_a_sender_who_is_alone_in_a_payload_may_be_named_in_another_spelling(channel: WhatsApp) -> None:
    said = message("wamid.1", number="5516992318222", text={"body": "a"})
    [contact] = received(channel, said, contacts=[sender("Ana", "551692318222")])
    assert (contact.profile, contact.address) == ("Ana", "+5516992318222")


def test_statuses_in_every_order_are_the_same_facts(channel: WhatsApp) -> None:
    failed = ours("failed", errors=[{"code": 131026, "title": "undeliverable"}])
    several = [ours("sent"), ours("delivered"), ours("read"), failed]
    seen = set()
    for order in itertools.permutations(several):
        told = [one for status in order for one in heard(channel, payload(statuses=[status])).facts]
        seen.add(frozenset(fact(one.event, key=one.key) for one in told))
    [facts] = seen
    assert {envelope.subject for envelope in facts} == {f"address/{PHONE_ID}"}
    assert len(facts) == 4


def test_a_status_names_our_message_before_we_wrote_down_that_it_was_sent(channel: WhatsApp) -> None:
    [delivered] = [told.event for told in heard(channel, payload(statuses=[ours("delivered")])).facts]
    assert isinstance(delivered, MessageDelivered)
    assert (delivered.message_id, delivered.address_id, delivered.reference) == ("m-1", PHONE_ID, "wamid.OUT")


def test_why_it_failed_is_said_in_our_words(channel: WhatsApp) -> None:
    codes = {131047: "window-closed", 131026: "not-on-whatsapp", 999: "refused"}
    for code, reason in codes.items():
        [failed] = heard(channel, payload(statuses=[ours("failed", errors=[{"code": code}])])).facts
        assert isinstance(failed.event, MessageFailed)
        assert failed.event.reason == reason


@pytest.mark.parametrize("forged", ["", "x", f"{PHONE_ID}~m-1.aaaaaaaaaaaaaaaaaaaaaaaaaa"])
def test_a_status_of_a_message_that_is_not_ours_is_kept_apart(channel: WhatsApp, forged: str) -> None:
    [told] = heard(channel, payload(statuses=[status("wamid.ELSE", "read", forged)])).facts
    assert isinstance(told.event, MessageRead)
    assert told.event.message_id.startswith("orphan.")
    assert (told.event.address_id, told.event.reference) == (PHONE_ID, "wamid.ELSE")


def test_what_nobody_can_read_of_a_batch_is_set_aside_and_the_rest_is_taken(channel: WhatsApp) -> None:
    bad: Any = {"type": "text", "timestamp": [], "from": {}}
    good = message("wamid.G", number=JOELLE, text={"body": "goed"})
    answer = heard(channel, payload(bad, good, statuses=[ours("warped")], errors=[{"code": 1}], news="of 2030"))
    entered = [told.event for told in answer.facts if isinstance(told.event, QuarantineEntered)]
    assert sorted(event.cause for event in entered) == ["provider-error", "unknown-status", "without-id"]
    assert all(answer.files[event.digest] for event in entered)
    assert sum(isinstance(told.event, ContactReceived) for told in answer.facts) == 1


def test_news_about_our_account_is_set_aside_for_whoever_keeps_it(channel: WhatsApp) -> None:
    said = {"entry": [{"id": "1", "changes": [{"field": "account_update", "value": {"event": "BAN"}}]}]}
    [told] = heard(channel, said).facts
    assert isinstance(told.event, QuarantineEntered)
    assert told.event.cause == "account-news"


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"\xff", b'{"entry":{}}', b'{"entry":[{"changes":[{"value":7}]}]}', b"[" * 100_000,
     b'{"entry":[{"changes":[{"field":"messages","value":{"messages":[1]}}]}]}'],
)  # fmt: skip
def test_what_is_signed_and_not_readable_is_refused_in_a_sentence(channel: WhatsApp, body: bytes) -> None:
    with pytest.raises(Refused):
        channel.read(inbound(body))


@pytest.mark.parametrize("odd", [None, 7, [], {}, "x\x00y", "\ud800", True, 1e300])
@pytest.mark.parametrize("kind", ["text", "image", "contacts", "order", "interactive", "reaction", "system", 5, None])
def test_nothing_that_a_message_may_hold_breaks_the_reading(channel: WhatsApp, kind: Any, odd: Any) -> None:
    said = {"id": "wamid.O", "from": odd, "timestamp": odd, "type": kind, "context": odd, "errors": odd}
    inside = {"body": odd, "id": odd, "name": odd, "message_id": odd, "type": odd, "product_items": odd, "phones": odd}
    for content in (odd, inside, [odd], [inside]):
        told = heard(channel, payload(said | {str(kind): content}, contacts=[{"profile": odd, "wa_id": odd}])).facts
        for one in told:
            assert fact(one.event, key=one.key)


def test_a_number_of_another_inbox_goes_to_that_inbox_and_one_of_nobody_is_refused(channel: WhatsApp) -> None:
    several = {
        "main": inbox(),
        "parking": inbox(phone_number_id="2000000000"),
        "other-app": inbox(phone_number_id="3000000000", app_secret="another-secret"),
    }
    said = message("wamid.P", number=JOELLE, text={"body": "x"})
    several_numbers = WhatsApp(several, SECRETS)
    [told] = several_numbers.read(inbound(meta.packed(payload(said, number_id="2000000000")))).facts
    assert isinstance(told.event, ContactReceived)
    assert told.event.inbox == "parking"
    for stranger in ("3000000000", "4000000000"):
        with pytest.raises(Refused):
            several_numbers.read(inbound(meta.packed(payload(said, number_id=stranger))))
