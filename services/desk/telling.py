"""How each fact of a story is told, in Dutch of level B1: a title, a picture, and the words that belong to it."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from engine.ask import Row
from services.desk import words
from services.desk.page import today
from services.desk.place import spot
from services.desk.story import Told

EXCERPT_CHARS: Final = 280
TOLD_CHARS: Final = 48  # Of a mail that a program wrote, whose title says it all.
LONG_CHARS: Final = 400  # From here on a text is folded.


class State(NamedTuple):
    """What became of a message of ours."""

    rank: int
    label: str
    tone: str


STATES: Final[Mapping[str, State]] = {
    "": State(0, "wordt verstuurd", "soft"),
    "message.unknown": State(1, "onbekend of het aankwam", "late"),
    "message.failed": State(2, "mislukt", "late"),
    "message.sent": State(3, "verstuurd", "soft"),
    "message.bounced": State(4, "teruggekomen", "late"),
    "message.delivered": State(5, "afgeleverd", "done"),
    "message.read": State(6, "gelezen", "done"),
}
# Title, picture and tone. Of what is not named here the type itself is shown: nothing is left out.
SAID: Final[Mapping[str, tuple[str, str, str]]] = {
    "address.suppressed": ("Hier schrijven wij niet meer automatisch", "missed", "late"),
    "address.restored": ("Hier schrijven wij weer automatisch", "answered", "done"),
    "contact.answered": ("Beantwoord", "answered", "done"),
    "contact.made": ("Wij namen contact op", "answered", "done"),
    "contact.transferred": ("Doorverbonden", "phone", "plain"),
    "contact.missed": ("Gemist", "missed", "missed"),
    "contact.ended": ("Afgelopen", "end", "plain"),
    "contact.noted": ("Notitie", "note", "note"),
    "contact.attached": ("Bijlage opgehaald", "letter", "plain"),
    "contact.overdue": ("Te laat", "late", "late"),
    "contact.identified": ("Bij deze inwoner gezet", "person", "plain"),
    "contact.unidentified": ("Toch niet van deze inwoner", "person", "plain"),
    "contact.filed": ("Bij een zaak gezet", "case", "plain"),
    "contact.unfiled": ("Uit de zaak gehaald", "case", "plain"),
    "contact.tied": ("Gaat over", "object", "plain"),
    "contact.untied": ("Gaat toch niet over een object", "object", "plain"),
    "conversation.opened": ("Gesprek begonnen", "chat", "plain"),
    "conversation.reopened": ("Gesprek gaat verder", "chat", "plain"),
    "conversation.closed": ("Gesprek afgesloten", "end", "plain"),
    "party.registered": ("Inwoner toegevoegd", "person", "plain"),
    "party.identifier-set": ("Bekend in een register", "person", "plain"),
    "party.identifier-unset": ("Niet meer bekend in een register", "person", "plain"),
    "party.address-linked": ("Adres gekoppeld", "person", "plain"),
    "party.address-unlinked": ("Adres losgekoppeld", "person", "plain"),
    "party.merged": ("Samengevoegd", "person", "plain"),
    "party.unmerged": ("Weer uit elkaar gehaald", "person", "plain"),
    "party.preference-set": ("Voorkeur ingesteld", "person", "plain"),
    "party.kind-preferred": ("Voorkeur ingesteld voor één soort bericht", "person", "plain"),
    "case.opened": ("Zaak geopend", "case", "done"),
    "case.split": ("Deelzaak geopend", "case", "plain"),
    "case.assigned": ("Zaak toegewezen", "case", "plain"),
    "case.status-changed": ("Nieuwe status", "case", "plain"),
    "case.due-set": ("Nieuwe uiterste datum", "case", "plain"),
    "case.due-soon": ("Zaak moet bijna klaar zijn", "late", "plain"),
    "case.suspended": ("Zaak staat stil", "case", "plain"),
    "case.resumed": ("Zaak gaat verder", "case", "plain"),
    "case.overdue": ("Zaak te laat", "late", "late"),
    "case.closed": ("Zaak afgehandeld", "case", "done"),
    "case.reopened": ("Zaak weer geopend", "case", "plain"),
    "task.opened": ("Taak gemaakt", "task", "plain"),
    "task.assigned": ("Taak doorgegeven", "task", "plain"),
    "task.tried": ("Geprobeerd te bereiken", "phone", "plain"),
    "task.due-set": ("Taak verzet", "task", "plain"),
    "task.done": ("Taak klaar", "answered", "done"),
    "task.reopened": ("Taak weer open", "task", "plain"),
    "task.overdue": ("Taak te laat", "late", "late"),
    "appointment.booked": ("Afspraak gemaakt", "calendar", "plain"),
    "appointment.changed": ("Afspraak verzet", "calendar", "plain"),
    "appointment.confirmed": ("Inwoner komt", "calendar", "done"),
    "appointment.cancelled": ("Afspraak afgezegd", "missed", "missed"),
    "appointment.walked-in": ("Zonder afspraak binnengekomen", "counter", "in"),
    "appointment.arrived": ("Aangekomen bij de balie", "counter", "in"),
    "appointment.called": ("Opgeroepen bij de balie", "counter", "plain"),
    "appointment.served": ("Geholpen bij de balie", "answered", "done"),
    "appointment.no-show": ("Niet verschenen", "missed", "missed"),
    "opinion.given": ("Wat de inwoner ervan vond", "note", "in"),
    "notification.requested": ("Bericht klaargezet", "letter", "plain"),
    "notification.sent": ("Bericht verstuurd", "letter", "plain"),
    "notification.delivered": ("Bericht afgeleverd", "letter", "done"),
    "notification.bounced": ("Bericht teruggekomen", "missed", "late"),
    "notification.failed": ("Bericht mislukt", "missed", "late"),
    "notification.unknown": ("Onbekend of het bericht aankwam", "late", "late"),
    "notification.withheld": ("Bericht niet verstuurd", "missed", "plain"),
}
QUIET: Final = frozenset(  # The contact itself stands beside it.
    {
        "conversation.opened",
        "contact.ended",
        "notification.requested",
        "notification.sent",
        "notification.delivered",
        "notification.bounced",
        "notification.unknown",
        "opinion.wanted",
    }
)


class Telling(NamedTuple):
    """One fact of a story, ready to show."""

    spot: str
    at: str
    hour: str
    day: str
    day_said: str
    tone: str
    icon: str
    title: str
    head: str
    detail: str
    by: str
    text: str
    excerpt: str
    sure: bool
    received: bool  # It is the contact itself, of which may be said whose it is.
    state: State | None
    contact_id: str
    address_id: str
    about: str
    notification_id: str  # Of what a program wrote, of which there is a proof.


def tell(entries: Sequence[Told]) -> Sequence[Telling]:
    """A page of a story. What became of a message stands with the message."""
    states: dict[str, State] = {}
    for row in (entry.row for entry in entries if entry.row["type"].startswith("message.")):
        state = STATES[row["type"]]
        if row["word"]:
            state = state._replace(label=f"{state.label}: {words.reason(row['word'])}")
        states[row["message_id"]] = max(states.get(row["message_id"], STATES[""]), state, key=lambda one: one.rank)
    written = {e.row["message_id"] for e in entries if e.row["type"] in {"contact.answered", "contact.made"}}
    return [
        telling(row, states.get(row["message_id"], STATES[""]), sure=sure)
        for row, sure in entries
        if row["type"] not in QUIET and not (row["type"].startswith("message.") and row["message_id"] in written)
    ]


def telling(row: Row, state: State, *, sure: bool) -> Telling:
    at, kind = datetime.fromisoformat(row["at"]), row["type"]
    more: Mapping[str, Any] = json.loads(row["detail"] or "{}")
    program = kind == "contact.made" and "notification_id" in more
    title, icon, tone = said(row, state, program=program)
    text: str = row["text"]
    folded = len(text) > LONG_CHARS or (program and bool(row["title"]))
    return Telling(
        spot=spot(row["partition"], row["position"]),
        at=row["at"],
        hour=words.hour(at),
        day=today(at),
        day_said=words.day(at),
        tone=tone,
        icon=icon,
        title=title,
        head=row["title"],
        detail=detail(row, more),
        by="automatisch" if program else f"door {row['agent_id']}" if row["agent_id"] else "",
        text=text,
        excerpt=f"{text[: TOLD_CHARS if program else EXCERPT_CHARS].rsplit(maxsplit=1)[0]} …" if folded else "",
        sure=sure,
        received=kind == "contact.received",
        state=state if row["message_id"] and kind in {"contact.answered", "contact.made"} else None,
        contact_id=row["contact_id"],
        address_id=row["address_id"],
        about=words.number(row["contact_id"]) if row["contact_id"] else "",
        notification_id=str(more["notification_id"]) if program else "",
    )


def said(row: Row, state: State, *, program: bool) -> tuple[str, str, str]:
    kind = row["type"]
    if kind == "contact.received":
        channel = words.channel(row["channel"])
        return channel.label, channel.icon, "in"
    if kind.startswith("message."):
        return f"Bericht {state.label}", "letter", state.tone
    title, icon, tone = SAID.get(kind, (kind, words.OTHER, "plain"))
    if program:
        title = "Bericht"
    if kind in {"contact.answered", "contact.made"} and row["channel"] not in {"", "unknown"}:
        return f"{title} via {words.channel(row['channel']).label}", words.channel(row["channel"]).icon, tone
    if kind == "contact.tied":
        return f"Gaat over: {words.thing(row['word']).lower()}", icon, tone
    if kind == "contact.answered" and not row["text"]:
        return "Opgenomen", icon, tone
    return title, icon, tone


def detail(row: Row, more: Mapping[str, Any]) -> str:  # noqa: C901, PLR0911  # One line for each kind of thing to say.
    match row["type"]:
        case "contact.overdue" | "task.overdue" | "case.overdue":
            return f"Dit moest klaar zijn op {moment(row['due'])}."
        case "party.address-linked" | "contact.filed" | "contact.identified" if more.get("certainty") == "proposed":
            return "Voorgesteld, nog niet bevestigd."
        case "contact.made" if more.get("reached") is False:
            return "Niemand bereikt."
        case "opinion.given":
            return f"Cijfer: {more.get('score')} van 10."
        case "task.tried":
            return "Bereikt." if more.get("reached") else "Niemand bereikt."
        case "task.opened" | "task.assigned":
            owner = f"Voor {words.owner(str(more.get('owner_kind', '')))} {more.get('owner', '')}".strip()
            return f"{owner}, uiterlijk {moment(row['due'])}." if row["due"] else f"{owner}."
        case "appointment.booked" | "appointment.changed" | "case.due-set" | "case.due-soon" | "task.due-set":
            return f"Op {moment(row['due'])}." if row["due"] else ""
        case "party.kind-preferred":
            return words.preferred(row["word"], row["channel"])
        case "case.closed" | "case.status-changed" if more.get("named"):
            return str(more["named"])
        case (
            "address.suppressed"
            | "address.restored"
            | "contact.noted"
            | "contact.missed"
            | "contact.ended"
            | "case.closed"
            | "case.suspended"
            | "case.status-changed"
            | "task.done"
        ):
            return words.reason(row["word"]) if row["word"] not in {"", "unknown", "done"} else ""
        case "contact.received":
            files = len(more.get("attachments", ()))
            flags = [words.FLAGS[flag] for flag in more.get("flags", ()) if flag in words.FLAGS]
            attached = [f"{files} bijlage{'n' if files > 1 else ''}"] if files else []
            return " · ".join([*attached, *flags])
    return ""


def moment(stamped: str) -> str:
    at = datetime.fromisoformat(stamped)
    return f"{words.day(at)} om {words.hour(at)} uur"
