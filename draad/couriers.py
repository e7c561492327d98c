"""What runs beside the parts and acts on the world: messages out, files in."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from channels.channel import Fetcher, Sender
from channels.link import Links
from draad.roads import Roads
from draad.site import Site
from engine.blobs import Blobs
from engine.engine import Engine
from services.intake import courier, fetching
from services.intake.budget import Budget
from services.intake.courier import Courier
from services.intake.fetching import Fetching
from services.notify import writer
from services.notify.writer import Letterhead, Place, Writer

NAMES: Final = (courier.NAME, fetching.NAME)  # As which they stand on the log,
TELLING: Final = writer.NAME  # and one more where residents are told.

Run = Callable[[], Coroutine[Any, Any, None]]


def couriers(  # noqa: PLR0913, PLR0917  # All that they stand on.
    engine: Engine, roads: Roads, blobs: Blobs, clock: Callable[[], datetime], site: Site, links: Links
) -> Sequence[Run]:
    """Each runs until the engine stops."""
    senders = {name: channel for name, channel in roads.channels.items() if isinstance(channel, Sender)}
    fetchers = {name: channel for name, channel in roads.channels.items() if isinstance(channel, Fetcher)}
    budget = Budget(engine, {"sms": site.notify.sms_per_day} if site.notify else {}, clock)
    return (
        Courier(engine, senders, clock, engine.meter.registry, roads.plan.inboxes, budget).run,
        Fetching(engine, fetchers, blobs, clock).run,
        *([Writer(engine, letterhead(site, roads, links), clock).run] if site.notify else []),
    )


def letterhead(site: Site, roads: Roads, links: Links) -> Letterhead:
    """In whose name residents are told, from where, and where they are expected."""
    assert site.notify
    places = {name: Place(branch.title, branch.here) for name, branch in site.branches.items()}
    return Letterhead(site.notify, site.texts, places, mailboxes(roads), links)


def mailboxes(roads: Roads) -> Mapping[str, str]:
    """Their mail addresses, by their names."""
    boxes = roads.plan.inboxes.get("email", {})
    return {name: str(address) for name, box in boxes.items() if (address := getattr(box, "address", ""))}
