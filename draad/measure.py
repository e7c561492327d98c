"""`draad bench` runs `bench/`, which stands in the repository and not in the package."""

import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from schemas.errors import Refused

ROOT = Path(__file__).parent.parent


def measure(arguments: Sequence[str]) -> int:
    if not (ROOT / "bench" / "__main__.py").exists() and find_spec("bench") is None:
        raise Refused("bench/ is not installed here: run draad bench from the repository")
    command = [sys.executable, "-m", "bench", *arguments]
    return subprocess.run(command, cwd=ROOT, check=False).returncode  # noqa: S603  # The user's own words.
