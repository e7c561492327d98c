"""What the resident's own pages stand on: how things stand, as the desk sees it, and what the municipality says."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from fastapi import APIRouter

from channels.link import Links
from channels.routers import join
from draad.couriers import mailboxes
from draad.keys import Keys
from draad.roads import Roads
from draad.site import Site
from engine.engine import Engine
from services.desk import counter
from services.desk.theirs import theirs
from services.resident import appointment, cases, opinion, unsubscribe
from services.resident.known import House, Municipality, Register
from services.resident.page import Page


def page_of(site: Site, roads: Roads) -> Page | None:
    """Nothing where nobody is told anything: then nobody has a link either."""
    if site.notify is None:
        return None
    said = site.notify
    sender = mailboxes(roads).get(said.email_inbox, "")
    return Page(Municipality(said.organisation, said.phone, said.statuses, site.branches, sender))


def pages(  # noqa: PLR0913, PLR0917  # All that they stand on.
    engine: Engine, keys: Keys, roads: Roads, clock: Callable[[], datetime], page: Page, site: Site
) -> APIRouter:
    house = House(
        engine,
        Links(keys.links, roads.plan.public_url),
        clock,
        keys.addresses,
        page.municipality,
        Register(partial(counter.find, engine), partial(theirs, engine)),
    )
    rooms = (appointment, cases, unsubscribe, *((opinion,) if site.opinion else ()))
    return join(APIRouter(), *(room.router(house, page) for room in rooms))
