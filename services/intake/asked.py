"""What somebody filled in on our own form, and what is wrong with it."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from channels.address import Address, address
from channels.bsn import MASK, without_bsn
from channels.forms import fields
from channels.token import named

QUESTION_CHARS_MAX: Final = 5_000
LINE_CHARS_MAX: Final = 200
EMAIL_CHARS_MAX: Final = 254
FILLED_S_MIN: Final = 2.0  # Nobody reads and types faster.
FORM_AGE_MAX: Final = timedelta(hours=24)
EMAIL: Final = re.compile(r"[^@\s<>\"(),;:\\]+@[^@\s<>\"(),;:\\]+\.[^@\s<>\"(),;:\\.]{2,}")
FIELDS: Final = ("question", "email", "phone", "name", "website")


class Asked(NamedTuple):
    """The fields as they were filled in, without what nobody can type."""

    question: str = ""
    email: str = ""
    phone: str = ""
    name: str = ""
    website: str = ""  # Hidden from people: whoever fills it in is a program, or a browser that was too helpful.
    form: str = ""

    @property
    def reached_at(self) -> Address:
        return address("email", self.email) if self.email else address("phone", self.phone)

    @property
    def text(self) -> str:
        """The question; and the telephone number beside it, where it is answered by mail."""
        also = f"\n\nTelefoon: {address('phone', self.phone).value}" if self.email and self.phone else ""
        return self.question + also


class Wrong(NamedTuple):
    """A field, and the word of what is wrong with it."""

    field: str
    word: str


def filled_in(raw: bytes) -> Asked:
    """What was sent. Raises `Refused` where that is no form of ours."""
    said = fields(raw)
    return Asked(**{name: said.get(name, "") for name in Asked._fields})


def checked(asked: Asked, key: bytes, now: datetime) -> tuple[Asked, tuple[Wrong, ...]]:
    """What was asked, without a BSN; and what is wrong with it, in the order of the page."""
    clean = asked._replace(question=without_bsn(asked.question), name=without_bsn(asked.name))
    found = {field: wrong_with(field, asked, clean) for field in FIELDS}
    found["form"] = wrong_form(asked.form, key, now)
    return clean, tuple(Wrong(field, word) for field, word in found.items() if word)


def wrong_with(field: str, asked: Asked, clean: Asked) -> str:  # noqa: PLR0911  # A line for each.
    match field:
        case "question" if not asked.question:
            return "wrong_question"
        case "question" if len(asked.question) > QUESTION_CHARS_MAX:
            return "wrong_long"
        case "question" if clean.question != asked.question:
            return "wrong_bsn"
        case "email" if not asked.email and not asked.phone:
            return "wrong_reach"
        case "email" if asked.email and not is_email(asked.email):
            return "wrong_email"
        case "phone" if asked.phone and not is_telephone(asked.phone):
            return "wrong_phone"
        case "name" if len(asked.name) > LINE_CHARS_MAX or "\n" in asked.name:
            return "wrong_name"
        case "website" if asked.website:
            return "wrong_website"
    return ""


def is_email(written: str) -> bool:
    return len(written) <= EMAIL_CHARS_MAX and EMAIL.fullmatch(written) is not None and without_bsn(written) == written


def is_telephone(written: str) -> bool:
    """Whether somebody can be called there: a whole number, and not the 14-number of a municipality."""
    return address("phone", written).value.startswith("+")


def wrong_form(form: str, key: bytes, now: datetime) -> str:
    """Whether the page was ours, and open for as long as people need."""
    made = made_at(form, key)
    if made is None or now - made > FORM_AGE_MAX:
        return "wrong_form"
    return "wrong_fast" if (now - made).total_seconds() < FILLED_S_MIN else ""


def made_at(form: str, key: bytes) -> datetime | None:
    name = named("form", form, key)
    if name is None:
        return None
    return datetime.fromisoformat("1970-01-01T00:00:00+00:00") + timedelta(milliseconds=int(name.split("-")[0], 16))


def flags(asked: Asked) -> tuple[str, ...]:
    return ("bsn-in-text",) if MASK in asked.question + asked.name else ()


def marked(wrongs: tuple[Wrong, ...], words: Mapping[str, str], asked: Asked) -> dict[str, str]:
    """Per field the sentence that is shown beside it."""
    numbers = {"max": f"{QUESTION_CHARS_MAX}", "n": f"{len(asked.question)}"}
    return {wrong.field: words[wrong.word].format(**numbers) for wrong in wrongs}
