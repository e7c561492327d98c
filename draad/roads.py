"""Which channels there are, with which inboxes: read from the file that DRAAD_CHANNELS names.

A channel is a file in `channels/` that has an `Inbox` and `open_channel`; its name there is its name here. What is
wrong is said in one sentence, which quotes no value: it may be a secret.
"""

import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import Final
from urllib.parse import urlsplit

from pydantic import BaseModel, ValidationError

import channels
from channels.channel import Channel, Secrets
from draad.configured import Vault, parsed
from draad.settings import LOOPBACK, Misconfigured
from schemas.event import faults
from services.intake.breaker import Breaker

INBOXES_MAX: Final = 200  # Of one channel.
INBOX: Final = re.compile(r"[a-z][a-z0-9-]{0,39}")

Inboxes = Mapping[str, BaseModel]


@dataclass(frozen=True)
class Plan:
    """What the file says, checked."""

    public_url: str = ""  # Where the world finds us, without a slash at its end.
    inboxes: Mapping[str, Inboxes] = field(default_factory=dict)  # Per channel, by their names.

    @property
    def origins(self) -> frozenset[str]:
        """The sites that may open a WebSocket to us: what inboxes have in a field `origins`, and our own."""
        named = (getattr(inbox, "origins", ()) for group in self.inboxes.values() for inbox in group.values())
        own = (origin_of(self.public_url),) if self.public_url else ()
        return frozenset((*own, *(origin for origins in named for origin in origins)))


@dataclass(frozen=True)
class Roads:
    """The channels, opened. A channel that can answer is a `channels.channel.Sender` too."""

    plan: Plan = field(default_factory=Plan)
    channels: Mapping[str, Channel] = field(default_factory=dict)
    breaker: Breaker = field(default_factory=Breaker)

    def still(self, mailboxes: Callable[[], list[str]]) -> Callable[[], list[str]]:
        """What stands still on a road, a sentence each: in, as mailboxes tell, and out."""
        return lambda: [*mailboxes(), *self.breaker.resting()]


def read_plan(path: Path | None, environ: Mapping[str, str]) -> Plan:
    """The file's channels and inboxes; none without a file. Raises `Misconfigured`."""
    if path is None:
        return Plan()
    said = parsed(path, wrong)
    public_url = said.pop("public_url", None)
    if not isinstance(public_url, str) or not is_public(public_url):
        raise wrong(path, "needs public_url, the https address at which the world finds Draad, before its first table")
    keeper = Keeper(path, environ)
    return Plan(public_url.rstrip("/"), {name: keeper.inboxes(name, tables) for name, tables in said.items()})


@asynccontextmanager
async def open_roads(plan: Plan, secrets: Secrets) -> AsyncIterator[Roads]:
    """Every channel of the plan, until it is done with. Raises `Refused` where one cannot be opened."""
    opened: dict[str, Channel] = {}
    try:
        for name, inboxes in plan.inboxes.items():
            opened[name] = module_of(name).open_channel(inboxes, secrets, plan.public_url)
        yield Roads(plan, opened)
    finally:
        for channel in opened.values():
            if close := getattr(channel, "close", None):
                await close()


def channel_names() -> list[str]:
    """The files in `channels/` that are one."""
    names = (module.name for module in iter_modules(channels.__path__))
    return [name for name in names if hasattr(module_of(name), "open_channel")]


def module_of(name: str) -> ModuleType:
    return import_module(f"channels.{name}")


class Keeper:
    """Makes inboxes of tables, and fetches their secrets."""

    def __init__(self, path: Path, environ: Mapping[str, str]) -> None:
        self._path, self._vault = path, Vault(path, environ, wrong)

    def inboxes(self, name: str, tables: object) -> Inboxes:
        if name not in (known := channel_names()):
            close = get_close_matches(name, known, n=1)
            there = f"did you mean {close[0]}?" if close else f"there is {', '.join(known)}"
            raise wrong(self._path, f"names a channel that is not there: {there}")
        if not isinstance(tables, dict) or not tables or len(tables) > INBOXES_MAX:
            raise wrong(self._path, f"needs one to {INBOXES_MAX} tables such as [{name}.main]")
        return {inbox: self._inbox(name, inbox, table) for inbox, table in tables.items()}

    def _inbox(self, name: str, inbox: str, table: object) -> BaseModel:
        if not INBOX.fullmatch(inbox) or not isinstance(table, dict):
            raise wrong(self._path, f"needs tables such as [{name}.main], named in small letters, digits and dashes")
        model: type[BaseModel] = module_of(name).Inbox
        where = f"[{name}.{inbox}]"
        unknown = next((key for key in table if key not in model.model_fields), None)
        if unknown is not None:
            close = get_close_matches(unknown, model.model_fields, n=1)
            there = f"did you mean {close[0]}?" if close else f"there is {', '.join(model.model_fields)}"
            raise wrong(self._path, f"says something unknown in {where}: {there}")
        values = {key: self._vault.opened(value, f"{key} in {where}") for key, value in table.items()}
        try:
            made = model.model_validate(values)
        except ValidationError as error:
            raise wrong(self._path, f"is wrong in {where}: {faults(error)}") from None
        self._vault.no_open_secret(made, table, where)
        return made


def is_public(url: str) -> bool:
    """Whether providers can call it: https, and nothing behind the path. Plain http is for this machine only."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    plain = parts.scheme == "http" and host in LOOPBACK
    return bool(host) and (parts.scheme == "https" or plain) and not (parts.query or parts.fragment or parts.username)


def origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def wrong(path: Path, sentence: str) -> Misconfigured:
    return Misconfigured(f"the file in DRAAD_CHANNELS, {path}, {sentence}")
