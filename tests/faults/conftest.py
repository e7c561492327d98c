"""Seeds and counts of every run are told, so that `pytest -rP`, a failure and the summary all show them."""

import secrets
import sys
from collections.abc import Callable

import pytest

Tell = Callable[[str], None]


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Tell:
    def say(sentence: str) -> None:
        record_property("faults", sentence)
        sys.stdout.write(f"{sentence}\n")

    return say


@pytest.fixture
def seed(tell: Tell) -> int:
    """Other dice in every run. What they threw is told."""
    thrown = secrets.randbits(32)
    tell(f"seed {thrown}")
    return thrown
