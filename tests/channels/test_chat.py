"""Chat: a session that nobody can guess, messages that add nothing when they come again, and opening hours."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from channels.channel import Inbound, Message, Secrets
from channels.chat import SOCKET, TEXT_CHARS_MAX, Chat, Inbox, is_open, open_channel
from schemas.contact import ContactReceived
from schemas.errors import Refused, Untrusted
from schemas.event import fact

NOW: Final = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
SECRETS: Final = Secrets(pepper=b"pepper", tokens=b"tokens")
SESSION: Final = "0123456789abcdef" * 2
ID: Final = "5f1b6c1e-7a55-4b0c-9a53-0d9b8f6f2f10"


@pytest.fixture
def chat() -> Chat:
    return open_channel({"main": Inbox(), "other": Inbox()}, SECRETS, "https://draad.example")


def inbound(chat: Chat, inbox: str = "main", method: str = SOCKET, **said: Any) -> Inbound:
    headers = {"ticket": said.pop("ticket", chat.ticket("main", SESSION)), "language": "en"}
    body = json.dumps({"id": ID, "text": "Hello"} | said).encode()
    return Inbound(inbox, "", headers, body, NOW, method)


def test_a_message_is_a_contact_of_its_session(chat: Chat) -> None:
    [told] = chat.read(inbound(chat)).facts
    assert isinstance(told.event, ContactReceived)
    assert (told.event.kind, told.event.address, told.event.text) == ("chat", SESSION, "Hello")
    assert (told.event.reference, told.event.language, told.event.inbox) == (ID, "en", "main")
    assert SESSION not in fact(told.event, key=told.key).subject


def test_a_bsn_in_a_chat_is_flagged(chat: Chat) -> None:
    [told] = chat.read(inbound(chat, text="Mijn nummer is 111222333")).facts
    assert isinstance(told.event, ContactReceived)
    assert told.event.flags == ("bsn",)


def test_the_same_message_later_is_the_same_fact(chat: Chat) -> None:
    first, again = (chat.read(inbound(chat)._replace(at=NOW + timedelta(days=n))).facts[0] for n in (0, 6))
    assert fact(first.event, key=first.key).id == fact(again.event, key=again.key).id
    [other] = chat.read(inbound(chat, id=ID[::-1])).facts
    assert fact(other.event, key=other.key).id != fact(first.event, key=first.key).id


def test_a_ticket_is_good_for_its_own_inbox_and_no_other(chat: Chat) -> None:
    ticket = chat.ticket("main", SESSION)
    assert chat.session("main", ticket)
    for inbox, given in (("other", ticket), ("main", ""), ("main", SESSION), ("main", ticket[:-1] + "!")):
        assert chat.session(inbox, given) is None
    elsewhere = open_channel({"main": Inbox()}, Secrets(b"pepper", b"another"), "https://draad.example")
    assert elsewhere.session("main", ticket) is None


@pytest.mark.parametrize("wrong", [{"ticket": "forged"}, {"inbox": "other"}, {"method": "POST"}, {"method": "GET"}])
def test_without_its_ticket_or_over_another_road_nothing_is_believed(chat: Chat, wrong: dict[str, str]) -> None:
    with pytest.raises(Untrusted):
        chat.read(inbound(chat, **wrong))


@pytest.mark.parametrize(
    "wrong",
    [{"text": ""}, {"text": "x" * (TEXT_CHARS_MAX + 1)}, {"text": 7}, {"text": "a\x00"}, {"id": "x"}, {"id": "é" * 20}],
)
def test_what_is_no_message_is_refused_and_not_quoted(chat: Chat, wrong: dict[str, Any]) -> None:
    with pytest.raises(Refused) as refused:
        chat.read(inbound(chat, **wrong))
    assert "é" not in str(refused.value)


async def test_an_answer_is_sent_once_it_is_on_the_log_and_after_a_crash_it_still_is(chat: Chat) -> None:
    message = Message("m-1", "a-1", SESSION, "main", "Goedemorgen")
    assert await chat.send(message) == await chat.reconcile(message) == "m-1"


@pytest.mark.parametrize(
    ("day", "hour", "opened"),
    [(23, "08:29", False), (23, "08:30", True), (27, "16:59", True), (27, "17:00", False), (28, "12:00", True),
     (28, "09:59", False), (29, "12:00", False)],
)  # fmt: skip
def test_opening_hours_are_those_of_the_zone(day: int, hour: str, opened: bool) -> None:
    inbox = Inbox(opening=("mon-fri 08:30-17:00", "sat 10:00-14:00"))
    at = datetime.fromisoformat(f"2026-11-{day}T{hour}").replace(tzinfo=ZoneInfo("Europe/Amsterdam"))
    assert is_open(inbox, at.astimezone(UTC)) is opened


def test_on_a_public_holiday_nobody_answers_unless_the_inbox_says_so() -> None:
    christmas = datetime(2026, 12, 25, 11, 0, tzinfo=UTC)
    assert not is_open(Inbox(opening=("mon-fri 08:30-17:00",)), christmas)
    assert is_open(Inbox(opening=("mon-fri 08:30-17:00",), holidays=False), christmas)
    assert is_open(Inbox(), christmas)


def test_a_week_may_turn_around_sunday() -> None:
    inbox = Inbox(opening=("sat-mon 10:00-12:00",))
    opened = [is_open(inbox, datetime(2026, 11, day, 10, 0, tzinfo=UTC)) for day in range(23, 30)]
    assert opened == [True, False, False, False, False, True, True]


@pytest.mark.parametrize(
    "wrong",
    [{"opening": ("ma-vr 9-17",)}, {"opening": ("mon 17:00-08:30",)}, {"zone": "Mars/Olympus"}, {"zone": "../etc"},
     {"origins": ("gemeente.example",)}, {"origins": ("https://x.example/path",)}, {"colour": "red"}],
)  # fmt: skip
def test_a_setting_that_is_none_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Inbox(**wrong)
