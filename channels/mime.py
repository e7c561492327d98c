"""A mail as its bytes: its headers as text, its words and its files. Pure, bounded, and surprised by nothing.

The parser is the standard library's under a policy of our own, which cuts what is endless and believes no declared
character set blindly. What cannot be opened safely raises `Unreadable`; the raw bytes are kept whatever happens here.
"""

import binascii
import codecs
import json
import re
from collections.abc import Iterator
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.policy import Compat32
from email.utils import parseaddr
from typing import Final, NamedTuple

from channels.html import words_of
from schemas.errors import Refused
from schemas.event import TEXT_CHARS_MAX

RAW_BYTES_MAX: Final = 36 * 2**20  # A file of 25 MB takes 34 MB as mail carries it. One of 40 MB is refused.
HEADER_BYTES_MAX: Final = 256 * 2**10
VALUE_CHARS_MAX: Final = 16_000  # Of one header: a long thread's References are some thousands.
CONTENT_CHARS_MAX: Final = 2_000  # Of a Content- header, whose parameters are looked for again and again.
FENCES_MAX: Final = 10_000  # Lines that may part one part from the next.
CONTAINERS_MAX: Final = 120  # Parts that may hold parts: each is asked about each line.
WORK_MAX: Final = 30_000_000  # Lines times containers: some seconds of parsing.
DEPTH_MAX: Final = 20  # Parts that lie deeper are not opened.
PARTS_MAX: Final = 200
FILES_MAX: Final = 20
NAME_CHARS_MAX: Final = 100
WORDS_BYTES_MAX: Final = 2**20  # Of text, before it is cut to what an event may hold.
TEXT_BYTES_MAX: Final = 40_000  # Of text, as an event writes it: the rest of the event needs room too.

BLANK_LINE: Final = re.compile(rb"\r?\n[ \t]*\r?\n|\r\r")
FENCE: Final = re.compile(rb"^--\S", re.MULTILINE)
CONTAINER: Final = re.compile(rb"boundary[*0-9]*\s*=|message/", re.IGNORECASE)
UNSEEN: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]+"
)  # Nor do letters turn around.
UNSEEN_IN_TEXT: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")
MAILBOX: Final = re.compile(r"[^\s<>\"(),:;@\[\]\\]{1,64}@[^\s<>\"(),:;@\[\]\\]{1,250}")
MESSAGE_ID: Final = re.compile(r"<([!-;=?-~]{1,900})>")
MEDIA_TYPE: Final = re.compile(r"[!-.0-~]{1,49}/[!-.0-~]{1,49}")
# Character sets by name only: these are slow on purpose, or no character sets at all.
NO_CHARSETS: Final = frozenset({"punycode", "idna", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs", "oem"})


class Unreadable(Refused):
    """Nobody can read it, and `cause` says in a word why. It is kept whole."""

    def __init__(self, cause: str) -> None:
        super().__init__(f"the mail cannot be read: {cause}")
        self.cause = cause


class Careful(Compat32):
    """Headers are what they are: cut where they are endless, and UTF-8 where they are not ASCII."""

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, str]:
        name, value = super().header_source_parse(sourcelines)
        most = CONTENT_CHARS_MAX if name.lower().startswith("content-") else VALUE_CHARS_MAX
        return name, value[:most]

    def header_fetch_parse(self, name: str, value: str) -> str:
        del name
        return value if value.isascii() else value.encode("ascii", "surrogateescape").decode("utf-8", "replace")


POLICY: Final = Careful(max_line_length=0)


class File(NamedTuple):
    """What came along."""

    media_type: str
    name: str
    data: bytes


class Content(NamedTuple):
    """What a mail says, its HTML in UTF-8. `cut`: something of it is only in the raw bytes."""

    text: str
    files: tuple[File, ...]
    html: bytes
    cut: bool


def opened(raw: bytes) -> Message:
    """The mail, parsed in bounded time and memory. Raises `Unreadable`."""
    if len(raw) > RAW_BYTES_MAX:
        raise Unreadable("too-large")
    if not raw.strip():
        raise Unreadable("empty")
    blank = BLANK_LINE.search(raw)
    if (blank.start() if blank else len(raw)) > HEADER_BYTES_MAX:
        raise Unreadable("huge-headers")
    if at_least(FENCE, raw, FENCES_MAX):
        raise Unreadable("too-many-parts")
    containers = sum(1 for _ in CONTAINER.finditer(raw))
    lines = max(raw.count(b"\n"), raw.count(b"\r"))
    if containers > CONTAINERS_MAX or lines * (containers + 1) > WORK_MAX:
        raise Unreadable("too-deep")
    mail = message_from_bytes(raw, policy=POLICY)
    if not mail.keys():
        raise Unreadable("no-headers")
    return mail


def at_least(pattern: re.Pattern[bytes], raw: bytes, most: int) -> bool:
    return any(number > most for number, _ in enumerate(pattern.finditer(raw), start=1))


def parts(mail: Message) -> Iterator[tuple[Message, bool]]:
    """Every part that is no container, in order, and whether something was left unopened just there."""
    waiting, seen = [(mail, 0)], 0
    while waiting:
        part, depth = waiting.pop()
        seen += 1
        inner = part.get_payload()
        holds = isinstance(inner, list) and part.get_content_maintype() == "multipart"
        if seen > PARTS_MAX or (holds and depth >= DEPTH_MAX):
            yield part, True
            if seen > PARTS_MAX:
                return
        elif holds:
            assert isinstance(inner, list)
            waiting.extend((each, depth + 1) for each in reversed(inner) if isinstance(each, Message))
        else:
            yield part, False


def content(mail: Message) -> Content:
    """Its plain words, or else those of its HTML; its files; and its HTML as it came."""
    plain: list[str] = []
    rich: list[str] = []
    files: list[File] = []
    cut = False
    for part, unopened in parts(mail):
        kind = part.get_content_type()
        loose = part.get_content_disposition() != "attachment" and not filename(part)
        if unopened:
            cut = True
        elif (loose and kind == "text/plain") or kind.startswith("multipart/"):  # The latter without its boundary.
            cut |= len(data(part)) > WORDS_BYTES_MAX
            plain.append(words(part))
        elif loose and kind == "text/html":
            cut |= len(data(part)) > WORDS_BYTES_MAX
            rich.append(words(part))
        elif len(files) == FILES_MAX or (kept := whole(part)) is None:
            cut = True
        else:
            files.append(File(media_type(kind), filename(part), kept))
    said = tidied("\n".join(plain)) or tidied("\n".join(words_of(each) for each in rich))
    text, shorter = shortened(said)
    return Content(text, tuple(files), "\n".join(rich).encode(), cut or shorter)


def data(part: Message) -> bytes:
    """Its bytes, as they were before mail carried them."""
    try:
        found = part.get_payload(decode=True)
    except (ValueError, LookupError, binascii.Error):  # A transfer encoding that is none.
        found = str(part.get_payload()).encode("utf-8", "replace")
    return found if isinstance(found, bytes) else b""


def whole(part: Message) -> bytes | None:
    """The bytes of a part that is kept as a file: a mail within the mail as a mail. None where that cannot be."""
    inner = part.get_payload()
    if not isinstance(inner, list):
        return data(part)
    try:
        return b"\n".join(each.as_bytes(policy=POLICY) for each in inner if isinstance(each, Message))
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):  # What it says of itself is untrue.
        return None


def words(part: Message) -> str:
    return decoded(data(part)[:WORDS_BYTES_MAX], part.get_content_charset())


def decoded(raw: bytes, charset: str | None) -> str:
    """The text: in the character set that it names, if that is one and fits, else in the likeliest. Always some."""
    for name in (charset, "utf-8"):
        try:
            if name and codecs.lookup(name).name not in NO_CHARSETS:
                return raw.decode(name)
        except (LookupError, ValueError):  # Unknown, or wrong: the next.
            continue
    return raw.decode("cp1252", "replace")


def filename(part: Message) -> str:
    """What the sender calls the file: its last part only, for a path is none of ours."""
    try:
        name = part.get_filename() or ""
    except (ValueError, LookupError, TypeError):
        return "?"
    return re.split(r"[/\\]", line(name))[-1][:NAME_CHARS_MAX]


def media_type(said: str) -> str:
    return said if MEDIA_TYPE.fullmatch(said) else "application/octet-stream"


def tidied(text: str) -> str:
    """With plain line ends, and without what nobody sees."""
    return UNSEEN_IN_TEXT.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip()


def shortened(text: str) -> tuple[str, bool]:
    """As much of it as an event may hold, and whether that is less than all."""
    kept = text[:TEXT_CHARS_MAX]
    while len(json.dumps(kept, ensure_ascii=False).encode()) > TEXT_BYTES_MAX:
        kept = kept[: len(kept) * 9 // 10]
    return kept, len(kept) < len(text)


def line(value: str) -> str:
    """A header's value as one line of text: unfolded, its encoded words decoded, nothing unseen in it."""
    flat = UNSEEN.sub(" ", value)
    try:
        pieces = decode_header(flat) if "=?" in flat else [(flat, None)]
        said = "".join(piece if isinstance(piece, str) else decoded(piece, charset) for piece, charset in pieces)
    except (HeaderParseError, ValueError):
        said = flat
    return " ".join(UNSEEN.sub(" ", said).split())


def values(mail: Message, *names: str) -> list[str]:
    """Every value of these headers, in the order of the names, undecoded."""
    return [str(value) for name in names for value in mail.get_all(name, [])]


def value(mail: Message, name: str) -> str:
    """The first: what our own servers put on top counts, not what the sender wrote below."""
    return next(iter(values(mail, name)), "").strip()


def mailbox(written: str) -> tuple[str, str]:
    """The name and address of `Jan <jan@example.nl>`, also where it is written wrongly. Empty where there is none."""
    flat = " ".join(written.split())
    name, address = parseaddr(flat)
    if not MAILBOX.fullmatch(address):
        found = MAILBOX.findall(flat)
        if not found:
            return line(flat), ""
        name, address = flat.partition("<")[0], found[-1]
    return line(name).strip("\"' "), address


def message_ids(mail: Message, *names: str) -> list[str]:
    """The ids that these headers name, without their brackets: in order, each once."""
    found = (each for value in values(mail, *names) for each in MESSAGE_ID.findall("".join(value.split())))
    return list(dict.fromkeys(found))
