"""The timeline: a row per fact about a contact, in the order in which it happened. What looks like a BSN is masked."""

import re
from typing import Final

from sqlalchemy import Column, Index, Integer, MetaData, String, Table, Text

from engine.processor import Put, projection
from engine.work import stamp
from schemas.contact import ContactAnswered, ContactMissed, ContactOverdue, ContactReceived
from schemas.event import Envelope, looks_like_bsn

MASK: Final = "[nummer afgeschermd]"
# Nine digits in a row, or in groups as people write them: 1234.56.782, 123 456 782.
LIKE_BSN: Final = re.compile(
    r"(?<![A-Za-z0-9])(?:\d{9}|\d{4}[ .-]\d{2}[ .-]\d{3}|\d{3}[ .-]\d{3}[ .-]\d{3})(?![A-Za-z0-9])", re.ASCII
)

table: Final = Table(
    "timeline",
    MetaData(),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("at", String(27), nullable=False),
    Column("type", Text, nullable=False),
    Column("contact_id", Text, nullable=False),
    Column("address_id", Text, nullable=False),
    Column("word", Text, nullable=False),  # Its channel, or why it was missed, or what it was due by.
    Column("text", Text, nullable=False),
    Index(None, "at", "position"),
)

Fact = ContactReceived | ContactAnswered | ContactMissed | ContactOverdue


def show(event: ContactReceived | ContactAnswered | ContactMissed | ContactOverdue, cause: Envelope) -> list[Put]:
    word, text = said(event)
    row = {
        "position": cause.position,
        "at": stamp(event.at),
        "type": event.type,
        "contact_id": event.contact_id,
        "address_id": event.address_id,
        "word": word,
        "text": masked(text),
    }
    return [Put(row)]


def said(event: Fact) -> tuple[str, str]:
    """The one word and the words that each fact has to show."""
    match event:
        case ContactReceived():
            return event.channel, event.text
        case ContactAnswered():
            return "", event.text
        case ContactMissed():
            return event.reason, ""
        case ContactOverdue():
            return stamp(event.due), ""


def masked(text: str) -> str:
    """The text, with what may be a BSN made unreadable."""
    return LIKE_BSN.sub(lambda found: MASK if eleven(found[0]) else found[0], text)


def eleven(written: str) -> bool:
    return looks_like_bsn(re.sub(r"\D", "", written))


timeline = projection("desk.timeline", table, show)
