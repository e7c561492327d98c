"""Onderwerpobject: what a contact was about. A case, or a tree in a street, is a fact of the house too.

Of a case it does not matter which of its names was used.
"""

import re
from typing import Any, Final

from schemas.contact import ContactFiled, ContactTied, ContactUnfiled, ContactUntied
from schemas.event import Event, holds_bsn
from services.klantinteracties.fields import Doc, Group, Link
from services.klantinteracties.filters import linked, terms
from services.klantinteracties.groups import IDENTIFIER, by_identifier, identified, is_case, same
from services.klantinteracties.resource import BLANK, Change, Columns, Forward, Resource, link, plain

KIND: Final = "onderwerpobjecten"
IDENTIFIED: Final = "onderwerpobjectidentificator"
CASE_CHARS: Final = 36  # Of a UUID: what else is named a case has no story here.
KIND_CHARS_MAX: Final = 60
TITLE_CHARS_MAX: Final = 200


def columns(doc: Doc) -> Columns:
    whose = {"contact": link(doc, "klantcontact"), "other": link(doc, "wasKlantcontact")}
    return BLANK | whose | {"object_id": doc[IDENTIFIED]["objectId"], "terms": terms(**identified(doc[IDENTIFIED]))}


def facts(change: Change) -> list[Event]:
    before, after = filed(change, change.before), filed(change, change.after)
    if before == after:
        return ties(change)
    told: list[Event] = []
    if before:
        told.append(ContactUnfiled(**change.who, contact_id=before["contact_id"], case_id=before["case_id"]))
    if after:
        told.append(ContactFiled(**change.who, **after, certainty="certain"))
    return told + ties(change)


def ties(change: Change) -> list[Event]:
    before, after = (tied(change, doc, name) for doc, name in zip(change.docs, change.objects, strict=True))
    if before == after:
        return []
    told: list[Event] = []
    if before:
        told.append(ContactUntied(**change.who, **before))
    if after and change.after:
        kind, title = called(change.after[IDENTIFIED]) or ("", "")
        told.append(ContactTied(**change.who, **after, kind=kind, title=title))
    return told


def filed(change: Change, doc: Doc | None) -> dict[str, Any] | None:
    if doc is None or not is_case(doc[IDENTIFIED]):
        return None
    contact, case = whose(change, doc), doc[IDENTIFIED]["objectId"].lower()
    return {**contact, "case_id": case} if contact and is_name(case) else None


def tied(change: Change, doc: Doc | None, object_id: str) -> dict[str, Any] | None:
    contact = whose(change, doc) if doc and object_id else None
    return contact | {"object_id": object_id} if contact else None


def whose(change: Change, doc: Doc) -> dict[str, Any] | None:
    """The contact that it is about, as the house names it."""
    contact = change.linked.get(link(doc, "klantcontact") or "")
    if contact is None:
        return None
    return {"contact_id": contact["native"], "address_id": str(contact["about"]).removeprefix("address/")}


def called(identifier: Doc) -> tuple[str, str] | None:
    """The kind of object and what it is called, where it is neither a case nor nameless."""
    kind = re.sub(r"[^a-z0-9]+", "-", plain(identifier["codeObjecttype"], KIND_CHARS_MAX).casefold()).strip("-")
    title = plain(identifier["objectId"], TITLE_CHARS_MAX)
    if same(kind) == "zaak" or not (title and kind[:1].isalpha()) or holds_bsn(title):
        return None
    return kind, title


def is_name(case: str) -> bool:
    """Whether it may stand in a subject: a UUID, and nothing that looks like a BSN."""
    plainly = len(case) == CASE_CHARS and case.replace("-", "").isalnum() and case.isascii()
    return plainly and not holds_bsn(case)


onderwerpobjecten: Final = Resource(
    kind=KIND,
    one="Onderwerpobject",
    fields=(
        Link("klantcontact", null=True, kind="klantcontacten"),
        Link("wasKlantcontact", null=True, kind="klantcontacten"),
        Group(IDENTIFIED, null=True, fields=IDENTIFIER),
    ),
    columns=columns,
    filters={
        **linked("klantcontact", column="contact"),
        **linked("wasKlantcontact", column="other"),
        **by_identifier(IDENTIFIED),
    },
    forward=(
        Forward("klantcontact", "klantcontacten", "contact"),
        Forward("wasKlantcontact", "klantcontacten", "other"),
    ),
    home=("klantcontact", "wasKlantcontact"),
    facts=facts,
    object=lambda doc: called(doc[IDENTIFIED]),
)
