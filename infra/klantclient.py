"""The published Python client of the Klantinteracties API, in an environment of its own: it needs a newer Python."""

import fcntl
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Final

from infra.server import run

MAKE_S_MAX: Final = 600  # Once per checkout, it comes over the network.
MINOR: Final = "12"
HERE: Final = Path(__file__).parent
LOCK: Final = HERE.parent / "tests" / "klantclient" / "requirements.lock"
FOLDER: Final = HERE.parent / "build" / "klantclient"


def python() -> Path:
    """The Python that can import it. Only a lock that was changed has it installed again."""
    found, stamp = FOLDER / "venv" / "bin" / "python", FOLDER / "stamp"
    wanted = sha256(LOCK.read_bytes()).hexdigest()
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (stamp.exists() and stamp.read_text() == wanted):
            stamp.unlink(missing_ok=True)
            shutil.rmtree(FOLDER / "venv", ignore_errors=True)
            run("klantclient", str(HERE / "venv.sh"), str(FOLDER / "venv"), MINOR, seconds_max=MAKE_S_MAX)
            pip = (str(found), "-m", "pip", "--disable-pip-version-check", "--quiet")
            hashed = ("--require-hashes", "--no-deps", "--requirement", str(LOCK))
            run("klantclient", *pip, "install", *hashed, seconds_max=MAKE_S_MAX)
            stamp.write_text(wanted)
    return found
