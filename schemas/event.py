"""A fact, and the envelope it travels in.

An event says what happened: past tense, frozen, with its own time and one subject. Its envelope is a
CloudEvent after the NL GOV profile 1.1. `time` there is when we logged it; `at` in the data is when it
happened.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha1
from typing import Annotated, Any, ClassVar, Final, NamedTuple, Self
from uuid import UUID, uuid5

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

from schemas.errors import Refused

EVENT_BYTES_MAX: Final = 65_536  # What every CloudEvents intermediary must pass on.
HEADROOM_BYTES: Final = 2_048  # Of these, kept for the envelope's own attributes.
DATA_BYTES_MAX: Final = EVENT_BYTES_MAX - HEADROOM_BYTES
TEXT_CHARS_MAX: Final = 15_000
SUBJECT_CHARS_MAX: Final = 200
SUBJECTS_MAX: Final = 1_024  # That are remembered as checked.
TYPE_PREFIX: Final = "nl.klantcontacten."
NAMESPACE: Final = uuid5(UUID(int=0), "draad")
NAMESPACE_BYTES: Final = NAMESPACE.bytes
VARIANT: Final = {f"{digit:x}": "89ab"[digit & 3] for digit in range(16)}  # RFC 9562, in hexadecimal.

SUBJECT: Final = re.compile(r"[a-z][a-z-]*(?:/[A-Za-z0-9][A-Za-z0-9._~-]*)+")
TYPE: Final = re.compile(r"[a-z]+\.[a-z]+(?:-[a-z]+)*")
SOURCE: Final = re.compile(r"urn:nld:oin:[0-9]{20}:systeem:[a-z][a-z0-9-]*")
# Nine digits in a row, or as a BSN is printed: 1234.56.789.
NINE_DIGITS: Final = re.compile(r"(?<![A-Za-z0-9])(?:\d{9}|\d{4}\.\d{2}\.\d{3})(?![A-Za-z0-9])")

# How personal a field is. Every field of every event carries one of these marks; encryption per resident,
# erasure and retention are built on them.
NONE: Final = Field(json_schema_extra={"personal": "none"})
PSEUDONYMOUS: Final = Field(json_schema_extra={"personal": "pseudonymous"})
DIRECT: Final = Field(json_schema_extra={"personal": "direct"})
SPECIAL: Final = Field(json_schema_extra={"personal": "special"})


def in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("a moment before the year 1 or after 9999") from None


# The vocabulary of fields. A list of words that may grow is a `Word`; a `Literal` never grows, because an
# older desk would refuse the new word. No text holds NUL: PostgreSQL cannot keep it.
When = Annotated[AwareDatetime, AfterValidator(in_utc), NONE]
Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._~-]*$", max_length=120), PSEUDONYMOUS]
Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9.-]*$", max_length=60), NONE]
About = Annotated[str, StringConstraints(max_length=SUBJECT_CHARS_MAX), PSEUDONYMOUS]
Line = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]+$", max_length=200), DIRECT]
Text = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$", max_length=TEXT_CHARS_MAX), DIRECT]
# Fields that may stay empty: whoever wrote before they were there, or does not know, leaves them so.
NoId = Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9][A-Za-z0-9._~-]*)?$", max_length=120), PSEUDONYMOUS]
NoWhen = Annotated[Annotated[AwareDatetime, AfterValidator(in_utc)] | None, NONE]
NoLine = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]*$", max_length=500), DIRECT]
# The provider's own name of something, as printable characters. A mail's often holds its sender's domain.
Reference = Annotated[str, StringConstraints(pattern=r"^[!-~]+$", max_length=200), PSEUDONYMOUS]
NoReference = Annotated[str, StringConstraints(pattern=r"^[!-~]*$", max_length=300), PSEUDONYMOUS]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16,64}$"), PSEUDONYMOUS]  # Of bytes, or of a name.
NoDigest = Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{16,64})?$"), PSEUDONYMOUS]
Count = Annotated[int, Field(ge=0), NONE]
Yes = Annotated[bool, NONE]


class Event(BaseModel):
    """A fact. Readers ignore fields they do not know, so that a newer writer never stops an older desk."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", hide_input_in_errors=True)

    type: ClassVar[str]

    at: When

    @property
    def subject(self) -> str:
        """What it is about, as a path: order, state and partition hang on it."""
        raise NotImplementedError


class Envelope(NamedTuple):
    """The CloudEvent around an event, as the log keeps it.

    `time` (RFC 3339, UTC), `position` and `partition` are the log's to fill in: empty and 0 until it is written. A log
    on one machine has one partition, without a name.
    """

    id: str
    type: str
    subject: str
    data: str
    time: str = ""
    cause: str = ""
    depth: int = 0
    position: int = 0
    partition: str = ""

    def cloudevent(self, source: str) -> dict[str, Any]:
        """Structured JSON of this envelope. `source` is `urn:nld:oin:<oin>:systeem:draad`.

        Written compactly and as UTF-8 it stays within `EVENT_BYTES_MAX`.
        """
        attributes = {
            "specversion": "1.0",
            "id": self.id,
            "source": source_checked(source),
            "type": TYPE_PREFIX + self.type,
            "subject": self.subject,
            "time": self.time,
            "datacontenttype": "application/json",
            "dataschema": f"urn:draad:schema:{self.type}",
            "causationid": self.cause,
            "depth": self.depth,
        }
        return {k: v for k, v in attributes.items() if v != ""} | {"data": json.loads(self.data)}

    @classmethod
    def from_cloudevent(cls, attributes: Mapping[str, Any]) -> Self:
        """Read a structured CloudEvent of ours. Raises `Refused`; unknown extensions are ignored."""
        try:
            if attributes["specversion"] != "1.0" or not attributes["type"].startswith(TYPE_PREFIX):
                raise Refused("this is not a CloudEvent 1.0 of a type we know")
            source_checked(attributes["source"])
            return cls(
                id=str(UUID(attributes["id"])),
                type=type_checked(attributes["type"].removeprefix(TYPE_PREFIX)),
                subject=subject_checked(attributes["subject"]),
                data=data_checked(attributes["data"]),
                time=time_checked(attributes.get("time", "")),
                cause=str(UUID(attributes["causationid"])) if "causationid" in attributes else "",
                depth=depth_checked(attributes.get("depth", 0)),
            )
        except (KeyError, ValueError, TypeError, AttributeError, RecursionError) as error:
            fault = type(error).__name__
            raise Refused(f"the CloudEvent has a missing or wrong attribute ({fault})") from None


def fact(event: Event, *, key: str) -> Envelope:
    """Wrap a fact from outside. `key` is the source's own id of it: the same key is the same fact, for ever.

    Raises `Refused` where the subject or the size breaks a limit.
    """
    subject = subject_checked(event.subject)
    return sealed(event, subject, id=derived(f"{event.type} {subject} {key}"))


def effect(event: Event, *, cause: Envelope, by: str, nth: int) -> Envelope:
    """Wrap what follows from `cause`. Replayed, it has the same id again."""
    subject = event.subject
    if subject != cause.subject:  # Which was checked when it was written.
        subject_checked(subject)
    name = derived(f"{cause.id} {by} {event.type} {nth}")
    return sealed(event, subject, id=name, cause=cause.id, depth=cause.depth + 1)


def sealed(event: Event, subject: str, *, id: str, cause: str = "", depth: int = 0) -> Envelope:
    data = event.model_dump_json(exclude_defaults=True)  # What is as it would be read anyhow takes no room for ever.
    if len(data) > DATA_BYTES_MAX // 4:  # Cheap first: a character is at most four bytes.
        size_checked(data)
    return Envelope(id, event.type, subject, data, "", cause, depth)


def derived(name: str) -> str:
    """An id that is derived, never rolled: the same name gives the same id on every machine.

    It is the text of `uuid5(NAMESPACE, name)`, without the detour over an object: every event passes here.
    Raises `Refused` where the name is no text.
    """
    try:
        digits = sha1(NAMESPACE_BYTES + name.encode(), usedforsecurity=False).hexdigest()
    except UnicodeEncodeError:
        raise Refused("the key holds a lone surrogate: it is not text") from None
    variant = VARIANT[digits[16]]
    return f"{digits[:8]}-{digits[8:12]}-5{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:32]}"


def size_checked(data: str) -> None:
    try:
        size = len(data.encode())
    except UnicodeEncodeError:
        raise Refused("the event holds a lone surrogate: it is not text") from None
    if size > DATA_BYTES_MAX:
        raise Refused(f"the event is larger than {EVENT_BYTES_MAX} bytes with its envelope")


@lru_cache(SUBJECTS_MAX)  # One that comes is mostly told of again at once.
def subject_checked(subject: str) -> str:
    """The subject itself, if it may stand in a key and a log line. Raises `Refused`."""
    if len(subject) > SUBJECT_CHARS_MAX or not SUBJECT.fullmatch(subject):
        raise Refused("a subject is a path such as case/3f2a, of at most 200 plain characters")
    if holds_bsn(subject):
        raise Refused("the subject holds what looks like a BSN: use a pseudonym")
    return subject


def type_checked(type: str) -> str:
    """The type itself, if it is spelled as ours are. Raises `Refused`."""
    if not TYPE.fullmatch(type):
        raise Refused("a type is a noun and what happened to it, such as case.opened")
    return type


def source_checked(source: str) -> str:
    """The source itself, if it says who we are as NL GOV asks. Raises `Refused`."""
    if not SOURCE.fullmatch(source):
        raise Refused("a source is urn:nld:oin:<20 digits>:systeem:<name>")
    return source


def data_checked(data: object) -> str:
    """The data of a CloudEvent as we keep it. Raises `ValueError` or `Refused`."""
    if not isinstance(data, dict):
        raise TypeError("data is an object")
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    size_checked(text)
    return text


def time_checked(time: str) -> str:
    """The time itself, if it is empty or a moment with its zone. Raises `ValueError` or `TypeError`."""
    if time and datetime.fromisoformat(time).tzinfo is None:
        raise ValueError("a time without its zone")
    return time


def depth_checked(depth: object) -> int:
    """The depth itself, if it counts from 0. Raises `TypeError`."""
    if type(depth) is not int or depth < 0:
        raise TypeError("a depth counts from 0")
    return depth


def holds_bsn(text: str) -> bool:
    """Whether nine digits in it, in a row or as a BSN is printed, could be one."""
    return any(looks_like_bsn(run.replace(".", "")) for run in NINE_DIGITS.findall(text))


def looks_like_bsn(digits: str) -> bool:
    """The eleven test over nine digits: true for every BSN, and for one in eleven other numbers."""
    weights = (9, 8, 7, 6, 5, 4, 3, 2, -1)
    return sum(w * int(d) for w, d in zip(weights, digits, strict=True)) % 11 == 0


def faults(error: ValidationError) -> str:
    """Where and how a body is wrong, without a word of what it said."""
    listed = error.errors(include_url=False, include_context=False, include_input=False)[:5]
    return ", ".join(f"{place(fault['type'], fault['loc'])}: {fault['type']}" for fault in listed)


def place(kind: str, loc: tuple[int | str, ...]) -> str:
    """The field by the name we gave it. A field too many, and a key of a mapping, are theirs: they are not repeated."""
    ours = loc[:-1] if kind == "extra_forbidden" else loc
    return ".".join(part for part in ours[:1] if isinstance(part, str)) or "body"
