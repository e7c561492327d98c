"""Log lines: an event name with fields, as JSON on standard error. Ids, never names, numbers or words of a citizen."""

import logging
import sys
from typing import Final

import structlog

LEVELS: Final = {"info": logging.INFO, "warning": logging.WARNING}


class Borrowed(logging.Handler):
    """What libraries log: which of them, and the bare message. Its arguments may hold anything: they are left out."""

    def emit(self, record: logging.LogRecord) -> None:
        kind = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else ""
        log = structlog.get_logger(record.name)
        log.warning("library.warned", said=str(record.msg).strip(), **({"error": kind} if kind else {}))


def configure(level: str) -> None:
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
    logging.basicConfig(handlers=[Borrowed()], level=logging.WARNING, force=True)
