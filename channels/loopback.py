"""Loopback: a channel for tests and trials. It signs with HMAC-SHA256, and misbehaves where it is told to.

It takes a JSON body with `messages` and `statuses`, each any number of times, and answers on a list in memory.
"""

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SecretStr, ValidationError

from channels.address import address
from channels.channel import Heard, Inbound, Message, Reply, Secrets, Told, Undeliverable
from channels.token import named, token
from schemas.contact import Attachment, ContactReceived
from schemas.errors import Ambiguous, Refused, Unavailable, Untrusted
from schemas.event import TEXT_CHARS_MAX, Event, derived
from schemas.message import MessageDelivered, MessageRead, MessageUnknown
from schemas.reading import decoded, look_through, parsed

NAME: Final = "loopback"
SIGNATURE: Final = "x-loopback-signature"
ITEMS_MAX: Final = 1_000
SENT_MAX: Final = 10_000
ERRORS: Final = {
    "unavailable": Unavailable("the loopback is away"),
    "ambiguous": Ambiguous("the loopback does not say whether it took it"),
    "refused": Refused("the loopback refuses it"),
    "closed": Undeliverable("the loopback's window is closed", "window-closed"),
}
STATUSES: Final[Mapping[str, type[MessageDelivered | MessageRead | MessageUnknown]]] = {
    "delivered": MessageDelivered,
    "read": MessageRead,
}


class Inbox(BaseModel):
    """One inbox of the loopback."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    secret: Annotated[SecretStr, Field(min_length=8)]  # What its webhooks are signed with.
    failing: tuple[str, ...] = ()  # What becomes of the first messages that are sent, one each: a word of `ERRORS`.


class Item(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    id: Annotated[str, Field(min_length=1, max_length=200)]
    at: AwareDatetime | None = None
    sender: Annotated[str, Field(min_length=1, max_length=200)] = "unknown"
    text: Annotated[str, Field(max_length=TEXT_CHARS_MAX, pattern=r"^[^\x00]*$")] = ""
    media: tuple[Annotated[str, Field(pattern=r"^[!-~]{1,200}$")], ...] = ()
    status: str = ""
    token: str = ""


class Batch(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    messages: Annotated[tuple[Item, ...], Field(max_length=ITEMS_MAX)] = ()
    statuses: Annotated[tuple[Item, ...], Field(max_length=ITEMS_MAX)] = ()


class Loopback:
    """Both directions."""

    name = NAME

    def __init__(self, inboxes: Mapping[str, Inbox], secrets: Secrets) -> None:
        self._inboxes, self._secrets = inboxes, secrets
        self._failing = {name: list(inbox.failing) for name, inbox in inboxes.items()}
        self.sent: list[Message] = []
        self.media: dict[str, bytes | Exception] = {}

    def read(self, inbound: Inbound) -> Heard:
        given = inbound.headers.get(SIGNATURE, "")
        if not hmac.compare_digest(signed(inbound.body, self._key(inbound.inbox)).encode(), given.encode()):
            raise Untrusted("the signature is wrong")
        if inbound.method == "GET":
            return Heard(reply=Reply(body="here"))
        text = decoded(inbound.body)
        look_through(parsed(text))
        try:
            batch = Batch.model_validate_json(text)
        except ValidationError:
            raise Refused("it is no batch of the loopback") from None
        received = [self._received(item, inbound) for item in batch.messages]
        receipts = [told for item in batch.statuses for told in self._receipt(item, inbound.at)]
        return Heard([*received, *receipts], Reply(body="taken"))

    def _received(self, item: Item, inbound: Inbound) -> Told:
        sender = address("chat", item.sender)
        key = f"{NAME} {inbound.inbox} {item.id}"
        event = ContactReceived(
            at=item.at or inbound.at,
            contact_id=derived(key),
            address_id=sender.pseudonym(self._secrets.pepper),
            channel=NAME,
            kind=sender.kind,
            address=sender.value,
            inbox=inbound.inbox,
            text=item.text,
            attachments=tuple(Attachment(media_type="image/png", reference=each) for each in item.media),
        )
        return Told(event, key)

    def _receipt(self, item: Item, at: datetime) -> Iterator[Told]:
        """What became of a message of ours. A word that we do not know came back from the provider all the same."""
        name = named(NAME, item.token, self._secrets.tokens)
        if name is None:
            return
        message_id, _, address_id = name.partition("~")
        ours: dict[str, Any] = {
            "at": item.at or at,
            "message_id": message_id,
            "address_id": address_id,
            "channel": NAME,
        }
        event: Event = STATUSES.get(item.status, MessageUnknown)(**ours)
        yield Told(event, f"{NAME} {item.id} {item.status}")

    async def send(self, message: Message) -> str:
        waiting = self._failing.get(message.inbox)
        if waiting is None:
            raise Undeliverable("there is no such inbox", "no-road")
        if waiting and (word := waiting.pop(0)) in ERRORS:
            raise ERRORS[word]
        if len(self.sent) < SENT_MAX:
            self.sent.append(message)
        return token(NAME, f"{message.message_id}~{message.address_id}", self._secrets.tokens)

    async def reconcile(self, message: Message) -> str | None:
        ours = [each for each in self.sent if each.message_id == message.message_id]
        return f"{NAME}-{message.message_id}" if ours else None

    async def fetch(self, reference: str) -> bytes:
        found = self.media.get(reference, Refused("there is no such file"))
        if isinstance(found, Exception):
            raise found
        return found

    def _key(self, inbox: str) -> bytes:
        return self._inboxes[inbox].secret.get_secret_value().encode()


def open_channel(inboxes: Mapping[str, Inbox], secrets: Secrets, public_url: str) -> Loopback:  # noqa: ARG001  # As all.
    return Loopback(inboxes, secrets)


def signed(body: bytes, key: bytes) -> str:
    return hmac.new(key, body, hashlib.sha256).hexdigest()


def batch(**items: Any) -> bytes:  # noqa: ANN401  # As JSON has it.
    """A body as this provider would send it."""
    return json.dumps(items, ensure_ascii=False).encode()
