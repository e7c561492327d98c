"""What runs beside the parts and acts on the world: messages out, files in."""

from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from typing import Any, Final

from channels.channel import Fetcher, Sender
from draad.roads import Roads
from engine.blobs import Blobs
from engine.engine import Engine
from services.intake import courier, fetching
from services.intake.courier import Courier
from services.intake.fetching import Fetching

NAMES: Final = (courier.NAME, fetching.NAME)  # As which they stand on the log.

Run = Callable[[], Coroutine[Any, Any, None]]


def couriers(engine: Engine, roads: Roads, blobs: Blobs, clock: Callable[[], datetime]) -> Sequence[Run]:
    """Each runs until the engine stops."""
    senders = {name: channel for name, channel in roads.channels.items() if isinstance(channel, Sender)}
    fetchers = {name: channel for name, channel in roads.channels.items() if isinstance(channel, Fetcher)}
    return (
        Courier(engine, senders, clock, engine.meter.registry, roads.plan.inboxes).run,
        Fetching(engine, fetchers, blobs, clock).run,
    )
