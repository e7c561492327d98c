"""Klantcontact: a contact. What a tool registers was dealt with by whoever registered it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from schemas.card import DESK_TOOL
from schemas.contact import ContactEnded, ContactNoted, ContactReceived
from schemas.event import TEXT_CHARS_MAX, Event
from services.klantinteracties.fields import Doc, Flag, Map, Moment, Reading, Text
from services.klantinteracties.filters import (
    MOMENT,
    Step,
    exactly,
    holds,
    linked,
    ranged,
    sortable,
    sorted_moment,
    terms,
    there,
    yes,
)
from services.klantinteracties.groups import by_identifier
from services.klantinteracties.numbers import by_number
from services.klantinteracties.resource import BLANK, Change, Columns, Resource, Reverse, plain

KIND: Final = "klantcontacten"
NUMBER: Final = "[0-9]+"
TITLE_CHARS_MAX: Final = 500
# Their words for a channel, and ours. What is in neither is spelled as a word of the log.
CHANNELS: Final[Mapping[str, str]] = {
    "telefoon": "phone",
    "telefonisch": "phone",
    "e-mail": "email",
    "mail": "email",
    "balie": "counter",
    "brief": "letter",
    "post": "letter",
    "webformulier": "webform",
    "contactformulier": "webform",
    "live chat": "chat",
}
SHOWN: Final[Mapping[str, str]] = {
    "phone": "Telefoon",
    "email": "E-mail",
    "counter": "Balie",
    "letter": "Brief",
    "webform": "Webformulier",
    "web": "Webformulier",
    "chat": "Chat",
    "whatsapp": "WhatsApp",
    "sms": "Sms",
}
LIVE: Final = frozenset({"phone", "counter", "chat"})

BETROKKENE: Final = Step("uuid", "betrokkenen", "contact")
PARTY: Final = Step("party", "partijen", "uuid", claimed=True)
OBJECT: Final = Step("uuid", "onderwerpobjecten", "contact")
WAS: Final = Step("uuid", "onderwerpobjecten", "other")
TASK: Final = Step("uuid", "internetaken", "contact")
ADDRESS: Final = Step("uuid", "digitaleadressen", "other")


def columns(doc: Doc) -> Columns:
    said = terms(
        indicatieContactGelukt=doc["indicatieContactGelukt"],
        vertrouwelijk=doc["vertrouwelijk"],
        referentienummer=doc["referentienummer"],
    )
    return BLANK | {
        "sort": sortable(doc["plaatsgevondenOp"]),
        "name": doc["kanaal"],
        "number": doc["nummer"],
        "reference": doc["referentienummer"],
        "title": doc["onderwerp"].casefold(),
        "body": doc["inhoud"].casefold(),
        "reply": doc["reactie"].casefold(),
        "terms": said,
    }


def check(doc: Doc, _before: Doc | None, _given: Doc, reading: Reading) -> None:
    if doc["verdereActieOndernomen"] and doc["indicatieContactGelukt"]:
        reading.fault(
            "nonFieldErrors",
            "no-further-action-when-contact-succesful",
            "Als het contact gelukt is kan er geen verdere actie zijn ondernomen",
        )


def channel(kanaal: str) -> str:
    """A word of the log."""
    said = kanaal.casefold().strip()
    spelled = "".join(sign if sign.isascii() and sign.isalnum() else "-" for sign in said).strip("-0123456789")
    return CHANNELS.get(said) or spelled[:60] or "unknown"


def ids(change: Change) -> dict[str, str]:
    name = change.row["native"] if change.row else change.uuid
    return {"contact_id": name, "address_id": change.about.removeprefix("address/")}


def finish(doc: Doc, _before: Doc | None, now: str) -> Doc:
    return doc | {"plaatsgevondenOp": doc["plaatsgevondenOp"] or now, "metadata": doc["metadata"] or {}}


def facts(change: Change) -> list[Event]:
    on: dict[str, Any] = ids(change)
    if change.after is None:
        return [ContactNoted(**change.who, **on, result="withdrawn")]
    doc, text = change.after, change.after["inhoud"]
    if change.before is not None:
        return (
            [ContactNoted(**change.who, **on, text=text, result="corrected")]
            if change.changed("inhoud", "onderwerp")
            else []
        )
    road, title = channel(doc["kanaal"]), plain(doc["onderwerp"], TITLE_CHARS_MAX)
    at = datetime.fromisoformat(doc["plaatsgevondenOp"])
    came = ContactReceived(at=at, **on, channel=road, inbox=DESK_TOOL, title=title, text=text)
    noted = ContactNoted(**change.who, **on, result="registered")
    return [came, noted, *([ContactEnded(at=change.at, **on, reason="completed")] if road in LIVE else [])]


FIELDS: Final = (
    Text("nummer", null=True, default=None, most=10, pattern=NUMBER, empty_is_null=True),
    Text("referentienummer", null=True, default=None, most=10, pattern=NUMBER, empty_is_null=True),
    Text("kanaal", required=True, most=50),
    Text("onderwerp", required=True, most=200),
    Text("inhoud", most=TEXT_CHARS_MAX),
    Text("reactie", most=TEXT_CHARS_MAX),
    Flag("indicatieContactGelukt", null=True),
    Text("hoofdOnderwerpType", most=200, pattern="(https?|ftps?)://\\S+"),
    Flag("verdereActieOndernomen", default=False),
    Text("taal", required=True, most=3),
    Flag("vertrouwelijk", required=True),
    Moment("plaatsgevondenOp"),
    Map("metadata"),
)

FILTERS: Final = {
    **linked("hadBetrokkene", BETROKKENE),
    "hadBetrokkene__wasPartij": there(BETROKKENE, where=lambda table, _name: table.c.party.is_not(None)),
    **linked("hadBetrokkene__wasPartij", BETROKKENE, PARTY),
    **by_number("hadBetrokkene__wasPartij__partijIdentificator", BETROKKENE, PARTY),
    "hadBetrokkene__digitaaladres__adres__icontains": holds("title").after(BETROKKENE, ADDRESS),
    "leiddeTotInterneTaken": there(TASK),
    **linked("onderwerpobject", OBJECT),
    **by_identifier("onderwerpobject__onderwerpobjectidentificator", OBJECT),
    **linked("wasOnderwerpobject", WAS),
    **by_identifier("wasOnderwerpobject__onderwerpobjectidentificator", WAS),
    "kanaal": exactly("name"),
    "onderwerp": holds("title"),
    "inhoud": holds("body"),
    "reactie": holds("reply"),
    "nummer": exactly("number"),
    "referentienummer": exactly("reference"),
    "indicatieContactGelukt": yes("indicatieContactGelukt"),
    "vertrouwelijk": yes("vertrouwelijk"),
    **ranged("plaatsgevondenOp", "sort", sorted_moment, MOMENT),
}

klantcontacten: Final = Resource(
    kind=KIND,
    one="Klantcontact",
    fields=FIELDS,
    columns=columns,
    filters=FILTERS,
    reverse=(
        Reverse("gingOverOnderwerpobjecten", "onderwerpobjecten", "contact"),
        Reverse("hadBetrokkenActoren", "actorklantcontacten", "contact", "actoren"),
        Reverse("omvatteBijlagen", "bijlagen", "contact"),
        Reverse("hadBetrokkenen", "betrokkenen", "contact"),
        Reverse("leiddeTotInterneTaken", "internetaken", "contact"),
    ),
    own="address",
    check=check,
    finish=finish,
    facts=facts,
    cascade=(
        ("betrokkenen", "contact"),
        ("onderwerpobjecten", "contact"),
        ("onderwerpobjecten", "other"),
        ("bijlagen", "contact"),
        ("actorklantcontacten", "contact"),
        ("internetaken", "contact"),
    ),
    unique=("number", "reference"),
    orders={"plaatsgevondenOp": False, "-plaatsgevondenOp": True},
)
