"""Their words, read; and what they mean in ours. No clock and no network: what was fetched goes in."""

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from typing import Annotated, Any, Final, Self, TypeVar

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from channels.days import ZONE
from schemas.errors import Refused
from schemas.event import faults
from schemas.notice import Stage

WORD_CHARS_MAX: Final = 60
STAGES_MAX: Final = 25  # The last ones of a case. So many fit in a fact, with the text of each.
TITLE_CHARS_MAX: Final = 200
SAYS_CHARS_MAX: Final = 1_000
DAY_ENDS: Final = time(23, 59, 59)
NAMELESS: Final = "Naam onbekend"
# By which numbers somebody is known who asked, the surest first: their word, and the register as we call it.
NUMBERS: Final[Mapping[str, Sequence[tuple[str, str]]]] = {
    "natuurlijk_persoon": (("inpBsn", "bsn"),),
    "niet_natuurlijk_persoon": (("kvkNummer", "kvk"), ("innNnpId", "rsin"), ("vestigingsNummer", "vestiging")),
    "vestiging": (("vestigingsNummer", "vestiging"), ("kvkNummer", "kvk")),
}
PERSON: Final = "natuurlijk_persoon"
UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f]+")

NoText = Annotated[str, BeforeValidator(lambda given: "" if given is None else given)]


class Read(BaseModel):
    """What all of theirs share. What we do not ask for is not looked at."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", hide_input_in_errors=True, alias_generator=to_camel, populate_by_name=True
    )

    @classmethod
    def of(cls, said: object) -> Self:
        """Raises `Refused`, and quotes nothing."""
        try:
            return cls.model_validate(said)
        except ValidationError as error:
            raise Refused(f"the case system says something else than its API has, in {faults(error)}") from None


class Suspension(Read):
    indicatie: bool = False


class Zaak(Read):
    url: str
    omschrijving: NoText = ""
    zaaktype: str
    hoofdzaak: NoText = ""
    einddatum: date | None = None
    einddatum_gepland: date | None = None
    uiterlijke_einddatum_afdoening: date | None = None
    opschorting: Suspension | None = None
    status: NoText = ""
    resultaat: NoText = ""
    rollen: tuple[str, ...] = ()

    @property
    def still(self) -> bool:
        return bool(self.opschorting and self.opschorting.indicatie)

    @property
    def due(self) -> datetime | None:
        """The end of the day by which it has to be done; else of the day that was planned."""
        day = self.uiterlijke_einddatum_afdoening or self.einddatum_gepland
        return datetime.combine(day, DAY_ENDS, ZONE) if day else None

    @property
    def digest(self) -> str:
        """Another one where something changed that means something to us."""
        days = (self.einddatum, self.einddatum_gepland, self.uiterlijke_einddatum_afdoening)
        said = [self.omschrijving, self.status, self.resultaat, sorted(self.rollen), self.still, *map(str, days)]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()


class Zaaktype(Read):
    omschrijving: str


class Status(Read):
    url: str
    statustype: str
    datum_status_gezet: AwareDatetime


class Statustype(Read):
    omschrijving: str
    statustekst: NoText = ""
    volgnummer: int
    is_eindstatus: bool
    informeren: bool = False


class Resultaat(Read):
    resultaattype: str


class Resultaattype(Read):
    omschrijving: str


class Rol(Read):
    betrokkene_type: str
    betrokkene_identificatie: dict[str, Any] | None = None

    @property
    def number(self) -> tuple[str, str] | None:
        """The register as we call it, and the number there; nothing where no register knows them."""
        said = self.betrokkene_identificatie or {}
        known = ((scheme, said.get(name)) for name, scheme in NUMBERS.get(self.betrokkene_type, ()))
        return next(((scheme, value) for scheme, value in known if isinstance(value, str) and value.strip()), None)

    @property
    def kind(self) -> str:
        return "person" if self.betrokkene_type == PERSON else "organisation"

    @property
    def name(self) -> str:
        said = self.betrokkene_identificatie or {}
        trade = said.get("handelsnaam")
        names = [
            said.get("voornamen") or said.get("voorletters"),
            said.get("voorvoegselGeslachtsnaam"),
            said.get("geslachtsnaam"),
            said.get("statutaireNaam"),
            *(trade[:1] if isinstance(trade, list) else ()),
        ]
        return line(" ".join(name for name in names if isinstance(name, str))) or NAMELESS


class Hint(Read):
    """What the Notificaties API sends. It is believed in one thing: which case to look at."""

    kanaal: str
    hoofd_object: str
    resource: str
    resource_url: str
    actie: str
    aanmaakdatum: AwareDatetime


Kind = TypeVar("Kind", bound=Read)


def uuid_of(url: str, base: str) -> str:
    """The id at the end of an address under this one. Raises `Refused` for any other address."""
    name = url.removeprefix(base).lower()
    if not url.startswith(base) or not UUID.fullmatch(name):
        raise Refused("this address is not one of the case system that we know")
    return name


def word(text: str) -> str:
    """Their name of a kind, status or outcome, as one of our words."""
    plain = unicodedata.normalize("NFKD", text.casefold()).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    return (slug if slug[:1].isalpha() else f"x-{slug}" if slug else "unknown")[:WORD_CHARS_MAX].rstrip("-")


def line(text: str) -> str:
    return " ".join(CONTROLS.sub(" ", text).split())[:TITLE_CHARS_MAX]


def stage(status: Status, statustype: Statustype, name: str) -> Stage:
    """A status as it was set."""
    return Stage(
        stage_id=name,
        at=status.datum_status_gezet,
        status=word(statustype.omschrijving),
        named=line(statustype.omschrijving),
        says=statustype.statustekst.replace("\x00", "")[:SAYS_CHARS_MAX],
        inform=statustype.informeren,
        ends=statustype.is_eindstatus,
    )
