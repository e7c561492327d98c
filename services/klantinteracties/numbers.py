"""Partij-identificator: a number by which a register knows a party. It is sealed, and looked for by its keyed hash."""

from typing import Final

from sqlalchemy import ColumnElement, Table

from engine.values import text
from schemas.event import Event, looks_like_bsn
from schemas.party import PartyIdentifierSet, PartyIdentifierUnset
from services.klantinteracties.fields import Choice, Doc, Group, Link, Reading, Text
from services.klantinteracties.filters import TEXT, Filter, Step, choice, term, terms
from services.klantinteracties.resource import BLANK, Change, Columns, Resource, docs, link

KIND: Final = "partij-identificatoren"
TYPES: Final = {"brp": ("natuurlijk_persoon",), "hr": ("vestiging", "niet_natuurlijk_persoon")}
NUMBERS: Final = {
    "natuurlijk_persoon": ("bsn",),
    "vestiging": ("vestigingsnummer",),
    "niet_natuurlijk_persoon": ("rsin", "kvk_nummer"),
}
DIGITS: Final = {"bsn": 9, "rsin": 9, "kvk_nummer": 8, "vestigingsnummer": 12}
SCHEMES: Final = {
    "bsn": "bsn",
    "rsin": "rsin",
    "kvk_nummer": "kvk",
    "vestigingsnummer": "vestiging",
}  # As the house says.
NUMBER: Final = "partijIdentificator"
BRANCH: Final = "vestigingsnummer"
TWICE: Final = ("__all__", "invalid")
CODES: Final = ("codeObjecttype", "codeSoortObjectId", "codeRegister")


def by_hash(table: Table, name: str) -> ColumnElement[bool]:
    return table.c.object_id.in_([text(f"{name}__{scheme}") for scheme in SCHEMES.values()])


def parts(prefix: str) -> dict[str, Filter]:
    """The four parts, of a row that holds such a number."""
    found = {f"{prefix}{label}": term(label) for label in CODES}
    return found | {f"{prefix}objectId": Filter(by_hash, str, TEXT, narrow=True, numbered=True)}


def by_number(prefix: str, *steps: Step) -> dict[str, Filter]:
    """The same, of a party that is reached by these steps; without steps, of the party itself."""
    last = Step("party", KIND, "party", steps[-1].claimed) if steps else Step("uuid", KIND, "party")
    return {name: one.after(*steps[:-1], last) for name, one in parts(f"{prefix}__").items()}


def digest_of(doc: Doc) -> str:
    """The keyed hash that is kept with the sealed number."""
    return str(doc[NUMBER]["objectId"]).split(":")[1]


def columns(doc: Doc) -> Columns:
    number = doc[NUMBER]
    said = {label: number[label] for label in CODES} | {"andere": doc["anderePartijIdentificator"]}
    upper = link(doc, "subIdentificatorVan")
    whose = {"party": link(doc, "identificeerdePartij"), "other": upper}
    unique = f"{number['codeSoortObjectId']} {digest_of(doc)} {upper or ''}"
    return BLANK | whose | {"object_id": digest_of(doc), "number": unique, "terms": terms(**said)}


def known_by(party: str, scheme: str, digest: str) -> Columns:
    """A number that the house was told: it is looked for by its hash, and nobody can tell it again."""
    sort = next((sort for sort, ours in SCHEMES.items() if ours == scheme), "")
    kind = next((kind for kind, sorts in NUMBERS.items() if sort in sorts), "")
    register = next((register for register, kinds in TYPES.items() if kind in kinds), "")
    said = terms(codeObjecttype=kind, codeSoortObjectId=sort, codeRegister=register)
    return BLANK | {"party": party, "object_id": digest, "terms": said}


def check(doc: Doc, _before: Doc | None, given: Doc, reading: Reading) -> None:
    """The hierarchy of identifiers, and what each number must be."""
    number = doc[NUMBER]
    if not number or any(not number.get(label) for label in CODES):
        return
    register, kind, sort = number["codeRegister"], number["codeObjecttype"], number["codeSoortObjectId"]
    if kind not in TYPES.get(register, ()):
        allowed = ", ".join(TYPES.get(register, ()))
        reading.fault(
            f"{NUMBER}CodeObjecttype", "invalid", f"voor `codeRegister` {register} zijn toegestaan: {allowed}"
        )
    elif sort not in NUMBERS.get(kind, ()):
        allowed = ", ".join(NUMBERS.get(kind, ()))
        said = f"voor `codeObjecttype` {kind} zijn toegestaan: {allowed}"
        reading.fault(f"{NUMBER}CodeSoortObjectId", "invalid", said)
    elif why := wrong(sort, number.get("objectId") or "") if NUMBER in given else "":
        reading.fault(f"{NUMBER}ObjectId", "invalid", f"Deze waarde is ongeldig, reden: {why}")
    if sort == BRANCH and not doc["subIdentificatorVan"]:
        reading.fault(
            "subIdentificatorVan",
            "invalid",
            "Voor een PartijIdentificator met codeSoortObjectId = `vestigingsnummer` is het verplicht om een "
            "`sub_identifier_van` met codeSoortObjectId = `kvk_nummer` te kiezen.",
        )


def wrong(sort: str, number: str) -> str:
    """Why it is no such number, if it is none."""
    if len(number) != DIGITS[sort]:
        return f"Waarde moet {DIGITS[sort]} tekens lang zijn"
    if not (number.isascii() and number.isdigit()):
        return "Voer een numerieke waarde in"
    if sort in {"bsn", "rsin"} and (not looks_like_bsn(number) or not int(number)):
        return f"Onjuist {sort.upper()} nummer"
    return ""


def judge(change: Change, reading: Reading) -> None:
    """A party has one number of each sort; and a branch belongs to a company."""
    doc = change.doc
    sort = doc[NUMBER]["codeSoortObjectId"]
    for row, other in docs(change.near, KIND):
        if row["uuid"] != change.uuid and other[NUMBER]["codeSoortObjectId"] == sort:
            said = "`CodeSoortObjectId` moet uniek zijn binnen een Partij."
            reading.fault(*TWICE, said)
    upper = change.linked.get(link(doc, "subIdentificatorVan") or "")
    if upper is None:
        return
    if upper["uuid"] == change.uuid:
        reading.fault("subIdentificatorVan", "invalid", "Een nummer hoort niet bij zichzelf.")
    elif sort == BRANCH and "codeSoortObjectId=kvk_nummer" not in upper["terms"]:
        said = "Het is alleen mogelijk om een subIdentifierVan te selecteren met codeSoortObjectId = `kvk_nummer`."
        reading.fault("subIdentificatorVan", "invalid", said)


def facts(change: Change) -> list[Event]:
    """The party is known by it at the desk too, by its hash."""
    told: list[Event] = []
    before, after = known(change.before), known(change.after)
    if before and before[:2] != (after[:2] if after else None):
        told.append(PartyIdentifierUnset(**change.who, party_id=party(change, before[0]), scheme=before[1]))
    if after and after != before:
        told.append(
            PartyIdentifierSet(**change.who, party_id=party(change, after[0]), scheme=after[1], digest=after[2])
        )
    return told


def known(doc: Doc | None) -> tuple[str, str, str] | None:
    if doc is None or (whose := link(doc, "identificeerdePartij")) is None:
        return None
    return whose, SCHEMES[doc[NUMBER]["codeSoortObjectId"]], digest_of(doc)


def party(change: Change, uuid: str) -> str:
    """As the house names it."""
    row = change.linked.get(uuid)
    return str(row["native"]) if row else uuid


FIELDS: Final = (
    Link("identificeerdePartij", null=True, kind="partijen"),
    Text("anderePartijIdentificator", most=200),
    Group(
        NUMBER,
        required=True,
        fields=(
            Choice("codeObjecttype", required=True, words=tuple(NUMBERS)),
            Choice("codeSoortObjectId", required=True, words=tuple(DIGITS)),
            Text("objectId", required=True, most=200),
            Choice("codeRegister", required=True, words=tuple(TYPES)),
        ),
    ),
    Link("subIdentificatorVan", null=True, kind=KIND),
)

WORDS: Final = {
    "codeObjecttype": choice("codeObjecttype", *NUMBERS),
    "codeSoortObjectId": choice("codeSoortObjectId", *DIGITS),
    "codeRegister": choice("codeRegister", *TYPES),
}
partij_identificatoren: Final = Resource(
    kind=KIND,
    one="PartijIdentificator",
    fields=FIELDS,
    columns=columns,
    filters={
        "anderePartijIdentificator": term("andere"),
        **{f"{NUMBER}{name[0].upper()}{name[1:]}": one for name, one in (parts("") | WORDS).items()},
    },
    home=("identificeerdePartij",),
    check=check,
    beside=(KIND, "identificeerdePartij"),
    judge=judge,
    facts=facts,
    holding=((KIND, "other"),),
    unique=("number",),
    twice=TWICE,
)
