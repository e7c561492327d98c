"""What every call is to us, whichever exchange it comes by: one contact, and somebody's address."""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from channels.address import Address, address
from channels.bsn import without_bsn
from schemas.event import derived

ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,119}")
WORD: Final = re.compile(r"[a-z][a-z0-9.-]{0,59}")
CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]+")
LINE_CHARS_MAX: Final = 200
CHOICES_MAX: Final = 20
# What networks write instead of a number that is withheld: "anonymous" and its like, spelled on a telephone's keys.
WITHHELD: Final = frozenset({"+266696687", "+7378742883", "+2562533", "+8656696", "+86282452253", "266696687"})
CARRIED: Final = re.compile(r"sips?:(\+?[0-9]+)@.*")  # A telephone number that came over the internet.


class Call(NamedTuple):
    """One call of one resident, with all its legs."""

    inbox: str
    root: str  # The exchange's own id of the first leg.
    contact_id: str
    address_id: str


def caller(number: str, root: str) -> Address:
    """The address that calls. Whoever withholds their number has an address of their own, for this call only."""
    found = CARRIED.fullmatch(number.strip())
    value = CONTROL.sub(" ", found[1] if found else number).strip()
    named_otherwise = value.startswith(("sip:", "sips:", "client:"))
    numberless = not named_otherwise and not any(sign.isdigit() for sign in value)
    if numberless or value in WITHHELD or "anonymous" in value.lower():
        return Address("withheld", root)
    return address("phone", value)


def call(inbox: str, root: str, address_id: str) -> Call:
    return Call(inbox, root, derived(f"phone {inbox} {root}"), address_id)


def named(text: str) -> str:
    """The text itself where it may stand as an id; else a name that is made of it, and always the same."""
    return text if ID.fullmatch(text) else derived(f"name {text}")


def word(text: str, otherwise: str = "unknown") -> str:
    return text if WORD.fullmatch(text) else otherwise


def menu(said: Iterable[str]) -> str:
    """What was asked beforehand, a line each, without the BSN that somebody may have keyed in."""
    return without_bsn("\n".join([line(each) for each in said if each][:CHOICES_MAX]))


def line(text: str) -> str:
    return CONTROL.sub(" ", text).strip()[:LINE_CHARS_MAX]
