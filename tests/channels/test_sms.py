"""A text of a resident is one contact, and what becomes of ours finds its way back without a look-up."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from channels.channel import Message, Secrets
from channels.sms import Inbox, Sms, open_channel
from schemas.contact import ContactReceived
from schemas.errors import Refused, Untrusted
from schemas.event import TEXT_CHARS_MAX, Event, fact
from schemas.message import MessageBounced, MessageDelivered, MessageFailed, MessageRead, MessageSent, MessageUnknown
from simulation.twilio import (
    ACCOUNT,
    ARRIVAL,
    OURS,
    PUBLIC,
    TOKEN,
    Callback,
    inbound,
    receipt,
    schedules,
    texted,
    with_more,
)

SECRETS: Final = Secrets(b"a pepper", b"a key for tokens")
SETTINGS: Final = {"account_sid": ACCOUNT, "auth_tokens": [TOKEN], "sender": OURS, "list_late_s_max": 0}
TEXT: Final = "Uw paspoort ligt klaar, Zoë. Tot dan! 🌷"


def sms(**more: Any) -> Sms:
    return open_channel({"main": Inbox.model_validate(SETTINGS | more)}, SECRETS, PUBLIC)


ROAD: Final = sms()


def message(**more: Any) -> Message:
    given = {"message_id": "m.1", "address_id": "a" * 40, "address": "+31612345678", "inbox": "main", "text": TEXT}
    return Message(**(given | {"at": datetime.now(UTC)} | more))


def heard(callback: Callback, at: datetime = ARRIVAL) -> Event:
    [told] = ROAD.read(inbound(callback, at)).facts
    return told.event


def ids(*callbacks: tuple[Callback, datetime]) -> list[str]:
    told = [told for callback, at in callbacks for told in ROAD.read(inbound(callback, at)).facts]
    return [fact(each.event, key=each.key).id for each in told]


# What residents text


def test_a_text_is_a_contact_of_the_telephone_it_came_from() -> None:
    event = heard(texted("Waar blijft mijn paspoort? Groet, Joëlle 🌷"))
    assert isinstance(event, ContactReceived)
    assert (event.channel, event.kind, event.address, event.inbox) == ("sms", "phone", "+31612345678", "main")
    assert (event.text, event.reference) == ("Waar blijft mijn paspoort? Groet, Joëlle 🌷", "SM" + "c" * 32)
    assert ROAD.read(inbound(texted("Hoi"))).reply.media_type == "text/xml"


def test_a_bsn_in_a_text_is_flagged() -> None:
    event = heard(texted("Mijn nummer is 111 222 333"))
    assert isinstance(event, ContactReceived)
    assert event.flags == ("bsn",)


def test_the_same_text_again_is_the_same_fact_however_late() -> None:
    days = [ARRIVAL, ARRIVAL, ARRIVAL + timedelta(seconds=3), ARRIVAL + timedelta(days=6)]
    assert len(set(ids(*((texted("Hoi"), day) for day in days)))) == 1


def test_two_texts_that_say_the_same_are_two_contacts() -> None:
    assert len(set(ids((texted("Ja", sid="SM1"), ARRIVAL), (texted("Ja", sid="SM2"), ARRIVAL)))) == 2


def test_pictures_are_kept_by_their_address_at_twilio() -> None:
    home = f"https://api.twilio.com/2010-04-01/Accounts/{ACCOUNT}/Messages/MM1/Media/ME"
    files = {f"MediaUrl{n}": f"{home}{n}" for n in range(5)} | {f"MediaContentType{n}": "image/jpeg" for n in range(5)}
    event = heard(texted("", NumMedia="5", **files))
    assert isinstance(event, ContactReceived)
    assert [(each.media_type, each.reference) for each in event.attachments] == [
        ("image/jpeg", f"{home}{n}") for n in range(5)
    ]
    assert event.flags == ()


def test_a_picture_of_which_the_address_is_missing_is_told_and_the_text_is_kept() -> None:
    event = heard(texted("Zie foto", NumMedia="2", MediaUrl0="https://api.twilio.com/ME0", MediaContentType0="a b"))
    assert isinstance(event, ContactReceived)
    assert (event.text, event.flags) == ("Zie foto", ("picture-lost",))
    assert [each.media_type for each in event.attachments] == ["application/octet-stream"]


@pytest.mark.parametrize(("word", "flag"), [("STOP", "opt-out"), ("START", "opt-in"), ("HELP", "help")])
def test_whoever_wants_no_more_texts_says_so_and_is_heard(word: str, flag: str) -> None:
    event = heard(texted("Stop maar", OptOutType=word))
    assert isinstance(event, ContactReceived)
    assert (event.flags, event.text) == ((flag,), "Stop maar")


def test_a_reply_names_what_it_answers() -> None:
    first, reply = heard(texted("Hoi")), heard(texted("Ja", OriginalRepliedMessageSid="SM" + "c" * 32, sid="SM2"))
    assert isinstance(first, ContactReceived)
    assert isinstance(reply, ContactReceived)
    assert reply.refers_to == (first.digest,)


def test_a_text_that_is_too_long_is_kept_as_far_as_it_goes_and_says_so() -> None:
    event = heard(texted("a" * (TEXT_CHARS_MAX + 1)))
    assert isinstance(event, ContactReceived)
    assert (len(event.text), event.flags) == (TEXT_CHARS_MAX, ("cut-off",))


@pytest.mark.parametrize("sender", ["PostNL", "+3197012345678"])
def test_a_sender_that_is_no_telephone_is_kept_as_it_is_written(sender: str) -> None:
    event = heard(texted("Hoi", sender))
    assert isinstance(event, ContactReceived)
    assert event.address == sender


def test_two_texts_without_a_sender_do_not_share_an_address() -> None:
    assert heard(texted("Hoi", "", "SM1")).subject != heard(texted("Hoi", "", "SM2")).subject


def test_a_text_that_twilio_did_not_sign_comes_to_nothing() -> None:
    for forged in (inbound(texted("Hoi"), token="another"), inbound(texted("Hoi"))._replace(headers={})):
        with pytest.raises(Untrusted):
            ROAD.read(forged)


@given(
    st.dictionaries(st.sampled_from(["From", "Body", "NumMedia", "MediaUrl0", "MediaContentType0", "OptOutType",
                                     "MessageStatus", "ErrorCode", "OriginalRepliedMessageSid", "Tag"]),
                    st.text(max_size=400)),
    st.booleans(),
)  # fmt: skip
@settings(max_examples=300, deadline=None)
def test_every_text_that_twilio_signs_is_kept_whatever_its_parameters(fields: dict[str, str], twice: bool) -> None:
    callback = with_more(texted("Hoi", NumMedia="1"), fields.items())
    once = callback._replace(params=list((dict(callback.params) | fields).items()))
    [told] = ROAD.read(inbound(callback if twice else once)).facts
    fact(told.event, key=told.key)


# What becomes of ours


def back(status: str, code: str = "", url: str = "") -> Callback:
    sent = {"from": OURS, "sid": "SM" + "1" * 32, "to": "+31612345678"}
    return Callback(url or ROAD.callback(message()), receipt(sent, status, code))


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("sent", MessageSent),
        ("delivered", MessageDelivered),
        ("read", MessageRead),
        ("undelivered", MessageBounced),
        ("failed", MessageFailed),
        ("canceled", MessageFailed),
        ("teleported", MessageUnknown),
    ],
)
def test_a_receipt_says_which_message_of_ours_it_is_about(status: str, kind: type[Any]) -> None:
    event: Any = heard(back(status))
    assert type(event) is kind
    assert (event.message_id, event.address_id, event.channel) == ("m.1", "a" * 40, "sms")


@pytest.mark.parametrize("status", ["accepted", "scheduled", "queued", "sending"])
def test_a_message_that_is_still_under_way_is_no_news(status: str) -> None:
    assert not ROAD.read(inbound(back(status))).facts


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("30003", "unreachable"),
        ("30005", "no-such-address"),
        ("30006", "no-mobile"),
        ("30007", "filtered"),
        ("30036", "expired"),
        ("21610", "opted-out"),
        ("30032", "twilio-30032"),
        ("", "unknown"),
        ("0", "unknown"),
        ("drop table", "unknown"),
    ],
)
def test_why_it_came_back_is_said_in_our_words(code: str, reason: str) -> None:
    event = heard(back("undelivered", code))
    assert isinstance(event, MessageBounced)
    assert event.reason == reason


def test_receipts_come_to_the_same_facts_in_every_order_and_however_often() -> None:
    calls = [back(status) for status in ("queued", "sent", "delivered", "undelivered")]
    wanted = set(ids(*((callback, ARRIVAL) for callback in calls)))
    assert len(wanted) == 3
    for schedule in schedules(calls):
        assert set(ids(*schedule)) == wanted


def test_a_callback_address_tells_nobody_whom_it_is_about() -> None:
    url = ROAD.callback(message())
    assert "612345678" not in url
    assert "paspoort" not in url


@pytest.mark.parametrize("name", ["message", "address", "mark"])
def test_a_receipt_of_a_message_that_we_did_not_send_is_refused(name: str) -> None:
    url = ROAD.callback(message())
    value = parse_qs(urlsplit(url).query)[name][0]
    with pytest.raises(Refused):
        ROAD.read(inbound(back("delivered", url=url.replace(value, "b" + value[1:]))))


def test_a_receipt_for_another_inbox_is_refused() -> None:
    inboxes = {name: Inbox.model_validate(SETTINGS) for name in ("main", "second")}
    road = open_channel(inboxes, SECRETS, PUBLIC)
    url = road.callback(message()).replace("/sms/main/", "/sms/second/")
    with pytest.raises(Refused):
        road.read(inbound(back("delivered", url=url), inbox="second"))


# The settings


@pytest.mark.parametrize(
    "wrong",
    [
        {"account_sid": ACCOUNT},
        SETTINGS | {"account_sid": "AC1"},
        SETTINGS | {"auth_tokens": []},
        SETTINGS | {"service_sid": "MG1"},
        SETTINGS | {"valid_s_max": 36_001},
        SETTINGS | {"colour": "blue"},
    ],
)
def test_settings_that_cannot_work_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Inbox.model_validate(wrong)
