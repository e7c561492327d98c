"""Actor: a colleague, a department or a machine; and which of them took part in a contact."""

from typing import Final

from services.klantinteracties.fields import Choice, Doc, Flag, Group, Link, Text
from services.klantinteracties.filters import choice, holds, linked, terms, yes
from services.klantinteracties.groups import IDENTIFIER, by_identifier, identified
from services.klantinteracties.resource import BLANK, Columns, Forward, Resource, link

KIND: Final = "actoren"
PHONE: Final = r"(0[1-9][0-9]{8}|\+[0-9]{9,15}|00[0-9]{7,13})"
IDENTIFIED: Final = "actoridentificator"
VARIANTS: Final = {
    "medewerker": Group(
        "actorIdentificatie",
        fields=(
            Text("functie", required=True, most=40),
            Text("emailadres", most=254, pattern=r"[^@\s]+@[^@\s]+"),
            Text("telefoonnummer", required=True, most=20, pattern=PHONE),
        ),
    ),
    "geautomatiseerde_actor": Group(
        "actorIdentificatie", fields=(Text("functie", required=True, most=40), Text("omschrijving", most=200))
    ),
    "organisatorische_eenheid": Group(
        "actorIdentificatie",
        fields=(
            Text("omschrijving", most=200),
            Text("emailadres", most=254, pattern=r"[^@\s]+@[^@\s]+"),
            Text("faxnummer", most=20),
            Text("telefoonnummer", most=20, pattern=PHONE),
        ),
    ),
}


def columns(doc: Doc) -> Columns:
    said = terms(soort=doc["soortActor"], actief=doc["indicatieActief"], **identified(doc[IDENTIFIED]))
    names = {"name": doc["naam"], "title": doc["naam"].casefold()}
    return BLANK | names | {"object_id": doc[IDENTIFIED]["objectId"], "terms": said}


actoren: Final = Resource(
    kind=KIND,
    one="Actor",
    fields=(
        Text("naam", required=True, most=200),
        Choice("soortActor", required=True, words=tuple(VARIANTS)),
        Flag("indicatieActief", default=True),
        Group(IDENTIFIED, null=True, fields=IDENTIFIER),
    ),
    columns=columns,
    filters={
        "naam": holds("title"),
        "soortActor": choice("soort", *VARIANTS),
        "indicatieActief": yes("actief"),
        **by_identifier(IDENTIFIED),
    },
    variant=("actorIdentificatie", "soortActor", VARIANTS),
    cascade=(("actorklantcontacten", "other"), ("internetaken", "actor")),
)


def pair(doc: Doc) -> Columns:
    actor, contact = link(doc, "actor"), link(doc, "klantcontact")
    return BLANK | {"other": actor, "contact": contact, "number": f"{actor} {contact}"}


actorklantcontacten: Final = Resource(
    kind="actorklantcontacten",
    one="ActorKlantcontact",
    fields=(Link("actor", required=True, kind=KIND), Link("klantcontact", required=True, kind="klantcontacten")),
    columns=pair,
    filters={**linked("actor", column="other"), **linked("klantcontact", column="contact")},
    forward=(Forward("actor", KIND, "other"), Forward("klantcontact", "klantcontacten", "contact")),
    home=("klantcontact",),
    unique=("number",),
)
