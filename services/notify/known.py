"""What is known of an address in the moment in which something is written to it."""

from typing import NamedTuple

from sqlalchemy import select

from engine.engine import Engine
from services.notify.language import languages


class Known(NamedTuple):
    language: str = ""  # That they chose who can be reached there; empty where nobody did, or not all the same.


NOTHING = Known()


async def known_of(engine: Engine, address_id: str) -> Known:
    table = await engine.table(languages)
    rows = await engine.fetch(select(table.c.language).where(table.c.address_id == address_id).distinct().limit(2))
    return Known(language=str(rows[0]["language"]) if len(rows) == 1 else "")
