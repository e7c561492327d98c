"""Groups of fields that several resources have, and what they may be asked by."""

from collections.abc import Mapping
from typing import Final

from services.klantinteracties.fields import Doc, Field, Group, Text, Whole
from services.klantinteracties.filters import Filter, Step, exactly, term

PLACE: Final[tuple[Field, ...]] = (
    Text("nummeraanduidingId", most=16, pattern="[0-9]{16}"),
    Text("straatnaam", most=255),
    Whole("huisnummer", null=True, least=1, most=99_999),
    Text("huisnummertoevoeging", most=20),
    Text("postcode", most=7, pattern="[1-9][0-9]{3} [A-Z]{2}"),
    Text("stad", most=255),
    Text("adresregel1", most=80),
    Text("adresregel2", most=80),
    Text("adresregel3", most=80),
    Text("land", most=2, pattern="[A-Z]{2}"),
)
PLACES: Final = (Group("bezoekadres", null=True, fields=PLACE), Group("correspondentieadres", null=True, fields=PLACE))
NAME: Final[tuple[Field, ...]] = (
    Text("voorletters", most=10),
    Text("voornaam", most=200),
    Text("voorvoegselAchternaam", most=10),
    Text("achternaam", most=200),
)
IDENTIFIER: Final[tuple[Field, ...]] = tuple(
    Text(name, most=200) for name in ("objectId", "codeObjecttype", "codeRegister", "codeSoortObjectId")
)
# A case has two names in use: those of KISS and ITA, and those of ZAC and OMC. They mean the same.
SAME: Final[Mapping[str, str]] = {"zgw-zaak": "zaak", "open-zaak": "openzaak", "open zaak": "openzaak"}


def same(word: str) -> str:
    return SAME.get(word.casefold(), word.casefold())


def identified(doc: Doc) -> dict[str, str | None]:
    """The terms of an identifier, whichever convention wrote it."""
    return {label: same(doc.get(label) or "") for label in ("codeObjecttype", "codeRegister", "codeSoortObjectId")}


def by_identifier(prefix: str, *steps: Step) -> dict[str, Filter]:
    """The four parts of an identifier, as that API names them: `onderwerpobjectidentificatorObjectId`."""
    found = {
        f"{prefix}Code{label[4:]}": term(label, same)
        for label in ("codeObjecttype", "codeRegister", "codeSoortObjectId")
    }
    every = {f"{prefix}ObjectId": exactly("object_id")} | found
    return {name: one.after(*steps) for name, one in every.items()}


def is_case(identifier: Doc) -> bool:
    """Whether it names a matter that has a story here."""
    return same(identifier["codeObjecttype"]) == "zaak" and same(identifier["codeSoortObjectId"]) == "uuid"
