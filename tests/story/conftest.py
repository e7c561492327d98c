"""What the stories share."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.many import Many
from tests.running import Running, running
from tests.story.town import Town, open_town
from tests.story.website import Municipality, website


@pytest.fixture(scope="module")
def municipality() -> Iterator[Municipality]:
    with website() as opened:
        yield opened


@contextmanager
def alone(folder: Path, port: int, settings: Mapping[str, str]) -> Iterator[list[Running]]:
    with running(folder / "draad.db", port, None, "run", **settings) as house:
        yield [house]


@contextmanager
def together(folder: Path, port: int, settings: Mapping[str, str]) -> Iterator[list[Running]]:
    """One machine answers, another works: that one first, as a desk waits a while for views that nobody makes."""
    log = folder / "draad.db"  # There is none: the settings name a log on Kafka.
    with (
        running(log, 0, None, "work", **settings) as work,
        running(log, port, None, "desk", **settings) as desk,
    ):
        yield [desk, work]


@pytest.fixture(params=["one machine", pytest.param("many machines", marks=pytest.mark.xdist_group("servers"))])
def town(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Town]:
    many: Many | None = None if request.param == "one machine" else request.getfixturevalue("many")
    with open_town(tmp_path, together if many else alone, many or {}) as here:
        yield here
