"""The Python that the surge monitor runs on: faust in an environment of its own."""

from pathlib import Path
from typing import Final

from infra.apart import HERE, python_of

MINOR: Final = "11"
LOCK: Final = HERE.parent / "services" / "surge" / "requirements.lock"


def python() -> Path:
    return python_of("surge", LOCK, MINOR)
