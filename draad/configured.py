"""A file of settings in TOML: read whole, within a limit, and refused in one sentence that quotes none of it."""

import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, SecretStr

from draad.settings import Misconfigured

FILE_BYTES_MAX: Final = 1_000_000
SECRET_BYTES_MAX: Final = 10_000
WHERE: Final = frozenset({"file", "env"})  # Where a secret may be.

Wrong = Callable[[Path, str], Misconfigured]


def parsed(path: Path, wrong: Wrong) -> dict[str, Any]:
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


class Vault:
    """The secrets that a file of settings names: it holds none itself."""

    def __init__(self, path: Path, environ: Mapping[str, str], wrong: Wrong) -> None:
        self._path, self._environ, self._wrong = path, environ, wrong

    def opened(self, value: object, place: str) -> Any:  # noqa: ANN401  # Whatever TOML can say.
        """The value itself, or the secret that it names."""
        if isinstance(value, list):
            return [self.opened(each, place) for each in value]
        if not isinstance(value, dict) or len(value) != 1 or not value.keys() <= WHERE:
            return value
        [(kind, name)] = value.items()
        if not isinstance(name, str):
            raise self._wrong(self._path, f"does not say where {place} is")
        return self._from_file(name, place) if kind == "file" else self._from_environment(name, place)

    def no_open_secret(self, made: BaseModel, table: Mapping[str, object], where: str) -> None:
        """Raises `Misconfigured` where a secret stands in the file as it is."""
        for key, value in table.items():
            if isinstance(getattr(made, key), SecretStr) and not isinstance(value, dict):
                said = f'holds a secret, {key} in {where}: say {{ file = "…" }} or {{ env = "…" }}'
                raise self._wrong(self._path, said)

    def _from_file(self, name: str, place: str) -> str:
        try:
            with (self._path.parent / name).open("rb") as file:  # Beside the configuration, unless it begins with /.
                data = file.read(SECRET_BYTES_MAX + 1)
            secret = data.decode().rstrip("\r\n")
        except (OSError, ValueError):
            raise self._wrong(self._path, f"names a file for {place} that cannot be read") from None
        if not secret or len(data) > SECRET_BYTES_MAX:
            raise self._wrong(self._path, f"names a file for {place} that is empty or too long")
        return secret

    def _from_environment(self, name: str, place: str) -> str:
        secret = self._environ.get(name, "")
        if not secret:
            raise self._wrong(self._path, f"names a variable for {place} that is not set")
        return secret
