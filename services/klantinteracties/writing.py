"""Writing: a card that comes, changes or goes, and the facts that it means, in one append."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple

from channels.address import address as address_of
from channels.blind import object_id
from engine.work import stamp
from schemas.card import Card, CardRemoved, CardWritten
from schemas.contact import ContactReceived
from schemas.event import Envelope, Event, derived, fact
from services.klantinteracties.asking import Asking
from services.klantinteracties.cards import row as row_of
from services.klantinteracties.every import EVERY, compact
from services.klantinteracties.fields import Doc, Fault, Reading, read_all, spelled_moment
from services.klantinteracties.house import Said
from services.klantinteracties.numbers import KIND as NUMBERS
from services.klantinteracties.problems import Problem
from services.klantinteracties.resource import Also, Change, Resource, Row, doc_of
from services.klantinteracties.sealed import Sealer

REMOVED_MAX: Final = 500  # In one fact.
TOLD: Final = {"number": "nummer", "reference": "referentienummer"}


class Taken(NamedTuple):
    """Another register's card: its name, and when it came to be there."""

    uuid: str
    at: datetime


@dataclass
class Write:
    """All that one request writes. What it wrote so far can be named by what it writes next."""

    now: datetime
    key: str
    asking: Asking
    sealer: Sealer
    pepper: bytes
    reading: Reading = field(default_factory=Reading)
    fresh: dict[str, Row] = field(default_factory=dict)
    known: dict[str, Row] = field(default_factory=dict)  # What it named that was there before.
    facts: list[Event] = field(default_factory=list)
    cards: dict[str, list[Card]] = field(default_factory=dict)  # By the subject that they are about.
    gone: dict[str, list[str]] = field(default_factory=dict)
    holding: list[Row] = field(default_factory=list)  # Without which something that goes cannot go.
    names: int = 0

    def name(self) -> str:
        """Of a new card: the same, when the request comes again with its key."""
        self.names += 1
        return derived(f"card {self.key} {self.names}")

    async def put(  # noqa: PLR0913  # All that a card can come with.
        self, resource: Resource, row: Row | None, given: Doc, *, at: str = "", partly: bool = False,
        taken: Taken | None = None,
    ) -> str:  # fmt: skip
        """Write one card; what is wrong with it is in `reading`, named from `at`. Returns its name."""
        before = doc_of(row) if row else None
        mine = Reading()
        doc = read(resource, given, before, mine, partly=partly)
        lists = {
            one.name: one.read(given[one.name], one.name, mine)
            for one in resource.lists
            if one.name in given and (given[one.name] is not None or (before and one.null_empties)) and not taken
        }
        resource.check(doc, before, given, mine)
        linked = await self.linked(mine, before)
        self.told(mine, at)
        if self.reading.faults:
            return ""
        doc = resource.finish(doc, before, spelled_moment(taken.at if taken else self.now))
        change = await self.change(resource, row, before, doc, linked, lists, taken)
        resource.judge(change, self.reading)
        await self.unique(resource, change, at)
        if not self.reading.faults:
            self.keep(resource, change)
            for one in resource.also(change):
                await self.beside(one)
        return change.uuid

    async def beside(self, one: Also) -> None:
        """A card that is written with another."""
        resource = EVERY[one.kind]
        if one.row and one.row["uuid"] in self.gone.get(one.row["about"], ()):
            return
        if one.doc is None:
            assert one.row, "only what is there goes"
            await self.remove(resource, one.row)
        else:
            await self.put(resource, one.row, one.doc, at=one.at or f"{one.kind}.", partly=one.row is not None)

    async def change(  # noqa: PLR0913, PLR0917  # All that is known of it.
        self, resource: Resource, row: Row | None, before: Doc | None, doc: Doc | None,
        linked: Mapping[str, Row], lists: Mapping[str, list[Any]], taken: Taken | None = None,
    ) -> Change:  # fmt: skip
        taken = taken or Taken(row["uuid"] if row else self.name(), self.now)
        uuid = taken.uuid
        if doc is not None and resource.kind == NUMBERS:
            doc = self.sealer.seal(doc)
        home = next((linked[name] for name in homes(resource, doc or before or {}) if name in linked), None)
        about = (row["about"] if row else "") if not resource.home else ""
        if not about:
            about = home["about"] if home else own(resource, uuid)
        kind, by = resource.beside
        beside = linked.get(named_by(doc or before or {}, by)) if by != resource.kind else row
        near = await self.asking.near(beside["about"], kind) if beside else ()
        found = resource.address(doc) if doc else None
        where = address_of(*found).pseudonym(self.pepper) if found else ""
        there = {one["uuid"]: one for one in near if one["uuid"] not in self.gone.get(one["about"], ())}
        mine = (one for one in self.fresh.values() if beside and one["about"] == beside["about"])
        near = [*(there | {one["uuid"]: one for one in mine if one["kind"] == (kind or one["kind"])}).values()]
        objects = self.object_of(resource, before), self.object_of(resource, doc)
        return Change(uuid, about, taken.at, before, doc, row, linked, near, lists, where, objects)

    def object_of(self, resource: Resource, doc: Doc | None) -> str:
        named = resource.object(doc) if doc else None
        return object_id(*named, self.pepper) if named else ""

    async def linked(self, mine: Reading, before: Doc | None) -> dict[str, Row]:
        """The cards that it names, and named before. One that is not there is a fault."""
        wanted = {one.uuid for one in mine.references} | set(names_in(before or {}))
        there = {name: self.fresh[name] for name in wanted if name in self.fresh}
        missing = sorted(wanted - there.keys())
        if missing:
            there |= await self.asking.named(missing)
        self.known |= there
        for one in mine.references:
            if one.uuid not in there or there[one.uuid]["kind"] != one.kind:
                mine.fault(one.at, "invalid", f"{EVERY[one.kind].one} object bestaat niet.")
        return there

    def told(self, mine: Reading, at: str) -> None:
        self.reading.faults += [Fault(at + fault.name, fault.code, fault.reason) for fault in mine.faults]

    async def unique(self, resource: Resource, change: Change, at: str) -> None:
        assert change.after, "it is written"
        if not resource.unique:
            return
        columns = resource.columns(change.after)
        before = resource.columns(change.before) if change.before else {}
        for column in resource.unique:
            value = columns[column]
            if not value or value == before.get(column):
                continue
            there = [row["uuid"] for row in await self.asking.same(resource.kind, column, value)]
            mine = [row["uuid"] for row in self.fresh.values() if (row["kind"], row[column]) == (resource.kind, value)]
            if any(name != change.uuid for name in (*there, *mine)):
                name, code = resource.twice
                if "nummer" in change.after:
                    name, code = at + TOLD[column], "unique"
                self.reading.fault(name, code, f"Er bestaat al een {resource.one.lower()} met deze waarde.")

    def keep(self, resource: Resource, change: Change) -> None:
        row, since = change.row, change.row["since"] if change.row else ""
        native = row["native"] if row and row["native"] != change.uuid else ""
        assert change.after is not None, "it is written"
        made = datetime.fromisoformat(since) if since else change.at
        card = Card(
            card_id=change.uuid,
            kind=resource.kind,
            since=made,
            body=compact(change.after),
            address_id=change.address_id,
            native=native,
        )
        self.cards.setdefault(change.about, []).append(card)
        if row and row["about"] != change.about:
            self.gone.setdefault(row["about"], []).append(change.uuid)
        said = Said(resource.kind, change.uuid, since or stamp(made), change.after, native, change.address_id)
        self.fresh[change.uuid] = row_of(said, change.about)
        self.facts += resource.facts(change)

    async def remove(self, resource: Resource, row: Row) -> None:
        """It goes, and all that belongs to it."""
        if row["uuid"] in self.gone.get(row["about"], ()):
            return
        self.gone.setdefault(row["about"], []).append(row["uuid"])
        for kind, column in resource.holding:
            self.holding += await self.asking.belonging(row["uuid"], kind, column)
        for kind, column in resource.cascade:
            for child in await self.asking.belonging(row["uuid"], kind, column):
                await self.left(EVERY[kind], child, row["uuid"])
        self.cards = {
            about: kept
            for about, cards in self.cards.items()
            if (kept := [card for card in cards if card.card_id != row["uuid"]])
        }
        before = doc_of(row)
        change = await self.change(resource, row, before, None, await self.linked(Reading(), before), {})
        self.facts += resource.facts(change)
        for one in resource.also(change):
            await self.beside(one)

    async def left(self, resource: Resource, row: Row, name: str) -> None:
        """What named a card that goes: it goes along, or goes on without."""
        row = self.fresh.get(row["uuid"], row)
        rest = resource.outlives(doc_of(row), name)
        if rest is None:
            await self.remove(resource, row)
        else:
            await self.beside(Also(resource.kind, row, rest))

    def envelopes(self) -> list[Envelope]:
        """What is appended. What came in is told before its card, which says it better; all else after."""
        first = [event for event in self.facts if isinstance(event, ContactReceived)]
        written = [CardWritten(at=self.now, about=about, cards=tuple(cards)) for about, cards in self.cards.items()]
        removed = [
            CardRemoved(at=self.now, about=about, card_ids=tuple(names[nth : nth + REMOVED_MAX]))
            for about, names in self.gone.items()
            for nth in range(0, len(names), REMOVED_MAX)
        ]
        rest = [event for event in self.facts if not isinstance(event, ContactReceived)]
        every: Iterable[Event] = (*first, *removed, *written, *rest)
        return [fact(event, key=f"{self.key} {nth}") for nth, event in enumerate(every)]

    def checked(self) -> None:
        """Raises `Problem` where anything is wrong."""
        if any(row["uuid"] not in self.gone.get(row["about"], ()) for row in self.holding):
            self.reading.fault("nonFieldErrors", "invalid", "Dit kan niet weg: een ander object hoort hierbij.")
        if self.reading.faults:
            raise Problem(400, faults=self.reading.faults)


def read(resource: Resource, given: Doc, before: Doc | None, reading: Reading, *, partly: bool) -> Doc:
    """The fields, and the group of fields that hangs on one of them."""
    doc = read_all(resource.fields, given, before, reading, partly=partly)
    if resource.variant is None:
        return doc
    name, by, groups = resource.variant
    group = groups.get(doc[by]) if isinstance(doc[by], str) else None
    if group is None:
        return doc
    kept = before.get(name) if before and before[by] == doc[by] else None
    said = group.read(given[name], name, reading) if name in given else None
    doc[name] = said if given.get(name) else kept  # An empty one says nothing.
    return doc


def homes(resource: Resource, doc: Doc) -> list[str]:
    return [doc[name]["uuid"] for name in resource.home if doc.get(name)]


def own(resource: Resource, uuid: str) -> str:
    return f"address/unknown.{uuid}" if resource.own == "address" else f"{resource.own}/{uuid}"


def named_by(doc: Doc, name: str) -> str:
    return doc[name]["uuid"] if doc.get(name) else ""


def names_in(node: Any) -> Iterable[str]:  # noqa: ANN401  # Whatever a card holds.
    """The names of other cards, wherever they stand in one."""
    match node:
        case {"uuid": str(name), **rest} if not rest:
            yield name
        case dict():
            for inner in node.values():
                yield from names_in(inner)
        case list() | tuple():
            for inner in node:
                yield from names_in(inner)
