"""A letter that the post room registers is one contact, with its scan, on the day that it came in."""

import base64
import json
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic import SecretStr

from channels.channel import Heard, Inbound, Secrets
from channels.letter import SCAN_BYTES_MAX, Inbox, open_channel
from channels.signed import secret, sign
from draad.roads import Plan, Roads
from engine.blobs import MemoryBlobs
from schemas.contact import ContactReceived
from schemas.errors import Refused, Untrusted
from schemas.event import fact
from tests.rooms import rooms

NOW: Final = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
KEY: Final = "whsec_" + base64.b64encode(b"k" * 24).decode()
SAMPLE: Final = json.loads((Path(__file__).parent.parent / "samples/letter/scan.json").read_text())["body"].encode()
LETTERS: Final = open_channel({"post": Inbox(signing=SecretStr(KEY))}, Secrets(b"pepper", b"tokens"), "https://e.nl")


def sent(body: bytes, name: str = "scan-1") -> Inbound:
    stamp = str(int(NOW.timestamp()))
    headers = {
        "webhook-id": name,
        "webhook-timestamp": stamp,
        "webhook-signature": sign(secret(KEY), name, stamp, body),
    }
    return Inbound("post", "https://e.nl/webhooks/letter/post", headers, body, NOW)


def changed(**fields: Any) -> bytes:
    return json.dumps(json.loads(SAMPLE) | fields).encode()


def contact(heard: Heard) -> ContactReceived:
    [told] = heard.facts
    assert isinstance(told.event, ContactReceived)
    fact(told.event, key=told.key)
    return told.event


def test_a_letter_is_a_contact_with_its_scan() -> None:
    heard = LETTERS.read(sent(SAMPLE))
    event = contact(heard)
    assert (event.channel, event.inbox, event.title) == ("letter", "post", "Bezwaar aanslag")
    assert event.at == datetime(2026, 11, 20, 11, 0, tzinfo=UTC)
    assert (event.kind, event.address) == ("post", "J. de Vries, Dorpsstraat 12, 1234 AB Voorbeeld")
    assert (event.text, event.flags) == (
        "Hierbij maak ik bezwaar. Mijn nummer is [nummer weggehaald].",
        ("bsn-removed",),
    )
    [(digest, scan)] = heard.files.items()
    assert scan.startswith(b"%PDF-1.4")
    [attached] = event.attachments
    assert (attached.digest, attached.media_type, attached.size_bytes) == (digest, "application/pdf", len(scan))


def test_a_letter_that_is_told_twice_is_one_contact() -> None:
    keys = {LETTERS.read(sent(SAMPLE, name)).facts[0].key for name in ("scan-1", "scan-2")}
    assert len(keys) == 1
    assert LETTERS.read(sent(changed(reference="POST-2"))).facts[0].key not in keys


def test_the_same_sender_is_the_same_address_however_it_is_written() -> None:
    one, other, third = (
        contact(LETTERS.read(sent(changed(sender=sender)))).address_id
        for sender in ("J. de Vries, Dorpsstraat 12", "j. DE VRIES,  Dorpsstraat 12", "P. de Vries, Dorpsstraat 12")
    )
    assert one == other != third


def test_a_letter_without_a_sender_or_scan_is_kept_too() -> None:
    body = json.dumps({"reference": "p1", "received": "2026-11-23"}).encode()
    event = contact(LETTERS.read(sent(body)))
    assert (event.address_id, event.attachments) == (f"unknown.{event.contact_id}", ())
    assert event.at == NOW, "noon is still to come"


def test_a_scan_that_stays_with_the_scanner_is_named() -> None:
    event = contact(LETTERS.read(sent(changed(scan="", scan_reference="dms:4711"))))
    assert event.attachments[0].reference == "dms:4711"


def test_a_bsn_is_kept_nowhere() -> None:
    body = changed(reference="123456782", sender="123456782", title="bsn 123456782")
    assert "123456782" not in contact(LETTERS.read(sent(body))).model_dump_json()


def test_a_text_of_signs_that_no_scanner_should_read_still_fits_on_the_log() -> None:
    assert contact(LETTERS.read(sent(changed(text="\x01" * 15_000)))).text == " " * 15_000


BAD: Final = {
    "no JSON": b"brief",
    "no UTF-8": b"\xff",
    "no day": json.dumps({"reference": "p1"}).encode(),
    "no such day": changed(received="2026-02-30"),
    "tomorrow": changed(received="2026-11-24"),
    "long ago": changed(received="1999-12-31"),
    "no base64": changed(scan="<pdf>"),
    "a scan that was damaged": changed(scan_digest=sha256(b"another").hexdigest()),
    "a scan too large": changed(scan=base64.b64encode(b"x" * (SCAN_BYTES_MAX + 1)).decode()),
    "a field we do not know": changed(secret="Jan"),
    "a text of NUL": changed(text="\x00"),
}


@pytest.mark.parametrize("body", BAD.values(), ids=BAD)
def test_a_letter_that_cannot_be_read_is_refused_without_a_word_of_it(body: bytes) -> None:
    with pytest.raises(Refused) as caught:
        LETTERS.read(sent(body))
    assert "Jan" not in str(caught.value)


def test_what_is_not_signed_is_not_believed() -> None:
    for inbound in (
        sent(SAMPLE)._replace(headers={}),
        sent(SAMPLE)._replace(body=SAMPLE + b" "),
        sent(SAMPLE)._replace(inbox="x"),
    ):
        with pytest.raises(Untrusted):
            LETTERS.read(inbound)


async def test_a_letter_with_a_large_scan_comes_over_the_road_and_its_scan_is_kept() -> None:
    blobs = MemoryBlobs()
    inboxes = {"post": Inbox(signing=SecretStr(KEY))}
    letters = open_channel(inboxes, Secrets(b"pepper", b"tokens"), "https://e.nl")
    roads = Roads(Plan("https://e.nl", {"letter": inboxes}), {"letter": letters})
    scan = b"%PDF-1.7" + b"x" * (SCAN_BYTES_MAX - 8)
    body = changed(scan=base64.b64encode(scan).decode())
    async with rooms(roads=roads, blobs=blobs) as house:
        answer = await house.client.post("/webhooks/letter/post", content=body, headers=dict(sent(body).headers))
        assert answer.status_code == 200
        [envelope] = await house.engine.read()
        event = ContactReceived.model_validate_json(envelope.data)
        assert await blobs.get(event.attachments[0].digest) == scan
