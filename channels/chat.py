"""Chat: what somebody types on a site of ours, and where an agent's answer waits for them.

A session is a name that nobody can guess, and the token that proves it stays in their browser. What comes in is kept
before it is acknowledged, under the id that their browser gave it, so that sending it again adds nothing. What goes out
needs no provider: the log itself is the outbox, and the browser reads on from what it saw last.
"""

import re
from collections.abc import Mapping
from datetime import datetime, time
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from channels.address import Address, address
from channels.bsn import flagged
from channels.channel import Heard, Inbound, Message, Secrets, Told
from channels.days import holiday
from channels.token import named, token
from schemas.contact import ContactReceived
from schemas.errors import Refused, Untrusted
from schemas.event import derived, faults
from schemas.reading import NO_TEXT

TEXT_CHARS_MAX: Final = 4_000  # Of what a resident types at once.
SOCKET: Final = "SOCKET"  # The method of what came over our own WebSocket.
SESSION: Final = re.compile(r"[0-9a-f]{32}")  # 128 bits.
ORIGIN: Final = r"^https?://[a-z0-9.-]+(:[0-9]+)?$"
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
HOURS: Final = re.compile(
    rf"(?P<first>{'|'.join(DAYS)})(?:-(?P<last>{'|'.join(DAYS)}))? "
    r"(?P<opens>[01]\d:[0-5]\d|2[0-3]:[0-5]\d)-(?P<closes>[01]\d:[0-5]\d|2[0-3]:[0-5]\d)"
)
Language = Literal["nl", "en"]


def hours(written: str) -> str:
    """`mon-fri 08:30-17:00`, or `sat 10:00-14:00`. Raises `ValueError`."""
    found = HOURS.fullmatch(written)
    if found is None or found["opens"] >= found["closes"]:
        raise ValueError("opening hours are written as mon-fri 08:30-17:00")
    return written


def real_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError("there is no such time zone") from None
    return name


Sentence = Annotated[str, StringConstraints(max_length=300)]


class Inbox(BaseModel):
    """One chat, on one or more sites."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    origins: tuple[Annotated[str, Field(pattern=ORIGIN)], ...] = ()  # Sites that may show it, beside our own.
    opening: tuple[Annotated[str, AfterValidator(hours)], ...] = ()  # When somebody answers; always, if it is empty.
    holidays: bool = True  # Whether nobody does on public holidays.
    zone: Annotated[str, AfterValidator(real_zone)] = "Europe/Amsterdam"
    title_nl: Sentence = "Chat met de gemeente"
    title_en: Sentence = "Chat with the municipality"
    closed_nl: Sentence = "We zijn nu gesloten. Stel uw vraag gerust: we antwoorden hier als we weer open zijn."
    closed_en: Sentence = "We are closed now. Do ask your question: we answer here once we are open again."


class Said(BaseModel):
    """A message as their browser sends it."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", hide_input_in_errors=True)

    id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{16,64}$")]
    text: Annotated[str, StringConstraints(min_length=1, max_length=TEXT_CHARS_MAX)]


class Chat:
    """Our chats."""

    name = "chat"

    def __init__(self, inboxes: Mapping[str, Inbox], secrets: Secrets, public_url: str) -> None:
        self.inboxes, self.public_url = inboxes, public_url
        self._secrets = secrets

    def ticket(self, inbox: str, session: str) -> str:
        """What lets a browser go on with this session. `session` is 32 hexadecimal digits that nobody can guess."""
        assert SESSION.fullmatch(session)
        return token("chat", f"{inbox}~{session}", self._secrets.tokens)

    def session(self, inbox: str, ticket: str) -> Address | None:
        """Whose ticket it is, if it is one for this inbox."""
        of, _, session = (named("chat", ticket, self._secrets.tokens) or "").partition("~")
        return address("chat", session) if of == inbox and SESSION.fullmatch(session) else None

    def pseudonym(self, session: Address) -> str:
        return session.pseudonym(self._secrets.pepper)

    def read(self, inbound: Inbound) -> Heard:
        """One message. It comes over our WebSocket only, with the ticket of its session beside it."""
        session = self.session(inbound.inbox, inbound.headers.get("ticket", ""))
        if inbound.method != SOCKET or session is None:
            raise Untrusted("a chat comes over its WebSocket, with a ticket of its session")
        try:
            said = Said.model_validate_json(inbound.body)
        except ValidationError as error:
            raise Refused(f"the message is wrong in {faults(error)}") from None
        if NO_TEXT.search(said.text):
            raise Refused("the message holds NUL or a lone surrogate: it is not text")
        address_id = self.pseudonym(session)
        contact = derived(f"chat {inbound.inbox} {address_id} {said.id}")
        language = inbound.headers.get("language", "")
        received = ContactReceived(
            at=inbound.at,
            contact_id=contact,
            address_id=address_id,
            channel="chat",
            text=said.text,
            kind=session.kind,
            address=session.value,
            inbox=inbound.inbox,
            language=language if language in {"nl", "en"} else "unknown",
            reference=said.id,
            flags=flagged(said.text),
        )
        return Heard((Told(received, contact),))

    async def send(self, message: Message) -> str:
        """It is on the log, and so it is sent: their browser reads it there, and says so."""
        return message.message_id

    async def reconcile(self, message: Message) -> str:
        """After a crash it is still on the log."""
        return message.message_id


def open_channel(inboxes: Mapping[str, Inbox], secrets: Secrets, public_url: str) -> Chat:
    return Chat(inboxes, secrets, public_url)


def is_open(inbox: Inbox, now: datetime) -> bool:
    """Whether somebody answers at this moment."""
    here = now.astimezone(ZoneInfo(inbox.zone))
    if inbox.opening and inbox.holidays and holiday(here.date()):
        return False
    return not inbox.opening or any(within(written, here) for written in inbox.opening)


def within(written: str, here: datetime) -> bool:
    found = HOURS.fullmatch(written)
    assert found, "checked when it was read"
    first = DAYS.index(found["first"])
    last = DAYS.index(found["last"] or found["first"])
    days = (last - first) % 7 + 1
    opens, closes = (time.fromisoformat(found[name]) for name in ("opens", "closes"))
    return (here.weekday() - first) % 7 < days and opens <= here.time() < closes
