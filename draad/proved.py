"""`draad proof verify`: whether a dossier that somebody kept is as it was made. It needs no log."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

from schemas.errors import Refused
from services.notify.proof import fault

BYTES_MAX: Final = 10_000_000


def proved(file: Path, say: Callable[[str], None]) -> bool:
    """Raises `Refused` where it cannot be read."""
    try:
        if file.stat().st_size > BYTES_MAX:
            raise Refused(f"{file} is larger than {BYTES_MAX} bytes, so it is no dossier")
        kept = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        raise Refused(f"{file} cannot be read as JSON") from None
    if wrong := fault(kept):
        say(f"Not as it was made: {wrong}.")
        return False
    say(f"As it was made: {len(kept['entries'])} entries, {kept['level']}, ending in {kept['head']}.")
    return True
