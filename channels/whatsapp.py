"""WhatsApp, by Meta's Cloud API: what residents write and send, what became of our answers, and the answers.

Meta sends again for up to seven days, in parallel, in any order, and several items at a time. Each message and status
has a name of its own there, so that all of it comes to the same facts. Somebody may have no telephone number here, but
an id that Meta made for us alone; where both are known, the number is the address and a fact says that they are one.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import httpx
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from channels.address import Address, address
from channels.channel import Heard, Inbound, Message, Reply, Secrets, Told, Undeliverable
from channels.outward import BROKEN, downloaded, posted
from channels.token import named, token
from channels.whatsapp_words import failed_for, line, moment, name_digest, packed, refused_for, said, words
from schemas.address import AddressRevealed
from schemas.contact import ContactReceived
from schemas.errors import Ambiguous, Refused, Unavailable, Untrusted
from schemas.event import Event, derived, faults
from schemas.message import MessageDelivered, MessageFailed, MessageRead, MessageSent
from schemas.quarantine import QuarantineEntered

WINDOW: Final = timedelta(hours=24)  # After that only a template that Meta approved is carried.
TEXT_CHARS_MAX: Final = 4_096  # Of one message that we send.
MEDIA_BYTES_MAX: Final = 25 * 1024 * 1024  # Of one file that we fetch; Meta itself takes documents of 100 MB.
LETTER_BYTES_MAX: Final = 65_536  # Of an answer of Meta's that is no file.
TOKEN_CHARS_MAX: Final = 120  # Of what travels out and comes back: who, and which message.
ANSWER_S_MAX: Final = 10.0
CHALLENGE: Final = re.compile(r"[A-Za-z0-9._-]{1,200}")
TELEPHONE: Final = re.compile(r"[0-9]{5,20}")
USER: Final = re.compile(r"[A-Z]{2}(?:\.ENT)?\.[A-Za-z0-9]{1,128}")
REFERENCE: Final = re.compile(r"[!-~]{1,200}")
MEDIA: Final = re.compile(r"[A-Za-z0-9_-]{1,200}")
# Errors that pass: too many at once, to one, to all, a service that rests; and a key of ours that has to be renewed.
LATER: Final = frozenset({4, 80007, 130429, 131056, 133016, 10, 190})
KEY_REFUSED: Final = 401
OFTEN: Final = 429


RECEIPTS: Final[Mapping[str, type[MessageSent | MessageDelivered | MessageRead]]] = {
    "sent": MessageSent,
    "delivered": MessageDelivered,
    "read": MessageRead,
}


class Inbox(BaseModel):
    """One of our numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    phone_number_id: str = Field(pattern=r"^[0-9]{5,30}$")  # Meta's id of our number, which is not the number.
    app_secret: SecretStr  # What Meta signs its webhooks with.
    verify_token: SecretStr  # What we made up, and Meta says once when the webhook is set up.
    access_token: SecretStr  # Of a system user that may send in our name.
    graph_url: str = Field("https://graph.facebook.com/v23.0", pattern=r"^https?://[^/]+(/[^/]+)?$")
    media_hosts: tuple[str, ...] = ("lookaside.fbsbx.com",)  # Files are fetched from here, and from nowhere else.


class Value(BaseModel):
    """What one change says. What is in a message is not looked at here: Meta knows more kinds each year."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    metadata: dict[str, Any] = {}
    contacts: list[dict[str, Any]] = []
    messages: list[dict[str, Any]] = []
    statuses: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []


class Change(BaseModel):
    field: str = ""
    value: dict[str, Any] = {}


class Entry(BaseModel):
    changes: list[Change] = []


class Payload(BaseModel):
    entry: list[Entry] = []


class WhatsApp:
    """Our numbers on WhatsApp."""

    name = "whatsapp"

    def __init__(self, inboxes: Mapping[str, Inbox], secrets: Secrets) -> None:
        self._inboxes, self._secrets = inboxes, secrets
        self._client = httpx.AsyncClient(timeout=ANSWER_S_MAX, follow_redirects=False)

    async def close(self) -> None:
        await self._client.aclose()

    def read(self, inbound: Inbound) -> Heard:
        """Every message and status of every entry. Of these, what cannot be read goes to quarantine by itself."""
        inbox = self._inbox(inbound.inbox)
        if inbound.method == "GET":
            return Heard(reply=Reply(body=challenged(inbox, inbound.url)))
        signed(inbox, inbound)
        reading = Reading(self._numbers(inbox), self._secrets, inbound)
        try:
            payload = Payload.model_validate(json.loads(inbound.body))
            for change in (change for entry in payload.entry for change in entry.changes):
                reading.take(change)
        except ValidationError as error:
            raise Refused(f"it is signed, and not as whatsapp speaks: {faults(error)}") from None
        except (ValueError, RecursionError):
            raise Refused("it is signed, and no JSON that can be read") from None
        return Heard(tuple(reading.facts.values()), files=reading.files)

    async def send(self, message: Message) -> str:
        """Free text, or a template. Past the window of 24 hours Meta refuses text: whoever writes looks at that."""
        inbox = self._inbox(message.inbox)
        body = letter(message, self._secrets.tokens)
        url = f"{inbox.graph_url}/{inbox.phone_number_id}/messages"
        answer = await posted(self._client, "whatsapp", url, json=body, headers=authorized(inbox))
        if answer.is_success:
            reference = said(content(answer), "messages", "0", "id")
            if not REFERENCE.fullmatch(reference):
                raise Ambiguous("whatsapp took it, and did not say under which name")
            return reference
        raise failure(answer)

    async def fetch(self, reference: str) -> bytes:
        """The file that `inbox/name` names, from Meta's own hosts. Raises `Refused` where it is not to be had."""
        inbox, _, name = reference.partition("/")
        place = self._inbox(inbox)
        if not MEDIA.fullmatch(name):
            raise Refused("this is not the name of a file at whatsapp")
        url = f"{place.graph_url}/{name}?phone_number_id={place.phone_number_id}"
        found = await self._get(place, url, LETTER_BYTES_MAX)
        try:
            file = json.loads(found)
        except ValueError:
            raise Unavailable("whatsapp answered with something that is no JSON") from None
        where = urlsplit(said(file, "url"))
        if where.scheme != urlsplit(place.graph_url).scheme or where.netloc not in place.media_hosts:
            raise Refused("whatsapp names a file on a host that is not in media_hosts")
        data = await self._get(place, where.geturl(), MEDIA_BYTES_MAX)
        if (digest := said(file, "sha256")) and digest != hashlib.sha256(data).hexdigest():
            raise Unavailable("the file is not what whatsapp said it was")
        return data

    async def _get(self, inbox: Inbox, url: str, bytes_max: int) -> bytes:
        return await downloaded(self._client, "whatsapp", url, bytes_max, headers=authorized(inbox))

    def _inbox(self, name: str) -> Inbox:
        inbox = self._inboxes.get(name)
        if inbox is None:
            raise Refused("there is no such inbox of whatsapp")
        return inbox

    def _numbers(self, inbox: Inbox) -> Mapping[str, str]:
        """The inboxes that Meta tells of at this address: an app has one, for all of its numbers."""
        secret = inbox.app_secret.get_secret_value()
        same = {name: one for name, one in self._inboxes.items() if one.app_secret.get_secret_value() == secret}
        return {one.phone_number_id: name for name, one in same.items()}


class Reading:
    """The facts of one payload, each once, and the bytes that have to be kept with them."""

    def __init__(self, numbers: Mapping[str, str], secrets: Secrets, inbound: Inbound) -> None:
        self._numbers, self._secrets, self._inbound = numbers, secrets, inbound
        self.facts: dict[tuple[str, str, str], Told] = {}
        self.files: dict[str, bytes] = {}

    def take(self, change: Change) -> None:
        if change.field != "messages":  # News about our account, for whoever keeps it.
            self.set_aside(packed(change.value), self._inbound.inbox, "account-news")
            return
        value = Value.model_validate(change.value)
        inbox = self._numbers.get(said(value.metadata, "phone_number_id"))
        if inbox is None:
            raise Refused("it is for a number that no inbox here has")
        for message in value.messages:
            self._message(inbox, message, known(message, value))
        for status in value.statuses:
            self._status(inbox, status)
        for error in value.errors:
            self.set_aside(packed(error), inbox, "provider-error")

    def set_aside(self, item: bytes, inbox: str, cause: str) -> None:
        digest = self._keep(item)
        entered = QuarantineEntered(
            at=self._inbound.at,
            item_id=derived(f"whatsapp {inbox} {digest}"),
            channel="whatsapp",
            cause=cause,
            digest=digest,
            size_bytes=len(item),
            inbox=inbox,
        )
        self._tell(entered, digest)

    def _message(self, inbox: str, message: dict[str, Any], sender: dict[str, Any]) -> None:
        wamid = said(message, "id")
        if not REFERENCE.fullmatch(wamid):
            self.set_aside(packed(message), inbox, "without-id")
            return
        contact = derived(f"whatsapp {inbox} {wamid}")
        number, user = addresses(message, sender)
        main = number or user
        when, told = moment(message, self._inbound.at), words(message, inbox)
        received = ContactReceived(
            at=when,
            contact_id=contact,
            address_id=main.pseudonym(self._secrets.pepper) if main else f"unknown.{contact}",
            channel="whatsapp",
            text=told.text,
            kind=main.kind if main else "unknown",
            address=main.value if main else "",
            profile=line(said(sender, "profile", "name")),
            inbox=inbox,
            reference=wamid,
            digest=name_digest(wamid),
            refers_to=tuple(name_digest(one) for one in told.refers_to),
            robot=told.robot,
            flags=told.flags if main else (*told.flags, "no-address"),
            attachments=told.attachments,
            raw=self._keep(packed(message)) if told.strange else "",
        )
        self._tell(received, contact)
        if number and user:
            self._reveal(user, number, when, "certain")
        if number and told.new_number and (new := telephone(told.new_number)):
            self._reveal(number, new, when, "proposed")

    def _reveal(self, of: Address, other: Address, at: datetime, certainty: str) -> None:
        """Told once for each pair, however many messages say so."""
        one, two = of.pseudonym(self._secrets.pepper), other.pseudonym(self._secrets.pepper)
        revealed = AddressRevealed(
            at=at, address_id=one, other_id=two, kind=other.kind, address=other.value, channel="whatsapp",
            certainty="certain" if certainty == "certain" else "proposed",
        )  # fmt: skip
        self._tell(revealed, two)

    def _status(self, inbox: str, status: dict[str, Any]) -> None:
        wamid, word = said(status, "id"), said(status, "status")
        model = RECEIPTS.get(word)
        if not REFERENCE.fullmatch(wamid) or not (model or word == "failed"):
            self.set_aside(packed(status), inbox, "unknown-status")
            return
        address_id, message_id = self._whose(inbox, wamid, status)
        ours: dict[str, Any] = {"message_id": message_id, "address_id": address_id, "channel": "whatsapp"}
        ours["at"] = moment(status, self._inbound.at)
        event = model(reference=wamid, **ours) if model else MessageFailed(reason=failed_for(status), **ours)
        self._tell(event, f"{wamid} {word}")

    def _whose(self, inbox: str, wamid: str, status: dict[str, Any]) -> tuple[str, str]:
        """Our own words, come back in a token; or, if it was sent from elsewhere, what can be known of it."""
        ours = named("receipt", said(status, "biz_opaque_callback_data"), self._secrets.tokens)
        if ours and all(parts := ours.partition("~")):
            return parts[0], parts[2]
        number = telephone(said(status, "recipient_id"))
        main = number or user_of(said(status, "recipient_user_id"))
        orphan = derived(f"whatsapp {inbox} {wamid}")
        return (main.pseudonym(self._secrets.pepper) if main else f"unknown.{orphan}"), f"orphan.{orphan}"

    def _keep(self, item: bytes) -> str:
        digest = hashlib.sha256(item).hexdigest()
        self.files[digest] = item
        return digest

    def _tell(self, event: Event, key: str) -> None:
        self.facts.setdefault((event.type, event.subject, key), Told(event, key))


def open_channel(inboxes: Mapping[str, Inbox], secrets: Secrets, public_url: str) -> WhatsApp:  # noqa: ARG001
    return WhatsApp(inboxes, secrets)


def window_open(last_inbound_at: datetime | None, now: datetime) -> bool:
    """Whether free text may be sent: only within a day of what they wrote last to this number of ours."""
    return last_inbound_at is not None and now - last_inbound_at < WINDOW


def challenged(inbox: Inbox, url: str) -> str:
    """What Meta asks to hear back, if it knows our word. Raises `Untrusted`."""
    asked = {name: values[-1] for name, values in parse_qs(urlsplit(url).query).items()}
    expected = inbox.verify_token.get_secret_value().encode()
    fits = hmac.compare_digest(asked.get("hub.verify_token", "").encode(), expected)
    challenge = asked.get("hub.challenge", "")
    if not fits or asked.get("hub.mode") != "subscribe" or not CHALLENGE.fullmatch(challenge):
        raise Untrusted("this is not a challenge with the verify_token of this inbox")
    return challenge


def signed(inbox: Inbox, inbound: Inbound) -> None:
    """Over the bytes as they came: JSON that is written again has other bytes for the same ë. Raises `Untrusted`."""
    expected = hmac.new(inbox.app_secret.get_secret_value().encode(), inbound.body, hashlib.sha256).hexdigest()
    given = inbound.headers.get("x-hub-signature-256", "")
    if not hmac.compare_digest(given.encode(), f"sha256={expected}".encode()):
        raise Untrusted("the signature in X-Hub-Signature-256 is missing or wrong")


def known(message: dict[str, Any], value: Value) -> dict[str, Any]:
    """What the payload says of whoever sent this message. Only where there is one of each, it need not name them."""
    number, user = said(message, "from"), said(message, "from_user_id")
    for contact in value.contacts:
        if number and number == said(contact, "wa_id"):
            return contact
        if user and user == said(contact, "user_id"):
            return contact
    return value.contacts[0] if len(value.contacts) == len(value.messages) == 1 else {}


def addresses(message: dict[str, Any], sender: dict[str, Any]) -> tuple[Address | None, Address | None]:
    """Their number, and the id that Meta made of them for us; either may be unknown."""
    number = said(message, "from") or said(sender, "wa_id")
    user = said(message, "from_user_id") or said(sender, "user_id")
    return telephone(number), user_of(user)


def telephone(digits: str) -> Address | None:
    digits = digits.removeprefix("+")
    return address("whatsapp", f"+{digits}") if TELEPHONE.fullmatch(digits) else None


def user_of(user: str) -> Address | None:
    return address("whatsapp-user", user) if USER.fullmatch(user) else None


def letter(message: Message, key: bytes) -> dict[str, Any]:
    """What Meta is asked to carry. Raises `Refused`."""
    name = f"{message.address_id}~{message.message_id}"
    if len(name) > TOKEN_CHARS_MAX:
        raise Undeliverable("the ids of address and message do not fit in what comes back", "refused")
    body: dict[str, Any] = {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        **(approved(message) if message.template else free(message)),
        "biz_opaque_callback_data": token("receipt", name, key),
    }
    if message.reply_to:
        body["context"] = {"message_id": message.reply_to}
    if USER.fullmatch(message.address):
        return body | {"recipient": message.address}
    if telephone(message.address) is None:
        raise Undeliverable("this is neither a telephone number nor a user of whatsapp", "no-such-address")
    return body | {"to": message.address.removeprefix("+")}


def free(message: Message) -> dict[str, Any]:
    if not 0 < len(message.text) <= TEXT_CHARS_MAX:
        raise Undeliverable(f"a text has 1 to {TEXT_CHARS_MAX} characters", "too-long")
    return {"type": "text", "text": {"preview_url": False, "body": message.text}}


def approved(message: Message) -> dict[str, Any]:
    """A template of ours that Meta approved, with what stands in its gaps. Raises `Undeliverable`."""
    name, _, language = message.template.partition("/")
    values = [" ".join(value.split()) for value in message.values]  # Meta takes no line ends and no runs of spaces.
    if not all(values):
        raise Undeliverable("a gap of a template cannot stay empty", "template-mismatch")
    gaps = [{"type": "text", "text": value} for value in values]
    components = {"components": [{"type": "body", "parameters": gaps}]} if gaps else {}
    return {"type": "template", "template": {"name": name, "language": {"code": language}, **components}}


def authorized(inbox: Inbox) -> dict[str, str]:
    return {"Authorization": f"Bearer {inbox.access_token.get_secret_value()}"}


def content(answer: httpx.Response) -> object:
    try:
        return answer.json()
    except ValueError:
        return {}


def failure(answer: httpx.Response) -> Exception:
    """What an answer that is no success means for the message. Its words are not repeated: they quote the number."""
    number = said(content(answer), "error", "code")
    code = int(number) if number.isdecimal() else 0
    if answer.status_code in {KEY_REFUSED, OFTEN} or code in LATER:
        return Unavailable(f"whatsapp takes nothing now ({answer.status_code}, {code})")
    if answer.status_code >= BROKEN:
        return Ambiguous(f"whatsapp did not say whether it took it ({answer.status_code}, {code})")
    return Undeliverable(f"whatsapp refused it ({answer.status_code}, {code})", refused_for(code))
