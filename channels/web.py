"""Web forms of others: what somebody filled in on the website becomes one contact, once, and without a BSN.

A form tool signs as Standard Webhooks has it, or sends a secret that both know. Fields that we have a use for go where
they belong; every other field stays a line of the text, so that nothing a resident wrote is lost.
"""

import hmac
import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, Final, NamedTuple, Self
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict, SecretStr, field_validator, model_validator

from channels.address import Address, address
from channels.bsn import MASK, asks_for_bsn, without_bsn
from channels.channel import Heard, Inbound, Secrets, Told
from channels.signed import secret, trusted
from schemas.contact import Attachment, ContactReceived
from schemas.errors import Refused, Untrusted
from schemas.event import TEXT_CHARS_MAX, Line, Word, derived
from schemas.reading import look_through, parsed

FIELDS_MAX: Final = 500
DEPTH_MAX: Final = 8
BODY_CHARS_MAX: Final = 500_000
SHARED_CHARS_MIN: Final = 32
LATE_MAX: Final = timedelta(days=400)
AHEAD_MAX: Final = timedelta(minutes=5)
WORD: Final = re.compile(r"[a-z][a-z0-9.-]{0,59}")
REFERENCE: Final = re.compile(r"[!-~]{1,300}")
UNFIT: Final = re.compile(r"[\x00-\x1f\x7f]+")
UNWRITTEN: Final = re.compile(
    r"[\x00-\x09\x0b-\x1f\x7f]+"
)  # Nobody types these, and as JSON they are six times as long.

# What form tools call things, in small letters and without anything but letters.
MEANING: Final[Mapping[str, str]] = {
    name: meaning
    for meaning, names in {
        "at": "submittedat createdat ingezondenop datumtijd",
        "form": "form formname formulier formuliernaam",
        "email": "email emailadres emailaddress mailadres mail",
        "phone": "telefoon telefoonnummer phone phonenumber mobiel mobielnummer tel",
        "name": "naam volledigenaam name fullname",
        "text": "vraag bericht opmerking toelichting message question omschrijving",
        "product": "product onderwerpcode",
        "language": "taal language lang",
    }.items()
    for name in names.split()
}


class Inbox(BaseModel):
    """One form tool, or one form of it."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    signing: SecretStr | None = None  # whsec_…: it signs as Standard Webhooks has it.
    signing_before: SecretStr | None = None  # The one before, while it is being replaced.
    shared: SecretStr | None = None  # Or it sends this in `Authorization: Bearer …` or `X-Webhook-Secret`.
    reference: str = ""  # The field with its own id of a submission; where there is none, the bytes are what is known.
    title: Line = "Webformulier"  # Its name at the desk, where the form does not give its own.
    product: Word = "unknown"  # What it is about, where the form does not say.

    @field_validator("signing", "signing_before")
    @classmethod
    def is_key(cls, given: SecretStr | None) -> SecretStr | None:
        if given is not None:
            secret(given.get_secret_value())
        return given

    @model_validator(mode="after")
    def one_way(self) -> Self:
        if (self.signing is None) == (self.shared is None):
            raise ValueError("signing or shared: one of them")
        if self.shared and len(self.shared.get_secret_value()) < SHARED_CHARS_MIN:
            raise ValueError(f"shared is a secret of at least {SHARED_CHARS_MIN} characters")
        return self


class Web:
    """Reads what form tools send."""

    name = "web"

    def __init__(self, inboxes: Mapping[str, Inbox], secrets: Secrets) -> None:
        self._inboxes, self._secrets = inboxes, secrets

    def read(self, inbound: Inbound) -> Heard:
        """One submission is one contact. Raises `Untrusted` and `Refused`."""
        inbox = self._inboxes.get(inbound.inbox)
        if inbox is None:
            raise Untrusted("there is no web inbox of that name")
        check(inbox, inbound)
        return heard(inbox, inbound, filled_in(inbound), self._secrets.pepper)


def open_channel(inboxes: Mapping[str, Inbox], secrets: Secrets, public_url: str) -> Web:  # noqa: ARG001  # As every channel.
    return Web(inboxes, secrets)


def check(inbox: Inbox, inbound: Inbound) -> None:
    """Returns if it is who it says it is. Raises `Untrusted`."""
    if inbox.signing:
        keys = [secret(key.get_secret_value()) for key in (inbox.signing, inbox.signing_before) if key]
        return trusted(keys, inbound)
    assert inbox.shared, "one of them is set"
    scheme, _, bearer = inbound.headers.get("authorization", "").partition(" ")
    given = bearer.strip() if scheme.lower() == "bearer" else inbound.headers.get("x-webhook-secret", "")
    if not hmac.compare_digest(given.encode(errors="replace"), inbox.shared.get_secret_value().encode()):
        raise Untrusted("the shared secret is not right")
    return None


def filled_in(inbound: Inbound) -> list[tuple[str, str]]:
    """Every field and what stands in it, in the order of the form. Raises `Refused`."""
    if len(inbound.body) > BODY_CHARS_MAX:
        raise Refused("the form is too large")
    try:
        text = inbound.body.decode()
    except UnicodeDecodeError:
        raise Refused("the form is not text in UTF-8") from None
    media_type = inbound.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == "application/x-www-form-urlencoded":
        try:
            pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=FIELDS_MAX, errors="strict")
        except ValueError:
            raise Refused("the form is not as a form is sent, or has too many fields") from None
    else:
        said = parsed(text)
        look_through(said)
        if not isinstance(said, dict):
            raise Refused("the form is no object of fields")
        pairs = list(flat(said))
    if len(pairs) > FIELDS_MAX:
        raise Refused("the form has too many fields")
    return pairs


def flat(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:  # noqa: ANN401  # Whatever JSON can say.
    match node:
        case dict() if len(path) < DEPTH_MAX:
            for key, value in node.items():
                yield from flat(value, path if key == "data" else (*path, key))
        case list() if len(path) < DEPTH_MAX and any(isinstance(item, dict | list) for item in node):
            for nth, item in enumerate(node, start=1):
                yield from flat(item, (*path, str(nth)))
        case list():
            yield ".".join(path), ", ".join(as_text(item) for item in node)
        case _:
            yield ".".join(path), as_text(node)


def as_text(value: object) -> str:
    match value:
        case str():
            return value
        case None:
            return ""
        case bool():
            return "ja" if value else "nee"
    return json.dumps(value, ensure_ascii=False)


class Form(NamedTuple):
    """What was found in it."""

    meant: Mapping[str, str]
    lines: tuple[str, ...]
    cleaned: bool  # Whether a BSN was taken out.


def sorted_out(pairs: list[tuple[str, str]]) -> Form:
    """What we have a use for, and everything but the question itself as a line. A BSN stays in neither."""
    meant: dict[str, str] = {}
    lines: list[str] = []
    cleaned = False
    for name, value in pairs:
        # Only at the top: the mail address of somebody's partner is not where we answer.
        meaning = MEANING.get(re.sub(r"[^a-z.]", "", name.casefold()), "")
        safe = cleaned_of(name, meaning, value).strip()
        cleaned = cleaned or safe != value.strip()
        if not safe:
            continue
        if meaning != "text" or meaning in meant:
            lines.append(f"{shown(name)}: {safe}")
        if meaning:
            meant.setdefault(meaning, safe)
    return Form(meant, tuple(lines), cleaned)


def cleaned_of(name: str, meaning: str, value: str) -> str:
    """What stands in a field, without a BSN. Nine digits where a telephone number is asked for may be one."""
    if asks_for_bsn(name) and value.strip():
        return MASK
    telephone = meaning == "phone" and address("phone", value).value.startswith("+")
    return value if telephone else without_bsn(value)


def shown(name: str) -> str:
    """The name of a field as people read it."""
    words = UNFIT.sub(" ", without_bsn(name)).replace("_", " ").strip() or "veld"
    return words[0].upper() + words[1:80]


def heard(inbox: Inbox, inbound: Inbound, pairs: list[tuple[str, str]], pepper: bytes) -> Heard:
    form = sorted_out(pairs)
    said = form.meant
    submission = named(inbox, inbound, pairs)
    contact = derived(f"web {inbound.inbox} {submission}")
    where = reached_at(said)
    whole = "\n".join(part for part in (said.get("text", ""), "\n".join(form.lines)) if part)
    whole = UNWRITTEN.sub(" ", whole.replace("\r\n", "\n"))
    flags = [word for word, yes in (("bsn-removed", form.cleaned), ("cut-off", len(whole) > TEXT_CHARS_MAX)) if yes]
    files = {sha256(whole.encode()).hexdigest(): whole.encode()} if "cut-off" in flags else {}
    product, language = (chosen(said, name) for name in ("product", "language"))
    event = ContactReceived(
        at=moment(said.get("at", ""), inbound.at),
        contact_id=contact,
        address_id=where.pseudonym(pepper) if where else f"unknown.{contact}",
        channel="web",
        text=whole[:TEXT_CHARS_MAX],
        kind=where.kind if where else "unknown",
        address=where.value if where else "",
        profile=line(said.get("name", "")),
        inbox=inbound.inbox,
        title=line(said.get("form", "")) or inbox.title,
        product=product or inbox.product,
        language=language or "unknown",
        reference=submission if REFERENCE.fullmatch(without_bsn(submission)) else "",
        flags=tuple(flags),
        attachments=tuple(
            Attachment(media_type="text/plain", size_bytes=len(data), digest=digest, name="formulier.txt")
            for digest, data in files.items()
        ),
    )
    return Heard([Told(event, contact)], files=files)


def named(inbox: Inbox, inbound: Inbound, pairs: list[tuple[str, str]]) -> str:
    """The tool's own id of the submission: the field that we were told has it, or what it signed, or all it said."""
    field = next((value for name, value in pairs if inbox.reference and name == inbox.reference and value), "")
    signed = inbound.headers["webhook-id"] if inbox.signing else ""
    return field or signed or sha256(inbound.body).hexdigest()


def reached_at(said: Mapping[str, str]) -> Address | None:
    """Where they can be answered: by mail if they gave it, for a form is an answer in writing."""
    if "@" in (mail := line(said.get("email", ""))) and MASK not in mail:
        return address("email", mail)
    if (phone := line(said.get("phone", ""))) and MASK not in phone:
        return address("phone", phone)
    return None


def chosen(said: Mapping[str, str], name: str) -> str:
    """A word of ours, if what they chose can be one: Paspoort aanvragen is paspoort-aanvragen."""
    word = re.sub(r"[^a-z0-9.]+", "-", said.get(name, "").casefold()).strip("-.")
    return word if WORD.fullmatch(word) else ""


def line(text: str) -> str:
    return UNFIT.sub(" ", text).strip()[:200]


def moment(written: str, now: datetime) -> datetime:
    """When they sent it, if the form says so and it can be; else when it came to us."""
    try:
        at = datetime.fromisoformat(written)
    except ValueError:
        return now
    if at.tzinfo is None:
        return now
    at = at.astimezone(UTC) if 1 < at.year < 9999 else now  # noqa: PLR2004  # Of which every zone can be told.
    return at if now - LATE_MAX <= at <= now + AHEAD_MAX else now
