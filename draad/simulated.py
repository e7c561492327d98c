"""`draad simulate`: a whole Draad, and around it a town hall that does not exist, on a log that ends with it."""

import socket
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from fastapi import APIRouter

from draad.roads import Plan, module_of
from draad.serve import serve
from draad.settings import Settings
from draad.site import Site, read_site
from engine.engine import utc_now
from services.desk.door import Door
from services.desk.forms import Desk
from services.desk.page import Page
from simulation.town import PAGES, SITE_FILE, Town

HERE: Final = "127.0.0.1"


class Around:
    """The town, as Draad sees it when it starts."""

    templates = PAGES

    def __init__(self, town: Town) -> None:
        self._town = town

    def plan(self, address: str) -> tuple[Plan, Site]:
        """The channels and the site of this town, where Draad is found at this address."""
        inboxes = {
            channel: {name: module_of(channel).Inbox.model_validate(said) for name, said in named.items()}
            for channel, named in self._town.inboxes().items()
        }
        return Plan(address, inboxes), read_site(SITE_FILE)

    def pages(self, desk: Desk, page: Page) -> APIRouter:
        return self._town.pages(desk, page)

    def lives(self, address: str, token: str, door: Door) -> AbstractAsyncContextManager[None]:
        return self._town.lives(address, token, door)


async def simulate(settings: Settings, say: Callable[[str], None], seed: int, day_s: float) -> None:
    """Play until SIGTERM or SIGINT; nothing of it stays. Raises `Refused` where it cannot start."""
    with TemporaryDirectory(prefix="draad-town-") as folder:
        log = Path(folder) / "town.db"
        settings = settings.model_copy(update={"log": f"sqlite:///{log}", "channels": None, "site": None})
        town = Town(seed, day_s, utc_now, free_port())
        async with town.providers.open():
            say(f"A town hall that does not exist opens its doors. A day of it takes {day_s / 60:.0f} minutes.")
            say("At the desk, under Verstuurd, stands all that its residents get. Nothing leaves this machine.")
            say(f"Its facts end with it; until then: draad log --follow --log sqlite:///{log}")
            await serve(settings, say, around=Around(town))


def free_port() -> int:
    """One at which nobody listens now."""
    with socket.socket() as door:
        door.bind((HERE, 0))
        return int(door.getsockname()[1])
