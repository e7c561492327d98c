"""The published client, at work in its own environment, with what it calls answered here."""

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final

from infra.klantclient import python
from tests.running import heard

HAND: Final = Path(__file__).parent / "hand.py"
ANSWER_S_MAX: Final = 60.0
STOP_S_MAX: Final = 20.0

Doc = dict[str, Any]


class Failed(Exception):
    """The client raised: which of its errors, and what that says."""

    def __init__(self, said: Doc) -> None:
        super().__init__(said)
        self.kind, self.said = said["error"], said


class Hand:
    """Calls a method of the client by its name, and returns what the client did."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout
        self._process, self._lines = process, heard(process.stdout)
        self.methods: Sequence[str] = self._answer()

    def __call__(self, call: str, *arguments: Any, client: str = "usual", **named: Any) -> Any:
        assert self._process.stdin
        asked = {"client": client, "call": call, "arguments": arguments, "named": named}
        self._process.stdin.write(f"{json.dumps(asked)}\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        line = self._lines.get(timeout=ANSWER_S_MAX)
        assert line, f"the client ended with {self._process.wait(STOP_S_MAX)}"
        said = json.loads(line)
        if "error" in said:
            raise Failed(said)
        return said["result"]


@contextmanager
def hand(url: str, token: str, errors: Path) -> Iterator[Hand]:
    command = [str(python()), str(HAND), url, token]
    with errors.open("ab") as stderr:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, text=True, bufsize=1
        )
    assert process.stdin
    assert process.stdout
    try:
        yield Hand(process)
    finally:
        process.stdin.close()
        process.kill()
        process.wait(STOP_S_MAX)
        process.stdout.close()


def numbers() -> Iterator[int]:
    """None comes twice."""
    return count(1)


def bsn(nth: int) -> str:
    """A number that passes the eleven test, another for each."""
    weights = (9, 8, 7, 6, 5, 4, 3, 2)
    return eleven(f"{10_000_000 + nth * 37:08}"[:8], weights)


def eleven(digits: str, weights: Sequence[int]) -> str:
    last = sum(w * int(d) for w, d in zip(weights, digits, strict=True)) % 11
    return digits + str(last) if last < 10 else eleven(f"{int(digits) + 1:08}", weights)


def within(part: Any, whole: Any) -> bool:
    """Whether what was sent is in what came back: with more beside it, and references with their address."""
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(within(value, whole.get(name)) for name, value in part.items())
    if isinstance(part, list) and isinstance(whole, list):
        return len(part) == len(whole) and all(within(*pair) for pair in zip(part, whole, strict=True))
    return bool(part == whole)
