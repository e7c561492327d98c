"""A Draad that desk tools call, and the tokens it gives out."""

from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Final

from tests.running import Running, command

ROOT: Final = "/klantinteracties/api/v1"
ONE: Final = "one machine"
MANY: Final = "many machines"
BOTH: Final = ("klantinteracties.read", "klantinteracties.write")


class House:
    """It runs, and gives out tokens."""

    def __init__(self, running: Running, log: Path, settings: Mapping[str, str]) -> None:
        self.running, self._log, self._settings = running, log, settings
        self._names = count(1)
        self.url = f"{running.address}{ROOT}/"

    def token(self, *scopes: str) -> str:
        words = ["--scope", ",".join(scopes), "--until", "30d", "--name", f"tool{next(self._names)}"]
        made = command(self._log, "token", "create", *words, **self._settings)
        assert made.returncode == 0, made.stderr
        return made.stdout.strip()
