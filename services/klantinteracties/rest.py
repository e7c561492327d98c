"""What that API has besides, and no desk tool that we know of calls: cards only, without a meaning for the house."""

from typing import Final

from services.klantinteracties.fields import Day, Doc, Group, Link, Reading, Text
from services.klantinteracties.filters import DAY, NAME, Step, day, exactly, linked, name_in, term, terms
from services.klantinteracties.groups import IDENTIFIER, by_identifier, identified
from services.klantinteracties.resource import BLANK, Change, Columns, Forward, Resource, link, not_preferred

BIJLAGE: Final = "bijlageidentificator"
PARTY: Final = Step("party", "partijen", "uuid")
CATEGORY: Final = Step("other", "categorieen", "uuid")


def attachment(doc: Doc) -> Columns:
    contact, said = link(doc, "wasBijlageVanKlantcontact"), doc[BIJLAGE]
    return BLANK | {"contact": contact, "object_id": said["objectId"], "terms": terms(**identified(said))}


def category(doc: Doc) -> Columns:
    return BLANK | {"name": doc["naam"]}


def relation(doc: Doc) -> Columns:
    whose = {"party": link(doc, "partij"), "other": link(doc, "categorie")}
    return BLANK | whose | {"terms": terms(begin=doc["beginDatum"], eind=doc["eindDatum"])}


def account(doc: Doc) -> Columns:
    return BLANK | {"party": link(doc, "partij"), "name": doc["iban"], "terms": terms(bic=doc["bic"])}


def representation(doc: Doc) -> Columns:
    by, whom = link(doc, "vertegenwoordigendePartij"), link(doc, "vertegenwoordigdePartij")
    return BLANK | {"party": by, "other": whom, "number": f"{by} {whom}"}


def objection(change: Change, reading: Reading) -> None:
    if link(change.doc, "vertegenwoordigendePartij") == link(change.doc, "vertegenwoordigdePartij"):
        reading.fault("vertegenwoordigdePartij", "invalid", "De partij kan niet zichzelf vertegenwoordigen.")


def begun(doc: Doc, _before: Doc | None, now: str) -> Doc:
    return doc | {"beginDatum": doc["beginDatum"] or now[:10]}


bijlagen: Final = Resource(
    kind="bijlagen",
    one="Bijlage",
    fields=(
        Link("wasBijlageVanKlantcontact", null=True, kind="klantcontacten"),
        Group(BIJLAGE, null=True, fields=IDENTIFIER),
    ),
    columns=attachment,
    filters={**by_identifier(BIJLAGE), "klantcontact__uuid": exactly("contact", name_in, NAME)},
    home=("wasBijlageVanKlantcontact",),
)
categorieen: Final = Resource(
    kind="categorieen",
    one="Categorie",
    fields=(Text("naam", most=80),),
    columns=category,
    filters={},
    cascade=(("categorie-relaties", "other"),),
)
categorie_relaties: Final = Resource(
    kind="categorie-relaties",
    one="CategorieRelatie",
    fields=(
        Link("partij", null=True, kind="partijen"),
        Link("categorie", null=True, kind="categorieen"),
        Day("beginDatum", null=True),
        Day("eindDatum", null=True),
    ),
    columns=relation,
    filters={
        "beginDatum": term("begin", day, DAY),
        "eindDatum": term("eind", day, DAY),
        "categorie__naam": exactly("name").after(CATEGORY),
        **linked("categorie", column="other"),
        "partij__nummer": exactly("number").after(PARTY),
        **linked("partij", column="party"),
    },
    forward=(Forward("categorie", "categorieen", "other"), Forward("partij", "partijen", "party")),
    home=("partij",),
    finish=begun,
)
rekeningnummers: Final = Resource(
    kind="rekeningnummers",
    one="Rekeningnummer",
    fields=(
        Link("partij", null=True, kind="partijen"),
        Text("iban", required=True, most=34, pattern="[A-Za-z]{2}[0-9]{2}[A-Za-z0-9]{1,30}"),
        Text("bic", least=8, most=11, pattern=r"\S+"),
    ),
    columns=account,
    filters={"iban": exactly("name"), "bic": term("bic"), "uuid": exactly("uuid", name_in, NAME)},
    home=("partij",),
    also=lambda change: [] if change.after else not_preferred(change, "partij", "voorkeursRekeningnummer"),
)
vertegenwoordigingen: Final = Resource(
    kind="vertegenwoordigingen",
    one="Vertegenwoordigden",
    fields=(
        Link("vertegenwoordigendePartij", required=True, kind="partijen"),
        Link("vertegenwoordigdePartij", required=True, kind="partijen"),
    ),
    columns=representation,
    filters={
        **linked("vertegenwoordigendePartij", column="party"),
        **linked("vertegenwoordigdePartij", column="other"),
    },
    home=("vertegenwoordigendePartij",),
    judge=objection,
    unique=("number",),
)
