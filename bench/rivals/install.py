"""Rivals live in environments of their own under `build/`, so that nothing they need enters ours.

What is pinned in `faust.txt` and `quix.txt` was resolved by

    echo faust-streaming | uv pip compile --universal --python-version 3.11 --generate-hashes --no-header \
        --no-annotate --no-emit-index-url --output-file bench/rivals/faust.txt -

and likewise by `echo quixstreams`.
"""

import fcntl
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PLACE: Final = ROOT / "build" / "rivals"


def python_of(name: str) -> Path:
    return PLACE / name / "bin" / "python"


def install(name: str) -> None:
    """Have what the rival's file pins. Only a file that was changed has it installed again."""
    pins, stamp = Path(__file__).with_name(f"{name}.txt"), PLACE / name / "stamp"
    wanted = sha256(pins.read_bytes()).hexdigest()
    PLACE.mkdir(parents=True, exist_ok=True)
    with (PLACE / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if stamp.exists() and stamp.read_text() == wanted:
            return
        subprocess.run([sys.executable, "-m", "venv", "--clear", PLACE / name], check=True)
        pip = [str(python_of(name)), "-m", "pip", "--disable-pip-version-check", "--quiet", "install"]
        subprocess.run([*pip, "--require-hashes", "--requirement", str(pins)], check=True)
        stamp.write_text(wanted)
