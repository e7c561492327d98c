"""What the stories share."""

from collections.abc import Iterator

import pytest

from tests.story.website import Municipality, website


@pytest.fixture(scope="module")
def municipality() -> Iterator[Municipality]:
    with website() as opened:
        yield opened
