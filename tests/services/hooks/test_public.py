"""What travels says nothing of a person, fits, and is what the document says."""

import json
import re
from pathlib import Path
from typing import Final

import pytest

from schemas.contact import ContactReceived
from schemas.event import Event, fact
from services.status.public import BODY_CHARS_MAX, EVENTS, PUBLIC, fits, told, travelling
from tests.rooms import NOW
from tests.schemas.test_golden import GOLDEN

SOURCE: Final = "urn:nld:oin:00000001234567890000:systeem:draad"
DOCUMENT: Final = Path(__file__).parents[3] / "docs" / "subscribers.md"


@pytest.mark.parametrize("model", EVENTS, ids=lambda model: model.type)
def test_nothing_personal_travels(model: type[Event]) -> None:
    marks = {name: field.json_schema_extra for name, field in model.model_fields.items()}
    personal = {name for name, mark in marks.items() if mark in ({"personal": "direct"}, {"personal": "special"})}
    assert personal.isdisjoint(travelling(model))
    assert {*travelling(model)} | personal == marks.keys()
    full = model.model_validate_json(json.dumps(GOLDEN[model.type][0]["given"]))
    data = json.loads(told(fact(full, key="k"), SOURCE))["data"]
    assert personal.isdisjoint(data)
    assert "at" in data


def test_what_would_be_too_long_travels_without_its_data() -> None:
    many = tuple(f"{number:064x}" for number in range(300))
    received = ContactReceived(at=NOW, contact_id="c1", address_id="a1", channel="email", refers_to=many)
    body = told(fact(received, key="k"), SOURCE)
    assert len(body) < BODY_CHARS_MAX
    assert json.loads(body)["data"] == {"at": "2026-11-23T09:00:00Z"}


def test_the_document_names_exactly_what_is_public() -> None:
    rows = re.findall(r"^\| `([a-z]+\.)` \| (.*) \|$", DOCUMENT.read_text(), re.MULTILINE)
    named = [noun + word for noun, words in rows for word in re.findall(r"`([a-z-]+)`", words)]
    assert named == list(PUBLIC)


@pytest.mark.parametrize(
    ("types", "about", "hears"),
    [
        (("case.",), "", True),
        (("case.closed",), "", True),
        (("task.", "case.closed"), "case/", True),
        (("case.",), "case/k1", True),
        (("case.",), "case/k12", False),
        (("case.close",), "", False),
        (("task.",), "", False),
        (("case.",), "task/", False),
    ],
)
def test_who_asked_for_it_hears_of_it(types: tuple[str, ...], about: str, hears: bool) -> None:
    assert fits("case.closed", "case/k1", types, about) is hears
