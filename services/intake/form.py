"""Our own contact form: a question, where to answer it, and a promise that we can keep. It works without a script.

Nothing that anybody fills in ever stands in an address. The answer to what was sent is the confirmation itself; sent
twice it is one contact, because the form carries a name that only we can make.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final

import structlog
from fastapi import APIRouter, Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import HTMLResponse, RedirectResponse, Response

from channels.days import answered_by, day_of
from channels.token import token
from engine.engine import Engine
from schemas.contact import ContactReceived
from schemas.errors import Refused, Unavailable
from schemas.event import Line, NoLine, derived, fact
from services.intake.asked import Asked, Wrong, checked, filled_in, flags, marked
from services.intake.wording import WORDS, day, days

PAGES: Final = Path(__file__).parent / "pages"
NUMBER_CHARS: Final = 6  # As the desk shows it.
PREFIX: Final = "/contact"
SENTENCES: Final[Mapping[int, str]] = {404: "gone", 413: "too_large", 429: "too_many"}

log = structlog.get_logger("intake")


class FormSettings(BaseModel):
    """What the form says of the municipality."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    title: Line = "Gemeente"  # Whose form it is.
    phone: NoLine = ""  # Whom to call who cannot wait: 14 020.
    answer_days: Annotated[int, Field(ge=1, le=30)] = 2  # Working days. A promise to residents: set what is true.


class Form:
    """The page, and what becomes of it."""

    def __init__(
        self, engine: Engine, pepper: bytes, key: bytes, clock: Callable[[], datetime], settings: FormSettings
    ) -> None:
        self._engine, self._pepper, self._key = engine, pepper, key
        self._clock, self._settings = clock, settings
        loader = FileSystemLoader(PAGES)
        self._pages = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)

    def empty(self, language: str) -> HTMLResponse:
        return self._page(language, 200, Asked())

    async def sent(self, language: str, raw: bytes) -> HTMLResponse:
        """What was sent is kept before it is confirmed; or it is shown again, with what is wrong."""
        try:
            asked, wrongs = checked(filled_in(raw), self._key, self._clock())
        except Refused:
            return self._page(language, 400, Asked(), (Wrong("form", "wrong_body"),))
        if wrongs:
            return self._page(language, 400, asked, wrongs)
        event = self._contact(asked, language)
        try:
            await self._engine.append(fact(event, key=event.contact_id))
        except Unavailable as error:
            log.warning("form.unavailable", error=type(error).__name__)
            return self._page(language, 503, asked, (Wrong("form", "wrong_later"),), form=asked.form)
        return self._confirmed(language, asked, event.contact_id)

    def failure(self, status: int, language: str, headers: Mapping[str, str] | None = None) -> HTMLResponse:
        """What a resident sees where a request does not come as far as the form."""
        page = self._shown(
            "failure.html", language, status, {"sentence": WORDS[language][SENTENCES.get(status, "failed")]}
        )
        page.headers.update(headers or {})
        return page

    def _contact(self, asked: Asked, language: str) -> ContactReceived:
        said = "\0".join(asked).encode()
        contact = derived(f"web form {hmac.new(self._pepper, said, hashlib.sha256).hexdigest()}")
        where = asked.reached_at
        return ContactReceived(
            at=self._clock(),
            contact_id=contact,
            address_id=where.pseudonym(self._pepper),
            channel="web",
            text=asked.text,
            kind=where.kind,
            address=where.value,
            profile=asked.name,
            title="Contactformulier",
            language=language,
            flags=flags(asked),
        )

    def _page(
        self, language: str, status: int, asked: Asked, wrongs: tuple[Wrong, ...] = (), *, form: str = ""
    ) -> HTMLResponse:
        words = WORDS[language]
        name = f"{int(self._clock().timestamp() * 1000):x}-{secrets.token_hex(12)}"
        values = {
            "asked": asked,
            "wrong": marked(wrongs, words, asked),
            "form": form or token("form", name, self._key),
            "lead": words["lead"].format(days=days(self._settings.answer_days, language)),
            "call": words["call"].format(phone=self._settings.phone) if self._settings.phone else "",
        }
        return self._shown("contact.html", language, status, values)

    def _confirmed(self, language: str, asked: Asked, contact: str) -> HTMLResponse:
        words = WORDS[language]
        by = answered_by(day_of(self._clock()), self._settings.answer_days)
        values = {
            "asked": asked,
            "by": words["by"].format(day=day(by, language)),
            "number": words["number"].format(number=contact[:NUMBER_CHARS].upper()),
        }
        return self._shown("confirmed.html", language, 200, values)

    def _shown(self, page: str, language: str, status: int, values: dict[str, Any]) -> HTMLResponse:
        shared = {"words": WORDS[language], "language": language, "title": self._settings.title}
        return HTMLResponse(self._pages.get_template(page).render(shared | values), status)


def language_of(query: str) -> str:
    return "en" if "lang=en" in query.split("&") else "nl"


def router(form: Form) -> APIRouter:
    routes = APIRouter(include_in_schema=False)

    @routes.api_route("/contact", methods=["GET", "HEAD"])
    async def nearly() -> Response:
        return RedirectResponse("/contact/", 308)

    @routes.api_route("/contact/", methods=["GET", "HEAD"])
    async def show(request: Request) -> Response:
        return form.empty(language_of(request.url.query))

    @routes.post("/contact/")
    async def send(request: Request) -> Response:
        return await form.sent(language_of(request.url.query), await request.body())

    return routes
