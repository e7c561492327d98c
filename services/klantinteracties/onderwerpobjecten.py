"""Onderwerpobject: what a contact was about. A case there is a fact of the house, whichever of its names was used."""

from typing import Any, Final

from schemas.contact import ContactFiled, ContactUnfiled
from schemas.event import NINE_DIGITS, Event, looks_like_bsn
from services.klantinteracties.fields import Doc, Group, Link
from services.klantinteracties.filters import linked, terms
from services.klantinteracties.groups import IDENTIFIER, by_identifier, identified, is_case
from services.klantinteracties.resource import BLANK, Change, Columns, Forward, Resource, link

KIND: Final = "onderwerpobjecten"
IDENTIFIED: Final = "onderwerpobjectidentificator"
CASE_CHARS: Final = 36  # Of a UUID: what else is named a case has no story here.


def columns(doc: Doc) -> Columns:
    whose = {"contact": link(doc, "klantcontact"), "other": link(doc, "wasKlantcontact")}
    return BLANK | whose | {"object_id": doc[IDENTIFIED]["objectId"], "terms": terms(**identified(doc[IDENTIFIED]))}


def facts(change: Change) -> list[Event]:
    before, after = filed(change, change.before), filed(change, change.after)
    if before == after:
        return []
    told: list[Event] = []
    if before:
        told.append(ContactUnfiled(**change.who, contact_id=before["contact_id"], case_id=before["case_id"]))
    if after:
        told.append(ContactFiled(**change.who, **after, certainty="certain"))
    return told


def filed(change: Change, doc: Doc | None) -> dict[str, Any] | None:
    if doc is None or not is_case(doc[IDENTIFIED]):
        return None
    contact, case = change.linked.get(link(doc, "klantcontact") or ""), doc[IDENTIFIED]["objectId"].lower()
    if contact is None or not is_name(case):
        return None
    address = str(contact["about"]).removeprefix("address/")
    return {"contact_id": contact["native"], "case_id": case, "address_id": address}


def is_name(case: str) -> bool:
    """Whether it may stand in a subject: a UUID, and nothing that looks like a BSN."""
    plain = len(case) == CASE_CHARS and case.replace("-", "").isalnum() and case.isascii()
    return plain and not any(looks_like_bsn(run.replace(".", "")) for run in NINE_DIGITS.findall(case))


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
)
