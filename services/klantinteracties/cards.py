"""Every card there is, a row each: those that desk tools wrote, and what the house says as they would say it."""

from typing import Final

from sqlalchemy import Column, Index, MetaData, Table, Text
from sqlalchemy import text as sql

from engine.processor import Drop, Put, register
from schemas.card import CardRemoved, CardWritten
from schemas.event import Envelope
from services.klantinteracties.every import EVERY, served
from services.klantinteracties.house import Gone, House, Kept, Said, told
from services.klantinteracties.numbers import known_by
from services.klantinteracties.resource import Columns


def where_set(*columns: str) -> Index:
    """Of the rows that have the first of these: most have few of them, and are filed by no other."""
    there = sql(f"{columns[0]} IS NOT NULL")
    return Index(None, *columns, sqlite_where=there, postgresql_where=there)


table: Final = Table(
    "card",
    MetaData(),
    Column("uuid", Text, primary_key=True),
    Column("about", Text, primary_key=True),  # A card that moves is written there and removed here, in any order.
    Column("kind", Text, nullable=False),
    Column("native", Text, nullable=False),  # As the house names it.
    Column("since", Text, nullable=False),
    Column("sort", Text, nullable=False),
    Column("contact", Text),  # The cards that it belongs to.
    Column("party", Text),
    Column("other", Text),
    Column("address_id", Text),
    Column("name", Text),  # What most ask by: of an address itself, of a contact its channel, of a task its status.
    Column("number", Text),
    Column("reference", Text),
    Column("object_id", Text),
    Column("title", Text),  # As it is searched: capitals are not told apart.
    Column("body", Text),
    Column("reply", Text),
    Column("day", Text),
    Column("terms", Text),  # What few ask by.
    Column("doc", Text, nullable=False),  # As it is served.
    Index("card_sort", "kind", "sort", "uuid"),
    Index("card_name", "kind", "name", "sort", "uuid"),
    Index(None, "about", "kind"),
    where_set("contact", "kind"),
    where_set("party", "kind"),
    where_set("other", "kind"),
    where_set("address_id"),
    where_set("object_id"),
    where_set("number"),
    where_set("reference"),
)


def card(kept: Kept, event: CardWritten | CardRemoved | House, _cause: Envelope) -> tuple[Kept, list[Put | Drop]]:
    after, changes = told(kept, event)
    return after, [shown(one, event.subject) for one in changes]


def shown(change: Said | Gone, about: str) -> Put | Drop:
    if isinstance(change, Gone):
        return Drop({"uuid": change.uuid, "about": about})
    return Put(row(change, about))


def row(said: Said, about: str) -> Columns:
    """A card as a row: what it is looked for by, and what is served of it."""
    resource = EVERY.get(said.kind)
    columns = resource.columns(said.doc) if resource else known_by(**said.doc)
    return columns | {
        "uuid": said.uuid,
        "about": said.about or about,
        "kind": said.kind,
        "native": said.native or said.uuid,
        "since": said.since,
        "sort": columns["sort"] or said.since,
        "address_id": said.address_id or None,
        "doc": served(resource, said.uuid, said.doc) if resource else "",
    }


cards: Final = register("klantinteracties.cards", table, card, version=3)
