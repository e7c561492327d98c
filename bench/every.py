"""All there is to measure, by name."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final

import structlog

from bench import callers, growth, latency, rebuild, repeats, throughput

BENCHES: Final[dict[str, Callable[[], Coroutine[Any, Any, None]]]] = {
    "throughput": throughput.run,
    "callers": callers.run,
    "latency": latency.run,
    "rebuild": rebuild.run,
    "repeats": repeats.run,
    "growth": growth.run,
}


def measure(name: str) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))  # Only the figures.
    asyncio.run(BENCHES[name]())
