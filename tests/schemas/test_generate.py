"""What is generated is committed, fresh, and what its readers' tools expect."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from schemas.catalogue import EVENTS
from schemas.event import SOURCE, Event
from schemas.generate import HANDS, JSON, ROOT, generated, main, mend, stale
from schemas.handbook import handbook
from schemas.jsonschema import ANY_TOPIC, schema_of, topic, topics

API = json.loads((ROOT / JSON / "asyncapi.json").read_text(encoding="utf-8"))

every_event = pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)


def on_disk(event: type[Event]) -> dict[str, Any]:
    return dict(json.loads((ROOT / JSON / f"{event.type}.json").read_text(encoding="utf-8")))


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A copy of what is generated and of what it is generated from, to spoil."""
    for name in (*HANDS, JSON):
        if (ROOT / name).exists():
            shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    mend(tmp_path, stale(tmp_path))
    return tmp_path


def test_what_is_committed_is_fresh() -> None:
    assert stale(ROOT) == [], "run `make schemas`"


def test_the_check_says_so_and_exits_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0
    assert capsys.readouterr().out == ""


def test_a_changed_a_missing_and_a_surplus_file_are_stale_and_mended(house: Path) -> None:
    spoiled = [f"{JSON}/asyncapi.json", f"{JSON}/case.closed.json", f"{JSON}/case.forgotten.json"]
    (house / spoiled[0]).write_text("{}")
    (house / spoiled[1]).unlink()
    (house / spoiled[2]).write_text("{}")
    assert stale(house) == spoiled
    mend(house, spoiled)
    assert stale(house) == []


def test_a_stale_check_exits_1_and_writes_nothing(
    house: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (house / "docs/events.md").write_text("old")
    monkeypatch.setattr("schemas.generate.ROOT", house)
    assert main(["--check"]) == 1
    assert capsys.readouterr().out == "docs/events.md is stale: make schemas\n"
    assert (house / "docs/events.md").read_text() == "old"
    assert main([]) == 0
    assert main(["--check"]) == 0


def test_another_process_generates_the_same_bytes() -> None:
    code = "import schemas.generate as g; print(ascii(g.generated(g.ROOT)))"
    runs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(runs) == 1


@every_event
def test_a_schema_is_a_json_schema_of_its_own_name(event: type[Event]) -> None:
    schema = on_disk(event)
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"urn:draad:schema:{event.type}"
    assert schema["description"] == event.__doc__
    assert schema.get("additionalProperties", True) is True


@every_event
def test_a_schema_keeps_the_personal_marks(event: type[Event]) -> None:
    marks = {name: field["personal"] for name, field in on_disk(event)["properties"].items()}
    assert set(marks) == set(event.model_fields)
    assert set(marks.values()) <= {"none", "pseudonymous", "direct", "special"}


def references(value: object) -> Iterator[str]:
    match value:
        case {"$ref": str(reference)}:
            yield reference
        case dict():
            for inner in value.values():
                yield from references(inner)
        case list():
            for inner in value:
                yield from references(inner)


def resolved(reference: str) -> dict[str, Any]:
    first, *path = reference.split("/")
    assert first == "#"
    place: dict[str, Any] = API
    for step in path:
        place = place[step.replace("~1", "/").replace("~0", "~")]
    return place


def test_every_reference_in_the_asyncapi_document_leads_somewhere() -> None:
    found = list(references(API))
    assert found
    assert all(resolved(reference) for reference in found)


def test_the_asyncapi_document_has_what_its_standard_requires() -> None:
    assert re.fullmatch(r"3\.[01]\.0", API["asyncapi"])
    assert {"title", "version"} <= set(API["info"])
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+", key) for part in API["components"].values() for key in part)
    for operation in API["operations"].values():
        assert operation["action"] in {"send", "receive"}
        channel = operation["channel"]["$ref"]
        assert all(message["$ref"].startswith(f"{channel}/messages/") for message in operation["messages"])


def test_every_topic_is_a_channel_that_is_read_and_written() -> None:
    names = [
        "address",
        "agent",
        "appointment",
        "case",
        "hour",
        "journey",
        "mailbox",
        "notification",
        "opinion",
        "party",
        "quarantine",
    ]
    names += ["subscription", "task", "token"]
    assert sorted(API["channels"]) == topics() == names
    assert sorted(API["operations"]) == sorted(f"{verb}-{name}" for name in topics() for verb in ("send", "receive"))


@every_event
def test_every_event_is_a_message_on_the_channel_of_its_topic(event: type[Event]) -> None:
    expected = topics() if topic(event) == ANY_TOPIC else [topic(event)]
    assert [name for name, channel in API["channels"].items() if event.type in channel["messages"]] == expected
    message = API["components"]["messages"][event.type]
    payload = resolved(message["payload"]["$ref"])
    assert payload == {k: v for k, v in on_disk(event).items() if k not in {"$schema", "$id"}}
    assert message["headers"]["allOf"][1]["properties"]["ce_type"] == {"const": f"nl.klantcontacten.{event.type}"}


def test_the_headers_are_those_of_a_cloudevent_in_binary_mode_and_say_what_time_and_id_mean() -> None:
    headers = API["components"]["schemas"]["headers"]
    Draft202012Validator.check_schema(headers)
    assert {"ce_id", "ce_source", "ce_specversion", "ce_type", "content-type"} <= set(headers["required"])
    assert "logged" in headers["properties"]["ce_time"]["description"]
    assert "Derived" in headers["properties"]["ce_id"]["description"]
    assert SOURCE.pattern in headers["properties"]["ce_source"]["pattern"]


def test_the_page_names_every_event_and_every_field() -> None:
    page = generated(ROOT)["docs/events.md"]
    for event in EVENTS:
        section = page.partition(f"### {event.type}\n")[2].partition("\n### ")[0]
        assert str(event.__doc__) in section
        assert all(f"| `{name}` |" in section for name in event.model_fields)


def test_the_page_says_who_writes_and_who_reads_an_event_today() -> None:
    files = {
        "services/intake/api.py": "from schemas import CaseOpened\nappend(CaseOpened(at=at, case_id=case))",
        "services/status/deadline.py": "def keep(case: Case, event: CaseOpened) -> None: ...",
        "engine/work.py": "asked = TimerSet.model_validate_json(data)",
        "channels/email.py": "match event:\n    case ContactAnswered(text=text): ...",
    }
    page = handbook(files)

    def hands(type: str) -> str:
        return next(line for line in page.partition(f"### {type}\n")[2].splitlines() if line.startswith("Written by"))

    assert hands("case.opened") == "Written by intake; read by status."
    assert hands("timer.set") == "Written by nobody yet; read by the engine."
    assert hands("contact.answered") == "Written by nobody yet; read by email."
    assert hands("case.closed") == "Written by nobody yet; read by nobody yet."


def test_the_schema_on_disk_is_the_one_in_the_code() -> None:
    assert {event.type: on_disk(event) for event in EVENTS} == {event.type: schema_of(event) for event in EVENTS}
