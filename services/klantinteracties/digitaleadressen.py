"""Digitaal adres: where somebody can be reached. That it is a party's is a fact of the house."""

import re
from typing import Final

from sqlalchemy import ColumnElement, Table, and_, or_

from engine.values import text
from schemas.event import Event
from schemas.party import PartyAddressLinked, PartyAddressUnlinked
from services.klantinteracties.fields import Choice, Day, Doc, Flag, Link, Reading, Text
from services.klantinteracties.filters import (
    DAY,
    FLAG,
    Filter,
    Step,
    choice,
    day,
    exactly,
    flag,
    holds,
    linked,
    ranged,
    terms,
    yes,
)
from services.klantinteracties.numbers import by_number, party
from services.klantinteracties.resource import (
    BLANK,
    Also,
    Change,
    Columns,
    Forward,
    Resource,
    docs,
    link,
    not_preferred,
    plain,
)

KIND: Final = "digitaleadressen"
KINDS: Final = {"email": "email", "telefoonnummer": "phone", "overig": "other"}  # As the house says.
SHOWN: Final = {"email": "email", "phone": "telefoonnummer", "sms": "telefoonnummer", "whatsapp": "telefoonnummer"}
PHONE: Final = re.compile(r"(0[1-9][0-9]{8}|\+[0-9]{9,15}|00[0-9]{7,13}|088[0-9]{7})")
NO_PHONE: Final = ("0800", "0900", "140")
ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
LOCAL: Final = re.compile(rf'{ATOM}(\.{ATOM})*|"([!#-\[\]-~]|\\[!-~])*"')
LABEL: Final = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
DOMAIN: Final = re.compile(rf"({LABEL}\.)+(?!-)[A-Za-z0-9-]{{2,63}}(?<!-)|localhost|\[[0-9A-Fa-f:.]+\]")
PARTY: Final = Step("party", "partijen", "uuid")
BETROKKENE: Final = Step("other", "betrokkenen", "uuid")
BY: Final = "verstrektDoorBetrokkene"
PARTIES: Final = ("persoon", "organisatie", "contactpersoon")


def columns(doc: Doc) -> Columns:
    return BLANK | {
        "party": link(doc, "verstrektDoorPartij"),
        "other": link(doc, "verstrektDoorBetrokkene"),
        "name": doc["adres"],
        "reference": doc["referentie"],
        "title": doc["adres"].casefold(),
        "body": doc["omschrijving"].casefold(),
        "day": doc["verificatieDatum"],
        "terms": terms(soort=doc["soortDigitaalAdres"], standaard=doc["isStandaardAdres"]),
    }


def check(doc: Doc, _before: Doc | None, given: Doc, reading: Reading) -> None:
    said, sort = doc["adres"] or "", doc["soortDigitaalAdres"]
    if said and ("adres" in given or "soortDigitaalAdres" in given):
        if sort == "email" and not is_mail(said):
            reading.fault("adres", "invalid", "Voer een geldig e-mailadres in.")
        if sort == "telefoonnummer" and (not PHONE.fullmatch(said) or said.startswith(NO_PHONE)):
            reading.fault("adres", "invalid", "Het opgegeven telefoonnummer is ongeldig.")
    if doc["isStandaardAdres"] and not doc["verstrektDoorPartij"]:
        said = "`is_standaard_adres` kan alleen gezet worden als `verstrekt_door_partij` niet leeg is."
        reading.fault("isStandaardAdres", "invalid", said)


def is_mail(said: str) -> bool:
    """Whether that API takes it for a mail address: the name of its domain may be in any script."""
    local, _, domain = said.rpartition("@")
    try:
        ascii_domain = domain if domain.isascii() else domain.encode("idna").decode()
    except UnicodeError:
        return False
    return bool(LOCAL.fullmatch(local) and DOMAIN.fullmatch(ascii_domain))


def judge(change: Change, reading: Reading) -> None:
    """What refers to something is once only, of one party and sort."""
    doc = change.doc
    for row, other in docs(change.near, KIND):
        alike = other["soortDigitaalAdres"] == doc["soortDigitaalAdres"] and row["uuid"] != change.uuid
        if doc["referentie"] and alike and other["referentie"] == doc["referentie"]:
            said = "De velden verstrektDoorPartij, referentie, soortDigitaalAdres moeten een unieke set zijn."
            reading.fault("nonFieldErrors", "unique", said)


def also(change: Change) -> list[Also]:
    """One default per party and sort: what was it before is so no more. A party prefers nothing that is gone."""
    doc = change.after
    if doc is None:
        return not_preferred(change, "verstrektDoorPartij", "voorkeursDigitaalAdres")
    if not doc["isStandaardAdres"] or not change.changed("isStandaardAdres", "soortDigitaalAdres"):
        return []
    return [
        Also(KIND, row, other | {"isStandaardAdres": False})
        for row, other in docs(change.near, KIND)
        if other["isStandaardAdres"]
        and other["soortDigitaalAdres"] == doc["soortDigitaalAdres"]
        and row["uuid"] != change.uuid
    ]


def outlives(doc: Doc, name: str) -> Doc | None:
    """A party's stays, also where it was told in a contact that goes."""
    return {"verstrektDoorBetrokkene": None} if doc["verstrektDoorPartij"] and link(doc, BY) == name else None


def address(doc: Doc) -> tuple[str, str] | None:
    """Of a party's: the house knows whose it is by its pseudonym."""
    return (KINDS[doc["soortDigitaalAdres"]], doc["adres"]) if link(doc, "verstrektDoorPartij") else None


def facts(change: Change) -> list[Event]:
    told: list[Event] = []
    before, was = change.before, str(change.row["address_id"] or "") if change.row else ""
    after = change.after
    gone = before is not None and (after is None or change.changed("verstrektDoorPartij") or was != change.address_id)
    if before is not None and gone and was and (name := link(before, "verstrektDoorPartij")):
        others = [row for row in change.near if row["uuid"] != change.uuid and row["address_id"] == was]
        if not others or change.changed("verstrektDoorPartij"):
            told.append(PartyAddressUnlinked(at=change.at, party_id=party(change, name), address_id=was))
    if after is not None and (before is None or gone) and change.address_id:
        name = after["verstrektDoorPartij"]["uuid"]
        said = {"channel": KINDS[after["soortDigitaalAdres"]], "address": plain(after["adres"], 200)}
        on = {"party_id": party(change, name), "address_id": change.address_id}
        told.append(PartyAddressLinked(at=change.at, **on, **said, certainty="certain"))
    return told


def verified(table: Table, name: str) -> ColumnElement[bool]:
    there = table.c.day.is_not(None)
    return or_(and_(text(name) == "true", there), and_(text(name) == "false", ~there))


digitaleadressen: Final = Resource(
    kind=KIND,
    one="DigitaalAdres",
    fields=(
        Link("verstrektDoorBetrokkene", null=True, kind="betrokkenen"),
        Link("verstrektDoorPartij", null=True, kind="partijen"),
        Text("adres", required=True, most=80),
        Choice("soortDigitaalAdres", required=True, words=tuple(KINDS)),
        Flag("isStandaardAdres", default=False),
        Text("omschrijving", most=40),
        Text("referentie", most=50, pattern="[-a-zA-Z0-9_]+"),
        Day("verificatieDatum", null=True),
    ),
    columns=columns,
    filters={
        "adres": exactly("name"),
        "adres__icontains": holds("title"),
        "soortDigitaalAdres": choice("soort", *KINDS),
        "isStandaardAdres": yes("standaard"),
        "isGeverifieerd": Filter(verified, flag, FLAG),
        "omschrijving": holds("body"),
        "referentie": exactly("reference"),
        **ranged("verificatieDatum", "day", day, DAY),
        **linked("verstrektDoorBetrokkene", column="other"),
        "verstrektDoorBetrokkene__rol": choice("rol", "vertegenwoordiger", "klant").after(BETROKKENE),
        **linked("verstrektDoorPartij", column="party"),
        "verstrektDoorPartij__soortPartij": choice("soort", *PARTIES).after(PARTY),
        **by_number("verstrektDoorPartij__partijIdentificator", PARTY),
    },
    forward=(
        Forward("verstrektDoorBetrokkene", "betrokkenen", "other"),
        Forward("verstrektDoorPartij", "partijen", "party"),
    ),
    home=("verstrektDoorPartij", "verstrektDoorBetrokkene"),
    check=check,
    facts=facts,
    beside=(KIND, "verstrektDoorPartij"),
    judge=judge,
    also=also,
    outlives=outlives,
    address=address,
)
