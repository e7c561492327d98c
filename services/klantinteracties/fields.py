"""What a field of that API may hold: each reads one value, says what is wrong with it, and quotes none of it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

Doc = dict[str, Any]

REASONS: Final[Mapping[str, str]] = {
    "required": "Dit veld is vereist.",
    "null": "Dit veld mag niet leeg zijn.",
    "blank": "Dit veld mag niet leeg zijn.",
    "invalid": "Voer een geldige waarde in.",
    "invalid_choice": "Dit is geen geldige keuze.",
    "null_characters_not_allowed": "Null-tekens zijn niet toegestaan.",
}
NO_TEXT: Final = re.compile("[\x00-\x02\ud800-\udfff]")
TRUE: Final = frozenset({"true", "1", "t", "yes", "y", "on"})
FALSE: Final = frozenset({"false", "0", "f", "no", "n", "off"})
INT_MAX: Final = 2_147_483_647
LIST_MAX: Final = 100
METADATA_CHARS_MAX: Final = 255
FLAGS: Final = {**dict.fromkeys(TRUE, True), **dict.fromkeys(FALSE, False)}
NO_FLAG: Final = frozenset({"", "null"})  # As a form says that it does not know.


class Fault(NamedTuple):
    name: str
    code: str
    reason: str


class Reference(NamedTuple):
    """A card that was named, where it was named."""

    at: str
    kind: str
    uuid: str


@dataclass
class Reading:
    """What came of reading a body: what is wrong, and which cards it names."""

    faults: list[Fault] = field(default_factory=list)
    references: list[Reference] = field(default_factory=list)

    def fault(self, at: str, code: str, reason: str = "") -> Any:  # noqa: ANN401  # Nothing, in place of a value.
        self.faults.append(Fault(at, code, reason or REASONS[code]))


@dataclass(frozen=True)
class Field:
    """One field. `default` stands where nobody says anything."""

    name: str
    required: bool = False
    null: bool = False
    default: Any = None

    linked = False  # Whether it holds the address of another card.

    def read(self, value: Any, at: str, reading: Reading) -> Any:  # noqa: ANN401  # Whatever JSON can say.
        if value is None:
            if not self.null:
                reading.fault(at, "null")
            return self.default
        return self.understood(value, at, reading)

    def understood(self, value: Any, at: str, reading: Reading) -> Any:  # noqa: ANN401
        raise NotImplementedError

    def schema(self) -> dict[str, Any]:
        raise NotImplementedError


@dataclass(frozen=True)
class Text(Field):
    most: int = 200
    least: int = 1  # Where it says anything.
    pattern: str = ""
    email: bool = False
    empty_is_null: bool = False  # KISS says "" where it has no number.
    default: Any = ""

    def understood(self, value: Any, at: str, reading: Reading) -> Any:  # noqa: ANN401
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            return reading.fault(at, "invalid", "Geen geldige tekst.")
        said = str(value).strip()
        if not said:
            if self.required:
                reading.fault(at, "blank")
            return None if self.empty_is_null else said
        if "\x00" in said:
            reading.fault(at, "null_characters_not_allowed")
        elif NO_TEXT.search(said):
            reading.fault(at, "invalid", "Dit veld bevat tekens die geen tekst zijn.")
        elif len(said) > self.most:
            reading.fault(at, "max_length", f"Zorg ervoor dat dit veld niet meer dan {self.most} karakters bevat.")
        elif len(said) < self.least:
            reading.fault(at, "min_length", f"Zorg ervoor dat dit veld minimaal {self.least} karakters bevat.")
        elif self.pattern and not re.fullmatch(self.pattern, said):
            reading.fault(at, "invalid")
        return said

    def schema(self) -> dict[str, Any]:
        pattern = {"pattern": f"^({self.pattern})?$"} if self.pattern else {}
        return {"type": "string", "maxLength": self.most} | pattern | ({"minLength": 1} if self.required else {})


@dataclass(frozen=True)
class Flag(Field):
    def read(self, value: Any, at: str, reading: Reading) -> Any:  # noqa: ANN401
        unsaid = self.null and isinstance(value, str) and value.lower() in NO_FLAG
        return super().read(None if unsaid else value, at, reading)

    def understood(self, value: Any, at: str, reading: Reading) -> Any:  # noqa: ANN401
        found = FLAGS.get(str(value).lower()) if isinstance(value, bool | int | str) else None
        if found is None:
            reading.fault(at, "invalid", "Moet een geldige boolean zijn.")
        return found

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}


@dataclass(frozen=True)
class Choice(Field):
    words: tuple[str, ...] = ()

    def understood(self, value: Any, at: str, reading: Reading) -> Any:  # noqa: ANN401
        return value if value in self.words else reading.fault(at, "invalid_choice")

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "enum": list(self.words)}


@dataclass(frozen=True)
class Whole(Field):
    """A whole number."""

    least: int = -INT_MAX
    most: int = INT_MAX

    def understood(self, value: Any, at: str, reading: Reading) -> Any:  # noqa: ANN401
        digits = isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,10}", value)
        if isinstance(value, bool) or not (isinstance(value, int) or digits):
            return reading.fault(at, "invalid", "Een geldig getal is verplicht.")
        if int(value) < self.least:
            reading.fault(at, "min_value", f"Zorg ervoor dat deze waarde groter is dan of gelijk is aan {self.least}.")
        if int(value) > self.most:
            reading.fault(at, "max_value", f"Zorg ervoor dat deze waarde kleiner is dan of gelijk is aan {self.most}.")
        return int(value)

    def schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.least, "maximum": self.most}


@dataclass(frozen=True)
class Day(Field):
    def understood(self, value: Any, at: str, reading: Reading) -> Any:  # noqa: ANN401
        try:
            return date.fromisoformat(value).isoformat()
        except (ValueError, TypeError):
            return reading.fault(at, "invalid", "Datum heeft het verkeerde formaat, gebruik: YYYY-MM-DD.")

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "format": "date"}


@dataclass(frozen=True)
class Moment(Field):
    def understood(self, value: Any, at: str, reading: Reading) -> Any:  # noqa: ANN401
        try:
            return moment(value)
        except (ValueError, TypeError, OverflowError):
            return reading.fault(at, "invalid", "Datetime heeft een ongeldig formaat, gebruik ISO 8601.")

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "format": "date-time"}


@dataclass(frozen=True)
class Group(Field):
    """Fields under one name; where nobody gives it, each is as empty as it can be."""

    fields: tuple[Field, ...] = ()

    @property
    def linked(self) -> bool:  # type: ignore[override]  # Worked out here.
        return any(inner.linked for inner in self.fields)

    @property
    def blank(self) -> Doc:
        return {inner.name: inner.default for inner in self.fields}

    def read(self, value: Any, at: str, reading: Reading) -> Any:  # noqa: ANN401
        found = super().read(value, at, reading)
        return self.blank if found is None else found

    def understood(self, value: Any, at: str, reading: Reading) -> Any:  # noqa: ANN401
        if not isinstance(value, dict):
            return reading.fault(f"{at}.nonFieldErrors", "invalid", "Ongeldige data. Verwacht een object.")
        return read_all(self.fields, value, None, reading, at=f"{at}.")

    def schema(self) -> dict[str, Any]:
        return object_schema(self.fields)


@dataclass(frozen=True)
class Map(Field):
    """Words by name."""

    def understood(self, value: Any, at: str, reading: Reading) -> Any:  # noqa: ANN401
        if not isinstance(value, dict) or len(value) > LIST_MAX:
            return reading.fault(at, "not_a_dict", "Verwacht een object.")
        told = Text("", most=METADATA_CHARS_MAX)
        return {
            told.read(name, at, reading): told.read(inner, f"{at}.{name}", reading) for name, inner in value.items()
        }

    def schema(self) -> dict[str, Any]:
        return {"type": "object", "additionalProperties": {"type": "string", "maxLength": METADATA_CHARS_MAX}}


@dataclass(frozen=True)
class Link(Field):
    """Another card, as `{"uuid": …}`."""

    kind: str = ""
    linked = True

    def understood(self, value: Any, at: str, reading: Reading) -> Any:  # noqa: ANN401
        if not isinstance(value, dict):
            return reading.fault(f"{at}.nonFieldErrors", "invalid", "Ongeldige data. Verwacht een object.")
        if "uuid" not in value:
            return reading.fault(f"{at}.uuid", "required")
        if value["uuid"] is None:
            return reading.fault(f"{at}.uuid", "null")
        try:
            name = str(UUID(value["uuid"]))
        except (ValueError, AttributeError, TypeError):
            return reading.fault(f"{at}.uuid", "invalid", "Geen geldige UUID.")
        reading.references.append(Reference(f"{at}.uuid", self.kind, name))
        return {"uuid": name}

    def schema(self) -> dict[str, Any]:
        return {
            "type": "object",
            "required": ["uuid"],
            "properties": {
                "uuid": {"type": "string", "format": "uuid"},
                "url": {"type": "string", "format": "uri", "readOnly": True},
            },
        }


@dataclass(frozen=True)
class Several(Field):
    """A list of another field."""

    null_empties: bool = True  # Or it leaves a list of cards as it is.
    each: Field = Field("")  # It is frozen.
    default: Any = ()

    @property
    def linked(self) -> bool:  # type: ignore[override]  # Worked out here.
        return self.each.linked

    def read(self, value: Any, at: str, reading: Reading) -> Any:  # noqa: ANN401
        return [] if value is None and self.null else super().read(value, at, reading)

    def understood(self, value: Any, at: str, reading: Reading) -> Any:  # noqa: ANN401
        if not isinstance(value, list):
            reading.fault(f"{at}.nonFieldErrors", "not_a_list", "Verwacht een lijst van items.")
            return []
        if len(value) > LIST_MAX:
            reading.fault(at, "max_length", f"Niet meer dan {LIST_MAX} items.")
            return []
        return [self.each.read(one, f"{at}.{nth}", reading) for nth, one in enumerate(value)]

    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": self.each.schema(), "maxItems": LIST_MAX}


def moment(value: str) -> str:
    """In UTC, as that API writes it. Raises `ValueError`."""
    found = datetime.fromisoformat(value)
    return spelled_moment(found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC))


def spelled_moment(at: datetime) -> str:
    """Of what is in UTC."""
    return at.isoformat().replace("+00:00", "Z")


def read_all(  # noqa: PLR0913  # All that reading needs.
    fields: Sequence[Field], given: Mapping[str, Any], before: Doc | None, reading: Reading, *, at: str = "",
    partly: bool = False,
) -> Doc:  # fmt: skip
    """The fields as they stand after this. What nobody says stays as it was `before`; the unknown is ignored."""
    read: Doc = {}
    for one in fields:
        if one.name in given:
            read[one.name] = one.read(given[one.name], f"{at}{one.name}", reading)
            continue
        if one.required and not partly:
            reading.fault(f"{at}{one.name}", "required")
        if before is not None and one.name in before:
            read[one.name] = before[one.name]
        else:
            read[one.name] = one.blank if isinstance(one, Group) else one.default
    return read


def object_schema(fields: Sequence[Field], *, partly: bool = False) -> dict[str, Any]:
    """What OpenAPI says of an object with these fields."""
    required = [one.name for one in fields if one.required and not partly]
    properties = {one.name: nullable(one) for one in fields}
    return {"type": "object", "properties": properties} | ({"required": required} if required else {})


def nullable(one: Field) -> dict[str, Any]:
    return {"anyOf": [one.schema(), {"type": "null"}]} if one.null else one.schema()
