"""Death at any line: the n-th line that the engine executes is its last."""

import os
import select
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Final, NoReturn

ROOT: Final = Path(__file__).parent.parent.parent
MORTAL: Final = (f"{ROOT / 'engine'}/", f"{ROOT / 'infra' / 'migrations'}/")
CHILD_S_MAX: Final = 60
DEAD: Final = 9

Line = tuple[str, int]


class Crash(BaseException):
    """The process is no more: nothing but the test may catch this."""


@contextmanager
def lines(reached: Callable[[Line], None]) -> Iterator[None]:
    """Call `reached` before every line of the engine, in every thread that is started meanwhile."""

    def line(frame: FrameType, event: str, _: Any) -> Any:  # As `sys.settrace` has it.
        if event == "line":
            reached((frame.f_code.co_filename, frame.f_lineno))
        return line

    def call(frame: FrameType, _: str, __: Any) -> Any:  # As above.
        return line if frame.f_code.co_filename.startswith(MORTAL) else None

    before = sys.gettrace()
    threading.settrace(call)
    sys.settrace(call)
    try:
        yield
    finally:
        sys.settrace(before)
        threading.settrace(before)


@contextmanager
def crash_at(nth: int, die: Callable[[], NoReturn]) -> Iterator[None]:
    """Die at the n-th line."""
    count = 0

    def reached(_: Line) -> None:
        nonlocal count
        count += 1
        if count >= nth:
            die()

    with lines(reached):
        yield


def in_child(work: Callable[[Callable[[int], None]], None]) -> tuple[bool, list[int]]:
    """Do this in a process of its own: whether it lived to its end, and what it had acknowledged until then."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Only this thread is needed in the child.
        child = os.fork()
    if child == 0:
        try:
            work(lambda number: said(writing, number))
            os._exit(0)
        except BaseException:  # noqa: BLE001  # Nothing may come back to the test from here.
            sys.excepthook(*sys.exc_info())
            os._exit(1)
    os.close(writing)
    acknowledged = list(read_all(reading, child))
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in {0, DEAD}, f"the child failed by itself ({status})"
    return status == 0, acknowledged


def said(writing: int, number: int) -> None:
    os.write(writing, bytes([number]))


def read_all(reading: int, child: int) -> bytes:
    """What the child says until it dies, which is soon."""
    heard = b""
    with os.fdopen(reading, "rb", buffering=0) as pipe:
        while select.select([pipe], [], [], CHILD_S_MAX)[0]:
            more = pipe.read(1024)
            if not more:
                return heard
            heard += more
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    raise TimeoutError(f"the child was still at it after {CHILD_S_MAX} s")


def exit_now() -> NoReturn:
    os._exit(DEAD)


def raise_now() -> NoReturn:
    raise Crash
