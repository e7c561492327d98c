"""Every error over HTTP is `application/problem+json`: what happened, without a word of what was sent."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import Request
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response

from channels.link import APPOINTMENT, OPINION, PARTY, UNSUBSCRIBE
from schemas.errors import Conflict, DraadError, Refused, Unavailable, Untrusted
from services.desk.page import Page
from services.intake.form import PREFIX, Form, language_of
from services.resident.page import Page as ResidentPage

RETRY_AFTER_S: Final = 5
STATUS: Final[Mapping[type[DraadError], int]] = {Refused: 400, Untrusted: 401, Conflict: 409, Unavailable: 503}
LINKED: Final = tuple(f"/{kind}/" for kind in (APPOINTMENT, PARTY, OPINION, UNSUBSCRIBE))  # Where links lead.
DETAILS: Final[Mapping[int, str]] = {
    404: "there is nothing at this address",
    405: "this address does not take that method",
}

PROBLEM: Final[Mapping[str, Any]] = {
    "type": "object",
    "required": ["status", "title", "detail"],
    "properties": {
        "status": {"type": "integer", "description": "The HTTP status"},
        "title": {"type": "string", "description": "What kind of problem it is"},
        "detail": {"type": "string", "description": "What to do about it; never a word of what was sent"},
    },
}


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    title = HTTPStatus(status).phrase
    body = json.dumps({"status": status, "title": title, "detail": detail}, ensure_ascii=False)
    return Response(body, status, headers, media_type="application/problem+json")


class Answers:
    """How each failure is told: to a program as a problem, to an agent or a resident as a page of theirs."""

    def __init__(self, page: Page, form: Form, own: ResidentPage | None = None) -> None:
        """`own`: what residents have behind a link, where there are links."""
        self._page, self._form, self._own = page, form, own or form

    async def of_ours(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, DraadError), "registered for these alone"
        status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 500)
        headers = {"Retry-After": str(RETRY_AFTER_S)} if status == HTTPStatus.SERVICE_UNAVAILABLE else None
        return self.told(request.scope, status, str(error), headers)

    async def of_http(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException), "registered for these alone"
        detail = DETAILS.get(error.status_code, error.detail)
        return self.told(request.scope, error.status_code, detail, error.headers)

    async def of_request(self, request: Request, error: Exception) -> Response:  # noqa: ARG002  # It quotes.
        return self.told(request.scope, 400, "the address has a missing or wrong parameter")

    async def of_bug(self, request: Request, error: Exception) -> Response:  # noqa: ARG002  # `Manners` logs it.
        return self.told(request.scope, 500, "something broke here; what was acknowledged is kept")

    def told(
        self, scope: Mapping[str, Any], status: int, detail: str, headers: Mapping[str, str] | None = None
    ) -> Response:
        if not for_a_person(scope):
            return problem(status, detail, headers)
        if scope["path"].startswith((PREFIX, *LINKED)):
            theirs = self._form if scope["path"].startswith(PREFIX) else self._own
            return theirs.failure(status, language_of(scope["query_string"].decode("latin-1")), headers)
        if status == HTTPStatus.UNAUTHORIZED:
            return HTMLResponse(self._page.closed("none"), status, headers)
        # Later is the word for too many requests, as it is when we fail: nothing is wrong with what was asked.
        shown = HTTPStatus.SERVICE_UNAVAILABLE if status == HTTPStatus.TOO_MANY_REQUESTS else status
        return HTMLResponse(self._page.failure(shown), status, headers)


def for_a_person(scope: Mapping[str, Any]) -> bool:
    """Whether a browser asks for a page, and not a program for data."""
    accepted = dict(scope["headers"]).get(b"accept", b"")
    return b"text/html" in accepted and not scope["path"].startswith(("/v1/", "/health/", "/metrics"))
