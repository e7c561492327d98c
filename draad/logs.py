"""Log lines: an event name with fields, as JSON on standard error. Ids, never names, numbers or words of a citizen."""

import logging
import sys
from time import monotonic
from typing import Final, NamedTuple

import structlog

LEVELS: Final = {"info": logging.INFO, "warning": logging.WARNING}
AGAIN_S: Final = 60.0
SAID_MAX: Final = 500  # Messages of libraries that are remembered.
HEALING: Final = frozenset({"aiokafka"})  # They tell of every try, and try again by themselves.


class Said(NamedTuple):
    """When a message was last told, and how often it came since."""

    at: float
    times: int


class Borrowed(logging.Handler):
    """What libraries log: which of them, and the bare message. Its arguments may hold anything: they are left out.

    The same again within a minute is only counted: every reader of a broker that is away says so ten times a second.
    """

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[str, Said] = {}

    def emit(self, record: logging.LogRecord) -> None:
        said = str(record.msg).strip()
        before = self._said.get(said)
        if before and monotonic() - before.at < AGAIN_S:
            self._said[said] = before._replace(times=before.times + 1)
            return
        if len(self._said) >= SAID_MAX:
            self._said.clear()
        self._said[said] = Said(monotonic(), 0)
        more = {"times_more": before.times} if before and before.times else {}
        kind = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else ""
        error = {"error": kind} if kind else {}
        structlog.get_logger(record.name).warning("library.warned", said=said, **error, **more)


def worth_a_line(record: logging.LogRecord) -> bool:
    """To whoever gave a command: what could not be done in the end is said in our own words, and a bug is told."""
    return bool(record.exc_info) or record.name.partition(".")[0] not in HEALING


def configure(level: str) -> None:
    """At "info" for a process that runs, where each remark may matter later; at "warning" for a command."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    borrowed = Borrowed()
    if level != "info":
        borrowed.addFilter(worth_a_line)
    logging.basicConfig(handlers=[borrowed], level=logging.WARNING, force=True)
