"""A file of settings in TOML: read whole, within a limit, and refused in one sentence that quotes none of it."""

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from draad.settings import Misconfigured

FILE_BYTES_MAX: Final = 1_000_000


def parsed(path: Path, wrong: Callable[[Path, str], Misconfigured]) -> dict[str, Any]:
    """What the file says. Raises what `wrong` makes of the file and what is the matter with it."""
    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise wrong(path, f"cannot be read ({error.strerror})") from None
    if len(data) > FILE_BYTES_MAX:
        raise wrong(path, f"is larger than {FILE_BYTES_MAX} bytes")
    try:
        return tomllib.loads(data.decode())
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))  # Its other words quote the file.
        raise wrong(path, f"is no TOML{f': see line {line[1]}' if line else ''}") from None
    except ValueError:
        raise wrong(path, "is not written in UTF-8") from None
