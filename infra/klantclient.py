"""The published Python client of the Klantinteracties API, in an environment of its own: it needs a newer Python."""

from pathlib import Path
from typing import Final

from infra.apart import HERE, python_of

MINOR: Final = "12"
LOCK: Final = HERE.parent / "tests" / "klantclient" / "requirements.lock"


def python() -> Path:
    """The Python that can import it."""
    return python_of("klantclient", LOCK, MINOR)
