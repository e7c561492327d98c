"""Twilio is believed by its own library's signature, over the address that it knows and all that it sent."""

import json
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.channel import Inbound, Secrets
from channels.phone import Inbox, Phone, open_channel
from channels.twilio import BODY_BYTES_MAX
from schemas.contact import ContactReceived
from schemas.errors import Refused, Untrusted
from schemas.event import fact
from simulation.twilio import ARRIVAL, PUBLIC, TOKEN, Callback, Voice, as_json, inbound, with_more

SECRETS: Final = Secrets(b"a pepper", b"a key for tokens")
HOME: Final = f"{PUBLIC}/webhooks/phone/main"
SETTINGS: Final = {"auth_tokens": [TOKEN], "targets": {"anna": {"client": "anna"}}, "connect": "anna"}


def phone(**more: Any) -> Phone:
    return open_channel({"main": Inbox.model_validate(SETTINGS | more)}, SECRETS, PUBLIC)


ROAD: Final = phone()


@pytest.mark.parametrize(
    "signed_as", [HOME, "https://contact.example.nl:443/webhooks/phone/main"], ids=["without port", "with port"]
)
def test_twilio_may_sign_the_address_with_its_port_or_without(signed_as: str) -> None:
    assert ROAD.read(inbound(Voice().rings(), as_signed=signed_as)).facts


def test_the_configured_address_is_what_was_signed_whatever_a_proxy_made_of_it() -> None:
    road = open_channel({"main": Inbox.model_validate(SETTINGS)}, SECRETS, "https://gemeente.example:8443/draad/")
    known = "https://gemeente.example:8443/draad/webhooks/phone/main?x=%2F&y="
    seen = inbound(Voice().rings(), as_signed=known)._replace(url="http://10.0.0.7:8000/webhooks/phone/main?x=%2F&y=")
    assert road.read(seen).facts


def test_repeated_blank_unknown_and_unusual_parameters_are_signed_as_they_came() -> None:
    more = [
        ("Tag", "b"),
        ("Tag", "a"),
        ("Tag", "a"),
        ("Blank", ""),
        ("NewIn2027", "ja"),
        ("CallerName", "Joëlle 🌷 & co"),
    ]
    [told] = ROAD.read(inbound(with_more(Voice().rings(), more))).facts
    assert isinstance(told.event, ContactReceived)
    assert told.event.profile == "Joëlle 🌷 & co"


def test_a_json_body_is_believed_by_its_hash_and_not_without() -> None:
    body = json.dumps(dict(Voice().own("ringing"))).encode()
    request = as_json(HOME, body)
    assert ROAD.read(request).facts
    for forged in (request._replace(body=body + b" "), request._replace(url=HOME)):
        with pytest.raises(Untrusted):
            ROAD.read(forged)


GOOD: Final = inbound(Voice().rings())
FORGED: Final = {
    "wrong key": inbound(Voice().rings(), token="another"),
    "no signature": GOOD._replace(headers={}),
    "another body": GOOD._replace(body=GOOD.body + b"&From=%2B31600000000"),
    "another address": GOOD._replace(url=f"{HOME}?agent=mallory"),
    "another inbox": GOOD._replace(url=f"{PUBLIC}/webhooks/phone/mainland"),
    "GET": GOOD._replace(method="GET"),
    "huge": GOOD._replace(body=b"a=" + b"b" * BODY_BYTES_MAX),
    "many fields": GOOD._replace(body=b"a=&" * 1_000),
    "no UTF-8": GOOD._replace(body=b"\xff\xfe"),
    "hostile JSON": GOOD._replace(headers={**GOOD.headers, "content-type": "application/json"}, body=b"[" * 50_000),
    "odd signature": GOOD._replace(headers={**GOOD.headers, "x-twilio-signature": "\udcff" * 28}),
}


@pytest.mark.parametrize("name", FORGED)
def test_what_twilio_did_not_sign_comes_to_nothing(name: str) -> None:
    assert ROAD.read(GOOD).facts
    with pytest.raises(Untrusted):
        ROAD.read(FORGED[name])


def test_the_old_token_is_good_while_it_is_being_replaced() -> None:
    road = phone(auth_tokens=["the new one", TOKEN])
    assert road.read(inbound(Voice().rings())).facts


@given(st.binary(max_size=300), st.dictionaries(st.text(max_size=30), st.text(max_size=30), max_size=5))
@settings(max_examples=200, deadline=None)
def test_whatever_comes_is_refused_by_name(body: bytes, headers: dict[str, str]) -> None:
    with pytest.raises(Untrusted):
        ROAD.read(Inbound("main", HOME, headers, body, ARRIVAL))


@given(st.dictionaries(st.sampled_from(["From", "CallSid", "CallStatus", "Timestamp", "SequenceNumber", "CallerName",
       "CallDuration", "Direction", "ParentCallSid", "To"]), st.text(max_size=400), min_size=1),
       st.sampled_from(["", "/status", "/dialled", "/queued", "/bridged", "/leg"]))  # fmt: skip
@settings(max_examples=300, deadline=None)
def test_whatever_twilio_signs_is_kept_or_refused_by_name(fields: dict[str, str], step: str) -> None:
    params = dict(Voice().own("completed", DialCallStatus="busy")) | fields
    request = inbound(Callback(HOME + step, list(params.items())))
    said = ""
    try:
        for told in ROAD.read(request).facts:
            fact(told.event, key=told.key)
    except Refused as error:
        said = str(error)
    assert not any(value in said for value in fields.values() if len(value) > 20)


@pytest.mark.parametrize(
    "body", [b"[" * 50_000, b"[]", b'{"CallSid": "\\ud800"}', b"{", b'{"a": "%s"}' % (b"b" * BODY_BYTES_MAX)]
)
def test_json_that_is_signed_but_cannot_be_read_is_refused(body: bytes) -> None:
    with pytest.raises(Refused):
        ROAD.read(as_json(HOME, body))


def test_a_form_that_is_signed_and_too_large_is_refused() -> None:
    with pytest.raises(Refused):
        ROAD.read(inbound(with_more(Voice().rings(), [("Tag", "b" * BODY_BYTES_MAX)])))
