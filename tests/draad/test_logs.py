"""What of a library's remarks is told to whom."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from draad import logs
from draad.logs import configure


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Iterator[pytest.CaptureFixture[str]]:
    yield capsys
    structlog.reset_defaults()
    logging.basicConfig(handlers=[logging.NullHandler()], level=logging.WARNING, force=True)


def remark() -> None:
    logging.getLogger("aiokafka").warning("No broker at %s", "secret.example")
    logging.getLogger("aiokafka.cluster").error("Unable to update")


def test_who_gives_a_command_is_not_told_what_heals_by_itself(said: pytest.CaptureFixture[str]) -> None:
    configure("warning")
    remark()
    assert said.readouterr() == ("", "")


def test_a_process_that_runs_tells_it_without_what_it_was_about(said: pytest.CaptureFixture[str]) -> None:
    configure("info")
    remark()
    told = said.readouterr().err
    assert "No broker at %s" in told
    assert "Unable to update" in told
    assert "secret" not in told


def test_a_mistake_in_a_library_is_told_to_anybody(said: pytest.CaptureFixture[str]) -> None:
    configure("warning")
    try:
        dict[str, str]()["secret"]
    except KeyError:
        logging.getLogger("aiokafka.conn").exception("Unexpected")
    logging.getLogger("asyncio").error("Task exception was never retrieved")
    told = said.readouterr().err
    assert '"said": "Unexpected"' in told
    assert '"error": "KeyError"' in told
    assert "never retrieved" in told
    assert "secret" not in told


def test_a_remark_that_comes_again_and_again_is_counted_and_told_once_a_minute(
    said: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(logs, "monotonic", lambda: now[0])
    configure("info")
    for n in range(1_000):
        logging.getLogger("aiokafka").warning("Unable to reach %s", f"host {n}")
        logging.getLogger("aiokafka").warning("Something else")
    lines = [json.loads(line) for line in said.readouterr().err.splitlines()]
    assert [line["said"] for line in lines] == ["Unable to reach %s", "Something else"]
    now[0] += logs.AGAIN_S
    logging.getLogger("aiokafka").warning("Unable to reach %s", "host")
    [line] = map(json.loads, said.readouterr().err.splitlines())
    assert line["times_more"] == 999


def test_of_remarks_without_end_only_some_are_remembered(said: pytest.CaptureFixture[str]) -> None:
    configure("info")
    for n in range(3 * logs.SAID_MAX):
        logging.getLogger("talker").warning(f"remark {n}")  # noqa: G004  # As some libraries write them.
    [handler] = logging.getLogger().handlers
    assert isinstance(handler, logs.Borrowed)
    assert len(handler._said) <= logs.SAID_MAX
    assert len(said.readouterr().err.splitlines()) == 3 * logs.SAID_MAX
