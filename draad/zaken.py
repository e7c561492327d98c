"""`draad zaken`: the subscription at the Notificaties API, and whether the case system can be followed."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from draad.settings import Misconfigured, Settings
from draad.site import read_site
from engine.engine import utc_now
from schemas.errors import Refused
from services.zaken.register import Register
from services.zaken.settings import ZakenSettings
from services.zaken.subscription import subscribe as made
from services.zaken.subscription import subscribed
from services.zaken.words import Zaak


@asynccontextmanager
async def registered(found: ZakenSettings) -> AsyncIterator[Register]:
    register = Register(found, utc_now)
    try:
        yield register
    finally:
        await register.close()


async def subscribe(settings: Settings, say: Callable[[str], None]) -> None:
    """Raises `Misconfigured` where there is no case system, and what that system does."""
    found = read_site(settings.site, os.environ).zaken
    if found is None:
        raise Misconfigured("there is no case system: fill in the table zaken of the file in DRAAD_SITE")
    async with registered(found) as register:
        new = await made(register)
    say(f"{'Subscribed' if new else 'The subscription is set anew'}: {found.callback_url} is told what changes.")


async def examined(found: ZakenSettings) -> None:
    """Raises `Refused` or `Unavailable` where it does not let us see its cases, or nobody tells us of them."""
    async with registered(found) as register:
        async for _ in register.pages(Zaak, f"{found.zaken_url}zaken", {"einddatum__isnull": "true"}):
            break
        if not await subscribed(register):
            raise Refused("it answers, and does not tell us what changes: run draad zaken subscribe")
