"""Partij: a person, an organisation, or who speaks for one. The house knows it as a party, by its name."""

from typing import Final, Literal

from schemas.event import Event
from schemas.party import PartyRegistered
from services.klantinteracties.fields import Choice, Doc, Flag, Group, Link, Reading, Several, Text
from services.klantinteracties.filters import Step, among, choice, exactly, linked, term, terms, yes
from services.klantinteracties.groups import NAME, PLACE, PLACES
from services.klantinteracties.klantcontacten import NUMBER
from services.klantinteracties.numbers import by_number, partij_identificatoren, parts
from services.klantinteracties.resource import (
    BLANK,
    Also,
    Change,
    Columns,
    Resource,
    Reverse,
    docs,
    full_name,
    link,
    plain,
)

KIND: Final = "partijen"
DETAIL: Final = "partijIdentificatie"
NUMBERS: Final = "partijIdentificatoren"
SORTS: Final = {
    "persoon": Group(DETAIL, fields=(Group("contactnaam", null=True, fields=NAME),)),
    "organisatie": Group(DETAIL, fields=(Text("naam", most=200),)),
    "contactpersoon": Group(
        DETAIL,
        fields=(Link("werkteVoorPartij", null=True, kind=KIND), Group("contactnaam", null=True, fields=NAME)),
    ),
}
ASKED: Final = {
    f"{group.name}{part[0].upper()}{part[1:]}": (group.name, part)
    for group in PLACES
    for part in ("nummeraanduidingId", "adresregel1", "adresregel2", "adresregel3", "land")
}
CARDS: Final = {"digitaleAdressen": "digitaleadressen", "rekeningnummers": "rekeningnummers"}  # Lists that are written.
PREFERRED: Final = {
    "digitaleAdressen": ("voorkeursDigitaalAdres", "digitaal adres"),
    "rekeningnummers": ("voorkeursRekeningnummer", "rekeningnummer"),
}
OWNERS: Final = {"digitaleadressen": "verstrektDoorPartij", "rekeningnummers": "partij"}
CATEGORY: Final = (Step("uuid", "categorie-relaties", "party"), Step("other", "categorieen", "uuid"))
REPRESENTED: Final = Step("uuid", "vertegenwoordigingen", "other")
UPPER: Final = (Step("uuid", partij_identificatoren.kind, "party"), Step("other", partij_identificatoren.kind, "uuid"))
NAME_CHARS_MAX: Final = 200
Kind = Literal["person", "organisation"]


def columns(doc: Doc) -> Columns:
    said = terms(
        soort=doc["soortPartij"],
        actief=doc["indicatieActief"],
        geheim=doc["indicatieGeheimhouding"],
        **{label: doc[group][part] for label, (group, part) in ASKED.items()},
    )
    return BLANK | {"number": doc["nummer"], "name": name_of(doc), "title": name_of(doc).casefold(), "terms": said}


def name_of(doc: Doc) -> str:
    detail = doc.get(DETAIL) or {}
    return detail["naam"] if "naam" in detail else full_name(detail.get("contactnaam"))


def finish(doc: Doc, _before: Doc | None, _now: str) -> Doc:
    detail = doc.get(DETAIL)
    if detail and "naam" not in detail:
        doc = doc | {DETAIL: detail | {"volledigeNaam": full_name(detail["contactnaam"])}}
    return doc


def facts(change: Change) -> list[Event]:
    """The house knows it by this name, from now on."""
    after = change.after
    if after is None or not (name := plain(name_of(after), NAME_CHARS_MAX)):
        return []
    if change.before is not None and name == plain(name_of(change.before), NAME_CHARS_MAX):
        return []
    kind: Kind = "organisation" if after["soortPartij"] == "organisatie" else "person"
    party = change.row["native"] if change.row else change.uuid
    return [PartyRegistered(at=change.at, party_id=party, kind=kind, name=name)]


def judge(change: Change, reading: Reading) -> None:
    doc = change.doc
    for label, kind in CARDS.items():
        preferred, sort = PREFERRED[label]
        given = change.lists.get(label)
        listed = [one["uuid"] for one in given if one] if given is not None else theirs(change, kind)
        name = link(doc, preferred)
        if name and name not in listed:
            reading.fault(preferred, "invalid", f"Het voorkeurs {sort} moet een gelinkt {sort} zijn.")
    for one in change.lists.get(NUMBERS) or ():
        if change.before is None and one["identificeerdePartij"]:
            said = "Het veld `identificeerde_partij` wordt automatisch ingesteld en dient niet te worden opgegeven."
            reading.fault(f"{NUMBERS}.identificeerdePartij", "invalid", said)
    company = change.linked.get(link(doc.get(DETAIL) or {}, "werkteVoorPartij") or "")
    if company and "soort=organisatie" not in company["terms"]:
        said = "Partij object moet het soort 'organisatie' hebben."
        reading.fault(f"{DETAIL}.werkteVoorPartij.uuid", "invalid", said)


def check(doc: Doc, _before: Doc | None, given: Doc, _reading: Reading) -> None:
    """What it preferred is not its own any more, where it is not among those that are given."""
    for label, (preferred, _) in PREFERRED.items():
        listed = given.get(label) or []
        if label in given and preferred not in given and isinstance(listed, list):
            named = [one.get("uuid") for one in listed if isinstance(one, dict)]
            doc[preferred] = doc[preferred] if link(doc, preferred) in named else None


def theirs(change: Change, kind: str) -> list[str]:
    return [row["uuid"] for row in change.near if (row["party"], row["kind"]) == (change.uuid, kind)]


def also(change: Change) -> list[Also]:
    """Its addresses and accounts are those that are listed, and so are its numbers."""
    if change.after is None:
        return []
    lists = ((label, change.lists.get(label)) for label in CARDS)
    told = [one for label, given in lists if given is not None for one in moved(change, label, given)]
    given = change.lists.get(NUMBERS)
    return told if given is None else [*told, *numbered(change, given)]


def moved(change: Change, label: str, given: list[Doc]) -> list[Also]:
    kind, mine = CARDS[label], {"uuid": change.uuid}
    names = {one["uuid"] for one in given if one}
    here = [(row, doc) for row, doc in docs(change.near, kind) if row["party"] == change.uuid]
    nobodys = {OWNERS[kind]: None} | ({"isStandaardAdres": False} if kind == "digitaleadressen" else {})
    lost = [Also(kind, row, doc | nobodys) for row, doc in here if row["uuid"] not in names]
    came = docs([change.linked[name] for name in sorted(names - {row["uuid"] for row, _ in here})], kind)
    return [*lost, *(Also(kind, row, doc | {OWNERS[kind]: mine}) for row, doc in came)]


def numbered(change: Change, given: list[Doc]) -> list[Also]:
    kind = partij_identificatoren.kind
    here = {row["uuid"]: row for row in change.near if row["kind"] == kind}
    named = [str(one["uuid"]) for one in given]
    gone = [Also(kind, row, None) for name, row in here.items() if name not in named]
    mine = {"identificeerdePartij": {"uuid": change.uuid}}
    pairs = enumerate(zip(named, given, strict=True))
    return [*gone, *(Also(kind, here.get(name), one | mine, f"{NUMBERS}.{nth}.") for nth, (name, one) in pairs)]


partijen: Final = Resource(
    kind=KIND,
    one="Partij",
    fields=(
        Text("nummer", null=True, default=None, most=10, pattern=NUMBER, empty_is_null=True),
        Text("interneNotitie", most=1000),
        Link("voorkeursDigitaalAdres", null=True, kind="digitaleadressen"),
        Link("voorkeursRekeningnummer", null=True, kind="rekeningnummers"),
        Choice("soortPartij", required=True, words=tuple(SORTS)),
        Flag("indicatieGeheimhouding", null=True),
        Text("voorkeurstaal", most=3),
        Flag("indicatieActief", required=True),
        Group("bezoekadres", null=True, fields=PLACE),
        Group("correspondentieadres", null=True, fields=PLACE),
    ),
    lists=(
        *(Several(label, null=True, each=Link("", kind=kind)) for label, kind in CARDS.items()),
        Several(
            NUMBERS,
            null=True,
            null_empties=False,
            each=Group("", fields=(Text("uuid", default=None), *partij_identificatoren.fields)),
        ),
    ),
    columns=columns,
    filters={
        "nummer": exactly("number"),
        "soortPartij": choice("soort", *SORTS),
        "indicatieActief": yes("actief"),
        "indicatieGeheimhouding": yes("geheim"),
        **{label: term(label) for label in ASKED},
        **by_number("partijIdentificator"),
        **{name: one.after(*UPPER) for name, one in parts("subIdentificatorVan__").items()},
        "categorierelatie__categorie__naam": among("name").after(*CATEGORY),
        **linked("vertegenwoordigdePartij", REPRESENTED, column="party"),
    },
    reverse=(
        Reverse("betrokkenen", "betrokkenen", "party"),
        Reverse("categorieRelaties", "categorie-relaties", "party", "named"),
        Reverse("digitaleAdressen", "digitaleadressen", "party"),
        Reverse("vertegenwoordigden", "vertegenwoordigingen", "party", "represented"),
        Reverse("rekeningnummers", "rekeningnummers", "party"),
        Reverse(NUMBERS, partij_identificatoren.kind, "party", "whole"),
    ),
    variant=(DETAIL, "soortPartij", SORTS),
    check=check,
    finish=finish,
    facts=facts,
    beside=("", KIND),
    judge=judge,
    also=also,
    cascade=(
        ("betrokkenen", "party"),
        ("categorie-relaties", "party"),
        (partij_identificatoren.kind, "party"),
        ("digitaleadressen", "party"),
        ("rekeningnummers", "party"),
        ("vertegenwoordigingen", "party"),
        ("vertegenwoordigingen", "other"),
    ),
    unique=("number",),
)
