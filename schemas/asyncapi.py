"""The whole contract as one AsyncAPI document: a channel per topic, and every event as it travels on Kafka.

Everything in it is derived from the events, so that it cannot say something else than they do.
"""

from typing import Any, Final

from schemas.catalogue import EVENTS
from schemas.event import EVENT_BYTES_MAX, SOURCE, SUBJECT, SUBJECT_CHARS_MAX, TYPE_PREFIX, Event
from schemas.jsonschema import ANY_TOPIC, schema_id, schema_of, topic, topics

VERSION: Final = "1.0.0"
KAFKA_BINDING: Final = "0.5.0"
MEANING: Final = f"""\
Every fact that Draad knows, in the order in which it was logged.

Each message is a CloudEvent 1.0 after the NL GOV profile 1.1, in Kafka's binary mode: attributes are
headers, data is the value. It is at most {EVENT_BYTES_MAX} bytes. Its key is its subject, so that order holds
within a subject. Fields are only ever added, and readers ignore those they do not know. A meaning never
changes: a new meaning is a new type.
"""
HEADERS: Final[dict[str, Any]] = {
    "type": "object",
    "description": "The attributes of the CloudEvent. Those not listed here are to be ignored.",
    "required": ["ce_specversion", "ce_id", "ce_source", "ce_type", "ce_subject", "ce_time", "content-type"],
    "properties": {
        "ce_specversion": {"const": "1.0"},
        "ce_id": {
            "type": "string",
            "format": "uuid",
            "description": (
                "Derived, never rolled (a UUID of version 5): from the source's own id of the fact, "
                "or from the event that it follows from. The same fact always has the same id."
            ),
        },
        "ce_source": {
            "type": "string",
            "pattern": f"^{SOURCE.pattern}$",
            "description": "The municipality, by its OIN, and this system.",
        },
        "ce_type": {
            "type": "string",
            "description": f"What happened: {TYPE_PREFIX}, a noun, a dot, and what became of it.",
        },
        "ce_subject": {
            "type": "string",
            "maxLength": SUBJECT_CHARS_MAX,
            "pattern": f"^{SUBJECT.pattern}$",
            "description": "What it is about: a path of pseudonyms. Its first word is the topic.",
        },
        "ce_time": {
            "type": "string",
            "format": "date-time",
            "description": "When we logged it. When it happened is `at` in the data.",
        },
        "ce_dataschema": {"type": "string", "format": "uri"},
        "ce_causationid": {
            "type": "string",
            "format": "uuid",
            "description": "The id of the event that it follows from; absent on a fact from outside.",
        },
        "ce_depth": {
            "type": "string",
            "pattern": "^[0-9]+$",
            "description": "How many events lie between it and the fact from outside that began it.",
        },
        "content-type": {"const": "application/json"},
    },
}


def document() -> dict[str, Any]:
    return {
        "asyncapi": "3.1.0",
        "id": "urn:draad:events",
        "info": {"title": "Draad", "version": VERSION, "description": MEANING},
        "defaultContentType": "application/json",
        "channels": {name: channel(name) for name in topics()},
        "operations": dict((operation(name, verb)) for name in topics() for verb in ("receive", "send")),
        "components": {
            "messages": {event.type: message(event) for event in EVENTS},
            "schemas": {"headers": HEADERS} | {event.type: payload(event) for event in EVENTS},
        },
    }


def channel(name: str) -> dict[str, Any]:
    return {
        "address": name,
        "description": f"Everything whose subject begins with {name}/.",
        "messages": {event.type: {"$ref": f"#/components/messages/{event.type}"} for event in events_on(name)},
    }


def operation(name: str, verb: str) -> tuple[str, dict[str, Any]]:
    messages = [{"$ref": f"#/channels/{name}/messages/{event.type}"} for event in events_on(name)]
    return f"{verb}-{name}", {
        "action": verb,
        "channel": {"$ref": f"#/channels/{name}"},
        "messages": messages,
    }


def events_on(name: str) -> list[type[Event]]:
    return [event for event in EVENTS if topic(event) in {name, ANY_TOPIC}]


def message(event: type[Event]) -> dict[str, Any]:
    fixed = {"ce_type": {"const": TYPE_PREFIX + event.type}, "ce_dataschema": {"const": schema_id(event)}}
    return {
        "name": event.type,
        "title": event.__name__,
        "summary": event.__doc__,
        "contentType": "application/json",
        "headers": {"allOf": [{"$ref": "#/components/schemas/headers"}, {"properties": fixed}]},
        "payload": {"$ref": f"#/components/schemas/{event.type}"},
        "bindings": {
            "kafka": {
                "key": {"type": "string", "description": "The subject."},
                "bindingVersion": KAFKA_BINDING,
            }
        },
    }


def payload(event: type[Event]) -> dict[str, Any]:
    """Its schema, without the address that it only has on its own."""
    return {key: value for key, value in schema_of(event).items() if key not in {"$schema", "$id"}}
