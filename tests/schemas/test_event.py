"""A fact, its derived id, its subject, and the CloudEvent around it."""

import json
import re
import subprocess
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from schemas import CaseOpened, CaseReopened, ContactReceived, TimerSet
from schemas.catalogue import EVENTS
from schemas.errors import Refused
from schemas.event import (
    DATA_BYTES_MAX,
    EVENT_BYTES_MAX,
    NAMESPACE,
    SUBJECT_CHARS_MAX,
    TEXT_CHARS_MAX,
    Envelope,
    derived,
    effect,
    fact,
    faults,
    source_checked,
)

ROOT = Path(__file__).parent.parent.parent
SOURCE = "urn:nld:oin:00000001823288444000:systeem:draad"
SECRET = "zekerGeheim"
AT = datetime(2026, 10, 5, 9, 12, tzinfo=UTC)
BSN = "123456782"

text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=300)
ids = st.from_regex(r"[A-Za-z][A-Za-z._~-]{0,30}", fullmatch=True)
uuids = st.uuids().map(str)
received = st.builds(
    ContactReceived,
    at=st.datetimes(min_value=datetime(1900, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  # The zone is beside it.
    contact_id=ids,
    address_id=ids,
    channel=st.sampled_from(["sms", "email", "phone"]),
    text=text,
)
times = st.just("") | st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat)


@st.composite
def envelopes(draw: st.DrawFn) -> Envelope:
    envelope = fact(draw(received), key=draw(text))
    cause = draw(st.just("") | uuids)
    return envelope._replace(time=draw(times), cause=cause, depth=draw(st.integers(0, 16)))


def contact(**changes: object) -> ContactReceived:
    fields: dict[str, Any] = {"at": AT, "contact_id": "c1", "address_id": "a1", "channel": "sms"}
    return ContactReceived(**fields | changes)


def written(envelope: Envelope) -> str:
    return json.dumps(envelope.cloudevent(SOURCE), ensure_ascii=False, separators=(",", ":"))


def quiet(error: BaseException) -> bool:
    """It does not quote, neither in what is printed nor in an error behind it."""
    printed = "".join(traceback.format_exception(error)) + str(error) + repr(error)
    silent = error.__cause__ is None and (error.__context__ is None or error.__suppress_context__)
    return silent and SECRET not in printed and BSN not in printed


# The event.


def test_an_event_never_changes() -> None:
    with pytest.raises(ValidationError):
        contact().text = "later"  # type: ignore[misc]  # What must not be done.


def test_an_event_keeps_its_moment_in_utc() -> None:
    local = datetime.fromisoformat("2026-10-05T11:12:00+02:00")
    assert contact(at=local).model_dump_json() == contact().model_dump_json()


def test_a_fault_is_told_by_field_and_kind_and_never_by_value() -> None:
    with pytest.raises(ValidationError) as caught:
        contact(text=None, channel=SECRET, at="x")
    assert faults(caught.value) == "at: datetime_type, channel: string_pattern_mismatch, text: string_type"
    assert SECRET not in str(caught.value)


def test_the_name_of_a_field_too_many_is_not_repeated() -> None:
    class Address(BaseModel, extra="forbid"):
        value: str

    class Posted(BaseModel, extra="forbid"):
        addresses: list[Address]

    with pytest.raises(ValidationError) as caught:
        Posted.model_validate({"addresses": [{"value": "x", SECRET: 1}], SECRET: 1})
    assert faults(caught.value) == "addresses: extra_forbidden, body: extra_forbidden"


@pytest.mark.parametrize("bad", ["a\x00", "a\ud800"])
def test_no_event_can_be_made_with_what_is_not_text(bad: str) -> None:
    with pytest.raises(ValidationError):
        contact(text=bad)


# Its id.


def test_an_id_is_the_uuid5_of_its_name() -> None:
    assert uuid5(UUID(int=0), "draad") == NAMESPACE
    assert derived("een ë") == str(uuid5(NAMESPACE, "een ë"))


def test_an_id_never_changes_for_it_is_stored() -> None:
    assert fact(contact(), key="SM1").id == "be1b7392-5986-5a92-af51-7c3f8e6cf445"
    cause = fact(contact(), key="SM1")
    assert (
        effect(CaseReopened(at=AT, case_id="z1"), cause=cause, by="intake.case", nth=0).id
        == "1b4b57e9-17c3-5cf4-9b48-bbba069b02cb"
    )


def test_another_process_derives_the_same_id() -> None:
    code = "from schemas.event import derived; print(derived('contact.received address/a1 SM1'))"
    runs = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
        for seed in ("1", "2")
    ]
    assert runs == [fact(contact(), key="SM1").id] * 2


@given(received, text)
def test_the_same_key_is_the_same_fact(event: ContactReceived, key: str) -> None:
    assert fact(event, key=key) == fact(event, key=key)
    assert UUID(fact(event, key=key).id).version == 5


@given(received, received, text)
def test_the_key_decides_and_not_what_was_said(event: ContactReceived, other: ContactReceived, key: str) -> None:
    again = other.model_copy(update={"address_id": event.address_id})
    assert fact(event, key=key).id == fact(again, key=key).id


@given(received, text, text)
def test_another_key_is_another_fact(event: ContactReceived, key: str, other: str) -> None:
    assert (fact(event, key=key).id == fact(event, key=other).id) == (key == other)


def test_the_same_key_on_another_subject_or_type_is_another_fact() -> None:
    opened = CaseOpened(at=AT, case_id="z1", party_id="p1", kind="afval", title="Bak")
    told = [contact(), contact(address_id="a2"), opened, CaseReopened(at=AT, case_id="z1")]
    assert len({fact(event, key="1").id for event in told}) == len(told)


def test_a_key_that_is_not_text_is_refused() -> None:
    with pytest.raises(Refused) as caught:
        fact(contact(), key=f"{SECRET}\ud800")
    assert quiet(caught.value)


@given(envelopes(), st.text("abc.", min_size=1), st.integers(0, 99))
def test_an_effect_replayed_has_the_same_id(cause: Envelope, by: str, nth: int) -> None:
    event = CaseReopened(at=AT, case_id="z1")
    first = effect(event, cause=cause, by=by, nth=nth)
    assert effect(event, cause=cause._replace(position=7, time="later"), by=by, nth=nth) == first
    assert (first.cause, first.depth) == (cause.id, cause.depth + 1)
    others = [
        effect(event, cause=cause, by=by, nth=nth + 1),
        effect(event, cause=cause, by=f"{by}x", nth=nth),
    ]
    assert len({first.id, *(other.id for other in others)}) == 3


# Its subject, of which test_subject.py has the rest.


def test_a_fact_about_a_bsn_is_refused_and_quotes_nothing() -> None:
    for event in (contact(address_id=BSN), TimerSet(at=AT, about=f"case/{BSN}", name="n", due=AT)):
        with pytest.raises(Refused) as caught:
            fact(event, key="1")
        assert quiet(caught.value)


# Its envelope.


@given(envelopes())
def test_an_envelope_comes_back_from_json_as_it_went(envelope: Envelope) -> None:
    assert Envelope.from_cloudevent(json.loads(written(envelope))) == envelope


@given(envelopes())
def test_an_envelope_has_what_nl_gov_requires(envelope: Envelope) -> None:
    attributes = envelope.cloudevent(SOURCE)
    assert {"id", "source", "specversion", "type"} <= set(attributes)
    assert all(re.fullmatch(r"[a-z0-9]{1,20}", name) for name in attributes)
    assert attributes["specversion"] == "1.0"
    assert attributes["datacontenttype"] == "application/json"
    assert re.fullmatch(r"urn:nld:oin:\d{20}:systeem:draad", attributes["source"])
    assert isinstance(attributes["data"], dict)
    assert "" not in attributes.values()


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)
def test_a_type_on_the_wire_is_a_reverse_domain_name(event: type) -> None:
    kind = Envelope("", vars(event)["type"], "", "{}").cloudevent(SOURCE)["type"]
    assert re.fullmatch(r"nl(\.[a-z][a-z-]*){3}", kind)


def test_what_a_stranger_added_to_a_cloudevent_is_ignored() -> None:
    envelope = fact(contact(), key="1")
    attributes = envelope.cloudevent(SOURCE) | {"traceparent": "00-1", "sequence": 3}
    assert Envelope.from_cloudevent(attributes) == envelope


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=8))
def test_no_cloudevent_is_larger_than_everybody_must_pass_on(piece: str) -> None:
    filled = (piece * TEXT_CHARS_MAX)[:TEXT_CHARS_MAX]
    widest = contact(text=filled, contact_id="c" * 120, address_id="a" * 120)
    try:
        envelope = fact(widest, key="1")
    except Refused:
        assert len(widest.model_dump_json().encode()) > DATA_BYTES_MAX
        return
    stamped = envelope._replace(time="2026-10-05T09:12:00.123456Z", cause=envelope.id, depth=16)
    assert len(written(stamped).encode()) <= EVENT_BYTES_MAX


def test_an_event_at_the_limit_is_wrapped_and_one_byte_past_it_is_not() -> None:
    room = DATA_BYTES_MAX - len(fact(contact(text="a"), key="1").data) + 1
    controls, rest = divmod(room, len("\\u0001"))
    assert len(fact(contact(text="\x01" * controls + "a" * rest), key="1").data) == DATA_BYTES_MAX
    with pytest.raises(Refused, match="larger"):
        fact(contact(text="\x01" * controls + "a" * (rest + 1)), key="1")


def test_the_envelope_fits_in_the_room_kept_for_it() -> None:
    longest = max((event.type for event in EVENTS), key=len)
    subject = "a/" + "b" * (SUBJECT_CHARS_MAX - 2)
    name = derived("")
    envelope = Envelope(name, longest, subject, "{}", "2026-10-05T09:12:00.123456+00:00", name, 2**63, 2**63)
    assert len(written(envelope)) <= EVENT_BYTES_MAX - DATA_BYTES_MAX


@pytest.mark.parametrize(
    "source",
    [
        "",
        "draad",
        "urn:nld:oin:123:systeem:draad",
        "urn:nld:oin:000000018232884440001:systeem:draad",
        "urn:nld:oin:0000000182328844400x:systeem:draad",
        "urn:nld:oin:٠٠٠٠٠٠٠١٨٢٣٢٨٨٤٤٤٠٠٠:systeem:draad",
        "urn:nld:oin:00000001823288444000:systeem:",
        "urn:nld:oin:00000001823288444000:systeem:draad\n",
        f"https://{SECRET}/",
    ],
)
def test_a_source_that_does_not_say_who_we_are_is_refused(source: str) -> None:
    with pytest.raises(Refused) as caught:
        source_checked(source)
    assert quiet(caught.value)
    with pytest.raises(Refused):
        fact(contact(), key="1").cloudevent(source)


def test_a_source_with_an_oin_is_accepted() -> None:
    assert source_checked(SOURCE) == SOURCE


GOOD = fact(contact(text="hallo"), key="1").cloudevent(SOURCE)
DEEP: dict[str, Any] = {}
for _ in range(100_000):
    DEEP = {"in": DEEP}


@pytest.mark.parametrize("missing", ["id", "source", "specversion", "type", "subject", "data"])
def test_a_cloudevent_that_misses_what_we_need_is_refused(missing: str) -> None:
    with pytest.raises(Refused) as caught:
        Envelope.from_cloudevent({name: value for name, value in GOOD.items() if name != missing})
    assert quiet(caught.value)


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("specversion", "0.3"),
        ("id", SECRET),
        ("id", 1),
        ("source", f"/{SECRET}"),
        ("source", None),
        ("type", SECRET),
        ("type", 1),
        ("type", "nl.klantcontacten."),
        ("type", f"nl.klantcontacten.contact.{SECRET}"),
        ("type", "nl.klantcontacten.contact.received\n"),
        ("subject", f"case/{BSN}"),
        ("subject", [SECRET]),
        ("subject", None),
        ("data", SECRET),
        ("data", [SECRET]),
        ("data", None),
        ("data", {"text": SECRET * 10_000}),
        ("data", {"text": "\ud800"}),
        ("data", {"rate": float("nan")}),
        pytest.param("data", DEEP, id="data-100,000 deep"),
        ("time", SECRET),
        ("time", "2026-10-05T09:12:00"),
        ("time", 1),
        ("causationid", SECRET),
        ("causationid", 1),
        ("depth", -1),
        ("depth", "1"),
        ("depth", 1.5),
        ("depth", True),
    ],
)
def test_a_cloudevent_with_a_wrong_attribute_is_refused_and_not_quoted(attribute: str, value: object) -> None:
    with pytest.raises(Refused) as caught:
        Envelope.from_cloudevent(GOOD | {attribute: value})
    assert quiet(caught.value)
