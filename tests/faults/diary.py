"""What a process that will be killed says it did, line by line, in a file that outlives it."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.faults.parts import CALLERS

TRIES: Final = "tries"  # <caller> <n>: everything below its nth is being asked.
KEPT: Final = "kept"  # <caller> <n>: everything below its nth is acknowledged.
LENT: Final = "lent"  # <position>: the courier may act, for the first time.
BEGUN: Final = "begun"  # <position>: the courier is told that it began before.
DONE: Final = "done"  # <position>: what came of it is recorded.
FENCED: Final = "fenced"  # <worker>: it wrote what was no longer its to write, and was refused.


class Pen:
    """Each line is in the file before the next statement runs: a kill loses none."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def note(self, word: str, *numbers: int) -> None:
        os.write(self._file, " ".join([word, *map(str, numbers)]).encode() + b"\n")

    def close(self) -> None:
        os.close(self._file)


@dataclass
class Diary:
    """A diary, read."""

    tried: list[int] = field(default_factory=lambda: [0] * CALLERS)
    kept: list[int] = field(default_factory=lambda: [0] * CALLERS)
    carried: dict[int, list[str]] = field(default_factory=dict)  # By position: what the courier met, in order.
    fenced: Counter[int] = field(default_factory=Counter)

    def take(self, line: str) -> None:
        word, *numbers = line.split()
        if word == TRIES:
            caller, below = map(int, numbers)
            self.tried[caller] = max(self.tried[caller], below)
        elif word == KEPT:
            caller, below = map(int, numbers)
            self.kept[caller] = max(self.kept[caller], below)
        elif word == FENCED:
            self.fenced[int(numbers[0])] += 1
        else:
            self.carried.setdefault(int(numbers[0]), []).append(word)


def lines(path: Path) -> Iterator[str]:
    if path.exists():
        yield from path.read_text().splitlines()


def read(path: Path) -> Diary:
    diary = Diary()
    for found in lines(path):
        diary.take(found)
    return diary
