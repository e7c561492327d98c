"""Each event as a JSON Schema, and what may be read off it."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from schemas.catalogue import EVENTS
from schemas.event import Event

DIALECT: Final = GenerateJsonSchema.schema_dialect
ANY_TOPIC: Final = ""  # A timer is filed under whatever it is about.


class Untitled(GenerateJsonSchema):
    """Without a title per field, which would only repeat its name."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ANN401, ARG002  # As pydantic has it.
        return False


def schema_of(event: type[Event]) -> JsonSchemaValue:
    """Every part is spelled out where it stands, so that it may be put into another document as it is."""
    body = event.model_json_schema(schema_generator=Untitled)
    parts = body.pop("$defs", {})
    spelled_out: JsonSchemaValue = spelled(body, parts)
    return {"$schema": DIALECT, "$id": schema_id(event)} | spelled_out


def spelled(node: Any, parts: Mapping[str, Any]) -> Any:  # noqa: ANN401  # Whatever JSON Schema can say.
    match node:
        case {"$ref": str(name), **rest}:
            return spelled(parts[name.rpartition("/")[2]], parts) | rest
        case dict():
            return {key: spelled(value, parts) for key, value in node.items()}
        case list():
            return [spelled(item, parts) for item in node]
    return node


def schema_id(event: type[Event]) -> str:
    """What stands in the envelope as `dataschema`."""
    return f"urn:draad:schema:{event.type}"


def subject_pattern(event: type[Event]) -> str:
    """What its subject is made of, such as `case/{case_id}`."""
    names: dict[str, Any] = {name: f"{{{name}}}" for name in event.model_fields}
    return event.model_construct(**names).subject


def topic(event: type[Event]) -> str:
    """The first word of its subject, or `ANY_TOPIC`."""
    first = subject_pattern(event).partition("/")[0]
    return ANY_TOPIC if first.startswith("{") else first


def topics() -> list[str]:
    return sorted({topic(event) for event in EVENTS} - {ANY_TOPIC})
