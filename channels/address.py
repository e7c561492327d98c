"""An address: one spelling for each, and a pseudonym by which the log knows it and tells nobody whose it is."""

import hmac
import re
from typing import Final, NamedTuple

import phonenumbers

PSEUDONYM_CHARS: Final = 40  # Of the 64 that HMAC-SHA256 gives: 160 bits.
REGION: Final = "NL"
DUTCH: Final = 31  # What telephones abroad dial for it.
SHORT: Final = re.compile(r"140\d{2,3}", re.ASCII)
MACHINES: Final = "97"
ADDRESS_CHARS_MAX: Final = 320
TELEPHONES: Final = frozenset({"phone", "sms", "whatsapp"})  # One telephone is one address, whatever it is used for.


class Address(NamedTuple):
    """Where somebody can be reached: a kind, and the one spelling of its value."""

    kind: str
    value: str

    def pseudonym(self, pepper: bytes) -> str:
        """Its keyed hash. Without the pepper nobody can try all telephone numbers."""
        name = f"{self.kind}\0{self.value}".encode()
        return hmac.digest(pepper, name, "sha256").hex()[:PSEUDONYM_CHARS]


def address(kind: str, value: str) -> Address:
    """The address in its one spelling: +31612345678, jan@example.nl. What cannot be read is kept as it stands."""
    if kind in TELEPHONES:
        return Address("phone", telephone(value))
    if kind == "email":
        return Address(kind, mailbox(value))
    return Address(kind, value.strip()[:ADDRESS_CHARS_MAX])


def telephone(value: str) -> str:
    """E.164, where telephones abroad can call it; else its digits, such as 14020, which works in this country only."""
    try:
        number = phonenumbers.parse(value, REGION)
    except phonenumbers.NumberParseException:
        return value.strip()[:ADDRESS_CHARS_MAX]
    if is_14(number):
        return phonenumbers.national_significant_number(number)
    if phonenumbers.is_possible_number(number) and phonenumbers.is_valid_number(number):
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return "".join(sign for sign in value if sign.isdigit() or sign == "+")[:ADDRESS_CHARS_MAX]


def is_14(number: phonenumbers.PhoneNumber) -> bool:
    """Whether it is 14 and an area code, as municipalities have, however it is written."""
    return (
        number.country_code == DUTCH and SHORT.fullmatch(phonenumbers.national_significant_number(number)) is not None
    )


def mailbox(value: str) -> str:
    """Before the @ as well, capitals are not told apart: nobody in practice does, and people write both."""
    return value.strip().casefold()[:ADDRESS_CHARS_MAX]


def reachable_by_sms(value: str) -> bool:
    """Whether an SMS can be sent there: a Dutch or foreign mobile number, and no 097 (machines) or 14-number."""
    try:
        number = phonenumbers.parse(value, REGION)
    except phonenumbers.NumberParseException:
        return False
    mobile = phonenumbers.number_type(number) in {
        phonenumbers.PhoneNumberType.MOBILE,
        phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE,
    }
    machine = number.country_code == DUTCH and str(number.national_number).startswith(MACHINES)
    return phonenumbers.is_valid_number(number) and mobile and not machine
