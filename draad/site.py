"""What residents meet: branches, our own form, whose pages tell of a journey, what they are told and asked.

And of which cases, and which inner networks subscribers may have. Read from the file that DRAAD_SITE names. Without
one there is a branch `main`, a form, no journey is counted, nobody is told or asked anything, and subscribers are out
in the open.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from draad.configured import Vault, parsed
from draad.settings import Misconfigured, Settings
from schemas.errors import Refused
from schemas.event import faults
from services.intake.branches import DEFAULT, Branches, branches
from services.intake.form import FormSettings
from services.intake.journey import JourneySettings
from services.metrics.settings import MetricsSettings
from services.notify.settings import NotifySettings, OpinionSettings
from services.notify.texts import Texts, read_texts
from services.status.settings import SubscribersSettings
from services.zaken.settings import ZakenSettings

NOTHING: Final[Mapping[str, str]] = {}
TABLES: Final = ("branches", "form", "journey", "notify", "opinion", "zaken", "subscribers", "metrics")
CHANNELS: Final = "channels"  # Before the first table: the file of channels, seen from this one.

Table = TypeVar("Table", bound=BaseModel)


@dataclass(frozen=True)
class Site:
    """What the file says, checked."""

    branches: Branches = field(default_factory=lambda: DEFAULT)
    form: FormSettings = field(default_factory=FormSettings)
    journey: JourneySettings = field(default_factory=JourneySettings)
    notify: NotifySettings | None = None  # In whose name residents are told; nobody is, without it.
    texts: Texts = field(default_factory=dict)  # And in which words.
    opinion: OpinionSettings | None = None  # Nobody is asked what they think, without it.
    zaken: ZakenSettings | None = None  # The case system; there is none, without it.
    subscribers: SubscribersSettings = field(default_factory=SubscribersSettings)
    metrics: MetricsSettings = field(default_factory=MetricsSettings)  # What is too late, and which products there are.


def read_site(path: Path | None, environ: Mapping[str, str] = NOTHING) -> Site:
    """The file's tables. Raises `Misconfigured`, in a sentence that quotes no value."""
    if path is None:
        return Site()
    said = {name: table for name, table in parsed(path, wrong).items() if name != CHANNELS}
    if not said.keys() <= set(TABLES) or not all(isinstance(table, dict) for table in said.values()):
        there = "[branches.main], [form], [journey], [notify], [opinion], [zaken], [subscribers] and [metrics]"
        raise wrong(path, f"knows the tables {there} only")
    try:
        places = branches(said.get("branches", {}))
    except Refused as error:
        raise wrong(path, f"is wrong in [branches]: {error}") from None
    form, journey = table(path, FormSettings, "form", said), table(path, JourneySettings, "journey", said)
    notify = table(path, NotifySettings, "notify", said) if "notify" in said else None
    opinion = table(path, OpinionSettings, "opinion", said) if "opinion" in said else None
    if opinion and not notify:
        raise wrong(path, "has a table [opinion] and none [notify]: whoever is asked, is asked in a name")
    zaken = case_system(path, said["zaken"], environ) if "zaken" in said else None
    subscribers = table(path, SubscribersSettings, "subscribers", said)
    texts = texts_of(path, notify) if notify else {}
    return Site(places, form, journey, notify, texts, opinion, zaken, subscribers, counting(path, said, journey))


def counting(path: Path, said: Mapping[str, Any], journey: JourneySettings) -> MetricsSettings:
    """Products whose journey is counted are told apart in every figure."""
    found = table(path, MetricsSettings, "metrics", said)
    return found.model_copy(update={"products": tuple(dict.fromkeys((*found.products, *journey.products)))})


def texts_of(path: Path, notify: NotifySettings) -> Texts:
    try:
        return read_texts(path.parent / notify.texts if notify.texts else None)
    except Refused as error:
        raise wrong(path, f"names texts in [notify] that are wrong: {error}") from None


def case_system(path: Path, said: Mapping[str, Any], environ: Mapping[str, str]) -> ZakenSettings:
    vault = Vault(path, environ, wrong)
    made = table(
        path, ZakenSettings, "zaken", {"zaken": {k: vault.opened(v, f"{k} in [zaken]") for k, v in said.items()}}
    )
    vault.no_open_secret(made, said, "[zaken]")
    return made


def table(path: Path, model: type[Table], name: str, said: Mapping[str, Any]) -> Table:
    try:
        return model.model_validate(said.get(name, {}))
    except ValidationError as error:
        raise wrong(path, f"is wrong in [{name}]: {faults(error)}") from None


def wrong(path: Path, sentence: str) -> Misconfigured:
    return Misconfigured(f"the file in DRAAD_SITE, {path}, {sentence}")


def channels_file(settings: Settings) -> Path | None:
    """Which file says what channels there are: DRAAD_CHANNELS, or what the site file names. Raises `Misconfigured`."""
    if settings.channels or settings.site is None:
        return settings.channels
    named = parsed(settings.site, wrong).get(CHANNELS)
    if named is None:
        return None
    if not isinstance(named, str) or not named:
        raise wrong(settings.site, "names a file of channels that is none: channels is its path, seen from there")
    return settings.site.parent / named
