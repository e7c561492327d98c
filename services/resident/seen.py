"""What somebody did is shown by the page that comes next."""

import asyncio
from contextlib import suppress
from typing import Final

from engine.ask import caught_up
from engine.engine import Engine

SHOWN_S_MAX: Final = 1.0  # What is written is shown by then, or the page is sent without it.


async def seen(engine: Engine) -> None:
    """Wait until the views are as far as what was just written, but not for long."""
    with suppress(TimeoutError):
        async with asyncio.timeout(SHOWN_S_MAX):
            await caught_up(engine, lambda name: name.startswith("desk."))
