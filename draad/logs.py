"""Log lines: an event name with fields, as JSON on standard error. Ids, never names, numbers or words of a citizen."""

import logging
import sys
from typing import Final

import structlog

LEVELS: Final = {"info": logging.INFO, "warning": logging.WARNING}
HEALING: Final = frozenset({"aiokafka"})  # They tell of every try, and try again by themselves.


class Borrowed(logging.Handler):
    """What libraries log: which of them, and the bare message. Its arguments may hold anything: they are left out."""

    def emit(self, record: logging.LogRecord) -> None:
        kind = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else ""
        log = structlog.get_logger(record.name)
        log.warning("library.warned", said=str(record.msg).strip(), **({"error": kind} if kind else {}))


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
