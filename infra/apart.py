"""Environments of their own, for what must not mix with ours: made once per checkout, from a lock with hashes."""

import fcntl
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Final

from infra.server import run

MAKE_S_MAX: Final = 600  # It comes over the network.
HERE: Final = Path(__file__).parent
BUILD: Final = HERE.parent / "build"


def python_of(name: str, lock: Path, minor: str) -> Path:
    """A Python, 3.`minor` or newer, that has what the lock pins. Only a changed lock has it installed again."""
    folder, wanted = BUILD / name, sha256(lock.read_bytes()).hexdigest()
    found, stamp = folder / "venv" / "bin" / "python", folder / "stamp"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not (stamp.exists() and stamp.read_text() == wanted):
            stamp.unlink(missing_ok=True)
            shutil.rmtree(folder / "venv", ignore_errors=True)
            run(name, str(HERE / "venv.sh"), str(folder / "venv"), minor, seconds_max=MAKE_S_MAX)
            pip = (str(found), "-m", "pip", "--disable-pip-version-check", "--quiet")
            hashed = ("--require-hashes", "--no-deps", "--requirement", str(lock))
            run(name, *pip, "install", *hashed, seconds_max=MAKE_S_MAX)
            stamp.write_text(wanted)
    return found
