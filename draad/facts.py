"""`draad log`: the facts, by position, time, type, subject and id. What they say is shown only when asked for."""

import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, Final

from draad.beside import beside
from draad.settings import Settings
from engine.engine import Engine
from schemas import CATALOGUE
from schemas.event import Envelope

READ_MAX: Final = 1_000  # Facts read at once.
LAST: Final = 20
POLL_S: Final = 0.2  # Another process writes: nobody wakes us.
MASKED: Final = "(personal)"
HIDDEN: Final = frozenset({"direct", "special"})


@dataclass(frozen=True)
class Wish:
    """Which facts, and how much of them."""

    follow: bool
    types: Sequence[str]
    subject: str
    after: int | None
    limit: int | None
    _: KW_ONLY
    json: bool = False
    data: bool = False
    personal: bool = False

    def wants(self, fact: Envelope) -> bool:
        kinds = not self.types or any(like(fact.type, pattern) for pattern in self.types)
        return kinds and (not self.subject or like(fact.subject, self.subject))


def like(word: str, pattern: str) -> bool:
    """Equal, or beginning with what stands before a final star."""
    return word.startswith(pattern[:-1]) if pattern.endswith("*") else word == pattern


async def show(settings: Settings, wish: Wish, say: Callable[[str], None]) -> None:
    async with beside(settings) as engine:
        ends, shown = await engine.ends(), 0
        if wish.after is None:
            for fact in await last(engine, wish, ends):
                say(line(fact, wish))
            if not wish.follow:
                return
        start = ends if wish.after is None else dict.fromkeys(ends, wish.after)
        limit = wish.limit if wish.after is not None else None
        async for fact in onward(engine, start, follow=wish.follow):
            if shown == limit:
                return
            if wish.wants(fact):
                say(line(fact, wish))
                shown += 1


async def last(engine: Engine, wish: Wish, ends: Mapping[str, int]) -> Sequence[Envelope]:
    """The last facts that are wanted, up to these ends; of several partitions in the order in which they came."""
    count = LAST if wish.limit is None else wish.limit
    found: list[Envelope] = []
    for partition, end in ends.items():
        found.extend(await tail(engine, wish, count, partition, end))
    found.sort(key=lambda fact: fact.time)  # The order of each partition stays: it is in the order of time.
    return found[len(found) - count :] if len(found) > count else found


async def tail(engine: Engine, wish: Wish, count: int, partition: str, end: int) -> Sequence[Envelope]:
    """The last ones of a partition: found by going back through it, piece by piece."""
    found: list[Envelope] = []
    while end > 0 and len(found) < count:
        begin = max(0, end - READ_MAX)
        piece = await engine.read(begin, end - begin, partition)
        found = [fact for fact in piece if wish.wants(fact)] + found
        end = begin
    return found


async def onward(engine: Engine, start: Mapping[str, int], *, follow: bool) -> AsyncIterator[Envelope]:
    """What comes after these places, partition by partition."""
    places = dict(start)
    while True:
        for partition, after in [*places.items()]:
            place = after
            while piece := await engine.read(place, READ_MAX, partition):
                for fact in piece:
                    yield fact
                places[partition] = place = piece[-1].position
        if not follow:
            return
        await engine.store.moved(engine.store.mark(), POLL_S)


def line(fact: Envelope, wish: Wish) -> str:
    said = told(fact, personal=wish.personal) if wish.data else None
    if wish.json:
        fields = {n: getattr(fact, n) for n in ("position", "time", "type", "subject", "id", "cause", "depth")}
        fields |= {"partition": fact.partition} if fact.partition else {}
        return json.dumps(fields if said is None else fields | {"data": said}, ensure_ascii=False)
    where = f"{fact.partition}:{fact.position}" if fact.partition else f"{fact.position:>9}"
    plain = f"{where}  {fact.time}  {fact.type:<24}  {fact.subject}  {fact.id}"
    return plain if said is None else f"{plain}  {json.dumps(said, ensure_ascii=False)}"


def told(fact: Envelope, *, personal: bool) -> Mapping[str, Any]:
    """What a fact says; what is marked as personal, or not marked because we do not know it, only if asked for."""
    said: dict[str, Any] = json.loads(fact.data)
    if personal:
        return said
    model = CATALOGUE.get(fact.type)
    open_fields = {
        name
        for name, field in (model.model_fields if model else {}).items()
        if isinstance(extra := field.json_schema_extra, dict) and extra.get("personal") not in HIDDEN
    }
    return {name: value if name in open_fields else MASKED for name, value in said.items()}
