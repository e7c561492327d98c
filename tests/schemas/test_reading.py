"""What somebody else wrote is read, or refused in a sentence that quotes none of it."""

import json
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import ContactReceived, read
from schemas.catalogue import CATALOGUE
from schemas.errors import Refused
from schemas.event import DATA_BYTES_MAX, EVENT_BYTES_MAX, Event
from schemas.reading import NESTING_MAX

SECRET = "zekerGeheim"
FIELDS: dict[str, Any] = {
    "at": "2026-10-05T09:12:00Z",
    "contact_id": "c1",
    "address_id": "a1",
    "channel": "sms",
    "text": SECRET,
}
GOOD = json.dumps(FIELDS)
BSN = "123456782"
HIGH, LOW = "\ud800", "\udc80"  # Halves of a character.


def but(**changes: object) -> str:
    """A good event, with these fields instead; what is not ASCII is written as an escape."""
    return json.dumps(FIELDS | changes)


def plus(json_text: str) -> str:
    """A good event with one more field, unknown to us, holding this piece of JSON."""
    return f'{GOOD[:-1]}, "more": {json_text}}}'


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


def refusal(raw: bytes | str, type: str = "contact.received") -> str:
    """Why this is refused. Fails where any of it can be found in the error, however it is printed."""
    with pytest.raises(Refused) as caught:
        read(type, raw)
    error: BaseException | None = caught.value
    printed = "".join(traceback.format_exception(caught.value)) + str(error) + repr(error)
    assert SECRET not in printed
    assert BSN not in printed
    assert error is not None
    assert error.__cause__ is None
    assert error.__context__ is None or error.__suppress_context__
    return str(error)


def test_a_good_event_is_read_from_bytes_and_from_text() -> None:
    expected = ContactReceived(
        at=datetime(2026, 10, 5, 9, 12, tzinfo=UTC),
        contact_id="c1",
        address_id="a1",
        channel="sms",
        text=SECRET,
    )
    assert read("contact.received", GOOD) == read("contact.received", GOOD.encode()) == expected


def test_a_field_that_we_do_not_know_is_ignored() -> None:
    assert read("contact.received", plus('{"legs": [1, 2.5, null, true, "ë"]}')) == read("contact.received", GOOD)


def test_a_type_may_be_read_from_another_catalogue() -> None:
    with pytest.raises(Refused):
        read("contact.received", GOOD, catalogue={})


def test_an_unknown_type_is_refused_and_not_repeated() -> None:
    assert refusal(GOOD, type=SECRET) == refusal(GOOD, type="\ud800" + SECRET)


def test_an_event_at_the_limit_is_read_and_one_byte_past_it_is_not() -> None:
    padded = GOOD + " " * (DATA_BYTES_MAX - len(GOOD))
    assert read("contact.received", padded) == read("contact.received", padded.encode())
    assert "larger" in refusal(padded + " ")
    assert "larger" in refusal(padded.encode() + b" ")


def test_size_is_counted_in_bytes_not_in_characters() -> None:
    wide = plus('"' + "ë" * (DATA_BYTES_MAX // 2) + '"')
    assert len(wide) < DATA_BYTES_MAX
    assert "larger" in refusal(wide)


@pytest.mark.parametrize("raw", [SECRET * 10**6, b"\xff" * 10**7, "\ud800" * 10**6, nested(10**6)])
def test_a_huge_input_is_refused_before_anything_in_it_is_looked_at(raw: bytes | str) -> None:
    assert "larger" in refusal(raw)


def test_data_leaves_room_for_the_envelope() -> None:
    assert DATA_BYTES_MAX < EVENT_BYTES_MAX == 65_536


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param("", id="nothing"),
        pytest.param(SECRET, id="a word"),
        pytest.param(GOOD[:-1], id="cut off"),
        pytest.param(GOOD + GOOD, id="twice"),
        pytest.param("\ufeff" + GOOD, id="a byte order mark"),
        pytest.param(GOOD.encode("utf-16"), id="UTF-16"),
        pytest.param(GOOD.replace('"sms"', "'sms'"), id="wrong quotes"),
        pytest.param(b"\xff" + GOOD.encode(), id="no UTF-8"),
        pytest.param(GOOD.encode().replace(b"sms", b"\xed\xa0\x80"), id="a surrogate in UTF-8"),
        pytest.param(GOOD.replace("sms", "s\x00ms"), id="raw NUL"),
        pytest.param(GOOD + "\x00", id="NUL after it"),
        pytest.param(plus("9" * 5_000), id="a number of 5,000 digits"),
    ],
)
def test_what_is_not_json_is_refused(raw: bytes | str) -> None:
    assert "JSON" in (why := refusal(raw)) or "UTF-8" in why


@pytest.mark.parametrize("raw", [f'"{SECRET}"', f'["{SECRET}"]', "1", "null", "[]"])
def test_what_is_not_an_object_is_refused(raw: str) -> None:
    assert "body: model" in refusal(raw)


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("value", [None, 1, 1.5, True, [SECRET], {SECRET: SECRET}])
def test_a_wrong_type_is_refused_by_the_name_of_its_field(field: str, value: object) -> None:
    assert f"{field}: " in refusal(but(**{field: value}))


@pytest.mark.parametrize("field", ["at", "contact_id", "address_id", "channel"])
def test_a_missing_field_is_refused_by_its_name(field: str) -> None:
    rest = {name: value for name, value in FIELDS.items() if name != field}
    assert f"{field}: missing" in refusal(json.dumps(rest))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("contact_id", f"{SECRET} {SECRET}"),
        ("contact_id", ""),
        ("contact_id", "c" * 121),
        ("address_id", f"a1/{SECRET}"),
        ("address_id", f"{SECRET}\n"),
        ("channel", SECRET.upper()),
        ("channel", "c" * 61),
        ("text", SECRET * 2_000),
        ("at", SECRET),
        ("at", "2026-02-30T00:00:00Z"),
        ("at", "2026-10-05"),
    ],
)
def test_a_value_past_its_limits_is_refused_by_the_name_of_its_field(field: str, value: str) -> None:
    assert f"{field}: " in refusal(but(**{field: value}))


def test_a_word_that_is_not_on_a_closed_list_is_refused() -> None:
    body = {"at": FIELDS["at"], "appointment_id": "x", "by": SECRET}
    assert "by: literal_error" in refusal(json.dumps(body), type="appointment.cancelled")


@pytest.mark.parametrize("at", ["2026-10-05T09:12:00", "2026-10-05 09:12"])
def test_a_naive_datetime_is_refused(at: str) -> None:
    assert "at: timezone_aware" in refusal(but(at=at))


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-01:00"])
def test_a_moment_that_does_not_exist_in_utc_is_refused(at: str) -> None:
    assert "at: value_error" in refusal(but(at=at))


@pytest.mark.parametrize("address", [BSN, f"nl-{BSN}", f"{BSN}.x", "1234.56.782"])
def test_a_subject_with_a_bsn_in_it_is_refused(address: str) -> None:
    assert "BSN" in refusal(but(address_id=address))


@pytest.mark.parametrize("about", [SECRET, f"case/{SECRET}/", "case", f"case/{BSN}", f"CASE/{SECRET}", ""])
def test_a_timer_about_no_subject_is_refused(about: str) -> None:
    refusal(json.dumps({"at": FIELDS["at"], "about": about, "name": "n"}), type="timer.cleared")


def test_nesting_is_read_up_to_the_limit_and_refused_past_it() -> None:
    deepest = NESTING_MAX - 1  # The event itself is the first level.
    read("contact.received", plus(nested(deepest)))
    assert "nested" in refusal(plus(nested(deepest + 1)))
    assert "nested" in refusal(plus('{"a":' * deepest + nested(1) + "}" * deepest))


@pytest.mark.parametrize("depth", [1_000, 25_000])
def test_nesting_that_would_exhaust_the_stack_is_refused(depth: int) -> None:
    assert "nested" in refusal(plus(nested(depth)))
    assert "nested" in refusal(nested(depth))
    assert refusal("[" * depth)


@pytest.mark.parametrize("bad", [HIGH, LOW, f"a{LOW}b", "\x00", f"{SECRET}\x00"])
@pytest.mark.parametrize(
    "place",
    [
        pytest.param(lambda bad: but(text=bad), id="in a field"),
        pytest.param(lambda bad: but(contact_id=bad), id="in an id"),
        pytest.param(lambda bad: plus(json.dumps(bad)), id="in an unknown field"),
        pytest.param(lambda bad: plus(json.dumps([{"x": [bad]}])), id="deep inside"),
        pytest.param(lambda bad: plus(json.dumps({bad: 1})), id="in a name"),
    ],
)
def test_a_lone_surrogate_and_nul_are_refused_as_an_escape(place: Callable[[str], str], bad: str) -> None:
    assert "not text" in refusal(place(bad))


@pytest.mark.parametrize("bad", [HIGH, LOW, f"{SECRET}{LOW}"])
def test_a_lone_surrogate_is_refused_as_it_is(bad: str) -> None:
    assert "not text" in refusal(json.dumps(FIELDS | {"text": bad}, ensure_ascii=False))


def test_a_pair_of_surrogates_is_a_character() -> None:
    event = read("contact.received", but(text="👍"))
    assert isinstance(event, ContactReceived)
    assert event.text == "👍"


def test_a_backslash_before_u0000_is_no_nul() -> None:
    event = read("contact.received", but(text="\\u0000"))
    assert isinstance(event, ContactReceived)
    assert event.text == "\\u0000"


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
@pytest.mark.parametrize("where", [plus, lambda number: GOOD.replace(f'"{SECRET}"', number)])
def test_a_number_that_is_none_is_refused(where: Callable[[str], str], number: str) -> None:
    assert "NaN" in refusal(where(number))


@pytest.mark.parametrize("raw", [plus('1, "channel": "email"'), plus(f'{{"a": 1, "a": "{SECRET}"}}')])
def test_the_same_name_twice_is_refused(raw: str) -> None:
    assert "twice" in refusal(raw)


@pytest.mark.parametrize("type", CATALOGUE)
def test_every_type_refuses_an_empty_object_and_names_what_is_missing(type: str) -> None:
    assert "at: missing" in refusal("{}", type=type)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def read_or_refused(type: str, raw: bytes | str) -> None:
    try:
        event = read(type, raw)
    except Refused:
        return
    assert isinstance(event, Event)
    assert read(type, event.model_dump_json()) == event


@given(st.sampled_from(sorted(CATALOGUE)), st.binary() | st.text(st.characters()))
def test_whatever_comes_is_read_or_refused(type: str, raw: bytes | str) -> None:
    read_or_refused(type, raw)


@given(st.dictionaries(st.sampled_from([*FIELDS, "more"]), anything))
def test_whatever_a_field_holds_is_read_or_refused(changes: dict[str, Any]) -> None:
    read_or_refused("contact.received", but(**changes))


@given(st.datetimes(timezones=st.timezones()))
def test_a_moment_in_any_zone_is_the_same_moment_in_utc(at: datetime) -> None:
    try:
        expected = at.astimezone(UTC)
    except OverflowError:
        return
    if at.utcoffset() is None or at.isoformat()[-3] != ":" or at.isoformat().count(":") > 3:
        return  # Local mean time has seconds in its offset, which RFC 3339 cannot say.
    assert read("contact.received", but(at=at.isoformat())).at == expected
