"""What a resource of that API is: its fields, what it is asked by, what belongs to it, and what writing it means."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple

from schemas.card import DESK_TOOL
from schemas.event import Event
from services.klantinteracties.fields import Doc, Field, Group, Reading, Several
from services.klantinteracties.filters import Filter

Row = Mapping[str, Any]
Columns = dict[str, Any]

UNIQUE: Final = ("nonFieldErrors", "unique")
BLANK: Final[Columns] = dict.fromkeys(
    (
        "sort",
        "contact",
        "party",
        "other",
        "address_id",
        "name",
        "number",
        "reference",
        "object_id",
        "title",
        "body",
        "reply",
        "day",
        "terms",
    )
)


class Reverse(NamedTuple):
    """The cards of `kind` of which `column` names this one, as a list in `field`."""

    field: str
    kind: str
    column: str
    way: str = "link"  # How each stands there: as a link, whole, or as the card that it leads to.


class Forward(NamedTuple):
    """The one card that `column` names, where somebody asks for it."""

    field: str
    kind: str
    column: str


class Change(NamedTuple):
    """A card that is written or removed, with all that is known of it."""

    uuid: str
    about: str
    at: datetime
    before: Doc | None
    after: Doc | None
    row: Row | None  # As it stood.
    linked: Mapping[str, Row]  # The cards that it names, as rows.
    near: Sequence[Row]  # Those that belong to what it belongs to, where the resource asks for them.
    lists: Mapping[str, list[Any]]  # What was given of other cards, by field.
    address_id: str  # The pseudonym of the address that it holds.
    objects: tuple[str, str] = ("", "")  # The keyed hash of the object that it named, and of the one that it names.

    @property
    def doc(self) -> Doc:
        found = self.after or self.before
        assert found, "something is written or removed"
        return found

    @property
    def docs(self) -> tuple[Doc | None, Doc | None]:
        return self.before, self.after

    @property
    def who(self) -> dict[str, Any]:
        return {"at": self.at, "agent_id": DESK_TOOL}

    def changed(self, *names: str) -> bool:
        """Whether any of these is not as it was; all of them are, when it comes or goes."""
        if self.before is None or self.after is None:
            return True
        return any(self.before.get(name) != self.after.get(name) for name in names)


def means_nothing(_change: Change) -> list[Event]:
    return []


class Also(NamedTuple):
    """Another card that is written with it: one there is, or a new one; without a doc it is removed."""

    kind: str
    row: Row | None
    doc: Doc | None
    at: str = ""  # Where it was given.


def goes_along(_doc: Doc, _name: str) -> Doc | None:
    return None


def nothing_else(_change: Change) -> list[Also]:
    return []


def no_objection(_change: Change, _reading: Reading) -> None:
    return


def all_is_well(_doc: Doc, _before: Doc | None, _given: Doc, _reading: Reading) -> None:
    return


def nowhere(_doc: Doc) -> tuple[str, str] | None:
    return None


def as_it_is(doc: Doc, _before: Doc | None, _now: str) -> Doc:
    return doc


@dataclass(frozen=True)
class Resource:
    kind: str  # Also its path.
    one: str
    fields: tuple[Field, ...]
    columns: Callable[[Doc], Columns]
    filters: Mapping[str, Filter]
    lists: tuple[Several, ...] = ()  # Fields that are not its own: other cards, which are written with it.
    reverse: tuple[Reverse, ...] = ()
    forward: tuple[Forward, ...] = ()
    home: tuple[str, ...] = ()  # Links, the first that is there says about which subject the card is.
    later: str = ""  # A link that, where it is empty, may be told by what the house knows.
    own: str = "party"  # Else it is about itself, as a subject that begins so; a contact, from an address unknown.
    variant: tuple[str, str, Mapping[str, Group]] | None = None  # A group whose fields hang on another field.
    check: Callable[[Doc, Doc | None, Doc, Reading], None] = all_is_well
    finish: Callable[[Doc, Doc | None, str], Doc] = as_it_is  # What is worked out from the rest, and from the hour.
    facts: Callable[[Change], list[Event]] = means_nothing
    beside: tuple[str, str] = ("", "")  # The cards near it: of this kind, about the same as what this link names.
    judge: Callable[[Change, Reading], None] = no_objection  # What can only be said beside other cards.
    also: Callable[[Change], list[Also]] = nothing_else
    address: Callable[[Doc], tuple[str, str] | None] = nowhere  # By which the house knows it: its kind and value.
    object: Callable[[Doc], tuple[str, str] | None] = nowhere  # That it names: its kind, and what it is called.
    cascade: tuple[tuple[str, str], ...] = field(default=())  # What goes when it goes: kinds, and the column.
    # What changes of it when the card of this name goes, which it would go along with; nothing, where it goes.
    outlives: Callable[[Doc, str], Doc | None] = goes_along
    holding: tuple[tuple[str, str], ...] = ()  # What has to go before it can go, likewise.
    unique: tuple[str, ...] = ()  # Columns of which no two cards of this kind hold the same.
    twice: tuple[str, str] = UNIQUE  # How that is said: a name and a code.
    orders: Mapping[str, bool] = field(default_factory=dict)  # What `ordering` may say, and whether it falls.

    @property
    def every(self) -> dict[str, Reverse | Forward]:
        """What can be included, by name."""
        every: list[Reverse | Forward] = [*self.reverse, *self.forward]
        return {one.field: one for one in every}


def docs(rows: Sequence[Row], kind: str) -> list[tuple[Row, Doc]]:
    """The cards of this kind among these, as they were written."""
    return [(row, doc_of(row)) for row in rows if row["kind"] == kind]


def doc_of(row: Row) -> Doc:
    """A card as it was written, from what is served of it."""
    doc: Doc = json.loads(row["doc"] + "}", object_hook=unlinked, strict=False)
    doc.pop("uuid")
    doc.pop("url", None)
    return doc


def unlinked(node: Doc) -> Doc:
    """A link without its address."""
    return {"uuid": node["uuid"]} if node.keys() == {"uuid", "url"} else node


def link(doc: Doc, name: str) -> str | None:
    found = doc.get(name)
    return found["uuid"] if found else None


def not_preferred(change: Change, whose: str, preferred: str) -> list[Also]:
    """Of a card that goes: its party, which prefers it no more."""
    row = change.linked.get(link(change.doc, whose) or "")
    return [Also("partijen", row, {preferred: None})] if row and link(doc_of(row), preferred) == change.uuid else []


def full_name(name: Doc | None) -> str:
    """As people write it."""
    parts = ("voornaam", "voorvoegselAchternaam", "achternaam")
    return " ".join(name[part] for part in parts if name.get(part)) if name else ""


def plain(value: str, most: int) -> str:
    """On one line, as the house keeps titles and names."""
    if not value.isprintable():
        value = "".join(sign if sign.isprintable() else " " for sign in value)
    return " ".join(value.split())[:most]
