"""Every field says how personal it is: encryption, erasure and retention are built on that."""

from collections.abc import Iterator
from typing import Annotated, get_args

import pytest
from pydantic import BaseModel, StringConstraints

from schemas.catalogue import EVENTS
from schemas.event import DIRECT, NONE, SPECIAL, Event, Id

MARKS = {"none", "pseudonymous", "direct", "special"}


def unmarked(model: type[BaseModel]) -> Iterator[str]:
    """The fields, of models inside it too, that do not say how personal they are."""
    for name, field in model.model_fields.items():
        extra = field.json_schema_extra
        if not isinstance(extra, dict) or extra.get("personal") not in MARKS:
            yield name
        for inner in models(field.annotation):
            yield from (f"{name}.{deeper}" for deeper in unmarked(inner))


def models(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from models(inner)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)
def test_every_field_of_every_event_is_marked(event: type[Event]) -> None:
    assert list(unmarked(event)) == []


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)
def test_no_field_asks_for_a_bsn(event: type[Event]) -> None:
    assert not [name for name in event.model_fields if "bsn" in name or "rsin" in name]


class Leg(BaseModel):
    nth: Annotated[int, NONE]
    number: str


class Careless(Event):
    fine: Annotated[str, SPECIAL]
    narrow: Annotated[str, DIRECT, StringConstraints(max_length=3)]
    name: str
    maybe: Id | None = None
    legs: Annotated[tuple[Leg, ...], NONE] = ()


def test_a_field_without_a_mark_is_found_wherever_it_hides() -> None:
    assert list(unmarked(Careless)) == ["name", "maybe", "legs.number"]


def test_a_mark_of_our_own_invention_is_no_mark() -> None:
    class Inventive(Event):
        name: Annotated[str, {"personal": "rather"}]

    assert list(unmarked(Inventive)) == ["name"]
