"""What runs beside the parts and acts on the world: messages out, files in, and cases that are looked at."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any, Final

from channels.channel import Fetcher, Sender
from channels.link import Links
from channels.simulator import PLAYED, Simulator
from draad.keys import Keys
from draad.roads import Roads
from draad.settings import Settings
from draad.site import Site
from engine.blobs import Blobs
from engine.engine import Engine
from schemas.errors import Unavailable
from schemas.event import Event, fact
from services.desk.whose import numbered
from services.intake import courier, fetching
from services.intake.budget import Budget
from services.intake.courier import Courier
from services.intake.fetching import Fetching
from services.notify import writer
from services.notify.gap import Gap
from services.notify.writer import Letterhead, Place, Writer
from services.status import hooks
from services.status.hooks import Hooks
from services.status.outside import Outside
from services.status.signing import Signer
from services.zaken import courier as looker
from services.zaken.poll import Poll
from services.zaken.register import Register

NAMES: Final = (courier.NAME, fetching.NAME, hooks.TELLING)  # As which they stand on the log,
TELLING: Final = writer.NAME  # one more where residents are told,
LOOKING: Final = looker.NAME  # one where there is a case system,
OWING: Final = hooks.OWING  # and one from the first subscription on.

Run = Callable[[], Coroutine[Any, Any, None]]


def couriers(  # noqa: PLR0913, PLR0917  # All that they stand on.
    engine: Engine,
    roads: Roads,
    blobs: Blobs,
    clock: Callable[[], datetime],
    site: Site,
    keys: Keys,
    settings: Settings,
    links: Links,
) -> Sequence[Run]:
    """Each runs until the engine stops."""
    signer, outside = Signer(keys.subscribers), Outside(site.subscribers.inner)
    senders: dict[str, Sender] = {
        name: channel for name, channel in roads.channels.items() if isinstance(channel, Sender)
    }
    if site.notify and site.notify.simulator:
        senders = simulated(engine, senders, clock)
    fetchers = {name: channel for name, channel in roads.channels.items() if isinstance(channel, Fetcher)}
    registry, per_day = engine.meter.registry, {"sms": site.notify.sms_per_day} if site.notify else {}
    budget = Budget(engine, per_day, clock, registry)
    return (
        Courier(engine, senders, clock, registry, roads.plan.inboxes, budget, roads.breaker).run,
        Fetching(engine, fetchers, blobs, clock).run,
        Hooks(engine, signer, outside, settings.source, clock, registry).run,
        *(telling(engine, letterhead(site, roads, links), clock) if site.notify else ()),
        *case_system(engine, clock, site, keys),
    )


def simulated(engine: Engine, senders: Mapping[str, Sender], clock: Callable[[], datetime]) -> dict[str, Sender]:
    """The same roads, but that what is for an address with a play never reaches them."""

    async def tell(event: Event, key: str) -> None:
        with suppress(Unavailable):  # As some receipts never come.
            await engine.append(fact(event, key=key))

    return {name: Simulator(sender, tell, clock) if name in PLAYED else sender for name, sender in senders.items()}


def case_system(engine: Engine, clock: Callable[[], datetime], site: Site, keys: Keys) -> Sequence[Run]:
    """Who follows its notices, and who looks for those that never came."""
    if site.zaken is None:
        return ()
    meters, open_register = engine.meter.registry, partial(Register, site.zaken, clock)

    async def whose(scheme: str, digest: str) -> list[str]:
        return [row["party_id"] for row in await numbered(engine, scheme, digest)]

    following = looker.Courier(engine, open_register(), whose, keys.addresses, clock, meters)
    return following.run, Poll(engine, open_register(), clock, meters).run


def telling(engine: Engine, head: Letterhead, clock: Callable[[], datetime]) -> Sequence[Run]:
    """Where residents are told: who writes, and who looks whether nobody was forgotten."""
    return Writer(engine, head, clock).run, Gap(engine, clock, engine.meter.registry).run


def letterhead(site: Site, roads: Roads, links: Links) -> Letterhead:
    """In whose name residents are told, from where, and where they are expected."""
    assert site.notify
    places = {name: Place(branch.title, branch.here) for name, branch in site.branches.items()}
    prints = any(getattr(box, "print_folder", None) for box in roads.plan.inboxes.get("letter", {}).values())
    days = site.form.answer_days
    return Letterhead(site.notify, site.texts, places, mailboxes(roads), links, days, prints, site.opinion)


def mailboxes(roads: Roads) -> Mapping[str, str]:
    """Their mail addresses, by their names."""
    boxes = roads.plan.inboxes.get("email", {})
    return {name: str(address) for name, box in boxes.items() if (address := getattr(box, "address", ""))}
