"""SMS by Twilio: what residents text us, what we text them, and what becomes of that. `docs/channels/sms.md`."""

import asyncio
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Final
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from channels.address import Address, address, reachable_by_sms
from channels.bsn import flagged
from channels.channel import Heard, Inbound, Message, Secrets, Told, Undeliverable
from channels.gsm import plain
from channels.telephony import line
from channels.token import signature
from channels.twilio import BODY_BYTES_MAX, SILENCE, AuthTokens, Form, believed, checked, configured, count, query
from channels.twilio_rest import CODE_DIGITS_MAX, TwilioMessages, reason
from schemas.contact import Attachment, ContactReceived
from schemas.errors import Refused, Untrusted
from schemas.event import TEXT_CHARS_MAX, Event, derived, faults
from schemas.message import MessageBounced, MessageDelivered, MessageFailed, MessageRead, MessageSent, MessageUnknown

NAME: Final = "sms"
TWILIO: Final = "https://api.twilio.com"
OF_A_RECEIPT: Final = "sms receipt"  # What the signature in a callback address is for.
SMS_CHARS_MAX: Final = 1_600  # Twilio's own limit.
MEDIA_MAX: Final = 10
MEDIA_DIGITS_MAX: Final = 2
UNDER_WAY: Final = frozenset({"accepted", "scheduled", "queued", "sending", "receiving", "received"})
FLAGS: Final = {"STOP": "opt-out", "START": "opt-in", "HELP": "help"}
ARRIVING: Final[Mapping[str, type[MessageSent | MessageDelivered | MessageRead]]] = {
    "sent": MessageSent,
    "delivered": MessageDelivered,
    "partially_delivered": MessageDelivered,
    "read": MessageRead,
}
LOST: Final[Mapping[str, type[MessageBounced | MessageFailed]]] = {
    "undelivered": MessageBounced,
    "failed": MessageFailed,
    "canceled": MessageFailed,
}
MEDIA_TYPE: Final = re.compile(r"[!-~]{1,100}")
URL: Final = re.compile(r"https://[!-~]{1,290}")


class Inbox(BaseModel):
    """One number, or one Messaging Service, at Twilio."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    account_sid: Annotated[str, Field(pattern=r"^AC[0-9a-f]{32}$")]  # Of the account, as Twilio's console shows it.
    auth_tokens: Annotated[AuthTokens, Field(min_length=1)]  # The first one sends.
    sender: str = ""  # The number that we send from, such as +3197010240000; empty: we only receive.
    service_sid: str = ""  # Or the Messaging Service that has it: MG and 32 digits.
    valid_s_max: Annotated[int, Field(ge=60, le=36_000)] = 14_400  # After this, Twilio delivers no more.
    list_late_s_max: Annotated[int, Field(ge=0, le=25)] = 20  # How long Twilio's list may lack what it took.
    api_url: str = TWILIO  # Another one in tests.

    @model_validator(mode="after")
    def one_sender(self) -> "Inbox":
        if self.sender and self.service_sid:
            raise ValueError("an SMS is sent from a sender or by a service_sid, not both")
        return self


class Sms:
    """The road of SMS, both ways."""

    name = NAME
    body_bytes_max = BODY_BYTES_MAX

    def __init__(self, inboxes: Mapping[str, Inbox], secrets: Secrets, public_url: str) -> None:
        self.inboxes = inboxes
        self.secrets = secrets
        self.public_url = public_url.rstrip("/")
        self.accounts = {
            name: TwilioMessages(inbox.api_url, inbox.account_sid, inbox.auth_tokens[0].get_secret_value())
            for name, inbox in inboxes.items()
        }

    def read(self, inbound: Inbound) -> Heard:
        if inbound.inbox not in self.inboxes:
            raise Untrusted("there is no SMS inbox of this name")
        url, step = configured(self.public_url, NAME, inbound)
        form = believed(self.inboxes[inbound.inbox].auth_tokens, url, inbound)
        try:
            match step:
                case "":
                    return Heard([self.texted(inbound, form)], SILENCE)
                case "status":
                    return Heard(self.receipt(inbound, form), SILENCE)
                case _:
                    raise Refused("an SMS inbox has no such address")
        except ValidationError as error:
            raise Refused(f"a parameter cannot be kept ({faults(error)})") from None

    def texted(self, inbound: Inbound, form: Form) -> Told:
        sid, body, number = name_of(form), form.first("Body"), line(form.first("From"))
        who = address("sms", number) if number else Address("withheld", sid)
        answered = form.first("OriginalRepliedMessageSid")
        wish = FLAGS.get(form.first("OptOutType").upper(), "")
        files = tuple(media(form))
        flags = {"cut-off": len(body) > TEXT_CHARS_MAX, "picture-lost": len(files) < pictures(form), wish: bool(wish)}
        event = ContactReceived(
            at=inbound.at,
            contact_id=derived(f"{NAME} {inbound.inbox} {sid}"),
            address_id=who.pseudonym(self.secrets.pepper),
            channel=NAME,
            text=body[:TEXT_CHARS_MAX],
            kind=who.kind,
            address=number and who.value,
            inbox=inbound.inbox,
            reference=sid,
            digest=digest(sid),
            refers_to=(digest(answered),) if answered else (),
            flags=(*(flag for flag, stands in flags.items() if stands), *flagged(body)),
            attachments=files,
        )
        return Told(event, sid)

    def receipt(self, inbound: Inbound, form: Form) -> list[Told]:
        """What became of a message of ours, which the callback address itself names."""
        asked = query(inbound)
        message_id, address_id = asked.first("message"), asked.first("address")
        mark = self.mark(inbound.inbox, message_id, address_id).encode()
        if not hmac.compare_digest(mark, asked.first("mark").encode()):
            raise Refused("the callback address of a message holds no mark of ours")
        sid, status = name_of(form), form.first("MessageStatus")
        if status in UNDER_WAY:
            return []
        known = {"message_id": message_id, "address_id": address_id, "channel": NAME}
        event = became(form, sid, inbound.at, known)
        return [Told(event, f"{sid} {status}")]

    async def send(self, message: Message) -> str:
        """Hand it to Twilio, and return Twilio's id of it."""
        inbox, text = self.inbox(message), plain(message.text)
        if not reachable_by_sms(message.address):
            raise Undeliverable("an SMS goes to a mobile number only", "no-mobile")
        if not text.strip() or len(text) > SMS_CHARS_MAX:
            raise Undeliverable(f"an SMS has a text of at most {SMS_CHARS_MAX} characters", "text-does-not-fit")
        origin = {"MessagingServiceSid": inbox.service_sid} if inbox.service_sid else {"From": inbox.sender}
        form = {
            "To": message.address,
            "Body": text,
            "StatusCallback": self.callback(message),
            "ValidityPeriod": str(int(max(1, min(inbox.valid_s_max, message.valid_s or inbox.valid_s_max)))),
        }
        return await self.accounts[message.inbox].create(origin | form)

    async def reconcile(self, message: Message) -> str | None:
        """Twilio's id of a message that we may have handed over, or nothing where its list does not have it.

        The list may be late, so it is looked at twice, `list_late_s_max` apart. It takes two messages with the same
        text to the same number for one. Raises `Unavailable`.
        """
        inbox, account = self.inbox(message), self.accounts[message.inbox]
        if message.at is None:
            raise Refused("what is looked for at Twilio has a time from which to look")
        texts = frozenset({plain(message.text), plain(message.text).strip()})  # Twilio may trim what it keeps.
        found = await account.sent(message.address, message.at, texts)
        if not found:
            await asyncio.sleep(inbox.list_late_s_max)
            found = await account.sent(message.address, message.at, texts)
        return found[0] if found else None

    async def fetch(self, reference: str) -> bytes:
        """The picture at this address of Twilio's. Raises `Refused` where it is not to be had any more."""
        for account in self.accounts.values():
            if reference.startswith(f"{account.home}/"):
                return await account.fetch(reference)
        raise Refused("this is not the address of a file of ours at Twilio")

    async def close(self) -> None:
        for account in self.accounts.values():
            await account.close()

    def inbox(self, message: Message) -> Inbox:
        inbox = self.inboxes.get(message.inbox)
        if inbox is None or not (inbox.sender or inbox.service_sid):
            raise Undeliverable("there is no SMS inbox of this name to send from", "no-such-inbox")
        return inbox

    def callback(self, message: Message) -> str:
        mark = self.mark(message.inbox, message.message_id, message.address_id)
        marks = {"message": message.message_id, "address": message.address_id, "mark": mark}
        return f"{self.public_url}/webhooks/{NAME}/{message.inbox}/status?{urlencode(marks)}"

    def mark(self, inbox: str, message_id: str, address_id: str) -> str:
        return signature(f"{OF_A_RECEIPT} {inbox}", f"{message_id} {address_id}", self.secrets.tokens)


def became(form: Form, sid: str, at: datetime, known: Mapping[str, str]) -> Event:
    """What a status means, in our words. A word that is not known yet tells nothing, and is kept as that."""
    status = form.first("MessageStatus")
    if status in ARRIVING:
        return ARRIVING[status](at=at, reference=sid, **known)
    if status in LOST:
        why = "cancelled" if status == "canceled" else reason(count(form.first("ErrorCode"), CODE_DIGITS_MAX))
        return LOST[status](at=at, reason=why, **known)
    return MessageUnknown(at=at, **known)


def pictures(form: Form) -> int:
    return count(form.first("NumMedia"), MEDIA_DIGITS_MAX)


def media(form: Form) -> list[Attachment]:
    """Pictures and the like are still with Twilio: their addresses are kept, and fetched by whoever needs them."""
    numbered = [(form.first(f"MediaUrl{n}"), form.first(f"MediaContentType{n}")) for n in range(pictures(form))]
    return [
        Attachment(media_type=kind if MEDIA_TYPE.fullmatch(kind) else "application/octet-stream", reference=url)
        for url, kind in numbered[:MEDIA_MAX]
        if URL.fullmatch(url)
    ]


def name_of(form: Form) -> str:
    return checked(form.first("MessageSid") or form.first("SmsSid"))


def digest(sid: str) -> str:
    return hashlib.sha256(sid.encode()).hexdigest()


def open_channel(inboxes: Mapping[str, Inbox], secrets: Secrets, public_url: str) -> Sms:
    return Sms(inboxes, secrets, public_url)
