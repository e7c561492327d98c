"""Letters, both ways: the post room's scanning system says what came in, and what goes out lies there to be printed."""

import asyncio
import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
    field_validator,
    model_validator,
)

from channels.address import Address, address
from channels.blind import folded
from channels.bsn import MASK, without_bsn
from channels.channel import Heard, Inbound, Message, Secrets, Told, Undeliverable
from channels.printing import Tray, printed
from channels.signed import secret, trusted
from schemas.contact import Attachment, ContactReceived
from schemas.errors import Refused, Untrusted
from schemas.event import NoLine, NoReference, Reference, Text, Word, derived, faults
from schemas.reading import look_through, parsed

SCAN_BYTES_MAX: Final = 20_000_000
HERE: Final = ZoneInfo("Europe/Amsterdam")
NOON: Final = time(12)  # A letter has a day and no hour.
FIRST: Final = date(2000, 1, 1)
SIGNS: Final[Mapping[bytes, str]] = {b"%PDF-": "application/pdf", b"II*\x00": "image/tiff", b"MM\x00*": "image/tiff"}


class Inbox(BaseModel):
    """One post room, or one scanner of it, or one folder from which it prints."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    signing: SecretStr | None = None  # whsec_…: it signs as Standard Webhooks has it. Without it nothing comes in.
    print_folder: Annotated[Path | None, Field(strict=False)] = (
        None  # Where letters lie until the post room takes them;
    )
    sender: Annotated[str, Field(max_length=100)] = ""  # and whose they are, as it stands small above the address.

    @field_validator("signing")
    @classmethod
    def is_key(cls, given: SecretStr | None) -> SecretStr | None:
        if given:
            secret(given.get_secret_value())
        return given

    @model_validator(mode="after")
    def has_a_way(self) -> "Inbox":
        if self.print_folder and not self.print_folder.is_absolute():
            raise ValueError("print_folder is a whole path, from the root on")
        if not self.signing and not self.print_folder:
            raise ValueError("letters come in signed, or go out to a print_folder, or both")
        return self


class Letter(BaseModel):
    """What the post room says of one letter."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", hide_input_in_errors=True)

    reference: Reference  # Its own id of the letter: a barcode, a number of the scan.
    received: date  # The day that it came in.
    sender: NoLine = ""  # As it stands on the letter, on one line.
    title: NoLine = ""  # What it is about.
    text: Text = ""  # What was read from it, if anything.
    product: Word = "unknown"
    language: Word = "unknown"
    scan: Annotated[str, Field(repr=False)] = ""  # The file itself, in base64;
    scan_digest: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{64})?$")] = ""  # its SHA-256, to be sure;
    scan_reference: NoReference = ""  # or where the scanning system keeps it.


class Letters:
    """Reads what the post room sends, and lays down what it is to print."""

    name = "letter"
    body_bytes_max = SCAN_BYTES_MAX * 4 // 3 + 200_000  # In base64, and what is said beside it.

    def __init__(self, inboxes: Mapping[str, Inbox], secrets: Secrets) -> None:
        self._inboxes, self._secrets = inboxes, secrets

    def read(self, inbound: Inbound) -> Heard:
        """One letter is one contact. Raises `Untrusted` and `Refused`."""
        inbox = self._inboxes.get(inbound.inbox)
        if inbox is None or inbox.signing is None:
            raise Untrusted("there is no letter inbox of that name")
        trusted([secret(inbox.signing.get_secret_value())], inbound)
        return heard(inbound, letter_of(inbound.body), self._secrets.pepper)

    async def send(self, message: Message) -> str:
        """Lay it down to be printed, once, and return the SHA-256 of the file."""
        inbox = self._inboxes.get(message.inbox)
        if inbox is None or inbox.print_folder is None:
            raise Undeliverable("there is no print folder of this name", "no-road")
        page = await asyncio.to_thread(printed, message, inbox.sender)
        at = message.at or datetime.fromtimestamp(0, UTC)
        return await asyncio.to_thread(Tray(inbox.print_folder).put, message.message_id, page, at)

    async def reconcile(self, message: Message) -> str:
        """What is listed is there; what is not was surely not printed, and so it is laid down now."""
        return await self.send(message)


def open_channel(inboxes: Mapping[str, Inbox], secrets: Secrets, public_url: str) -> Letters:  # noqa: ARG001  # As every channel.
    return Letters(inboxes, secrets)


def letter_of(body: bytes) -> Letter:
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise Refused("the letter is not told in UTF-8") from None
    look_through(parsed(text))
    try:
        return Letter.model_validate_json(text)
    except ValidationError as error:
        raise Refused(f"the letter is wrong in {faults(error)}") from None


def heard(inbound: Inbound, letter: Letter, pepper: bytes) -> Heard:
    contact = derived(f"letter {inbound.inbox} {letter.reference}")
    scan = scanned(letter)
    who = sender(letter)
    title, text = without_bsn(letter.title), without_bsn(letter.text)
    text = "".join(sign if sign.isprintable() or sign == "\n" else " " for sign in text)
    event = ContactReceived(
        at=came_in(letter.received, inbound.at),
        contact_id=contact,
        address_id=who.pseudonym(pepper) if who else f"unknown.{contact}",
        title=title,
        text=text,
        channel="letter",
        kind=who.kind if who else "unknown",
        address=" ".join(without_bsn(letter.sender).split()),
        inbox=inbound.inbox,
        product=letter.product,
        language=letter.language,
        reference=letter.reference if letter.reference == without_bsn(letter.reference) else "",
        flags=("bsn-removed",) if MASK in title + text else (),
        attachments=attached(letter, scan),
    )
    return Heard([Told(event, contact)], files={sha256(scan).hexdigest(): scan} if scan else {})


def scanned(letter: Letter) -> bytes:
    """The scan's bytes, if it came along. Raises `Refused`."""
    try:
        scan = base64.b64decode(letter.scan, validate=True)
    except binascii.Error:
        raise Refused("the scan is not base64") from None
    if len(scan) > SCAN_BYTES_MAX:
        raise Refused(f"the scan is larger than {SCAN_BYTES_MAX} bytes")
    if scan and letter.scan_digest not in {"", sha256(scan).hexdigest()}:
        raise Refused("the scan has another SHA-256 than scan_digest says: it was damaged on its way")
    return scan


def attached(letter: Letter, scan: bytes) -> tuple[Attachment, ...]:
    name = "brief"
    if scan:
        kind = next((kind for sign, kind in SIGNS.items() if scan.startswith(sign)), "application/octet-stream")
        return (Attachment(media_type=kind, size_bytes=len(scan), digest=sha256(scan).hexdigest(), name=name),)
    if letter.scan_reference:
        return (Attachment(media_type="application/octet-stream", name=name, reference=letter.scan_reference),)
    return ()


def sender(letter: Letter) -> Address | None:
    """The same words on the envelope are the same address; nobody is told apart by capitals or spaces."""
    written = folded(without_bsn(letter.sender))
    return address("post", written) if written else None


def came_in(day: date, now: datetime) -> datetime:
    """Noon of that day here, and not before it can have been. Raises `Refused`."""
    if not FIRST <= day <= now.astimezone(HERE).date():
        raise Refused("received lies before the year 2000, or in the future")
    return min(datetime.combine(day, NOON, HERE).astimezone(UTC), now)
