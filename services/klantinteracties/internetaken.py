"""Interne taak: a task of the house, such as a call-back. Whoever ends it, here or at the desk, ends it for both."""

from datetime import timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Table, exists, literal

from engine.values import text
from schemas.event import Event
from schemas.task import TaskAssigned, TaskDone, TaskOpened, TaskReopened
from services.klantinteracties.actoren import KIND as ACTORS
from services.klantinteracties.digitaleadressen import KINDS
from services.klantinteracties.fields import Choice, Doc, Link, Moment, Reading, Several, Text
from services.klantinteracties.filters import (
    MOMENT,
    NAME,
    SEPARATOR,
    TEXT,
    URL,
    Filter,
    Step,
    choice,
    exactly,
    linked,
    name_at_end,
    name_in,
    ranged,
    sortable,
    sorted_moment,
    term,
    words,
)
from services.klantinteracties.klantcontacten import NUMBER
from services.klantinteracties.resource import BLANK, Change, Columns, Forward, Resource, doc_of, docs, link, plain

KIND: Final = "internetaken"
OPEN: Final = "te_verwerken"
DONE: Final = "verwerkt"
OWNERS: Final = {"medewerker": "person", "organisatorische_eenheid": "department", "geautomatiseerde_actor": "group"}
DUE: Final = timedelta(days=2)  # That API has no word for it: as long as for a contact that nobody answered.
ONE: Final = "toegewezenAanActor"
ALL: Final = "toegewezenAanActoren"
CONTACT: Final = Step("contact", "klantcontacten", "uuid")
ACTORS_MAX: Final = 10
TITLE_CHARS_MAX: Final = 500
NAME_CHARS_MAX: Final = 120


def columns(doc: Doc) -> Columns:
    actors = "".join(f"actor={one['uuid']}{SEPARATOR}" for one in doc[ALL])
    return BLANK | {
        "sort": sortable(doc["toegewezenOp"]),
        "contact": link(doc, "aanleidinggevendKlantcontact"),
        "other": doc[ALL][0]["uuid"] if doc[ALL] else None,
        "number": doc["nummer"],
        "reference": doc["referentienummer"],
        "name": doc["status"],
        "terms": f"{SEPARATOR}{actors}",
    }


def check(doc: Doc, before: Doc | None, given: Doc, reading: Reading) -> None:
    if reading.faults:
        return
    if ONE in given and ALL in given:
        said = "`toegewezen_aan_actor` en `toegewezen_aan_actoren` mag niet beiden gebruikt worden."
        reading.fault("nonFieldErrors", "invalid", said)
    if ONE not in given and ALL not in given and before is None:
        said = "`toegewezen_aan_actor` of `toegewezen_aan_actoren` is required (mag niet beiden gebruiken)."
        reading.fault("nonFieldErrors", "invalid", said)
    if given.get("afgehandeldOp") and doc["status"] != DONE:
        said = "De Internetaak kan geen afgehandeld op datum bevatten als de status niet op 'verwerkt' staat."
        reading.fault("afgehandeldOp", "invalid", said)
    if ONE in given and ALL not in given and doc.get(ONE):
        doc[ALL] = [doc[ONE]]
    doc[ALL] = [*{one["uuid"]: one for one in doc[ALL] if one}.values()][:ACTORS_MAX]


def finish(doc: Doc, before: Doc | None, now: str) -> Doc:
    done = (doc["afgehandeldOp"] or now) if doc["status"] == DONE else None
    since = before["toegewezenOp"] if before else now
    return doc | {ONE: doc[ALL][0] if doc[ALL] else None, "toegewezenOp": since, "afgehandeldOp": done}


def facts(change: Change) -> list[Event]:
    """Opened, with another owner, done, open again."""
    name = change.row["native"] if change.row else change.uuid
    on: dict[str, Any] = {"task_id": name, **change.who}
    before, after = change.before, change.after
    if after is None:
        return [] if before and before["status"] == DONE else [TaskDone(**on, result="withdrawn")]
    told: list[Event] = []
    if before is None:
        told.append(opened(change, after, on))
    elif change.changed(ALL) and (theirs := owner(change, after)):
        told.append(TaskAssigned(**on, **theirs))
    was = before["status"] if before else OPEN
    if was == OPEN and after["status"] == DONE:
        told.append(TaskDone(**on, text=after["toelichting"]))
    if was == DONE and after["status"] == OPEN:
        told.append(TaskReopened(**on))
    return told


def opened(change: Change, doc: Doc, on: dict[str, Any]) -> TaskOpened:
    contact = change.linked.get(doc["aanleidinggevendKlantcontact"]["uuid"])
    about = str(contact["about"]) if contact else ""
    said: dict[str, Any] = {"title": plain(doc["gevraagdeHandeling"], TITLE_CHARS_MAX), "text": doc["toelichting"]}
    where: dict[str, Any] = {"address_id": about.removeprefix("address/"), "address": reached_at(change)}
    theirs: dict[str, Any] = owner(change, doc) or {"owner_kind": "group", "owner": "unknown"}
    asked: dict[str, Any] = {"about": about, "contact_id": contact["native"] if contact else ""}
    return TaskOpened(**on, kind="call-back", due=change.at + DUE, **theirs, **said, **where, **asked)


def owner(change: Change, doc: Doc) -> dict[str, Any] | None:
    """The first actor, as the house names who does a task."""
    row = change.linked.get(doc[ALL][0]["uuid"]) if doc[ALL] else None
    if row is None:
        return None
    actor = doc_of(row)
    return {"owner_kind": OWNERS[actor["soortActor"]], "owner": named(actor["naam"])}


def named(name: str) -> str:
    """A name as the house spells it in an id."""
    spelled = "".join(sign if sign.isascii() and (sign.isalnum() or sign in "._") else "-" for sign in name)
    return spelled.strip("-._")[:NAME_CHARS_MAX] or "unknown"


def reached_at(change: Change) -> str:
    """Where whoever is to be called back said that they can be reached; a telephone first."""
    theirs = [doc for _, doc in docs(change.near, "digitaleadressen")]
    by_phone = sorted(theirs, key=lambda doc: KINDS[doc["soortDigitaalAdres"]] != "phone")
    return plain(by_phone[0]["adres"], TITLE_CHARS_MAX) if by_phone else ""


def outlives(doc: Doc, name: str) -> Doc | None:
    """It is there as long as its contact is; whoever is gone does it no more."""
    rest = [one for one in doc[ALL] if one["uuid"] != name]
    return {ALL: rest} if len(rest) < len(doc[ALL]) else None


def by_actor(table: Table, name: str) -> ColumnElement[bool]:
    """Any of its actors is called so."""
    actor = table.alias()
    is_one = table.c.terms.contains(literal(f"{SEPARATOR}actor=").concat(actor.c.uuid).concat(SEPARATOR))
    return exists().where(actor.c.kind == ACTORS, actor.c.name == text(name), is_one)


internetaken: Final = Resource(
    kind=KIND,
    one="InterneTaak",
    fields=(
        Text("nummer", null=True, default=None, most=10, pattern=NUMBER, empty_is_null=True),
        Text("referentienummer", null=True, default=None, most=10, pattern=NUMBER, empty_is_null=True),
        Text("gevraagdeHandeling", required=True, most=200),
        Link("aanleidinggevendKlantcontact", required=True, kind="klantcontacten"),
        Link(ONE, kind="actoren"),
        Several(ALL, each=Link("", kind="actoren")),
        Text("toelichting", most=15_000),
        Choice("status", required=True, words=(OPEN, DONE)),
        Moment("afgehandeldOp", null=True),
    ),
    columns=columns,
    filters={
        "nummer": exactly("number"),
        "referentienummer": exactly("reference"),
        "status": choice("status", OPEN, DONE, column="name"),
        **ranged("toegewezenOp", "sort", sorted_moment, MOMENT),
        "actoren__naam": Filter(by_actor, words, TEXT),
        "klantcontact__uuid": exactly("contact", name_in, NAME),
        "klantcontact__nummer": exactly("number").after(CONTACT),
        "klantcontact__referentienummer": exactly("reference").after(CONTACT),
        "toegewezenAanActor__uuid": term("actor", name_in, NAME),
        "toegewezenAanActor__url": term("actor", name_at_end, URL),
        **linked("aanleidinggevendKlantcontact", column="contact"),
    },
    forward=(Forward("aanleidinggevendKlantcontact", "klantcontacten", "contact"),),
    own="task",
    check=check,
    finish=finish,
    facts=facts,
    outlives=outlives,
    beside=("digitaleadressen", "aanleidinggevendKlantcontact"),
    unique=("number", "reference"),
    orders={"toegewezenOp": False, "-toegewezenOp": True},
)
