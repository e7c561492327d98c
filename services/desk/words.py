"""What the desk says, in Dutch of level B1: one word per thing."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

HERE: Final = ZoneInfo("Europe/Amsterdam")
DAYS: Final = ("maandag", "dinsdag", "woensdag", "donderdag", "vrijdag", "zaterdag", "zondag")
MONTHS: Final = tuple(
    "januari februari maart april mei juni juli augustus september oktober november december".split()  # noqa: SIM905
)


class Said(NamedTuple):
    """A word of the log as people say it, and the picture beside it."""

    label: str
    icon: str


CHANNELS: Final[Mapping[str, Said]] = {
    "phone": Said("Telefoon", "phone"),
    "email": Said("E-mail", "email"),
    "sms": Said("Sms", "chat"),
    "whatsapp": Said("WhatsApp", "chat"),
    "chat": Said("Chat", "chat"),
    "web": Said("Website", "web"),
    "webform": Said("Webformulier", "web"),
    "counter": Said("Balie", "counter"),
    "letter": Said("Brief", "letter"),
}
OTHER: Final = "other"
REASONS: Final[Mapping[str, str]] = {
    "abandoned": "Opgehangen voordat iemand opnam",
    "busy": "In gesprek",
    "closed": "Buiten openingstijd",
}


def channel(word: str) -> Said:
    return CHANNELS.get(word) or Said(word.replace("-", " ").replace(".", " ").capitalize(), OTHER)


def day(moment: datetime) -> str:
    here = moment.astimezone(HERE)
    return f"{DAYS[here.weekday()]} {here.day} {MONTHS[here.month - 1]} {here.year}"


def hour(moment: datetime) -> str:
    return moment.astimezone(HERE).strftime("%H:%M")


def number(contact: str) -> str:
    """A short name, by which people find what belongs to one contact."""
    return f"contact {contact[:6].upper()}"


def sender(address: str) -> str:
    """A name to tell two people apart, that tells nobody who they are."""
    if address.startswith("unknown."):
        return "Afzender onbekend"
    return f"Afzender {address[:4].upper()}-{address[4:8].upper()}"
