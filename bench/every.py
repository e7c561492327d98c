"""All there is to measure, by name."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final

import structlog
import uvloop

from bench import (
    callers,
    growth,
    hooks,
    klant,
    klant_growth,
    latency,
    mail,
    planned,
    rebuild,
    repeats,
    stories,
    tallies,
    telling,
    throughput,
    webhooks,
    whole,
    year,
)
from bench.many import klant as many_klant
from bench.many import latency as many_latency
from bench.many import memory as many_memory
from bench.many import rebuild as many_rebuild
from bench.many import scaling as many_scaling
from bench.many import stories as many_stories
from bench.many import takeover as many_takeover
from bench.many import throughput as many_throughput
from bench.many import webhooks as many_webhooks
from bench.many import whole as many_whole
from draad.pace import collect_rarely

BENCHES: Final[dict[str, Callable[[], Coroutine[Any, Any, None]]]] = {
    "throughput": throughput.run,
    "callers": callers.run,
    "latency": latency.run,
    "rebuild": rebuild.run,
    "repeats": repeats.run,
    "growth": growth.run,
    "stories": stories.run,
    "mail": mail.run,
    "webhooks": webhooks.run,
    "klant": klant.run,
    "klant-growth": klant_growth.run,
    "telling": telling.run,
    "hooks": hooks.run,
    "planned": planned.run,
    "tallies": tallies.run,
    "year": year.run,
    "whole": whole.run,
    "many-throughput": many_throughput.run,
    "many-latency": many_latency.run,
    "many-scaling": many_scaling.run,
    "many-takeover": many_takeover.run,
    "many-stories": many_stories.run,
    "many-webhooks": many_webhooks.run,
    "many-klant": many_klant.run,
    "many-rebuild": many_rebuild.run,
    "many-memory": many_memory.run,
    "many-whole": many_whole.run,
}


def measure(name: str) -> None:
    """Only the figures are said. What asks as pages and programs do, and many machines, run as `draad run` does."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    as_in_life = name in {
        "webhooks",
        "stories",
        "klant",
        "klant-growth",
        "telling",
        "hooks",
        "tallies",
        "year",
        "whole",
    } or name.startswith("many-")
    if as_in_life:
        collect_rarely()  # The bare loops of the same process have it too.
    with asyncio.Runner(loop_factory=uvloop.new_event_loop if as_in_life else None) as runner:
        runner.run(BENCHES[name]())
