"""Why an event is parked: enough for whoever must mend it, and not one word of what it said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, ValidationError

from engine.processor import TooMuch
from engine.work import reason
from schemas.errors import Refused

SECRET = "Vledderveen"


class Form(BaseModel):
    model_config = ConfigDict(strict=True)

    age: int
    names: list[str] = []
    boxes: dict[str, int] = {}


def caught(body: str) -> ValidationError:
    with pytest.raises(ValidationError) as found:
        Form.model_validate_json(body)
    return found.value


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (f'{{"age": "{SECRET}"}}', "does not fit Form: age: int_type"),
        (f'{{"age": 1, "names": ["a", {{"{SECRET}": 1}}]}}', "does not fit Form: names: string_type"),
        (f"{SECRET}", "does not fit Form: body: json_invalid"),
        (f'{{"{SECRET}": 1}}', "does not fit Form: age: missing"),
        (f'"{SECRET}"', "does not fit Form: body: model_type"),
    ],
)
def test_a_body_that_does_not_fit_is_told_by_its_place(body: str, said: str) -> None:
    assert reason(caught(body)) == said


def test_a_key_of_a_mapping_is_a_value_too() -> None:
    assert SECRET not in reason(caught(f'{{"age": 1, "boxes": {{"{SECRET}": "x"}}}}'))


@given(st.text(min_size=1))
def test_what_a_step_raises_is_named_and_not_quoted(words: str) -> None:
    with pytest.raises(ValueError, match="invalid literal") as found:
        int(f"x{words}")
    assert reason(found.value).startswith("ValueError in test_work.py, line ")


def test_what_we_say_ourselves_is_said_in_full() -> None:
    assert reason(Refused("mend the request")) == "mend the request"
    assert reason(TooMuch("more than 100 outcomes")) == "more than 100 outcomes"
