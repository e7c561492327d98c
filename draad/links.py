"""`draad link`: whoever may read the key beside the log may come in."""

from datetime import UTC, datetime

from draad.keys import key_file, keys_of
from draad.settings import Settings
from schemas.errors import Refused
from services.desk.door import link


def fresh(settings: Settings) -> str:
    """A link that opens the desk once. Raises `Refused` where no Draad has run."""
    if settings.pepper is None and (settings.path is None or not key_file(settings.path).exists()):
        raise Refused("no Draad has run on this log: start it first, or name the right log with --log")
    keys = keys_of(settings, facts=True)
    return f"{settings.desk}/open/{link(keys.door, datetime.now(UTC))}"
