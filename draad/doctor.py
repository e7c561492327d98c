"""`draad doctor`: what is installed, reachable and misconfigured, a sentence each, with what to do about it."""

import asyncio
import json
import os
import platform
import shutil
import sqlite3
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Callable, Sequence
from http import HTTPStatus
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final, NamedTuple

from draad.beside import beside
from draad.couriers import LOOKING, NAMES, OWING, TELLING
from draad.keys import OTHERS, key_file
from draad.parts import EVERY
from draad.roads import read_plan
from draad.settings import LOOPBACK, Misconfigured, Settings
from draad.site import Site, channels_file, read_site
from draad.zaken import examined
from engine.engine import utc_now
from engine.file import FREE_BYTES_MIN
from schemas.errors import DraadError
from services.notify import gap
from services.notify.settings import NotifySettings

ANSWER_S_MAX: Final = 5.0
NAMED_MAX: Final = 5
PACKAGES: Final = ("fastapi", "uvicorn", "uvloop", "httptools", "pydantic", "sqlalchemy", "alembic", "jinja2", "tzdata")


class Finding(NamedTuple):
    sentence: str
    well: bool = True


async def examine(settings: Settings, say: Callable[[str], None]) -> bool:
    """True if nothing is wrong."""
    well = True
    async for finding in findings(settings):
        say(f"{'ok   ' if finding.well else 'WRONG'}  {finding.sentence}")
        well = well and finding.well
    return well


async def findings(settings: Settings) -> AsyncIterator[Finding]:
    yield installed()
    yield await asyncio.to_thread(reached, settings)
    if settings.host not in LOOPBACK:
        yield Finding(f"It listens at {settings.host}, for others too: have a proxy with TLS in front.")
    yield proxies(settings)
    yield roads(settings)
    yield site(settings)
    yield figures(settings)
    yield await case_system(settings)
    if settings.servers:
        async for finding in on_many(settings):
            yield finding
        return
    if settings.path is None:
        yield Finding("The log is in memory, so it is lost when Draad ends: set DRAAD_LOG.", well=False)
        return
    path = Path(settings.path)
    yield space(path)
    if absent(path):
        yield Finding(f"There is no log at {path} yet: draad run makes one.")
        return
    yield key(settings)
    try:
        async for finding in on_the_log(settings):
            yield finding
    except DraadError as error:
        yield Finding(f"The log cannot be used: {error}.", well=False)


async def on_many(settings: Settings) -> AsyncIterator[Finding]:
    from draad.topics import check

    said: list[str] = []
    try:
        well = await check(settings, said.append)
        for sentence in said:
            yield Finding(sentence, well=well)
        if well:
            async for finding in on_the_log(settings):
                yield finding
    except DraadError as error:
        yield Finding(f"The log cannot be used: {error}.", well=False)


def roads(settings: Settings) -> Finding:
    """Whether every channel of the file can be opened, its secrets included."""
    try:
        plan = read_plan(channels_file(settings), os.environ)
    except Misconfigured as error:
        return Finding(f"{str(error)[0].upper()}{str(error)[1:]}.", well=False)
    if not plan.inboxes:
        return Finding(
            "There are no channels: copy infra/site.toml and infra/channels.toml, and set DRAAD_SITE to the first."
        )
    named = ", ".join(f"{name} ({', '.join(inboxes)})" for name, inboxes in plan.inboxes.items())
    return Finding(f"Channels: {named}. Providers call {plan.public_url}/webhooks/ with channel and inbox.")


def proxies(settings: Settings) -> Finding:
    if settings.trusted_proxies:
        return Finding(f"Believed to say for whom they ask (X-Forwarded-For): {settings.trusted_proxies}.")
    return Finding(
        "No proxy is believed to say for whom it asks: behind one, all visitors share its limits. "
        "DRAAD_TRUSTED_PROXIES names those that are."
    )


def figures(settings: Settings) -> Finding:
    try:
        own = settings.scraper
    except Misconfigured as error:
        return Finding(f"{error}.", well=False)
    if own:
        return Finding("Prometheus has a token of its own, which opens /metrics and nothing else.")
    return Finding(
        "Prometheus needs a token with the scope metrics.read, or DRAAD_METRICS_TOKEN_FILE: docs/running.md."
    )


def site(settings: Settings) -> Finding:
    """Whether residents meet what was meant for them."""
    try:
        found = read_site(settings.site, os.environ)
    except Misconfigured as error:
        return Finding(f"{error}.", well=False)
    if settings.site is None:
        return Finding(
            "Residents meet one branch and a form without words of yours: DRAAD_SITE names a file with them."
        )
    if found.notify and (missing := unheard(found.notify, settings)):
        return Finding(f"Residents are to be told from {missing}, which is not in the file of channels.", well=False)
    if found.opinion and not linked(settings):
        return Finding(
            "Residents are to be asked what they think, and the file of channels has no public_url.", well=False
        )
    told = f"in the name of {found.notify.organisation}" if found.notify else "nothing"
    return Finding(
        f"Branches: {', '.join(found.branches)}. Steps of a journey are counted for {many(found)}. "
        f"Residents are told {told}."
    )


async def case_system(settings: Settings) -> Finding:
    """Whether it answers, and tells us what changes."""
    try:
        found = read_site(settings.site, os.environ).zaken
    except Misconfigured:
        return Finding("What the site file says of a case system cannot be read.", well=False)
    if found is None:
        return Finding("There is no case system: the table zaken in the site file names one.")
    try:
        await examined(found)
    except DraadError as error:
        return Finding(f"The case system cannot be followed: {error}.", well=False)
    return Finding(f"The case system answers, and tells {found.callback_url} what changes.")


def unheard(notify: NotifySettings, settings: Settings) -> str:
    """An inbox from which they are to be told, and which is not there. One of the two roads is enough."""
    try:
        there = read_plan(channels_file(settings), os.environ).inboxes
    except Misconfigured:
        return ""  # Which is told already.
    wanted = {"email": notify.email_inbox, "sms": notify.sms_inbox}
    offered = {road: box for road, box in wanted.items() if road in there} or wanted
    return next((f"[{road}.{box}]" for road, box in offered.items() if box not in there.get(road, {})), "")


def linked(settings: Settings) -> bool:
    """Whether the world finds us, so that a link can lead here."""
    try:
        return bool(read_plan(settings.channels, os.environ).public_url)
    except Misconfigured:
        return True  # Which is told already.


def many(found: Site) -> str:
    return f"{len(found.journey.products)} products" if found.journey.origins else "nobody"


def installed() -> Finding:
    missing = []
    for package in PACKAGES:
        try:
            version(package)
        except PackageNotFoundError:
            missing.append(package)
    if missing:
        return Finding(f"Not installed: {', '.join(missing)}. Run make run, which installs them.", well=False)
    return Finding(f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version} and all packages are here.")


def reached(settings: Settings) -> Finding:
    """Whether Draad answers at its address, or somebody else does, or nobody."""
    try:
        ready = f"{settings.address}/health/ready"  # Always http.
        with urllib.request.urlopen(ready, timeout=ANSWER_S_MAX) as answer:  # noqa: S310
            ours, said = "api-version" in answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        ours, status = "api-version" in error.headers, error.code
        if ours and status == HTTPStatus.SERVICE_UNAVAILABLE:
            return Finding(f"Draad runs at {settings.address}/ but is not ready: {detail(error.read())}.", well=False)
    except OSError:
        return Finding(f"Nobody answers at {settings.address}/: draad run starts Draad there.")
    if not ours:
        return Finding(f"Another program answers at {settings.address}/: choose another port.", well=False)
    if but := detail(said, ""):
        return Finding(f"Draad runs at {settings.address}/ and is ready, but {but}.", well=False)
    return Finding(f"Draad runs at {settings.address}/ and is ready.")


def detail(body: bytes, otherwise: str = "it does not say why") -> str:
    try:
        return str(json.loads(body)["detail"])
    except (ValueError, KeyError, TypeError):
        return otherwise


def space(path: Path) -> Finding:
    folder = next((parent for parent in path.absolute().parents if parent.exists()), Path("/"))
    free = shutil.disk_usage(folder).free // 2**20
    sentence = f"{free:,} MB of disk are free for {path}"
    if free * 2**20 < FREE_BYTES_MIN:
        return Finding(f"{sentence}: make room for at least {FREE_BYTES_MIN // 2**20} MB.", well=False)
    return Finding(f"{sentence}.")


def absent(path: Path) -> bool:
    return not path.exists()


def key(settings: Settings) -> Finding:
    """Whether the pepper is there, for its owner only. Without it, the same address gets another pseudonym."""
    if settings.pepper:
        return Finding("Pseudonyms are made with DRAAD_PEPPER: keep it safe, for it cannot be made again.")
    file = key_file(str(settings.path))
    if not file.exists():
        return Finding(f"The key {file} is gone: restore it, or set DRAAD_PEPPER.", well=False)
    if file.stat().st_mode & OTHERS:
        return Finding(f"Others can read the key {file}: run chmod 600 on it.", well=False)
    return Finding(f"The key {file} is there, for its owner only: back it up together with the log.")


async def on_the_log(settings: Settings) -> AsyncIterator[Finding]:
    async with beside(settings) as engine:
        yield Finding(f"The log holds {sum((await engine.ends()).values()):,} facts.")
        ours = {part.name for part in EVERY} | {*NAMES, TELLING, LOOKING, OWING}
        standings = await engine.standings()
        for standing in standings:
            task = standing.task
            if standing.parked:
                sentence = f"{task.name} has set aside {standing.parked} facts: draad parked says why."
                yield Finding(sentence, well=False)
            elif task.name not in ours:
                yield Finding(f"{task.name} has run on this log, but this Draad has no such part.")
            else:
                state = f"is {standing.behind:,} facts behind" if standing.behind else "has read everything"
                yield Finding(f"{task.name} (version {task.version}) {state}.")
        if gap.NAME in {standing.task.name for standing in standings}:
            yield untold(await gap.forgotten(engine, utc_now()))


def untold(found: Sequence[gap.Forgotten]) -> Finding:
    """Whether anybody was forgotten in the last two days."""
    if not found:
        return Finding("Of every change of the last two days residents were told, or there is a reason.")
    named = ", ".join(f"{each.about} ({each.what})" for each in found[:NAMED_MAX])
    return Finding(f"Of {len(found)} changes nobody was told, and there is no reason: {named}.", well=False)
