"""The texts that residents read: a title, a mail and an SMS for each template, in each language. Data, without logic.

A text has fields in braces. A line of which a field is empty is left out. What is wrong in one is found when it is
read, not when somebody should be told.
"""

import re
import tomllib
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from string import Formatter
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from schemas.errors import Refused
from schemas.event import Line, Text, Word

OURS: Final = Path(__file__).parent / "texts"
LANGUAGES: Final = ("nl", "en")
FIELDS: Final = frozenset(
    "organisation phone title status says next due due_short day day_short hour branch code link stop "  # noqa: SIM905
    "contact contact_day contact_day_short".split()
)
# By which channel somebody had to do with us, in a sentence; of others nothing is said.
CONTACT: Final[Mapping[str, Mapping[str, str]]] = {
    "nl": {
        "phone": "per telefoon",
        "counter": "aan de balie",
        "email": "per mail",
        "sms": "per sms",
        "whatsapp": "per WhatsApp",
        "web": "via onze website",
        "chat": "in de chat",
        "letter": "per brief",
    },
    "en": {
        "phone": "by telephone",
        "counter": "at the counter",
        "email": "by e-mail",
        "sms": "by text message",
        "whatsapp": "by WhatsApp",
        "web": "on our website",
        "chat": "in the chat",
        "letter": "by letter",
    },
}
USUAL: Final = "usual"
ENDED_TWICE: Final = re.compile(r"(?<=[^.][.?!])\.(?=\s|$)")
NO_LETTER: Final = frozenset({"link", "stop"})  # Nobody types these.
NO_SMS: Final = frozenset({"title", "says", "next", "code", "stop"})  # What may be a secret, or be long.


class Wording(BaseModel):
    """What is written on each road."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    title: Line
    text: Text
    sms: Text
    letter: Text = ""  # Where there is none, a person tells it.


class Written(Wording):
    """And what else, in other wordings: each is for as many as the usual one, so that one can see what it does."""

    other: dict[Word, Wording] = Field(default_factory=dict)

    def chosen(self, about: str) -> tuple[str, Wording]:
        """The name of a wording, and the wording: always the same one for the same subject."""
        every = {USUAL: self, **dict(sorted(self.other.items()))}
        nth = int.from_bytes(sha256(about.encode()).digest()[:8]) % len(every)
        return [*every.items()][nth]


Texts = Mapping[str, Mapping[str, Written]]  # By language, and template.
READS: Final = TypeAdapter(dict[Word, Written])


def read_texts(folder: Path | None = None) -> Texts:
    """Ours, and what the folder has in their place. Raises `Refused`, and says which text is wrong and in what."""
    ours = {language: parsed(OURS / f"{language}.toml") for language in LANGUAGES}
    own = {language: folder / f"{language}.toml" for language in LANGUAGES} if folder else {}
    theirs = {language: parsed(path) for language, path in own.items() if path.exists()}
    if folder and not theirs:
        raise Refused("the folder of texts has neither nl.toml nor en.toml")
    for language, texts in theirs.items():
        if unknown := texts.keys() - ours[language].keys():
            raise Refused(f"{language}.toml has the text [{min(unknown)}], which nobody asks for")
    return {language: {**texts, **theirs.get(language, {})} for language, texts in ours.items()}


def parsed(path: Path) -> Mapping[str, Written]:
    try:
        texts = READS.validate_python(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        where = [".".join(map(str, error.errors()[0]["loc"]))] if isinstance(error, ValidationError) else []
        raise Refused(f"{path.name} cannot be read{' in ' + where[0] if where else ''}") from None
    for name, written in texts.items():
        every = {name: written, **{f"{name}.other.{each}": wording for each, wording in written.other.items()}}
        if USUAL in written.other:
            raise Refused(f"{path.name} calls another wording of [{name}] usual, as the first one is called")
        for title, wording in every.items():
            for part, allowed in (
                ("title", FIELDS),
                ("text", FIELDS),
                ("sms", FIELDS - NO_SMS),
                ("letter", FIELDS - NO_LETTER),
            ):
                checked(f"{path.name}, [{title}] {part}", getattr(wording, part), allowed)
    return texts


def checked(where: str, text: str, allowed: frozenset[str]) -> None:
    try:
        parts = [*Formatter().parse(text)]
    except ValueError:
        raise Refused(f"{where} has a brace without its partner") from None
    for _, name, layout, conversion in parts:
        if name is not None and (name not in allowed or layout or conversion):
            raise Refused(f"{where} names a field that it may not have: there is {', '.join(sorted(allowed))}")


def filled(text: str, said: Mapping[str, str]) -> str:
    """The text with its fields. A line of which one is empty is left out, and so are empty lines that meet.

    Where what is filled in ends a sentence of its own, one sign ends both.
    """
    lines = (line for line in text.strip().split("\n") if all(said[name] for name in names(line)))
    whole = "\n".join(ENDED_TWICE.sub("", line.format_map(said)) for line in lines)
    return re.sub(r"\n{3,}", "\n\n", whole)


def names(line: str) -> list[str]:
    return [name for _, name, _, _ in Formatter().parse(line) if name]
