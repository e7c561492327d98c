"""`draad import`: all that another register of the Klantinteracties API holds, moved over its API and ours.

Both may be at work meanwhile, and it may be broken off and begun again at any time: what was changed here is left so.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx
from pydantic import SecretStr
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from draad.agreed import Agreed
from draad.compared import Difference, compared, digest, report
from draad.register import PAGE, Refusal, Register
from draad.settings import Misconfigured
from services.klantinteracties.fields import Doc
from services.klantinteracties.taking import ORDER, PREFERRED

CARDS_MAX: Final = 50  # In one request, and of so many bytes at most.
CHARS_MAX: Final = 200_000


class Pass(NamedTuple):
    """One walk through the cards of a kind: those that others of their own kind name come first."""

    name: str
    kind: str
    wanted: Callable[[Doc], bool]


def passes() -> Iterator[Pass]:
    firsts: Mapping[str, Callable[[Doc], bool]] = {
        "partijen": lambda card: card.get("soortPartij") != "contactpersoon",
        "partij-identificatoren": lambda card: not card.get("subIdentificatorVan"),
    }
    for kind in ORDER:
        if first := firsts.get(kind):
            yield Pass(f"{kind} (1)", kind, first)
            yield Pass(f"{kind} (2)", kind, lambda card, first=first: not first(card))  # type: ignore[misc]
        else:
            yield Pass(kind, kind, lambda _: True)


class Move:
    """From one register to another."""

    def __init__(self, there: Register, here: Register, agreed: Agreed, bar: Progress) -> None:
        self._there, self._here, self._agreed, self._bar = there, here, agreed, bar
        self.taken, self.changed, self.removed = Counter[str](), Counter[str](), Counter[str]()
        self.done = {"taken": self.taken, "changed": self.changed, "removed": self.removed}
        self.refused: list[Refusal] = []

    async def run(self) -> None:
        for one in passes():
            await self._walk(one.name, one.kind, partial(self._take, one))
        await self._walk("preferences", "partijen", self._prefer)

    async def _walk(self, name: str, kind: str, each: Callable[[list[Doc]], Any]) -> None:
        """From the last page, the oldest cards, to the first. A card that is new there moves all others by a place."""
        seen = self._agreed.seen(name)
        count, _ = await self._there.page(kind, 1)
        task = self._bar.add_task(name, total=count, completed=min(count, seen))
        while seen < count:
            number = -(-(count - seen) // PAGE)
            count, cards = await self._there.page(kind, number)
            if not cards and number > 1:
                count, _ = await self._there.page(kind, 1)
                continue  # So many have just gone that there is no such page any more.
            if count - number * PAGE > seen:
                continue  # Some have just moved behind this page.
            await each(cards)
            seen = max(seen, count - (number - 1) * PAGE)
            self._agreed.reached(name, seen)
            self._bar.update(task, total=count, completed=seen)

    async def _take(self, one: Pass, cards: list[Doc]) -> None:
        for some in bundled([card for card in reversed(cards) if one.wanted(card)]):
            taken, refused = await self._here.take(one.kind, some)
            self.taken[one.kind] += taken
            self.refused += refused
            wrong = {refusal.uuid for refusal in refused}
            self._agreed.taken(
                one.kind, {card["uuid"]: digest(one.kind, card) for card in some if card["uuid"] not in wrong}
            )

    async def mend(self, found: Sequence[Difference], *, remove: bool) -> bool:
        """Take what was not met on the way, and what was changed there since; what was removed there goes, if `remove`.

        True where there was any.
        """
        missing = {one.kind: one.missing for one in found}
        wishing = {*missing["partijen"], *(refusal.uuid for refusal in self.refused if refusal.kind == "partijen")}
        again = wishing.union(*missing.values())  # What they hung on may have come after them.
        self.refused = [refusal for refusal in self.refused if refusal.uuid not in again]
        for one in passes():
            for name in missing[one.kind]:
                card = await self._there.one(one.kind, name)
                await self._take(one, [card] if card else [])
        parties = [await self._there.one("partijen", name) for name in sorted(wishing)]
        await self._prefer([party for party in parties if party])
        behind = [(one.kind, name) for one in found for name in one.behind]
        gone = [(one.kind, name) for one in reversed(found) for name in one.gone if remove]
        for kind, name in (*behind, *gone):
            await self._follow(kind, name, await self._there.one(kind, name))
        return any(missing.values()) or bool(behind or gone)

    async def _follow(self, kind: str, name: str, card: Doc | None) -> None:
        """As it is there by now, unless it was changed here meanwhile."""
        mine, tag = await self._here.version(kind, name)
        if mine is None or digest(kind, mine) != self._agreed.of(kind, name):
            return
        if card is None:
            refused = await self._here.remove(kind, name, tag)
        else:
            refused = await self._here.replace(kind, card, tag)
        done = self.changed if card else self.removed
        done[kind] += refused is None
        self.refused += filter(None, [refused])

    async def _prefer(self, parties: list[Doc]) -> None:
        for party in parties:
            wished = {name: {"uuid": party[name]["uuid"]} for name in PREFERRED if party.get(name)}
            mine = await self._here.one("partijen", party["uuid"]) if wished else None
            if mine and any((mine.get(name) or {}).get("uuid") != wished[name]["uuid"] for name in wished):
                refused = await self._here.prefer(party["uuid"], wished)
                self.refused += filter(None, [refused])


def bundled(cards: Sequence[Doc]) -> Iterator[list[Doc]]:
    """Few enough for one request."""
    some: list[Doc] = []
    size = 0
    for card in cards:
        length = len(json.dumps(card))  # Never less than its bytes.
        if some and (len(some) >= CARDS_MAX or size + length > CHARS_MAX):
            yield some
            some, size = [], 0
        some.append(card)
        size += length
    if some:
        yield some


def secret(path: Path | None, otherwise: SecretStr | None, name: str) -> str:
    """The token in a file, or the other one. Raises `Misconfigured` where there is neither."""
    try:
        found = path.read_text().strip() if path else otherwise.get_secret_value() if otherwise else ""
    except (OSError, ValueError):
        found = ""
    if not found.isascii() or not found.isprintable() or not found:
        raise Misconfigured(f"{name} must hold a token")
    return found


async def moved(
    there: httpx.AsyncClient, here: httpx.AsyncClient, kept: Path | None, *, only_compare: bool, remove: bool = False
) -> bool:
    """Move, then compare, and print what came of it. True where all of theirs is here, and says the same."""
    with closing(Agreed(kept)) as agreed:
        async with there as theirs, here as ours:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            with Progress(*columns, console=Console(stderr=True)) as bar:
                one, other = Register(theirs), Register(ours)
                moving = Move(one, other, agreed, bar)
                if not only_compare:
                    await moving.run()
                found = await compared(one, other, agreed, bar)
                if not only_compare and await moving.mend(found, remove=remove):
                    found = await compared(one, other, agreed, bar)
    return report(found, moving.done, moving.refused)
