"""What residents got, as they got it: every mail and every message, newest first, and what its provider did with it."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from itertools import count, islice
from typing import Any, Final

from fastapi import APIRouter, HTTPException, Request
from starlette.responses import HTMLResponse

from services.desk.entrance import who
from services.desk.forms import Desk
from services.desk.page import Page

KEPT_MAX: Final = 2_000
SHOWN_MAX: Final = 100
# A mail as a page of its own: nothing in it runs, is fetched or leads anywhere but where a person presses.
BARE: Final = "sandbox; default-src 'none'; style-src 'unsafe-inline'"
PIECES: Final = re.compile(r"(https?://[!-~]*[A-Za-z0-9])")


@dataclass
class Sent:
    """One mail or message."""

    name: int
    at: datetime
    channel: str
    to: str
    text: str
    title: str = ""
    html: str = ""
    files: tuple[str, ...] = ()
    said: list[str] = field(default_factory=list)  # What the provider did, in order.
    well: bool = True

    @property
    def pieces(self) -> list[str]:
        """Its text, in which every second piece is a link."""
        return PIECES.split(self.text)


class Outbox:
    """The latest of them."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock, self._names = clock, count(1)
        self._kept: dict[int, Sent] = {}

    def put(self, channel: str, to: str, text: str, *said: str, **more: Any) -> Sent:
        sent = Sent(next(self._names), self._clock(), channel, to, text, said=[*said], **more)
        self._kept[sent.name] = sent
        if len(self._kept) > KEPT_MAX:
            self._kept.pop(next(iter(self._kept)))
        return sent

    def mail(self, raw: bytes, to: str, *said: str) -> Sent:
        """A mail, as its bytes."""
        read = message_from_bytes(raw, policy=SMTP)
        assert isinstance(read, EmailMessage)
        return self.put(
            "email",
            to,
            body_of(read, "plain"),
            *said,
            title=str(read["Subject"] or ""),
            html=body_of(read, "html"),
            files=tuple(part.get_filename() or part.get_content_type() for part in beside(read)),
        )

    def latest(self, channel: str = "", most: int = SHOWN_MAX) -> list[Sent]:
        newest = (sent for sent in reversed(self._kept.values()) if channel in {"", sent.channel})
        return list(islice(newest, most))

    def find(self, name: int) -> Sent | None:
        return self._kept.get(name)

    def __len__(self) -> int:
        return len(self._kept)


def body_of(mail: EmailMessage, kind: str) -> str:
    found = mail.get_body((kind,))
    return "" if found is None else str(found.get_content()).replace("\r\n", "\n").strip()


def beside(mail: EmailMessage) -> list[EmailMessage]:
    """What came along, such as a page of a calendar."""
    bodies = {id(body) for body in (mail.get_body(("plain",)), mail.get_body(("html",))) if body is not None}
    return [part for part in mail.walk() if not part.is_multipart() and id(part) not in bodies]


def router(outbox: Outbox, desk: Desk, page: Page) -> APIRouter:
    """Pages for whoever is at the desk."""
    routes = APIRouter(include_in_schema=False)

    @routes.get("/outbox")
    async def show(request: Request, channel: str = "") -> HTMLResponse:
        session = who(desk.door, request)
        kept = outbox.latest(channel)
        html = page.desk(
            "outbox.html", session, desk.clock(), here="outbox", kept=kept, channel=channel, total=len(outbox)
        )
        return HTMLResponse(html)

    @routes.get("/outbox/{name}")
    async def as_sent(name: int) -> HTMLResponse:
        """The HTML of one mail, shut in."""
        sent = outbox.find(name)
        if sent is None or not sent.html:
            raise HTTPException(404)
        return HTMLResponse(sent.html, headers={"Content-Security-Policy": BARE})

    return routes
