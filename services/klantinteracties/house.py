"""What the house says of contacts, parties and tasks, as cards: nobody has to write one for what a channel brought."""

import json
from collections.abc import Iterable
from typing import Any, Final, NamedTuple
from uuid import UUID

from msgspec.json import decode

from engine.processor import State
from engine.work import stamp
from schemas import contact as c
from schemas import party as p
from schemas import task as t
from schemas.card import DESK_TOOL, Card, CardRemoved, CardWritten
from schemas.event import derived
from services.klantinteracties import internetaken as tasks
from services.klantinteracties.digitaleadressen import SHOWN as ADDRESSES
from services.klantinteracties.every import compact
from services.klantinteracties.fields import Doc, Group
from services.klantinteracties.filters import KNOWN_BY
from services.klantinteracties.groups import NAME, PLACES
from services.klantinteracties.klantcontacten import SHOWN as CHANNELS
from services.klantinteracties.partijen import name_of
from services.klantinteracties.resource import full_name, plain

ADDRESSES_MAX: Final = 200  # Of one party, that are remembered as written by a tool.
TITLE_CHARS_MAX: Final = 200
PLACE: Final[Doc] = {group.name: group.blank for group in PLACES}
NOBODY: Final = Group("", fields=NAME).blank
LANGUAGES: Final = {"nl": "nld", "en": "eng", "de": "deu", "fr": "fra", "tr": "tur", "ar": "ara", "pl": "pol"}
SORTS: Final = {"person": "medewerker", "group": "organisatorische_eenheid", "department": "organisatorische_eenheid"}

OfContact = c.ContactReceived | c.ContactAnswered | c.ContactMade
Whose = c.ContactIdentified | c.ContactUnidentified | c.ContactFiled | c.ContactUnfiled
Ties = c.ContactTied | c.ContactUntied
OfParty = p.PartyRegistered | p.PartyPreferenceSet | p.PartyIdentifierSet | p.PartyIdentifierUnset
Reached = p.PartyAddressLinked | p.PartyAddressUnlinked
Job = t.TaskOpened | t.TaskAssigned | t.TaskDone | t.TaskReopened
House = OfContact | Whose | Ties | OfParty | Reached | Job


class Kept(State, frozen=True):
    """Of a party or a task, its card as it stands; of a party, also which addresses tools wrote a card of."""

    since: str = ""
    doc: str = ""
    addresses: tuple[tuple[str, str], ...] = ()  # Cards, and the pseudonyms of what they hold.

    def card(self) -> Doc:
        found: Doc = json.loads(self.doc) if self.doc else {}
        return found

    def stands(self, since: str, doc: Doc) -> "Kept":
        return self.but(since=since, doc=compact(doc))


class Said(NamedTuple):
    """A card as it stands from now on."""

    kind: str
    uuid: str
    since: str
    doc: Doc
    native: str = ""
    address_id: str = ""
    about: str = ""  # Another subject than the one that is told of.


class Gone(NamedTuple):
    uuid: str


Told = tuple[Kept, list[Said | Gone]]


def told(kept: Kept, event: CardWritten | CardRemoved | House) -> Told:
    match event:
        case CardWritten():
            return written(kept, event.cards)
        case CardRemoved():
            return removed(kept, event)
        case c.ContactReceived() | c.ContactAnswered() | c.ContactMade():
            return kept, contact(event)
        case c.ContactIdentified() | c.ContactUnidentified() | c.ContactFiled() | c.ContactUnfiled():
            return kept, whose(event)
        case c.ContactTied() | c.ContactUntied():
            return kept, tied(event)
        case _:
            return standing(kept, event)


def removed(kept: Kept, event: CardRemoved) -> Told:
    mine = tuple(one for one in kept.addresses if one[0] not in event.card_ids)
    kept = kept.but(addresses=mine)
    main = event.about.partition("/")[2] in event.card_ids
    return (kept.but(doc="") if main else kept), [Gone(name) for name in event.card_ids]


def standing(kept: Kept, event: OfParty | Reached | Job) -> Told:
    """What changes how a party or a task stands."""
    match event:
        case p.PartyAddressLinked() | p.PartyAddressUnlinked():
            return reached(kept, event)
        case t.TaskOpened() | t.TaskAssigned() | t.TaskDone() | t.TaskReopened():
            return job(kept, event)
        case _:
            return party(kept, event)


def written(kept: Kept, cards: Iterable[Card]) -> Told:
    said: list[Said | Gone] = []
    for card in cards:
        doc = decode(card.body)
        said.append(Said(card.kind, card.card_id, stamp(card.since), doc, card.native, card.address_id))
        if card.kind in {"partijen", tasks.KIND}:
            kept = kept.stands(stamp(card.since), doc)
        if card.kind == "digitaleadressen" and card.address_id and doc["verstrektDoorPartij"]:
            others = tuple(one for one in kept.addresses if one[0] != card.card_id)
            mine = (*others, (card.card_id, card.address_id))[-ADDRESSES_MAX:]
            kept = kept.but(addresses=mine)
            said.append(Gone(derived(f"card address {doc['verstrektDoorPartij']['uuid']} {card.address_id}")))
    return kept, said


def name(kind: str, native: str) -> str:
    """The name of a card: the house's own, where it is a UUID."""
    try:
        return str(UUID(native))
    except ValueError:
        return derived(f"card {kind} {native}")


def to(kind: str, native: str) -> Doc | None:
    return {"uuid": name(kind, native)} if native else None


def contact(event: OfContact) -> list[Said | Gone]:
    """A contact, who took part, and where they can be reached; an answer refers to what it answers."""
    since, native = stamp(event.at), event.contact_id
    if isinstance(event, c.ContactReceived) and event.inbox == DESK_TOOL:
        return []  # Its card says it.
    if isinstance(event, c.ContactAnswered):
        if not (event.message_id and event.text):
            return []  # Somebody picked up: the contact is there.
        answer = name("klantcontacten", event.message_id)
        refers = {"klantcontact": {"uuid": answer}, "wasKlantcontact": to("klantcontacten", native)}
        about = {"onderwerpobjectidentificator": dict.fromkeys(IDENTIFIER, "")}
        return [
            Said("klantcontacten", answer, since, spoken(event), event.message_id),
            Said("onderwerpobjecten", derived(f"card answer {answer}"), since, refers | about),
        ]
    mine = Said("klantcontacten", name("klantcontacten", native), since, spoken(event), native)
    profile = event.profile if isinstance(event, c.ContactReceived) else ""
    if not (event.address or profile):
        return [mine]
    who = derived(f"card who {mine.uuid}")
    took_part = took({"uuid": mine.uuid}, None, profile, initiator=isinstance(event, c.ContactReceived))
    said = [mine, Said("betrokkenen", who, since, took_part, address_id=event.address_id)]
    if event.address:
        at = address({"uuid": who}, None, event.channel, event.address)
        said.append(Said("digitaleadressen", derived(f"card reached {mine.uuid}"), since, at))
    return list[Said | Gone](said)


IDENTIFIER: Final = ("objectId", "codeObjecttype", "codeRegister", "codeSoortObjectId")


def spoken(event: OfContact) -> Doc:
    title = plain(event.title, TITLE_CHARS_MAX)
    language = event.language if isinstance(event, c.ContactReceived) else "nl"
    return {
        "nummer": None,
        "referentienummer": None,
        "kanaal": CHANNELS.get(event.channel, event.channel.capitalize()),
        "onderwerp": title or plain(event.text, TITLE_CHARS_MAX) or CHANNELS.get(event.channel, event.channel),
        "inhoud": event.text,
        "reactie": "",
        "indicatieContactGelukt": event.reached if isinstance(event, c.ContactMade) else None,
        "hoofdOnderwerpType": "",
        "verdereActieOndernomen": False,
        "taal": LANGUAGES.get(language, "nld"),
        "vertrouwelijk": False,
        "plaatsgevondenOp": event.at.isoformat().replace("+00:00", "Z"),
        "metadata": {},
    }


def took(contact: Doc, party: Doc | None, profile: str, *, initiator: bool) -> Doc:
    called = NOBODY | {"achternaam": plain(profile, TITLE_CHARS_MAX)}
    return {
        "wasPartij": party,
        "hadKlantcontact": contact,
        **PLACE,
        "contactnaam": called,
        "rol": "klant",
        "organisatienaam": "",
        "initiator": initiator,
        "volledigeNaam": full_name(called),
    }


def address(who: Doc | None, party: Doc | None, channel: str, value: str) -> Doc:
    return {
        "verstrektDoorBetrokkene": who,
        "verstrektDoorPartij": party,
        "adres": value,
        "soortDigitaalAdres": ADDRESSES.get(channel, "email" if "@" in value else "overig"),
        "isStandaardAdres": False,
        "omschrijving": "",
        "referentie": "",
        "verificatieDatum": None,
    }


def whose(event: Whose) -> list[Said | Gone]:
    """Who made it, and to which case it belongs, where somebody at the desk said so."""
    if event.agent_id == DESK_TOOL:
        return []  # Its card says it.
    about = event.party_id if isinstance(event, c.ContactIdentified | c.ContactUnidentified) else event.case_id
    card = derived(f"card {about} {event.contact_id}")
    match event:
        case c.ContactIdentified(certainty="certain"):
            was = took({"uuid": name("klantcontacten", event.contact_id)}, to("partijen", about), "", initiator=True)
            return [Said("betrokkenen", card, stamp(event.at), was)]
        case c.ContactFiled(certainty="certain"):
            case = dict(zip(IDENTIFIER, (about, "zaak", "open-zaak", "uuid"), strict=True))
            filed = {"klantcontact": to("klantcontacten", event.contact_id), "wasKlantcontact": None}
            return [Said("onderwerpobjecten", card, stamp(event.at), filed | {"onderwerpobjectidentificator": case})]
    return [Gone(card)]


def tied(event: Ties) -> list[Said | Gone]:
    """Which object it is about, where somebody at the desk said so. It has no number there, but what it is called."""
    if event.agent_id == DESK_TOOL:
        return []  # Its card says it.
    card = derived(f"card {event.object_id} {event.contact_id}")
    if isinstance(event, c.ContactUntied):
        return [Gone(card)]
    thing = dict(zip(IDENTIFIER, (event.title, event.kind, "draad", "naam"), strict=True))
    about = {"klantcontact": to("klantcontacten", event.contact_id), "wasKlantcontact": None}
    return [Said("onderwerpobjecten", card, stamp(event.at), about | {"onderwerpobjectidentificator": thing})]


def reached(kept: Kept, event: Reached) -> Told:
    """An address that is surely the party's, unless a tool wrote a card of it."""
    whose = name("partijen", event.party_id)
    card = derived(f"card address {whose} {event.address_id}")
    if isinstance(event, p.PartyAddressUnlinked):
        gone = [uuid for uuid, address_id in kept.addresses if address_id == event.address_id]
        rest = tuple(one for one in kept.addresses if one[1] != event.address_id)
        return kept.but(addresses=rest), [Gone(uuid) for uuid in (card, *gone)]
    if any(address_id == event.address_id for _, address_id in kept.addresses):
        return kept, []
    if event.certainty != "certain":
        return kept, [Gone(card)]
    doc = address(None, {"uuid": whose}, event.channel, event.address)
    return kept, [Said("digitaleadressen", card, stamp(event.at), doc, address_id=event.address_id)]


def party(kept: Kept, event: OfParty) -> Told:
    uuid, since = name("partijen", event.party_id), kept.since or stamp(event.at)
    doc = kept.card()
    match event:
        case p.PartyRegistered() if plain(name_of(doc), TITLE_CHARS_MAX) == event.name:
            return kept, []  # As its card says.
        case p.PartyRegistered():
            doc = (doc or somebody(event.kind)) | {"partijIdentificatie": called(doc, event)}
        case p.PartyPreferenceSet() if doc:
            doc |= {"voorkeurstaal": LANGUAGES.get(event.language, event.language[:3])}
        case p.PartyIdentifierSet() if event.agent_id != DESK_TOOL:
            known = {"party": uuid, "scheme": event.scheme, "digest": event.digest}
            return kept, [Said(KNOWN_BY, derived(f"card known {uuid} {event.scheme}"), since, known)]
        case p.PartyIdentifierUnset():
            return kept, [Gone(derived(f"card known {uuid} {event.scheme}"))]
        case _:
            return kept, []
    return kept.stands(since, doc), [Said("partijen", uuid, since, doc, event.party_id)]


def somebody(kind: str) -> Doc:
    return {
        "nummer": None,
        "interneNotitie": "",
        "voorkeursDigitaalAdres": None,
        "voorkeursRekeningnummer": None,
        "soortPartij": "organisatie" if kind == "organisation" else "persoon",
        "indicatieGeheimhouding": None,
        "voorkeurstaal": "nld",
        "indicatieActief": True,
        **PLACE,
    }


def called(doc: Doc, event: p.PartyRegistered) -> Doc:
    """By the name that the desk uses now."""
    if (doc.get("soortPartij") or event.kind) in {"organisatie", "organisation"}:
        return {"naam": event.name}
    names = NOBODY | {"achternaam": event.name}
    return (doc.get("partijIdentificatie") or {}) | {"contactnaam": names, "volledigeNaam": event.name}


def job(kept: Kept, event: Job) -> Told:
    """A task, as whoever acted last left it."""
    doc, said = kept.card(), list[Said | Gone]()
    if event.agent_id == DESK_TOOL and doc:
        return kept, []  # Its card says it.
    since = kept.since or stamp(event.at)
    match event:
        case t.TaskOpened() if not doc:
            doc = asked(event)
        case t.TaskDone() if doc:
            doc |= {"status": tasks.DONE, "afgehandeldOp": event.at.isoformat().replace("+00:00", "Z")}
        case t.TaskReopened() if doc:
            doc |= {"status": tasks.OPEN, "afgehandeldOp": None}
        case t.TaskAssigned() if doc:
            pass
        case _:
            return kept, []
    if isinstance(event, t.TaskOpened | t.TaskAssigned):
        said.append(actor(event))
        mine = {"uuid": said[0].uuid}
        doc |= {tasks.ONE: mine, tasks.ALL: [mine]}
    card = Said(tasks.KIND, name(tasks.KIND, event.task_id), since, doc, event.task_id)
    return kept.stands(since, doc), [*said, card]


def asked(event: t.TaskOpened) -> Doc:
    return {
        "nummer": None,
        "referentienummer": None,
        "gevraagdeHandeling": plain(event.title, TITLE_CHARS_MAX) or event.kind,
        "aanleidinggevendKlantcontact": to("klantcontacten", event.contact_id),
        "toelichting": event.text,
        "status": tasks.OPEN,
        "toegewezenOp": event.at.isoformat().replace("+00:00", "Z"),
        "afgehandeldOp": None,
    }


def actor(event: t.TaskOpened | t.TaskAssigned) -> Said:
    """Who is to do it: a card of its own, the same for all of their tasks."""
    uuid = derived(f"card actor {event.owner_kind} {event.owner}")
    known = dict(zip(IDENTIFIER, (event.owner, event.owner_kind, "draad", "owner"), strict=True))
    doc: dict[str, Any] = {
        "naam": event.owner,
        "soortActor": SORTS[event.owner_kind],
        "indicatieActief": True,
        "actoridentificator": known,
        "actorIdentificatie": None,
    }
    return Said("actoren", uuid, "", doc, about=f"party/{uuid}")
