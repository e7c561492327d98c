"""Known by its keyed hash only: a register's number, such as a BSN, and an object. Equal ones meet, and tell nobody."""

import hmac
import re
from typing import Final

from schemas.errors import Refused
from schemas.event import looks_like_bsn

BSN_DIGITS: Final = 9


def blind(scheme: str, value: str, pepper: bytes) -> str:
    """The keyed hash of the number as it is always written. Raises `Refused` where it cannot be one."""
    number = re.sub(r"[\s.-]", "", value)
    if scheme == "bsn":
        number = number.zfill(BSN_DIGITS)
        if not (len(number) == BSN_DIGITS and number.isascii() and number.isdigit() and looks_like_bsn(number)):
            raise Refused("value is no BSN: look at its digits again")
    return keyed(pepper, "register", scheme, number)


def object_id(kind: str, title: str, pepper: bytes) -> str:
    """A tree, a street, a building, as it is called."""
    return keyed(pepper, "object", kind, folded(title))


def keyed(pepper: bytes, *said: str) -> str:
    return hmac.digest(pepper, "\0".join(said).encode(), "sha256").hex()


def folded(name: str) -> str:
    """A name as it is compared: capitals and spaces are not told apart."""
    return " ".join(name.casefold().split())
