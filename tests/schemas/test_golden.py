"""What was once written stays readable for ever, and what was promised stays so.

The golden events are what somebody has stored: no tool writes them, and none is mended to pass a test.
`promised.txt` is what others have built upon. Lines are added to it by hand, never taken out: a change that
breaks one is a new type of event.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from schemas.catalogue import CATALOGUE, EVENTS
from schemas.event import Event
from schemas.jsonschema import schema_of
from schemas.reading import read

HERE = Path(__file__).parent
PROMISED = (HERE / "promised.txt").read_text(encoding="utf-8").splitlines()
NO_PROMISE = {"description", "personal", "title"}  # May be said better, or be guarded better, later.

GOLDEN = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in (HERE / "golden").glob("*.json")}
each = pytest.mark.parametrize(
    ("type", "given", "kept"),
    [
        pytest.param(name, case["given"], case["kept"], id=f"{name}: {case['case']}")
        for name, cases in sorted(GOLDEN.items())
        for case in cases
    ],
)


def compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def promises(event: type[Event]) -> Iterator[str]:
    """What others may build upon, a line each: which fields are required, and what each of them holds."""
    schema = schema_of(event)
    yield f"{event.type} requires {' '.join(sorted(schema['required']))}"
    for name, field in schema["properties"].items():
        shape = {key: value for key, value in field.items() if key not in NO_PROMISE}
        yield f"{event.type} {name} {json.dumps(shape, sort_keys=True)}"


def broken(promised: list[str], events: tuple[type[Event], ...]) -> list[str]:
    kept = {line for event in events for line in promises(event)}
    return [line for line in promised if line not in kept]


@pytest.mark.parametrize("type", CATALOGUE)
def test_every_type_has_a_golden_event_with_every_field_and_one_with_fields_of_a_newer_writer(
    type: str,
) -> None:
    known = set(CATALOGUE[type].model_fields)
    assert any(set(case["given"]) == known for case in GOLDEN[type])
    assert any(set(case["given"]) - known for case in GOLDEN[type])


@pytest.mark.parametrize("type", CATALOGUE)
def test_every_type_has_a_golden_event_with_no_more_than_it_must_have(type: str) -> None:
    required = {name for name, field in CATALOGUE[type].model_fields.items() if field.is_required()}
    assert any(set(case["given"]) == required for case in GOLDEN[type])


@each
def test_a_golden_event_still_reads_and_is_kept_to_the_byte(
    type: str, given: Mapping[str, Any], kept: Mapping[str, Any]
) -> None:
    event = read(type, compact(given))
    # Without the fields that are younger than this golden event.
    assert event.model_dump_json(include=set(kept)) == compact(kept)
    assert read(type, event.model_dump_json().encode()) == event


@each
def test_a_golden_event_is_valid_by_its_json_schema(
    type: str, given: Mapping[str, Any], kept: Mapping[str, Any]
) -> None:
    schema = Draft202012Validator(schema_of(CATALOGUE[type]))
    schema.validate(given)
    schema.validate(kept)


def test_no_promise_is_broken() -> None:
    assert broken(PROMISED, EVENTS) == [], "this breaks a reader: leave the event as it is, and make a new type"


def test_every_promise_is_written_down() -> None:
    missing = [line for event in EVENTS for line in promises(event) if line not in PROMISED]
    assert missing == [], "append these lines to tests/schemas/promised.txt"


def test_no_promise_contradicts_another() -> None:
    about = [tuple(line.split(" ", 2)[:2]) for line in PROMISED]
    assert len(about) == len(set(about))


class Told(Event):
    """As it was promised."""

    type = "told.once"

    word: str
    more: str = ""


WAS = list(promises(Told))


def test_a_field_that_goes_breaks_a_promise() -> None:
    class Now(Event):
        type = "told.once"

        word: str

    assert broken(WAS, (Now,)) == ['told.once more {"default": "", "type": "string"}']


def test_a_field_that_changes_its_type_breaks_a_promise() -> None:
    class Now(Told):
        more: int = 0  # type: ignore[assignment]  # The breach itself.

    assert broken(WAS, (Now,)) == ['told.once more {"default": "", "type": "string"}']


def test_a_new_required_field_breaks_a_promise() -> None:
    class Now(Told):
        another: str

    assert broken(WAS, (Now,)) == ["told.once requires at word"]


def test_an_event_that_goes_breaks_its_promises() -> None:
    assert broken(WAS, ()) == WAS


def test_a_new_optional_field_breaks_none() -> None:
    class Now(Told):
        another: str = ""

    assert broken(WAS, (Now,)) == []
