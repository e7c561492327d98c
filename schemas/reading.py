"""Reading what somebody else wrote: one event from untrusted JSON, or a refusal that quotes none of it."""

import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from schemas.catalogue import CATALOGUE
from schemas.errors import Refused
from schemas.event import DATA_BYTES_MAX, Event, faults, holds_bsn, size_checked, subject_checked

NESTING_MAX: Final = 32
NO_TEXT: Final = re.compile("[\x00\ud800-\udfff]")

Body = TypeVar("Body", bound=BaseModel)


def read(type: str, raw: bytes | str, catalogue: Mapping[str, type[Event]] = CATALOGUE) -> Event:
    """The event of this type that `raw` holds. Fields we do not know are ignored.

    Raises `Refused`, and says what is wrong without a word of what stood there.
    """
    model = catalogue.get(type)
    if model is None:
        raise Refused("this is not a type of event that we know")
    text = decoded(raw)
    look_through(parsed(text))
    try:
        event = model.model_validate_json(text)
    except ValidationError as error:
        raise Refused(f"{type} is wrong in {faults(error)}") from None
    subject_checked(event.subject)
    return event


def posted(model: type[Body], raw: bytes) -> Body:
    """What somebody posted, if it is what `model` says. Raises `Refused`, as above."""
    text = decoded(raw)
    look_through(parsed(text))
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        raise Refused(f"the body is wrong in {faults(error)}") from None


def no_bsn(name: str) -> str:
    """A name that everything may log. Raises `ValueError`, as a field of a body wants it."""
    if holds_bsn(name):
        raise ValueError("it looks like a BSN")
    return name


def decoded(raw: bytes | str) -> str:
    """The text, if it is text and not too long. What is too long is refused before a byte of it is read."""
    if len(raw) > DATA_BYTES_MAX:
        raise Refused(f"the event is larger than {DATA_BYTES_MAX} bytes")
    if isinstance(raw, str):
        size_checked(raw)
        return raw
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise Refused("the event is not text in UTF-8") from None


def parsed(text: str) -> Any:  # noqa: ANN401  # Whatever JSON can say.
    try:
        return json.loads(text, object_pairs_hook=named_once)
    except RecursionError:
        raise Refused(f"the event is nested deeper than {NESTING_MAX}") from None
    except ValueError:
        raise Refused("the event is not JSON") from None


def named_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Two readers that each keep another one of two equal names would see two events."""
    named = dict(pairs)
    if len(named) != len(pairs):
        raise Refused("the event has the same name twice in one object")
    return named


def look_through(value: object) -> None:
    """Every string is text, every number finite, and nothing too deep, in fields that we ignore as well."""
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > NESTING_MAX:
            raise Refused(f"the event is nested deeper than {NESTING_MAX}")
        level = [inner for item in level for inner in inside(item)]


def inside(item: object) -> Iterable[object]:
    match item:
        case dict():
            return (*item.keys(), *item.values())
        case list():
            return item
        case str() if NO_TEXT.search(item):
            raise Refused("the event holds NUL or a lone surrogate: it is not text")
        case float() if not math.isfinite(item):
            raise Refused("the event holds a number that is none: NaN, or infinite")
        case _:
            return ()
