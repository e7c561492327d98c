"""What the desk says, in Dutch of level B1: one word per thing."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from services.desk.presence import Present

HERE: Final = ZoneInfo("Europe/Amsterdam")
DAYS: Final = ("maandag", "dinsdag", "woensdag", "donderdag", "vrijdag", "zaterdag", "zondag")
MONTHS: Final = tuple(
    "januari februari maart april mei juni juli augustus september oktober november december".split()  # noqa: SIM905
)


class Said(NamedTuple):
    """A word of the log as people say it, and the picture beside it."""

    label: str
    icon: str


CHANNELS: Final[Mapping[str, Said]] = {
    "phone": Said("Telefoon", "phone"),
    "email": Said("E-mail", "email"),
    "sms": Said("Sms", "chat"),
    "whatsapp": Said("WhatsApp", "chat"),
    "chat": Said("Chat", "chat"),
    "web": Said("Website", "web"),
    "webform": Said("Webformulier", "web"),
    "counter": Said("Balie", "counter"),
    "letter": Said("Brief", "letter"),
}
OTHER: Final = "other"
MESSAGES: Final[Mapping[str, str]] = {  # Kinds of them, for each of which residents can choose.
    "appointments": "Afspraken",
    "reminders": "Herinneringen",
    "progress": "Voortgang",
    "opinions": "Vragen naar hun mening",
    "cases": "Zaken",
}
REASONS: Final[Mapping[str, str]] = {
    "abandoned": "Opgehangen voordat iemand opnam",
    "busy": "In gesprek",
    "closed": "Buiten openingstijd",
    "answered": "Beantwoord",
    "passed-on": "Doorgegeven",
    "call-back": "Wij bellen terug",
    "completed": "Afgerond",
    "failed": "Mislukt",
    "silence": "Lang stil",
    "agent": "Door een medewerker",
    "no-such-address": "dit adres bestaat niet",
    "no-road": "dit kanaal is hier niet ingesteld",
    "over-budget": "vandaag gaan er geen automatische berichten meer over dit kanaal",
    "mailbox-full": "de mailbox is vol",
    "refused": "geweigerd door de ontvanger",
    "no-mobile": "dit nummer kan geen sms krijgen",
    "not-on-whatsapp": "dit nummer heeft geen WhatsApp",
    "opted-out": "de inwoner wil hier niets van ons krijgen",
    "opted-in": "de inwoner wil hier weer iets van ons krijgen",
    "heard": "de inwoner schreef ons van hier",
    "window-closed": "de 24 uur van WhatsApp zijn voorbij",
    "no-template": "WhatsApp kent dit sjabloon niet",
    "template-mismatch": "dit sjabloon is bij WhatsApp anders",
    "template-refused": "WhatsApp keurt dit sjabloon af",
    "template-paused": "WhatsApp stuurt dit sjabloon nu niet",
    "template-disabled": "WhatsApp stuurt dit sjabloon niet meer",
    "template-values": "WhatsApp neemt niet wat er in dit sjabloon is ingevuld",
    "case-system": "volgens het zaaksysteem",
    "removed": "uit het zaaksysteem verwijderd",
}
FLAGS: Final[Mapping[str, str]] = {
    "cut-off": "Het bericht is ingekort",
    "unverified-sender": "De afzender is niet bewezen",
    "bsn": "Er staat een nummer in dat op een BSN lijkt",
    "bsn-in-text": "Er is een nummer weggehaald dat op een BSN lijkt",
    "bsn-removed": "Er is een nummer weggehaald dat op een BSN lijkt",
}
# Why something waits, and how urgent that looks.
WHY: Final[Mapping[str, tuple[str, str]]] = {
    "ringing": ("gaat over", "ring"),
    "transferred": ("doorverbonden, gaat over", "ring"),
    "unanswered": ("wacht op antwoord", "wait"),
    "overdue": ("te laat", "late"),
    "missed": ("gemiste oproep", "late"),
    "undelivered": ("ons antwoord kwam niet aan", "late"),
    "unknown": ("onbekend of ons antwoord aankwam", "late"),
    "call-back": ("terugbellen", "wait"),
    "tell": ("vertel het zelf", "wait"),
    "move": ("wil een andere tijd", "wait"),
    "late-case": ("zaak te laat", "late"),
}
LOOKED: Final[Mapping[str, str]] = {
    "open": "opende",
    "search": "vond door te zoeken",
    "answer": "beantwoordde",
    "refused": "werd geweigerd bij",
}
PAGES: Final[Mapping[str, str]] = {"figures": "Cijfers"}  # That are not for everybody, and no story.
KINDS: Final[Mapping[str, str]] = {
    "call-back": "Terugbellen",
    "question": "Vraag",
    "task": "Taak",
    "tell": "Vertel het zelf",
    "move": "Afspraak verzetten",
    "late-case": "Zaak te laat",
}
STORIES: Final[Mapping[str, str]] = {"address": "afzender", "party": "inwoner", "case": "zaak", "object": "object"}
THINGS: Final[Mapping[str, str]] = {
    "tree": "Boom",
    "street": "Straat",
    "building": "Gebouw",
    "light": "Lantaarnpaal",
    "container": "Container",
    "object": "Iets anders",
}
OWNERS: Final[Mapping[str, str]] = {"person": "collega", "group": "groep", "department": "afdeling"}
PRODUCTS: Final[Mapping[str, str]] = {
    "question": "Vraag",
    "passport": "Paspoort of identiteitskaart",
    "driving-licence": "Rijbewijs",
    "moving": "Verhuizing",
    "certificate": "Uittreksel of akte",
}
VISITS: Final[Mapping[str, str]] = {
    "booked": "Verwacht",
    "arrived": "Aangekomen",
    "called": "Opgeroepen",
    "served": "Geholpen",
    "cancelled": "Afgezegd",
    "no-show": "Niet verschenen",
}


def channel(word: str) -> Said:
    return CHANNELS.get(word) or Said(word.replace("-", " ").replace(".", " ").capitalize(), OTHER)


def preferred(kind: str, on: str) -> str:
    """What somebody prefers for one kind of message."""
    how = {"off": "niet", "unknown": "zoals al het andere"}.get(on) or f"via {channel(on).label}"
    return f"{MESSAGES.get(kind, kind.capitalize())}: {how}."


def day(moment: datetime) -> str:
    here = moment.astimezone(HERE)
    return f"{DAYS[here.weekday()]} {here.day} {MONTHS[here.month - 1]} {here.year}"


def hour(moment: datetime) -> str:
    return moment.astimezone(HERE).strftime("%H:%M")


def reason(word: str) -> str:
    return REASONS.get(word) or plain(word)


def plain(word: str) -> str:
    """A word of the log that nobody put into Dutch, as text."""
    return word.replace("-", " ").replace(".", " ")


def product(word: str) -> str:
    return PRODUCTS.get(word) or plain(word)


def thing(kind: str) -> str:
    return THINGS.get(kind) or plain(kind).capitalize()


def owner(kind: str) -> str:
    return OWNERS.get(kind, "")


def veiled(name: str) -> str:
    """A name before its story is opened: enough to tell two people apart, too little to know who they are."""
    return " ".join(f"{part[0]}…" for part in name.split()[:4]) if name.strip() else "naamloos"


def here(others: Sequence[Present]) -> str:
    """Who else is at a story: who writes first of all, for two answers are one too many."""
    writing = [one.agent_id for one in others if one.writing]
    looking = [one.agent_id for one in others if not one.writing]
    said = [f"{listed(writing)} {'schrijft' if len(writing) == 1 else 'schrijven'} een antwoord."] if writing else []
    said += [f"{listed(looking)} {'kijkt' if len(looking) == 1 else 'kijken'} hier ook."] if looking else []
    return " ".join(said)


def busy(others: Sequence[Present]) -> str:
    """The same in few words, for a list."""
    return ", ".join(f"{one.agent_id} {'schrijft' if one.writing else 'kijkt'}" for one in others)


def listed(names: Sequence[str]) -> str:
    return " en ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def tomorrow(now: datetime) -> str:
    """Five o'clock tomorrow here, as a field for date and time has it."""
    return (now.astimezone(HERE) + timedelta(days=1)).strftime("%Y-%m-%dT17:00")


def number(contact: str) -> str:
    """A short name, by which people find what belongs to one contact."""
    return f"contact {contact[:6].upper()}"


def story(about: str) -> str:
    """The name of a story that tells nobody whose it is."""
    kind, _, name = about.partition("/")
    if kind == "address":
        return sender(name)
    return f"{STORIES.get(kind, plain(kind)).capitalize()} {name[:4].upper()}-{name[4:8].upper()}"


def sender(address: str) -> str:
    """A name to tell two people apart, that tells nobody who they are."""
    if address.startswith("unknown."):
        return "Afzender onbekend"
    return f"Afzender {address[:4].upper()}-{address[4:8].upper()}"
