"""The proof of one notification, to read and to print: what was sent when, over which road, and how far it came."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from fastapi import APIRouter, HTTPException, Request
from starlette.responses import HTMLResponse

from services.desk import words
from services.desk.entrance import who
from services.desk.forms import Desk
from services.desk.page import Page

Dossier = Mapping[str, Any]
Proving = Callable[[str], Awaitable[Dossier | None]]
SAID: Final[Mapping[str, str]] = {
    "notification.wanted": "Aanleiding: dit moest verteld worden",
    "notification.requested": "Gekozen waar het verteld wordt",
    "notification.due": "Aan de beurt",
    "notification.postponed": "Uitgesteld: niet op dit uur",
    "notification.withheld": "Niet verstuurd",
    "notification.written": "Geschreven",
    "notification.sent": "Aangeboden",
    "notification.delivered": "Afgeleverd",
    "notification.bounced": "Teruggekomen",
    "notification.failed": "Mislukt",
    "notification.unknown": "Onbekend of het aankwam",
}
# What stands beside it, and what it is called.
BESIDE: Final[Mapping[str, str]] = {
    "about": "Gaat over",
    "template": "Tekst",
    "language": "Taal",
    "text_digest": "Vingerafdruk van de tekst, zoals die toen was",
    "words_digest": "Vingerafdruk van de woorden die verstuurd zijn",
    "address_id": "Schuilnaam van het adres",
    "message_id": "Bericht",
    "reference": "Kenmerk van de vervoerder",
    "trigger_id": "Feit dat de aanleiding was",
    "cause_id": "Volgt uit feit",
    "fact_id": "Feit",
    "hash": "Vingerafdruk van deze regel",
}


class Line(NamedTuple):
    """One entry, ready to show."""

    title: str
    at: str
    said: str
    beside: tuple[tuple[str, str], ...]


def router(desk: Desk, page: Page, prove: Proving) -> APIRouter:
    routes = APIRouter(include_in_schema=False)

    @routes.get("/notifications/{name}/proof")
    async def show(name: str, request: Request) -> HTMLResponse:
        """It names nobody, so that who looks need not be written down."""
        session = who(desk.door, request)
        found = await prove(name)
        if found is None:
            raise HTTPException(404)
        lines = [line(entry) for entry in found["entries"]]
        html = page.desk("proof.html", session, desk.clock(), here="", found=found, lines=lines)
        return HTMLResponse(html)

    return routes


def line(entry: Mapping[str, Any]) -> Line:
    at = datetime.fromisoformat(entry["at"])
    title = SAID.get(entry["type"], entry["type"])
    if channel := entry.get("channel"):
        title = f"{title} · {words.channel(channel).label}"
    reason = words.reason(entry.get("reason", ""))
    why = f" {reason[0].upper()}{reason[1:]}." if reason else ""
    said = f"Op {words.day(at)} om {words.hour(at)} uur.{why}"
    return Line(title, entry["at"], said, tuple((BESIDE[name], entry[name]) for name in BESIDE if name in entry))
