"""Betrokkene: who took part in a contact. That it was a party is a fact of the house."""

from typing import Any, Final

from schemas.contact import ContactIdentified, ContactUnidentified
from schemas.event import Event
from services.klantinteracties.fields import Choice, Doc, Flag, Group, Link, Text
from services.klantinteracties.filters import Step, exactly, linked, term, terms
from services.klantinteracties.groups import NAME, PLACES
from services.klantinteracties.numbers import by_number, party
from services.klantinteracties.resource import BLANK, Change, Columns, Forward, Resource, Reverse, full_name, link

KIND: Final = "betrokkenen"
ROLES: Final = ("vertegenwoordiger", "klant")
CONTACT: Final = Step("contact", "klantcontacten", "uuid")
PARTY: Final = Step("party", "partijen", "uuid", claimed=True)
ADDRESS: Final = Step("uuid", "digitaleadressen", "other")
NAMED: Final = {f"contactnaam{one.name[0].upper()}{one.name[1:]}": one.name for one in NAME}


def columns(doc: Doc) -> Columns:
    said = terms(**{label: doc["contactnaam"][part] for label, part in NAMED.items()}, rol=doc["rol"])
    whose = {"contact": link(doc, "hadKlantcontact"), "party": link(doc, "wasPartij")}
    return BLANK | whose | {"name": doc["organisatienaam"], "terms": said}


def finish(doc: Doc, _before: Doc | None, _now: str) -> Doc:
    return doc | {"volledigeNaam": full_name(doc["contactnaam"])}


def facts(change: Change) -> list[Event]:
    """It was this party; or another than was said; or none."""
    before, after = who(change, change.before), who(change, change.after)
    told: list[Event] = []
    if before and before != after:
        told.append(ContactUnidentified(**change.who, **before))
    if after and before != after:
        told.append(ContactIdentified(**change.who, **after, certainty="certain", how=change.who["agent_id"]))
    return told


def who(change: Change, doc: Doc | None) -> dict[str, Any] | None:
    if doc is None or (name := link(doc, "wasPartij")) is None:
        return None
    contact = change.linked.get(doc["hadKlantcontact"]["uuid"])
    if contact is None:
        return None
    address = str(contact["about"]).removeprefix("address/")
    return {"contact_id": contact["native"], "address_id": address, "party_id": party(change, name)}


betrokkenen: Final = Resource(
    kind=KIND,
    one="Betrokkene",
    fields=(
        Link("wasPartij", null=True, kind="partijen"),
        Link("hadKlantcontact", required=True, kind="klantcontacten"),
        *PLACES,
        Group("contactnaam", null=True, fields=NAME),
        Choice("rol", required=True, words=ROLES),
        Text("organisatienaam", most=200),
        Flag("initiator", required=True),
    ),
    columns=columns,
    filters={
        **{label: term(label) for label in NAMED},
        "organisatienaam": exactly("name"),
        "hadKlantcontact__nummer": exactly("number").after(CONTACT),
        "hadKlantcontact__referentienummer": exactly("reference").after(CONTACT),
        **linked("hadKlantcontact", column="contact"),
        "verstrektedigitaalAdres__adres": exactly("name").after(ADDRESS),
        **linked("verstrektedigitaalAdres", ADDRESS),
        "wasPartij__nummer": exactly("number").after(PARTY),
        **linked("wasPartij", PARTY),
        **by_number("wasPartij__partijIdentificator", PARTY),
    },
    reverse=(Reverse("digitaleAdressen", "digitaleadressen", "other"),),
    forward=(
        Forward("wasPartij", "partijen", "party"),
        Forward("hadKlantcontact", "klantcontacten", "contact"),
    ),
    later="wasPartij",
    home=("hadKlantcontact",),
    finish=finish,
    facts=facts,
    cascade=(("digitaleadressen", "other"),),
)
