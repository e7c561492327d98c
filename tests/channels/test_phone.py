"""A call is one contact with its legs, in whatever order and however often its exchange tells about it."""

import base64
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from channels.channel import Heard, Secrets
from channels.phone import Inbox, Phone, open_channel
from schemas.contact import (
    ContactAnswered,
    ContactEnded,
    ContactMade,
    ContactMissed,
    ContactReceived,
    ContactTransferred,
)
from schemas.errors import Refused
from schemas.event import Envelope, Event, fact
from simulation.twilio import ARRIVAL, PUBLIC, TOKEN, Callback, Voice, inbound, schedules

SECRETS: Final = Secrets(b"a pepper", b"a key for tokens")
KEY: Final = base64.b64encode(b"a signing secret of 24 bytes or more").decode()
HOME: Final = f"{PUBLIC}/webhooks/phone/main"
TARGETS: Final = {
    "front": {"number": "+31207654321", "agent": "front-desk"},
    "anna": {"client": "anna"},
    "exchange": {"sip": "sip:desk@exchange.example?x=1&y=<2>"},
    "waiting": {"queue": "Balie & burgerzaken"},
}
SETTINGS: Final = {"auth_tokens": [TOKEN], "targets": TARGETS, "connect": "anna"}


def phone(**more: Any) -> Phone:
    return open_channel({"main": Inbox.model_validate(SETTINGS | more)}, SECRETS, PUBLIC)


ROAD: Final = phone()


def read(*callbacks: Callback, road: Phone = ROAD) -> list[Event]:
    return [told.event for callback in callbacks for told in road.read(inbound(callback)).facts]


def twiml(heard: Heard) -> ET.Element:
    assert heard.reply.media_type == "text/xml"
    return ET.fromstring(heard.reply.body)


def leg_address(heard: Heard) -> str:
    dial = twiml(heard).find("Dial")
    assert dial is not None
    return dial[0].attrib["statusCallback"]


def logged(heards: Iterable[Heard]) -> dict[str, Envelope]:
    """What the log keeps: of two facts with one id, the first."""
    kept: dict[str, Envelope] = {}
    for heard in heards:
        for told in heard.facts:
            envelope = fact(told.event, key=told.key)
            kept.setdefault(envelope.id, envelope)
    return kept


def whole_call() -> list[Callback]:
    """Answered by Anna, passed on to the front desk, which answers too."""
    voice = Voice()
    first = leg_address(ROAD.read(inbound(voice.rings())))
    passing = Callback(f"{HOME}/transfer?to=front&agent=anna", voice.own("in-progress"))
    second = leg_address(ROAD.read(inbound(passing, ARRIVAL + timedelta(seconds=40))))
    other = "CA" + "d" * 32
    return [
        voice.rings(),
        voice.leg(first, "in-progress", 2),
        voice.leg(first, "completed", 3),
        voice.leg(second, "initiated", 0, other, "+31207654321"),
        voice.leg(second, "in-progress", 2, other, "+31207654321"),
        voice.ends(),
    ]


# The call


def test_a_call_is_a_contact_at_the_moment_it_rings() -> None:
    [event] = read(Voice().rings())
    assert isinstance(event, ContactReceived)
    assert (event.channel, event.kind, event.address, event.inbox) == ("phone", "phone", "+31612345678", "main")
    assert (event.at, event.reference) == (ARRIVAL, "CA" + "a" * 32)
    assert "612345678" not in fact(event, key="k").subject


def test_the_answer_lets_the_call_go_on_and_asks_to_be_told_about_that_leg() -> None:
    dial = twiml(ROAD.read(inbound(Voice().rings()))).find("Dial")
    assert dial is not None
    assert (dial.attrib["action"], dial.attrib["method"]) == (f"{HOME}/dialled", "POST")
    assert (dial[0].tag, dial[0].text) == ("Client", "anna")
    assert dial[0].attrib["statusCallbackEvent"] == "initiated ringing answered completed"
    assert "612345678" not in dial[0].attrib["statusCallback"]


@pytest.mark.parametrize(
    ("name", "place", "text"),
    [
        ("front", "Dial/Number", "+31207654321"),
        ("exchange", "Dial/Sip", "sip:desk@exchange.example?x=1&y=<2>"),
        ("waiting", "Enqueue", "Balie & burgerzaken"),
    ],
)
def test_a_call_goes_to_whatever_the_target_is_and_its_signs_stay_as_they_are(name: str, place: str, text: str) -> None:
    found = twiml(phone(connect=name).read(inbound(Voice().rings()))).find(place)
    assert found is not None
    assert found.text == text


def test_a_repeated_call_hears_the_same_twiml_and_is_the_same_fact() -> None:
    once = ROAD.read(inbound(Voice().rings()))
    again = ROAD.read(inbound(Voice().rings(), ARRIVAL + timedelta(days=6)))
    assert once.reply == again.reply
    assert len(logged([once, again])) == 1


def test_whoever_picks_up_answered_by_the_identity_that_was_called() -> None:
    [event] = read(whole_call()[1])
    assert isinstance(event, ContactAnswered)
    assert (event.agent_id, event.leg_id, event.channel) == ("anna", "CA" + "b" * 32, "phone")


def test_where_a_number_is_called_the_target_says_who_answers_there() -> None:
    passed, answered = read(whole_call()[4])
    assert isinstance(answered, ContactAnswered)
    assert answered.agent_id == "front-desk"
    assert isinstance(passed, ContactTransferred)


def test_all_legs_belong_to_one_contact_of_one_address() -> None:
    events: list[Any] = read(*whole_call())
    assert {(event.contact_id, event.address_id) for event in events} == {(events[0].contact_id, events[0].address_id)}


def test_a_call_that_is_passed_on_says_when_by_whom_and_where_to_with_every_status_the_same() -> None:
    initiated, answered = whole_call()[3:5]
    first, second = read(initiated)[0], read(answered)[0]
    assert isinstance(first, ContactTransferred)
    assert first == second
    assert (first.to, first.agent_id, first.leg_id) == ("front", "anna", "CA" + "d" * 32)
    assert first.at == ARRIVAL + timedelta(seconds=40)


def test_two_statuses_within_a_second_stay_in_the_order_that_twilio_numbered() -> None:
    voice = Voice()
    url = leg_address(ROAD.read(inbound(voice.rings())))
    answered, ended = read(voice.leg(url, "in-progress", 2), voice.leg(url, "completed", 3))
    assert (ended.at - answered.at) == timedelta(milliseconds=1)


def test_the_end_of_a_call_tells_again_that_it_came_in_should_that_have_got_lost() -> None:
    received, ended = read(Voice().ends())
    assert isinstance(received, ContactReceived)
    assert isinstance(ended, ContactEnded)
    assert (received.at, ended.at, ended.leg_id) == (ARRIVAL, ARRIVAL + timedelta(seconds=95), "")
    assert len(logged([ROAD.read(inbound(Voice().rings())), ROAD.read(inbound(Voice().ends()))])) == 2


@pytest.mark.parametrize(
    ("dial", "own", "reason"),
    [
        ("busy", "in-progress", "busy"),
        ("no-answer", "in-progress", "no-answer"),
        ("failed", "in-progress", "failed"),
        ("canceled", "completed", "abandoned"),
        ("no-answer", "completed", "abandoned"),
    ],
)
def test_a_call_that_nobody_picked_up_is_missed(dial: str, own: str, reason: str) -> None:
    heard = phone(closing="Er is nu niemand. Probeer het later.").read(
        inbound(Voice().dialled(f"{HOME}/dialled", dial, own))
    )
    [event] = [told.event for told in heard.facts]
    assert isinstance(event, ContactMissed)
    assert event.reason == reason
    assert [part.tag for part in twiml(heard)] == ["Say", "Hangup"]


@pytest.mark.parametrize("dial", ["completed", "answered", "a-new-word"])
def test_a_call_that_was_picked_up_is_not_missed(dial: str) -> None:
    heard = phone(closing="Er is nu niemand.").read(inbound(Voice().dialled(f"{HOME}/dialled", dial)))
    assert not heard.facts
    assert [part.tag for part in twiml(heard)] == ["Hangup"]


def test_a_call_that_was_answered_before_and_then_passed_on_in_vain_is_not_missed() -> None:
    voice = Voice()
    passing = ROAD.read(inbound(Callback(f"{HOME}/transfer?to=front&agent=anna", voice.own("in-progress"))))
    dial = twiml(passing).find("Dial")
    assert dial is not None
    assert read(voice.dialled(dial.attrib["action"], "no-answer")) == []


@pytest.mark.parametrize(("result", "missed"), [("hangup", "abandoned"), ("queue-full", "busy"), ("bridged", "")])
def test_whoever_hangs_up_in_the_queue_is_missed(result: str, missed: str) -> None:
    events = read(Callback(f"{HOME}/queued", Voice().own("in-progress", QueueResult=result, QueueTime="12")))
    assert [event.reason for event in events if isinstance(event, ContactMissed)] == [missed] * bool(missed)


def test_whoever_takes_a_call_from_the_queue_answered() -> None:
    bridged = Voice().own("in-progress", DequeingCallSid="CA" + "e" * 32, QueueTime="12")
    [event] = read(Callback(f"{HOME}/bridged?agent=bilal", bridged))
    assert isinstance(event, ContactAnswered)
    assert (event.agent_id, event.leg_id) == ("bilal", "CA" + "e" * 32)


@pytest.mark.parametrize(("status", "reached"), [("in-progress", True), ("no-answer", False), ("busy", False)])
def test_a_call_that_a_colleague_makes_says_whether_anybody_was_there(status: str, reached: bool) -> None:
    made = Voice().own(status, Direction="outbound-api", From="+31201234567", To="+31612345678")
    events = read(Callback(f"{HOME}/status?agent=anna", made))
    assert isinstance(events[0], ContactMade)
    assert (events[0].reached, events[0].agent_id) == (reached, "anna")
    received = read(Voice().rings())[0]
    assert events[0].subject == received.subject  # Filed under whom was called.


# Who calls


@pytest.mark.parametrize(
    "hidden", ["", "anonymous", "Anonymous", "+266696687", "Unavailable", "sip:anonymous@x.invalid"]
)
def test_two_who_withhold_their_number_never_share_an_address(hidden: str) -> None:
    one, other = read(Voice(hidden, "CA" + "1" * 32).rings(), Voice(hidden, "CA" + "2" * 32).rings())
    assert isinstance(one, ContactReceived)
    assert (one.kind, one.address) == ("withheld", "")
    assert one.subject != other.subject


@pytest.mark.parametrize("number", ["0612345678", "0031612345678", "sip:+31612345678@trunk.example", "+31612345678"])
def test_whoever_shows_a_number_has_one_address_however_it_is_written(number: str) -> None:
    assert read(Voice(number).rings())[0].subject == read(Voice().rings())[0].subject


def test_what_a_menu_asked_is_kept_with_the_contact_and_a_bsn_is_not() -> None:
    menu = Voice().own("in-progress", Digits="123456782", SpeechResult="mijn\tpaspoort")
    [event] = read(Callback(f"{HOME}?choice=Belastingen&choice=2%3A+bezwaar", menu))
    assert isinstance(event, ContactReceived)
    assert event.text == "Belastingen\n2: bezwaar\nmijn paspoort\n[nummer weggehaald]"


# Any order, and twice


def same(heards: Sequence[Heard], wanted: dict[str, Envelope]) -> None:
    """The same facts; of a call's first, the moment may be the ringing or what the end computes."""
    found = logged(heards)
    assert found.keys() == wanted.keys()
    for name, envelope in found.items():
        if envelope.type != ContactReceived.type:
            assert envelope == wanted[name]


def test_a_call_comes_to_the_same_facts_on_every_bad_day() -> None:
    calls = whole_call()
    wanted = logged(ROAD.read(inbound(callback)) for callback in calls)
    assert len(wanted) == 6
    for schedule in schedules(calls):
        same([ROAD.read(inbound(callback, at)) for callback, at in schedule], wanted)


@given(st.data())
@settings(max_examples=50, deadline=None)
def test_any_order_and_any_repetition_of_a_call_comes_to_the_same_facts(data: st.DataObject) -> None:
    calls = whole_call()
    wanted = logged(ROAD.read(inbound(callback)) for callback in calls)
    repeats = data.draw(st.lists(st.sampled_from(calls), max_size=10))
    order = data.draw(st.permutations([*calls, *repeats]))
    same([ROAD.read(inbound(callback)) for callback in order], wanted)


# What is none of ours


@pytest.mark.parametrize(
    "url",
    [
        f"{HOME}/leg",
        f"{HOME}/leg?call=CA1.a1.{'a' * 26}",
        f"{HOME}/elsewhere",
        f"{HOME}/transfer?to=nowhere",
    ],
)
def test_what_is_signed_but_is_none_of_ours_is_refused(url: str) -> None:
    with pytest.raises(Refused):
        ROAD.read(inbound(Callback(url, Voice().own("in-progress"))))


def test_a_leg_of_another_inbox_is_refused() -> None:
    inboxes = {name: Inbox.model_validate(SETTINGS) for name in ("main", "second")}
    road = open_channel(inboxes, SECRETS, PUBLIC)
    url = leg_address(road.read(inbound(Voice().rings()))).replace("/phone/main/", "/phone/second/")
    with pytest.raises(Refused):
        road.read(inbound(Voice().leg(url, "in-progress", 2), inbox="second"))


# The settings


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"auth_tokens": [TOKEN]},
        SETTINGS | {"connect": "nowhere"},
        SETTINGS | {"signing_secrets": [f"whsec_{KEY}"]},
        SETTINGS | {"targets": {"anna": {"client": "anna", "number": "+31207654321"}}},
        {"signing_secrets": ["no secret"]},
        {"signing_secrets": ["whsec_c2hvcnQ="]},
    ],
)
def test_settings_that_cannot_work_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Inbox.model_validate(wrong)
