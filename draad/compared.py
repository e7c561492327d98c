"""What two registers of the Klantinteracties API say of the same cards, laid beside each other."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final, NamedTuple

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from draad.agreed import Agreed, Digests
from draad.register import PAGE, Refusal, Register
from services.klantinteracties.every import EVERY
from services.klantinteracties.fields import Doc, Reading
from services.klantinteracties.taking import MOMENTS, ORDER, PREFERRED, own, since
from services.klantinteracties.writing import read

DIGEST_BYTES: Final = 16
TOLD_MAX: Final = 50  # Cards that are named one by one.


class Difference(NamedTuple):
    """Of one kind: how many each has, and the cards that are not the same."""

    kind: str
    there: int
    here: int
    missing: list[str]  # There, and never here.
    left: list[str]  # There, and removed here.
    other: list[str]  # Says something else here, where it was changed; or nobody knows where.
    behind: list[str]  # Says something else there, and was not changed here.
    gone: list[str]  # Was removed there, and not changed here.
    kept: list[str]  # Was removed there, and changed here.

    @property
    def told(self) -> list[tuple[str, list[str]]]:
        names = (self.missing, self.left, [*self.other, *self.behind], [*self.gone, *self.kept])
        return [*zip(WORDS, names, strict=True)]


WORDS: Final = ("missing here", "removed here", "says something else", "removed there")


async def compared(there: Register, here: Register, agreed: Agreed, bar: Progress) -> list[Difference]:
    """Kind by kind. What both say alike is agreed on from now on."""
    found = []
    for kind in ORDER:
        task = bar.add_task(f"compare {kind}", total=None)
        theirs, ours = await digests(there, kind), await digests(here, kind)
        found.append(difference(kind, theirs, ours, agreed.said(kind)))
        agreed.same(kind, {name: said for name, said in theirs.items() if ours.get(name) == said})
        bar.update(task, total=1, completed=1)
    return found


def difference(kind: str, theirs: Digests, ours: Digests, before: Digests) -> Difference:
    def some(names: Iterable[str], wanted: Callable[[str], bool]) -> tuple[list[str], list[str]]:
        every = sorted(names)
        return [name for name in every if wanted(name)], [name for name in every if not wanted(name)]

    def unchanged(name: str) -> bool:
        return before.get(name) == ours[name]

    left, missing = some(theirs.keys() - ours.keys(), before.__contains__)
    behind, other = some((name for name in theirs.keys() & ours.keys() if theirs[name] != ours[name]), unchanged)
    gone, kept = some((before.keys() & ours.keys()) - theirs.keys(), unchanged)
    return Difference(kind, len(theirs), len(ours), missing, left, other, behind, gone, kept)


async def digests(register: Register, kind: str) -> Digests:
    found: Digests = {}
    count, number = 1, 0
    while number * PAGE < count:
        number += 1
        count, cards = await register.page(kind, number)
        found |= {card["uuid"]: digest(kind, card) for card in cards}
    return found


def digest(kind: str, card: Doc) -> bytes:
    """Of what a card says itself, however either side spells it."""
    both = {MOMENTS[kind]: since(card, kind)} if kind in MOMENTS else {}
    preferred = {name: (card.get(name) or {}).get("uuid") for name in PREFERRED}
    said = read(EVERY[kind], own(kind, card), None, Reading(), partly=True) | both | preferred
    text = json.dumps(bare(said), sort_keys=True, default=str)
    return blake2b(text.encode(errors="surrogatepass"), digest_size=DIGEST_BYTES).digest()


def bare(node: Any) -> Any:  # noqa: ANN401  # Whatever a card holds.
    """Without what is empty: some write null, some nothing at all."""
    match node:
        case dict():
            inner = {name: bare(value) for name, value in node.items()}
            return {name: value for name, value in inner.items() if value not in (None, "", {}, [])}
        case list() | tuple():
            return [bare(value) for value in node]
    return node


def report(found: Sequence[Difference], done: Mapping[str, Counter[str]], refused: Sequence[Refusal]) -> bool:
    """Print what was done, and what differs. True where nothing does."""
    screen = Console(markup=False, highlight=False)
    for refusal in refused[:TOLD_MAX]:
        screen.print(f"Not taken: {refusal.kind} {refusal.uuid}: {refusal.why}.", soft_wrap=True)
    if len(refused) > TOLD_MAX:
        screen.print(f"Not taken, and not named here: {len(refused) - TOLD_MAX} more.")
    columns: dict[str, list[int]] = {"there": [one.there for one in found], "here": [one.here for one in found]}
    said = {name: [each[one.kind] for one in found] for name, each in done.items()}
    said |= {word: [len(one.told[nth][1]) for one in found] for nth, word in enumerate(WORDS)}
    columns |= {name: amounts for name, amounts in said.items() if any(amounts)}
    table = Table("kind", *columns)
    for nth, one in enumerate(found):
        table.add_row(one.kind, *(str(amounts[nth]) for amounts in columns.values()))
    screen.print(table)
    for one in found:
        for word, names in one.told:
            for name in names[:TOLD_MAX]:
                screen.print(f"Look at: {one.kind} {name}: {word}.", soft_wrap=True)
    return not any(names for one in found for _, names in one.told)
