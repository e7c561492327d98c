"""An SMS is handed over once; where nobody knows whether it was, Twilio's list says so before it is sent again."""

from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from channels import twilio_rest
from channels.channel import Fetcher, Message, Reconciler, Secrets, Sender, Undeliverable
from channels.sms import SMS_CHARS_MAX, Inbox, Sms, open_channel
from schemas.errors import Ambiguous, DraadError, Refused, Unavailable
from schemas.event import Event
from schemas.message import MessageDelivered, MessageSent
from simulation.twilio import (
    ACCOUNT,
    ARRIVAL,
    OURS,
    PUBLIC,
    TOKEN,
    Callback,
    Twilio,
    inbound,
    serving,
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


@pytest.fixture
def twilio() -> Twilio:
    return Twilio()


@pytest.fixture
async def road(twilio: Twilio, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Sms]:
    monkeypatch.setattr(twilio_rest, "ANSWER_S_MAX", 1.0)
    async with serving(twilio) as url:
        opened = sms(api_url=url)
        yield opened
        await opened.close()


def test_it_is_a_road_that_answers_finds_out_and_fetches() -> None:
    assert all(isinstance(ROAD, promise) for promise in (Sender, Reconciler, Fetcher))


async def test_a_message_is_handed_over_once_and_twilio_says_its_id(road: Sms, twilio: Twilio) -> None:
    sid = await road.send(message())
    assert [sent["sid"] for sent in twilio.messages] == [sid]
    assert (twilio.messages[0]["to"], twilio.messages[0]["body"]) == ("+31612345678", TEXT)
    receipts = [heard(callback).type for callback in twilio.receipts(sid, "sent", "delivered")]
    assert receipts == [MessageSent.type, MessageDelivered.type]


@pytest.mark.parametrize(("valid_s", "asked"), [(None, 14_400), (99_999.0, 14_400), (90.7, 90), (0.2, 1)])
async def test_twilio_delivers_it_no_later_than_somebody_needs_it(
    road: Sms, twilio: Twilio, valid_s: float | None, asked: int
) -> None:
    sid = await road.send(message(valid_s=valid_s))
    assert twilio.validity[sid] == asked


async def test_a_receipt_may_come_before_twilio_has_answered(road: Sms, twilio: Twilio) -> None:
    twilio.faults.append("callback-first")
    sid = await road.send(message())
    event = heard(twilio.posted[0])
    assert isinstance(event, MessageSent)
    assert (event.message_id, event.reference) == ("m.1", sid)


@pytest.mark.parametrize(
    ("fault", "error", "sent"),
    [
        ("429", Unavailable, 0),
        ("500", Ambiguous, 0),
        ("500-after-accept", Ambiguous, 1),
        ("503-after-accept", Ambiguous, 1),
        ("408-after-accept", Ambiguous, 1),
        ("silence-after-accept", Ambiguous, 1),
        ("silence", Ambiguous, 0),
        ("cut-after-accept", Ambiguous, 1),
        ("garbage-after-accept", Ambiguous, 1),
        ("404", Undeliverable, 0),
        ("401", Unavailable, 0),
    ],
)
async def test_each_failure_says_what_it_leaves_open_and_nothing_is_tried_twice(
    road: Sms, twilio: Twilio, fault: str, error: type[DraadError], sent: int
) -> None:
    twilio.faults.append(fault)
    with pytest.raises(error) as failed:
        await road.send(message())
    assert type(failed.value) is error
    assert (len(twilio.messages), twilio.asked) == (sent, 1)


async def test_a_twilio_that_is_not_reached_surely_sent_nothing() -> None:
    opened = sms(api_url="http://127.0.0.1:1")
    with pytest.raises(Unavailable):
        await opened.send(message())
    await opened.close()


@pytest.mark.parametrize("to", ["+31201234567", "14020", "+3197012345678", "", "jan@voorbeeld.nl"])
async def test_what_no_sms_can_reach_is_refused_before_twilio_is_asked(road: Sms, twilio: Twilio, to: str) -> None:
    with pytest.raises(Refused):
        await road.send(message(address=to))
    assert twilio.asked == 0


@pytest.mark.parametrize("text", ["", "  ", "a" * (SMS_CHARS_MAX + 1)])
async def test_a_text_that_no_sms_can_hold_is_refused_before_twilio_is_asked(
    road: Sms, twilio: Twilio, text: str
) -> None:
    with pytest.raises(Refused):
        await road.send(message(text=text))
    assert twilio.asked == 0


async def test_whoever_opted_out_is_not_texted_and_no_error_quotes_the_number(road: Sms, twilio: Twilio) -> None:
    twilio.opted_out.add("+31612345678")
    with pytest.raises(Undeliverable, match="21610") as refused:
        await road.send(message())
    assert refused.value.word == "opted-out"
    assert "612345678" not in str(refused.value)


async def test_a_wrong_key_waits_until_it_is_mended(twilio: Twilio) -> None:
    async with serving(twilio) as url:
        opened = sms(api_url=url, auth_tokens=["a wrong one"])
        with pytest.raises(Unavailable, match="20003"):
            await opened.send(message())
        await opened.close()
    assert twilio.messages == []


async def test_an_inbox_that_only_receives_sends_nothing(road: Sms) -> None:
    with pytest.raises(Refused):
        await sms(sender="").send(message())
    with pytest.raises(Refused):
        await road.send(message(inbox="elsewhere"))


async def test_a_messaging_service_may_send(twilio: Twilio) -> None:
    async with serving(twilio) as url:
        opened = sms(api_url=url, sender="", service_sid="MG1")
        await opened.send(message())
        await opened.close()
    assert twilio.messages[0]["messaging_service_sid"] == "MG1"


# Finding out


@pytest.mark.parametrize("fault", ["silence-after-accept", "cut-after-accept", "500-after-accept"])
async def test_a_message_that_twilio_took_without_saying_so_is_found_again(
    road: Sms, twilio: Twilio, fault: str
) -> None:
    twilio.faults.append(fault)
    ours = message(text=" Uw paspoort\u2026 ligt klaar ")
    with pytest.raises(Ambiguous):
        await road.send(ours)
    assert await road.reconcile(ours) == twilio.messages[0]["sid"]


async def test_a_message_that_twilio_never_took_is_not_found(road: Sms, twilio: Twilio) -> None:
    await road.send(message(text="Iets anders"))
    await road.send(message(address="+31687654321"))
    assert await road.reconcile(message()) is None


async def test_a_list_that_is_late_is_looked_at_again(road: Sms, twilio: Twilio) -> None:
    sid = await road.send(message())
    twilio.lists_late = 1
    assert await road.reconcile(message()) == sid


async def test_the_same_text_of_an_hour_ago_is_not_taken_for_this_one(road: Sms, twilio: Twilio) -> None:
    await road.send(message())
    assert await road.reconcile(message(at=datetime.now(UTC) + timedelta(hours=1))) is None


async def test_of_a_message_that_was_accepted_twice_the_first_is_named(road: Sms, twilio: Twilio) -> None:
    twilio.faults.append("accept-twice")
    await road.send(message())
    assert await road.reconcile(message()) == twilio.messages[-1]["sid"]
    assert len(twilio.messages) == 2


@pytest.mark.parametrize("fault", ["500", "429", "401", "silence", "cut", "garbage"])
async def test_while_the_list_is_not_had_nothing_is_known(road: Sms, twilio: Twilio, fault: str) -> None:
    await road.send(message())
    twilio.faults.append(fault)
    with pytest.raises(Unavailable):
        await road.reconcile(message())


async def over(road: Sms, ours: Message) -> bool:
    """Whether Twilio has it, after one try: as a courier does, who asks for the list until it is had."""
    try:
        return bool(await road.send(ours))
    except Unavailable:
        return False
    except Ambiguous:
        while True:
            with suppress(Unavailable):
                return await road.reconcile(ours) is not None


@pytest.mark.parametrize("seed", range(8))
async def test_whatever_goes_wrong_each_message_is_sent_once(road: Sms, twilio: Twilio, seed: int) -> None:
    faults = ["429", "500", "500-after-accept", "silence-after-accept", "cut-after-accept", "garbage-after-accept", ""]
    for nth in range(len(faults)):
        ours = message(message_id=f"m{nth}", text=f"Bericht {nth}")
        twilio.faults.append(faults[(nth + seed) % len(faults)])
        while not await over(road, ours):
            pass
    bodies = [each["body"] for each in twilio.messages]
    assert sorted(bodies) == [f"Bericht {nth}" for nth in range(len(faults))]


# Pictures


def picture(road: Sms, name: str = "ME1") -> str:
    return f"{road.accounts['main'].home}/MM1/Media/{name}"


async def test_a_picture_is_fetched_and_our_key_goes_to_twilio_only(road: Sms, twilio: Twilio) -> None:
    twilio.media["ME1"] = b"\xff\xd8 a tulip"
    assert await road.fetch(picture(road)) == b"\xff\xd8 a tulip"
    other = Twilio()
    other.media["ME1"] = b"from elsewhere"
    async with serving(other) as url:
        twilio.elsewhere = url.replace("127.0.0.1", "localhost")
        assert await road.fetch(picture(road)) == b"from elsewhere"
    assert all(twilio.keys_seen)
    assert other.keys_seen == [""]


@pytest.mark.parametrize("fault", ["500", "429", "401", "silence"])
async def test_a_picture_that_is_not_given_now_is_asked_for_later(road: Sms, twilio: Twilio, fault: str) -> None:
    twilio.faults.append(fault)
    with pytest.raises(Unavailable):
        await road.fetch(picture(road))


async def test_a_picture_that_is_gone_or_too_large_is_not_to_be_had(
    road: Sms, twilio: Twilio, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Refused):
        await road.fetch(picture(road))
    monkeypatch.setattr(twilio_rest, "MEDIA_BYTES_MAX", 10)
    twilio.media["ME1"] = b"x" * 11
    with pytest.raises(Refused):
        await road.fetch(picture(road))


@pytest.mark.parametrize("url", ["http://169.254.169.254/latest/meta-data", "file:///etc/passwd", "", "ME1"])
async def test_nothing_is_fetched_from_anywhere_but_our_own_account(road: Sms, twilio: Twilio, url: str) -> None:
    with pytest.raises(Refused):
        await road.fetch(url)
    assert twilio.asked == 0
