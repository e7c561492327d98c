"""A form on the website becomes one contact: whole, once, believed only when signed, and without a BSN."""

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from channels.bsn import MASK, without_bsn
from channels.channel import Heard, Inbound, Secrets
from channels.signed import secret, sign
from channels.web import FIELDS_MAX, Inbox, open_channel
from draad.roads import Plan, Roads
from engine.blobs import MemoryBlobs
from schemas.contact import ContactReceived
from schemas.errors import DraadError, Refused, Untrusted
from schemas.event import TEXT_CHARS_MAX, fact
from tests.rooms import rooms

NOW: Final = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
BSN: Final = "123456782"
KEY: Final = "whsec_" + base64.b64encode(b"k" * 24).decode()
OTHER: Final = "whsec_" + base64.b64encode(b"o" * 24).decode()
SHARED: Final = "a-secret-that-both-of-us-know-well"
SAMPLE: Final = json.loads((Path(__file__).parent.parent / "samples/web/open-forms.json").read_text())["body"].encode()
WEB: Final = open_channel(
    {
        "forms": Inbox(signing=SecretStr(KEY), signing_before=SecretStr(OTHER)),
        "tool": Inbox(shared=SecretStr(SHARED), reference="submission_id", title="Contact", product="algemeen"),
    },
    Secrets(b"pepper", b"tokens"),
    "https://example.nl",
)


def signed(body: bytes, name: str = "msg_1", key: str = KEY, at: datetime = NOW, inbox: str = "forms") -> Inbound:
    stamp = str(int(at.timestamp()))
    headers = {
        "content-type": "application/json",
        "webhook-id": name,
        "webhook-timestamp": stamp,
        "webhook-signature": sign(secret(key), name, stamp, body),
    }
    return Inbound(inbox, f"https://example.nl/webhooks/web/{inbox}", headers, body, NOW)


def shared(body: bytes, media_type: str = "application/json", **headers: str) -> Inbound:
    said = {"content-type": media_type, "authorization": f"Bearer {SHARED}"} | headers
    return Inbound("tool", "https://example.nl/webhooks/web/tool", said, body, NOW)


def contact(heard: Heard) -> ContactReceived:
    [told] = heard.facts
    assert isinstance(told.event, ContactReceived)
    fact(told.event, key=told.key)
    return told.event


def form(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


def test_what_a_form_tool_really_sends_is_one_contact_with_everything_on_it() -> None:
    event = contact(WEB.read(signed(SAMPLE)))
    assert (event.channel, event.inbox, event.title) == ("web", "forms", "Melding openbare ruimte")
    assert (event.kind, event.address, event.profile) == ("email", "zoe.de.wit@example.nl", "Zoë de Wít")
    assert event.at == datetime(2026, 11, 23, 7, 58, tzinfo=UTC)
    assert event.flags == ("bsn-removed",)
    assert event.text.startswith("De lantaarnpaal is stuk ☹️\n=HYPERLINK")
    for line in (
        "Telefoonnummer: 06 1234 5678",
        "Locatie.straat: Dorpsstraat",
        "Locatie.nummer: 12",
        "Kinderen.2.naam: Sien",
        "Akkoord: ja",
        "Onbekend nieuw veld: <script>alert(1)</script>",
        f"Burgerservicenummer: {MASK}",
    ):
        assert line in event.text.splitlines()
    assert BSN not in str(event)


def test_the_same_again_is_the_same_contact_though_it_comes_days_later_and_is_signed_anew() -> None:
    first, later = signed(SAMPLE), signed(SAMPLE)._replace(at=NOW + timedelta(seconds=200))
    one, again = (WEB.read(inbound).facts[0] for inbound in (first, later))
    assert (one.key, contact(WEB.read(first)).contact_id) == (again.key, contact(WEB.read(later)).contact_id)
    assert fact(one.event, key=one.key).id == fact(again.event, key=again.key).id
    assert WEB.read(signed(SAMPLE, name="msg_2")).facts[0].key != one.key


def test_a_tool_without_signatures_is_known_by_a_secret_and_its_own_id() -> None:
    body = form(submission_id="s1", vraag="Hoe laat?", telefoon="0612345678")
    event = contact(WEB.read(shared(body)))
    assert (event.kind, event.address, event.title, event.product) == ("phone", "+31612345678", "Contact", "algemeen")
    again = contact(WEB.read(shared(form(submission_id="s1", vraag="Hoe laat?", extra="later"))))
    assert again.contact_id == event.contact_id
    other = [contact(WEB.read(shared(form(vraag=text)))).contact_id for text in ("een", "twee", "een")]
    assert other[0] == other[2] != other[1]
    by_header = shared(body)._replace(headers={"x-webhook-secret": SHARED})
    assert contact(WEB.read(by_header)).contact_id == event.contact_id


def test_a_form_as_a_browser_sends_it_is_read_with_its_repeated_and_blank_fields() -> None:
    fields = [("vraag", "Één ë en 👍"), ("keuze", "a"), ("keuze", "b"), ("leeg", ""), ("e-mail", "jan@example.nl")]
    event = contact(WEB.read(shared(urlencode(fields).encode(), "application/x-www-form-urlencoded; charset=utf-8")))
    assert event.text.splitlines() == ["Één ë en 👍", "Keuze: a", "Keuze: b", "E-mail: jan@example.nl"]
    assert event.address == "jan@example.nl"


@pytest.mark.parametrize("given_id", ["id", "data.id", "product.id"])
def test_a_field_that_is_only_called_id_never_makes_one_of_two_submissions(given_id: str) -> None:
    texts = ("een", "twee")
    assert len({contact(WEB.read(shared(form(**{given_id: "5", "vraag": text})))).contact_id for text in texts}) == 2


def test_whoever_gives_no_address_is_filed_under_the_contact_itself() -> None:
    event = contact(WEB.read(shared(form(vraag="Wie?", partner={"email": "iemand@anders.nl"}))))
    assert (event.address_id, event.kind, event.address) == (f"unknown.{event.contact_id}", "unknown", "")
    assert "Partner.email: iemand@anders.nl" in event.text


@pytest.mark.parametrize(
    "said",
    [
        {"vraag": f"Mijn bsn is {BSN}."},
        {"vraag": "Mijn bsn is 1234.56.782"},
        {"opmerking": "123 456 782"},
        {"bsn": "iets"},
        {"Sofi-nummer": BSN},
        {"nummer": 123456782},
        {"telefoon": BSN},
        {"naam": BSN},
        {"email": f"{BSN}@example.nl"},
        {"data": {"persoon": {"bsn": BSN}}},
        {BSN: "een veld"},
        {"submission_id": BSN},
    ],
)
def test_a_bsn_is_never_kept_wherever_it_stands(said: dict[str, Any]) -> None:
    heard = WEB.read(shared(form(**said)))
    event = contact(heard)
    digits = event.model_dump_json().replace(".", "").replace(" ", "")
    assert BSN not in digits
    assert not any(BSN.encode() in data for data in heard.files.values())


def test_a_telephone_number_of_nine_digits_is_no_bsn() -> None:
    event = contact(WEB.read(shared(form(telefoon="612345678"))))
    assert (event.address, event.flags) == ("+31612345678", ())
    assert without_bsn("IBAN NL91ABNA0417164300 en zaak 123456789") == "IBAN NL91ABNA0417164300 en zaak 123456789"


def test_a_text_past_the_limit_is_kept_whole_beside_its_beginning() -> None:
    heard = WEB.read(shared(form(vraag="x" * TEXT_CHARS_MAX + " einde", bsn=BSN)))
    event = contact(heard)
    assert set(event.flags) == {"bsn-removed", "cut-off"}
    [(digest, data)] = heard.files.items()
    assert (event.attachments[0].digest, len(event.text)) == (digest, TEXT_CHARS_MAX)
    assert data.decode().endswith(f"Bsn: {MASK}")
    assert "einde" in data.decode()


@pytest.mark.parametrize("sign_of", ["\x01", "\r\n", "👍", '"', "é"])
def test_a_text_of_the_longest_signs_there_are_still_fits_on_the_log(sign_of: str) -> None:
    contact(WEB.read(shared(form(vraag=sign_of * TEXT_CHARS_MAX, naam="👍" * 300, form="👍" * 300))))


WRONG: Final = {
    "no headers": signed(SAMPLE)._replace(headers={}),
    "another key": signed(SAMPLE, key="whsec_" + base64.b64encode(b"x" * 24).decode()),
    "another body": signed(SAMPLE)._replace(body=SAMPLE + b" "),
    "another id": signed(SAMPLE)._replace(headers={**signed(SAMPLE).headers, "webhook-id": "msg_9"}),
    "too old": signed(SAMPLE, at=NOW - timedelta(minutes=6)),
    "from the future": signed(SAMPLE, at=NOW + timedelta(minutes=6)),
    "an inbox that is not there": signed(SAMPLE, inbox="elders"),
    "no secret": shared(SAMPLE, authorization=""),
    "a wrong secret": shared(SAMPLE, authorization=f"Bearer {SHARED}x"),
    "a secret that is no ASCII": shared(SAMPLE, authorization="Bearer é\udcff"),
    "another scheme": shared(SAMPLE, authorization=f"Basic {SHARED}"),
}


@pytest.mark.parametrize("inbound", WRONG.values(), ids=WRONG)
def test_what_is_not_signed_as_it_should_be_is_not_believed(inbound: Inbound) -> None:
    with pytest.raises(Untrusted):
        WEB.read(inbound)


def test_the_secret_before_is_believed_too_while_it_is_being_replaced() -> None:
    assert WEB.read(signed(SAMPLE, key=OTHER)).facts


BAD: Final = {
    "nothing": b"",
    "no JSON": b"hallo",
    "no UTF-8": b'{"vraag": "\xff"}',
    "a list": b"[]",
    "NUL": b'{"vraag": "\\u0000"}',
    "a lone surrogate": b'{"vraag": "\\ud800"}',
    "too deep": b'{"a":' * 40 + b"1" + b"}" * 40,
    "a million deep": b"[" * 400_000,
    "too many fields": json.dumps({str(n): n for n in range(FIELDS_MAX + 1)}).encode(),
    "too large": b'"' + b"x" * 500_001 + b'"',
}


@pytest.mark.parametrize("body", BAD.values(), ids=BAD)
def test_what_is_signed_but_cannot_be_read_is_refused_without_a_word_of_it(body: bytes) -> None:
    with pytest.raises(Refused) as caught:
        WEB.read(signed(body))
    assert "hallo" not in str(caught.value)


def test_a_form_of_too_many_fields_as_a_browser_sends_it_is_refused() -> None:
    body = urlencode([("a", "1")] * (FIELDS_MAX + 1)).encode()
    with pytest.raises(Refused):
        WEB.read(shared(body, "application/x-www-form-urlencoded"))


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(
    st.dictionaries(st.sampled_from(["vraag", "email", "telefoon", "naam", "taal", "at", "bsn"]) | st.text(), values)
)
def test_whatever_a_form_holds_it_is_a_contact_or_a_refusal(fields: dict[str, Any]) -> None:
    inbound = shared(json.dumps(fields).encode())
    try:
        heard = WEB.read(inbound)
    except DraadError:
        return
    assert WEB.read(inbound) == heard
    contact(heard)


@pytest.mark.parametrize(
    "said",
    [{}, {"signing": KEY, "shared": SHARED}, {"shared": "short"}, {"signing": "x"}, {"signing": KEY, "other": 1}],
)
def test_an_inbox_that_is_set_wrong_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Inbox.model_validate(said)


async def test_over_the_road_it_is_kept_before_it_is_answered_with_its_file() -> None:
    blobs = MemoryBlobs()
    inboxes = {"tool": Inbox(shared=SecretStr(SHARED))}
    web = open_channel(inboxes, Secrets(b"pepper", b"tokens"), "https://example.nl")
    async with rooms(roads=Roads(Plan("https://example.nl", {"web": inboxes}), {"web": web}), blobs=blobs) as house:
        body = form(vraag="x" * (TEXT_CHARS_MAX + 1))
        headers = {"authorization": f"Bearer {SHARED}", "content-type": "application/json"}
        for _ in range(2):
            assert (await house.client.post("/webhooks/web/tool", content=body, headers=headers)).status_code == 200
        forged = await house.client.post("/webhooks/web/tool", content=body, headers=headers | {"authorization": "x"})
        assert forged.status_code == 403
        [envelope] = await house.engine.read()
        event = ContactReceived.model_validate_json(envelope.data)
        assert await blobs.get(event.attachments[0].digest) == b"x" * (TEXT_CHARS_MAX + 1)
