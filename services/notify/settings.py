"""What the municipality says of itself in what residents read, and what its statuses mean to them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from schemas.event import Line, NoLine, Text, Word
from services.notify.texts import FIELDS, NO_SMS, checked, names

Language = Annotated[str, Field(pattern="^(nl|en)$")]
Channel = Literal["email", "web", "whatsapp", "sms"]


class Said(BaseModel):
    """A status in words."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    title: NoLine = ""  # As a resident would say it; else the status itself.
    says: Text = ""  # What it means.
    next: Text = ""  # What comes next.


class Status(Said):
    """What a status of a kind of case means to a resident, in Dutch."""

    inform: bool = True  # False: of this one they are not told.
    en: Said = Said()

    def said(self, language: str) -> Said:
        """In their language; in Dutch where it has no words in another."""
        return self.en if language == "en" and self.en != Said() else self


class Template(BaseModel):
    """One that Meta approved: `text` is as it stands there, with a field of ours in each of its gaps, in order."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: Annotated[str, Field(pattern=r"^[a-z0-9_]{1,200}$")]
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}(_[A-Z]{2})?$")] = "nl"
    text: Annotated[str, Field(min_length=1, max_length=1_024)]

    @field_validator("text")
    @classmethod
    def has_gaps_of_ours(cls, text: str) -> str:
        checked("text", text, FIELDS - NO_SMS)
        return text

    @property
    def fields(self) -> Sequence[str]:
        return names(self.text)


class OpinionSettings(BaseModel):
    """Residents are asked what they think only where this is filled in."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    sensitive: tuple[Word, ...]  # Products, and kinds of cases, of which nobody is ever asked.


class NotifySettings(BaseModel):
    """Residents are told only where this is filled in."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    organisation: Line  # As it signs: Gemeente Voorbeeld.
    phone: NoLine = ""  # For those who would rather call: 14 020.
    email_inbox: Word = "main"  # From which mailbox it goes, and which reads the answers.
    sms_inbox: Word = "main"
    whatsapp_inbox: Word = "main"
    whatsapp: Mapping[Language, Mapping[Word, Template]] = Field(default_factory=dict)  # By language, and text.
    sms_per_day: Annotated[int, Field(ge=0)] = 2_000  # More than these leave only where an agent wrote them.
    texts: Annotated[Path | None, Field(strict=False)] = (
        None  # A folder with texts of your own: nl.toml, en.toml. What is not in it is as we wrote it.
    )
    confirms: tuple[Channel, ...] = ("email", "web", "whatsapp", "sms")  # Where who asks hears at once that we have it.
    simulator: bool = False  # Whether the named addresses of `channels/simulator.py` are played.
    statuses: Mapping[Word, Mapping[Word, Status]] = Field(default_factory=dict)  # By kind of case, and status.
