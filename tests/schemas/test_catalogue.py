"""The catalogue: every event is in it, says what happened, and is spelled as the others are."""

import re
from collections.abc import Iterator

import pytest

import schemas
from schemas.catalogue import CATALOGUE, EVENTS
from schemas.event import TYPE, Event
from schemas.jsonschema import ANY_TOPIC, subject_pattern, topic

TOPICS = {
    "agent",
    "address",
    "appointment",
    "case",
    "hour",
    "journey",
    "notification",
    "party",
    "mailbox",
    "opinion",
    "quarantine",
    "subscription",
    "task",
    "token",
    ANY_TOPIC,
}

every_event = pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)


def below(event: type[Event]) -> Iterator[type[Event]]:
    for child in event.__subclasses__():
        yield child
        yield from below(child)


def test_every_event_of_the_schemas_is_in_the_catalogue() -> None:
    ours = {event for event in below(Event) if event.__module__.startswith("schemas.") and "type" in vars(event)}
    assert ours == set(EVENTS) == set(CATALOGUE.values())
    assert len(EVENTS) == len(CATALOGUE)


def test_every_event_can_be_imported_from_schemas() -> None:
    assert {event.__name__ for event in EVENTS} < set(schemas.__all__)
    assert all(hasattr(schemas, name) for name in schemas.__all__)


@every_event
def test_the_class_is_named_after_the_type(event: type[Event]) -> None:
    assert TYPE.fullmatch(event.type)
    assert event.__name__ == "".join(word.capitalize() for word in re.split(r"[.-]", event.type))
    assert event.__module__ == f"schemas.{event.type.partition('.')[0]}"


@every_event
def test_the_docstring_is_a_promise_of_one_or_two_lines(event: type[Event]) -> None:
    said = vars(event).get("__doc__")
    assert said
    assert said.endswith(".")
    assert said.count("\n") <= 1


@every_event
def test_the_subject_begins_with_a_topic_and_holds_pseudonyms_only(event: type[Event]) -> None:
    assert topic(event) in TOPICS
    for name in re.findall(r"\{(\w+)\}", subject_pattern(event)):
        extra = event.model_fields[name].json_schema_extra
        assert extra in ({"personal": "pseudonymous"}, {"personal": "none"})


@every_event
def test_times_are_called_what_they_are(event: type[Event]) -> None:
    times = {name for name, field in event.model_fields.items() if "datetime" in str(field.annotation)}
    assert times <= {"at", "due", "starts_at"}
    assert next(iter(event.model_fields)) == "at"
