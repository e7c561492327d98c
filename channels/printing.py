"""A letter for the post room: a page to print as PDF/A, and a folder in which each lies once.

The post room takes what the list in that folder names, and nothing else. So a letter is put there whole before it is
listed; what is not listed was surely not taken, and may be put there again under its own name.
"""

import fcntl
import json
import os
import secrets
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import IO, Final
from xml.sax.saxutils import escape

from babel.dates import format_date
from fpdf import FPDF
from fpdf.enums import DocumentCompliance
from fpdf.fonts import TTFFont

from channels.channel import Message, Undeliverable
from channels.days import ZONE
from schemas.errors import Ambiguous, Unavailable

LIST: Final = "letters.jsonl"
LINE_BYTES_MAX: Final = 1_000  # Of one line there.
FONT: Final = Path(__file__).parent / "fonts" / "DejaVuSans.ttf"
FAMILY: Final = "DejaVu"
LINES_MIN, LINES_MAX = 3, 6  # A name, a street, and a postcode with its town.
LINE_CHARS_MAX: Final = 60
LEFT_MM, TOP_MM, BODY_MM, BOTTOM_MM = 25, 50, 100, 25  # Where the address stands, and where the words begin.
SMALL, USUAL, LARGE = 8, 11, 13  # In points.
# What an archive reads of it. The library would write in here the moment at which it was printed.
XMP: Final = """<x:xmpmeta xmlns:x="adobe:ns:meta/">
  <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
    <rdf:Description rdf:about=""
        xmlns:dc="http://purl.org/dc/elements/1.1/"
        xmlns:xmp="http://ns.adobe.com/xap/1.0/"
        xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/"
        xmp:CreateDate="{at}" xmp:ModifyDate="{at}" xmp:MetadataDate="{at}">
      <pdfaid:part>3</pdfaid:part>
      <pdfaid:conformance>U</pdfaid:conformance>
      <dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>
    </rdf:Description>
  </rdf:RDF>
</x:xmpmeta>"""


def lines_of(address: str) -> list[str]:
    """A postal address as it is printed, a line for each comma. Raises `Undeliverable` where it is none."""
    lines = [" ".join(line.split()) for line in address.split(",") if line.strip()]
    if not LINES_MIN <= len(lines) <= LINES_MAX or any(len(line) > LINE_CHARS_MAX for line in lines):
        raise Undeliverable("a postal address is a name, a street and a postcode with its town", "no-such-address")
    return lines


def printed(message: Message, sender: str) -> bytes:
    """The letter to the byte, the same each time. `sender` stands small above the address. Raises `Undeliverable`."""
    lines, at = lines_of(message.address), (message.at or datetime.fromtimestamp(0, UTC)).astimezone(UTC)
    title = message.title or "Brief"
    language = message.language if message.language != "unknown" else "nl"
    if {*message.text, *message.title, *"".join(lines), *sender} - signs() - {"\n"}:
        raise Undeliverable("it has a sign that is not in the letters that we print with", "text-does-not-fit")
    page = Page(enforce_compliance=DocumentCompliance.PDFA_3U)
    page.set_creation_date(at)
    page.set_xmp_metadata(XMP.format(at=at.isoformat(timespec="seconds"), title=escape(title)))
    page.set_lang(language)
    page.set_title(title)
    page.add_font(FAMILY, fname=FONT)
    page.set_margins(LEFT_MM, LEFT_MM)
    page.set_auto_page_break(auto=True, margin=BOTTOM_MM)
    page.add_page()
    page.set_xy(LEFT_MM, TOP_MM - SMALL)
    page.words(sender, SMALL)
    page.set_xy(LEFT_MM, TOP_MM)
    page.words("\n".join(lines), USUAL)
    page.set_xy(LEFT_MM, BODY_MM)
    page.words(format_date(at.astimezone(ZONE), "d MMMM y", language), USUAL)
    page.ln(USUAL / 2)
    if message.title:
        page.words(message.title, LARGE)
        page.ln(USUAL / 2)
    page.words(message.text, USUAL)
    return bytes(page.output())


class Page(FPDF):
    """Paper of ours: one letter type, and a number at the foot of each page after the first."""

    def words(self, text: str, points: int) -> None:
        self.set_font(FAMILY, size=points)
        self.multi_cell(0, points / 2, text, align="L", new_x="LMARGIN", new_y="NEXT")

    def footer(self) -> None:
        if self.page_no() > 1:
            self.set_y(-BOTTOM_MM + SMALL)
            self.words(str(self.page_no()), SMALL)


@cache
def signs() -> frozenset[str]:
    """What can be printed."""
    page = Page()
    page.add_font(FAMILY, fname=FONT)
    font = page.fonts[FAMILY.lower()]
    assert isinstance(font, TTFFont), "it was given as a file"
    font.close()
    return frozenset(map(chr, font.cmap))


class Tray:
    """The folder from which the post room prints. A file is called after its message: it names nobody."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, name: str, data: bytes, at: datetime) -> str:
        """Whole, durable, listed, and once. Returns the SHA-256 of what lies there.

        Raises `Unavailable` where it is surely not listed, and `Ambiguous` where nobody knows.
        """
        try:
            with self._alone() as listing:
                if known := self._listed(name):
                    return known
                digest = sha256(data).hexdigest()
                self._place(f"{name}.pdf", data)
                entry = {"file": f"{name}.pdf", "sha256": digest, "written": at.astimezone(UTC).isoformat()}
                self._append(listing.fileno(), entry)
                return digest
        except OSError:
            raise Unavailable("the folder of letters cannot be written in: mend its permissions, or its disk") from None

    def _alone(self) -> IO[bytes]:
        """The list, held alone: several processes may put letters there."""
        self._folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        listing = (self._folder / LIST).open("ab")
        fcntl.flock(listing, fcntl.LOCK_EX)
        return listing

    def _listed(self, name: str) -> str:
        """The hash with which it is listed; empty where it is not. A torn last line lists nothing."""
        wanted = f'{{"file": "{name}.pdf", '.encode()
        with (self._folder / LIST).open("rb") as listing:
            found = next((line for line in listing if line.startswith(wanted) and line.endswith(b"}\n")), None)
        return str(json.loads(found)["sha256"]) if found else ""

    def _place(self, name: str, data: bytes) -> None:
        draft = self._folder / f".{name}.{secrets.token_hex(4)}"
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._folder / name)
            sync(self._folder)
        finally:
            with suppress(OSError):
                draft.unlink(missing_ok=True)

    def _append(self, listing: int, entry: dict[str, str]) -> None:
        """One line in one write. Half a line, which a crash left, lists nothing and is taken away."""
        try:
            os.ftruncate(listing, self._whole_bytes())
            os.write(listing, json.dumps(entry).encode() + b"\n")
            os.fsync(listing)
        except OSError:
            raise Ambiguous("nobody knows whether the letter was listed: it is looked for") from None

    def _whole_bytes(self) -> int:
        """How much of the list is whole lines."""
        with (self._folder / LIST).open("rb") as listing:
            size = listing.seek(0, os.SEEK_END)
            start = max(0, size - LINE_BYTES_MAX)
            listing.seek(start)
            return start + listing.read().rfind(b"\n") + 1


def sync(folder: Path) -> None:
    """What was renamed in it is on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
