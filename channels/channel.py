"""What every channel is: it reads what came in, and sends what goes out.

Reading is pure, so that a sample of what a provider sent is a test, and the same bytes always mean the same facts.
Sending touches the world, and is called by nobody but a courier.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple, Protocol, runtime_checkable

from schemas.errors import Refused
from schemas.event import Event


class Inbound(NamedTuple):
    """What somebody sent to one of our inboxes over HTTP, exactly as it came."""

    inbox: str
    url: str  # As the provider called it: our public address, with path and query.
    headers: Mapping[str, str]  # Names in lower case.
    body: bytes
    at: datetime
    method: str = "POST"


class Secrets(NamedTuple):
    """What a channel needs to know of ours."""

    pepper: bytes  # What pseudonyms of addresses are made with.
    tokens: bytes  # What is signed with that travels out and comes back: conversations, receipts.


class Told(NamedTuple):
    """A fact from outside. `key` is the source's own id of it: the same key is the same fact, for ever."""

    event: Event
    key: str


class Reply(NamedTuple):
    """What the provider hears, once the facts are durable."""

    status: int = 200
    body: str = ""
    media_type: str = "text/plain"


TAKEN: Final = Reply()


@dataclass(frozen=True)
class Heard:
    """What an inbound item comes to. `files`, by their SHA-256, are made durable before the facts are."""

    facts: Sequence[Told] = ()
    reply: Reply = TAKEN
    files: Mapping[str, bytes] = field(default_factory=dict)


class Message(NamedTuple):
    """A text on its way to one address. `message_id` travels out, and comes back with every receipt."""

    message_id: str
    address_id: str
    address: str
    inbox: str
    text: str
    title: str = ""
    thread_id: str = ""  # The conversation, of which a token travels along where the road can carry one.
    reply_to: str = ""  # The provider's own id of what is answered.
    at: datetime | None = None  # When it was written: the same bytes go out each time it is tried.
    valid_s: float | None = None  # For so long it may still be on its way.
    automatic: bool = False  # A program wrote it, so that no other program is to answer.
    language: str = "unknown"
    calendar: str = ""  # An appointment, as calendars read it, where the road can carry one.
    template: str = ""  # Of those that the provider approved, with its language: reminder/nl;
    values: tuple[str, ...] = ()  # and what stands in its gaps.
    unsubscribe: str = ""  # The address of ours where one press says that they want no more of this kind.


class Undeliverable(Refused):
    """It was not sent and never will be; `word` says why at the desk: window-closed, no-such-address."""

    def __init__(self, sentence: str, word: str) -> None:
        super().__init__(sentence)
        self.word = word


class Channel(Protocol):
    """A road that brings something in."""

    # It may have `body_bytes_max`, where its provider sends more than `services.intake.webhooks.BODY_BYTES_MAX`.
    name: str

    def read(self, inbound: Inbound) -> Heard:
        """What it says, in our words: every item of a batch, and an unknown word of theirs as a fact too. Pure.

        Raises `Untrusted` where the signature is wrong; and `Refused` where it is signed but cannot be read, which is
        kept whole for a person to look at. So the signature comes first.
        """


@runtime_checkable
class Sender(Protocol):
    """A road on which somebody can be answered."""

    name: str

    async def send(self, message: Message) -> str:
        """Hand it to the provider, and return the provider's own id of it (at most 200 printable characters).

        Raises `Undeliverable` where it was not sent and never will be, `Unavailable` where it was surely not sent and
        may be tried again, and `Ambiguous` where nobody knows. No error quotes an address or a word of the text.
        """


@runtime_checkable
class Reconciler(Protocol):
    """A sender whose provider can be asked what became of a message that we may have handed over."""

    async def reconcile(self, message: Message) -> str | None:
        """The provider's own id of it; nothing where it is not found, which may be too early. Raises `Unavailable`."""


@runtime_checkable
class Fetcher(Protocol):
    """A road whose files stay with the provider until we ask for them."""

    async def fetch(self, reference: str) -> bytes:
        """The bytes of an attachment's `reference`. Raises `Refused` where they are not to be had any more."""
