"""What runs beside the parts and acts on the world: messages out, files in."""

from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from typing import Any, Final

from channels.channel import Fetcher, Sender
from draad.roads import Roads
from draad.site import Site
from engine.blobs import Blobs
from engine.engine import Engine
from services.intake import courier, fetching
from services.intake.budget import Budget
from services.intake.courier import Courier
from services.intake.fetching import Fetching
from services.notify import writer
from services.notify.gap import Gap
from services.notify.writer import Letterhead, Place, Writer

NAMES: Final = (courier.NAME, fetching.NAME)  # As which they stand on the log,
TELLING: Final = writer.NAME  # and one more where residents are told.

Run = Callable[[], Coroutine[Any, Any, None]]


def couriers(engine: Engine, roads: Roads, blobs: Blobs, clock: Callable[[], datetime], site: Site) -> Sequence[Run]:
    """Each runs until the engine stops."""
    senders = {name: channel for name, channel in roads.channels.items() if isinstance(channel, Sender)}
    fetchers = {name: channel for name, channel in roads.channels.items() if isinstance(channel, Fetcher)}
    budget = Budget(engine, {"sms": site.notify.sms_per_day} if site.notify else {}, clock)
    return (
        Courier(engine, senders, clock, engine.meter.registry, roads.plan.inboxes, budget).run,
        Fetching(engine, fetchers, blobs, clock).run,
        *(telling(engine, roads, clock, site) if site.notify else ()),
    )


def telling(engine: Engine, roads: Roads, clock: Callable[[], datetime], site: Site) -> Sequence[Run]:
    """Where residents are told: who writes, and who looks whether nobody was forgotten."""
    return Writer(engine, letterhead(site, roads), clock).run, Gap(engine, clock, engine.meter.registry).run


def letterhead(site: Site, roads: Roads) -> Letterhead:
    """In whose name residents are told, from where, and where they are expected."""
    assert site.notify
    places = {name: Place(branch.title, branch.here) for name, branch in site.branches.items()}
    mailboxes = roads.plan.inboxes.get("email", {})
    senders = {name: str(address) for name, box in mailboxes.items() if (address := getattr(box, "address", ""))}
    return Letterhead(site.notify, site.texts, places, senders, site.form.answer_days)
