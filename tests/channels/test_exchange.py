"""Any exchange can tell about calls, by small JSON messages that it signs."""

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.channel import Inbound, Secrets
from channels.phone import Inbox, open_channel
from channels.signed import TOLERANCE_S, sign
from channels.twilio import BODY_BYTES_MAX
from schemas.contact import (
    ContactAnswered,
    ContactEnded,
    ContactMissed,
    ContactReceived,
    ContactTransferred,
)
from schemas.errors import Refused, Untrusted
from schemas.event import fact
from simulation.twilio import ARRIVAL, PUBLIC, TOKEN, Voice, inbound

SECRETS: Final = Secrets(b"a pepper", b"a key for tokens")
KEY: Final = base64.b64encode(b"a signing secret of 24 bytes or more").decode()
SETTINGS: Final = {"signing_secrets": [f"whsec_{KEY}"]}
AT_TWILIO: Final = {"auth_tokens": [TOKEN], "targets": {"anna": {"client": "anna"}}, "connect": "anna"}
EXCHANGE: Final = open_channel(
    {"exchange": Inbox.model_validate(SETTINGS), "main": Inbox.model_validate(AT_TWILIO)}, SECRETS, PUBLIC
)
NOW: Final = int(ARRIVAL.timestamp())
RINGING: Final = {"type": "ringing", "call_id": "k7", "from": "0612345678", "at": "2026-11-23T09:00:00+00:00"}


def event_of(
    said: object, *, key: str = KEY, name: str = "m1", timestamp: int = NOW, at: datetime = ARRIVAL
) -> Inbound:
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    signature = sign(base64.b64decode(key), name, str(timestamp), body)
    headers = {"webhook-id": name, "webhook-timestamp": str(timestamp), "webhook-signature": f"v1,b3RoZXI= {signature}"}
    return Inbound("exchange", f"{PUBLIC}/webhooks/phone/exchange", headers, body, at)


def told_by(*said: dict[str, Any]) -> list[Any]:
    return [told.event for each in said for told in EXCHANGE.read(event_of(each)).facts]


def test_any_exchange_can_tell_a_whole_call() -> None:
    leg = {"leg_id": "k7-2", "agent": "anna"}
    events = told_by(
        RINGING | {"choices": ["Belastingen", "2: bezwaar"]},
        RINGING | leg | {"type": "answered"},
        RINGING | leg | {"type": "transferred", "to": "burgerzaken"},
        RINGING | {"type": "ended", "leg_id": "k7-2"},
        RINGING | {"type": "missed", "reason": "busy"},
        RINGING | {"type": "ended"},
    )
    assert [type(event) for event in events] == [
        ContactReceived, ContactAnswered, ContactTransferred, ContactEnded, ContactMissed, ContactEnded,
    ]  # fmt: skip
    assert events[0].text == "Belastingen\n2: bezwaar"
    assert (events[0].address, events[0].reference) == ("+31612345678", "k7")
    assert (events[1].agent_id, events[1].leg_id, events[2].to) == ("anna", "k7-2", "burgerzaken")
    assert (events[3].leg_id, events[4].reason, events[5].leg_id) == ("k7-2", "busy", "")
    assert len({(event.contact_id, event.address_id) for event in events}) == 1


def test_one_telephone_is_one_address_whichever_exchange_it_calls() -> None:
    assert told_by(RINGING)[0].subject == EXCHANGE.read(inbound(Voice().rings())).facts[0].event.subject


def test_a_replayed_event_is_the_same_fact_and_refused_after_five_minutes() -> None:
    again = event_of(RINGING, at=ARRIVAL + timedelta(seconds=TOLERANCE_S))
    told = [*EXCHANGE.read(event_of(RINGING)).facts, *EXCHANGE.read(again).facts]
    assert len({fact(each.event, key=each.key).id for each in told}) == 1
    for late in (TOLERANCE_S + 1, -TOLERANCE_S - 1):
        with pytest.raises(Untrusted):
            EXCHANGE.read(event_of(RINGING, at=ARRIVAL + timedelta(seconds=late)))


def test_a_replay_under_another_id_or_time_is_not_believed() -> None:
    good = event_of(RINGING)
    for name, value in (("webhook-id", "m2"), ("webhook-timestamp", str(NOW + 1)), ("webhook-signature", "v1,")):
        with pytest.raises(Untrusted):
            EXCHANGE.read(good._replace(headers=dict(good.headers) | {name: value}))


def test_an_event_of_another_key_body_or_method_or_without_signature_is_not_believed() -> None:
    good = event_of(RINGING)
    other = base64.b64encode(b"another secret of 24 bytes or more").decode()
    forged = (
        event_of(RINGING, key=other),
        good._replace(body=good.body + b" "),
        good._replace(method="GET"),
        good._replace(headers={}),
        event_of(b" " * (BODY_BYTES_MAX + 1)),
        good._replace(headers=dict(good.headers) | {"webhook-timestamp": "1" * 400}),
    )
    for request in forged:
        with pytest.raises(Untrusted):
            EXCHANGE.read(request)


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"[" * 60_000,
        b'{"type": "ringing", "call_id": "\\ud800"}',
        RINGING | {"type": "conferenced"},
        RINGING | {"call_id": ""},
        RINGING | {"at": "2026-11-23T09:00:00"},
        RINGING | {"from": None},
        RINGING | {"choices": ["x"] * 21},
        RINGING | {"type": "transferred"},
        RINGING | {"from": "9" * 201},
    ],
)
def test_an_event_that_cannot_be_read_is_refused_without_a_word_of_it(said: object) -> None:
    with pytest.raises(Refused) as refused:
        EXCHANGE.read(event_of(said))
    assert "612345678" not in str(refused.value)


@given(st.binary(max_size=300), st.dictionaries(st.text(max_size=30), st.text(max_size=30), max_size=5))
@settings(max_examples=200, deadline=None)
def test_whatever_comes_unsigned_is_not_believed(body: bytes, headers: dict[str, str]) -> None:
    with pytest.raises(Untrusted):
        EXCHANGE.read(Inbound("exchange", f"{PUBLIC}/webhooks/phone/exchange", headers, body, ARRIVAL))


@given(st.dictionaries(st.sampled_from(["type", "call_id", "from", "leg_id", "to", "agent", "reason", "choices", "at"]),
       st.text(max_size=300) | st.lists(st.text(max_size=10), max_size=30) | st.none(), max_size=4),
       st.sampled_from(["ringing", "answered", "transferred", "missed", "ended"]))  # fmt: skip
@settings(max_examples=300, deadline=None)
def test_whatever_an_exchange_signs_is_kept_or_refused_by_name(fields: dict[str, Any], kind: str) -> None:
    try:
        for told in EXCHANGE.read(event_of(RINGING | {"type": kind} | fields)).facts:
            fact(told.event, key=told.key)
    except Refused:
        assert fields or kind == "transferred"


def test_the_example_in_the_handbook_is_believed_and_read() -> None:
    text = (Path(__file__).parents[2] / "docs/channels/phone.md").read_text()
    block = text.partition("```http\n")[2].partition("\n```")[0]
    head, _, body = block.partition("\n\n")
    lines = [line.partition(": ") for line in head.splitlines()[1:]]
    headers = {name.lower(): value for name, _, value in lines}
    secret = text.partition("signing_secrets of the example: `")[2].partition("`")[0]
    road = open_channel({"exchange": Inbox.model_validate({"signing_secrets": [secret]})}, SECRETS, PUBLIC)
    at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
    request = Inbound("exchange", f"{PUBLIC}/webhooks/phone/exchange", headers, body.encode(), at)
    [told] = road.read(request).facts
    assert isinstance(told.event, ContactReceived)
    assert told.event.text
