"""How the property tests run, and what all tests tell at the end, such as the seeds and counts of the fault runs."""

from collections.abc import Iterator
from typing import Final
from zlib import crc32

import pytest
from fastapi.dependencies import models
from hypothesis import HealthCheck, settings

from draad.pace import collect_rarely

collect_rarely()  # As Draad does.

pytest_plugins = ("tests.chromium", "tests.many")

NAME_CHARS_MAX: Final = 80

# No verdict hangs on a clock: on its first run hypothesis builds a table of all characters, and a busy
# machine is no wrong answer. A failure prints what reproduces it.
settings.register_profile("draad", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("draad")


@pytest.fixture(scope="module", autouse=True)
def forgotten() -> Iterator[None]:
    """FastAPI remembers thousands of functions, and with each of ours the whole house in which it stands."""
    yield
    for found in vars(models).values():
        if hasattr(found, "cache_clear"):
            found.cache_clear()


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """What is huge is tried, and not told: each report of a test names it."""
    if isinstance(val, str | bytes) and len(val) > NAME_CHARS_MAX:
        return f"{argname} {crc32(repr(val).encode()):08x} of {len(val)}"
    return None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    told = [
        (report.nodeid, sentence)
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", "") == "call"
        for _, sentence in report.user_properties
    ]
    if told:
        terminalreporter.section("told by the tests")
    for name, sentence in sorted(told):
        terminalreporter.write_line(f"{name.rpartition('::')[2]}: {sentence}")
