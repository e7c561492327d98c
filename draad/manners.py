"""How every request is met, whatever it asks: known or not, how large, and what every answer carries.

Nothing is open but what is listed here. What looks like a BSN in an address is refused before anybody can log it.
"""

import asyncio
import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable, Mapping
from http.cookies import CookieError, SimpleCookie
from time import perf_counter
from typing import Any, Final
from urllib.parse import unquote_plus

import structlog
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from draad.problem import Answers
from engine.work import reason
from schemas.event import EVENT_BYTES_MAX, NINE_DIGITS, looks_like_bsn
from services.desk.api import COOKIE
from services.desk.door import Door

API_VERSION: Final = "1.0.0"
BODY_BYTES_MAX: Final = EVENT_BYTES_MAX
BODY_S_MAX: Final = 10.0  # A body that comes drop by drop holds a place that others need.
OPEN: Final = re.compile(r"/health/(live|ready)|/v1/openapi\.json|/open/[^/]*|/close|/assets/[^/]+")
FOR_A_SESSION: Final = re.compile(r"/|/v1/timeline/stream")  # The rest is for programs, with a token.

HEADERS: Final[Mapping[str, str]] = {
    "API-Version": API_VERSION,
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

log = structlog.get_logger("http")


class Refusal(Exception):
    """This request is not met."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, headers


class Manners:
    """Stands around the whole application."""

    def __init__(self, app: ASGIApp, *, token: str, door: Door, answers: Answers) -> None:
        self._app, self._door, self._answers = app, door, answers
        self._token = digest(token)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http", "served without lifespan and without websockets"
        began, status = perf_counter(), 0

        async def dressed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                dress(scope, MutableHeaders(scope=message))
            await send(message)

        try:
            self._check(scope)
            await self._app(scope, await buffered(scope, receive), dressed)
        except Refusal as refusal:
            answer = self._answers.told(scope, refusal.status, refusal.detail, refusal.headers)
            await answer(scope, receive, dressed)
        except Exception as error:  # Whatever breaks: the answer is a problem, and the log quotes nothing.
            log.error("http.failed", error=reason(error))  # noqa: TRY400  # A traceback quotes values.
            if not status:
                raise
        route = getattr(scope.get("route"), "path", "")
        took_ms = round((perf_counter() - began) * 1000, 1)
        log.info("http.answered", method=scope["method"], route=route, status=status, took_ms=took_ms)

    def _check(self, scope: Scope) -> None:
        if personal(scope):
            raise Refusal(400, "the address holds what looks like a BSN: send it in no address, ever")
        headers = dict(scope["headers"])
        if not OPEN.fullmatch(scope["path"]) and not self._knows(scope["path"], headers):
            raise Refusal(401, "send the token that Draad printed when it started", {"WWW-Authenticate": "Bearer"})
        kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if scope["method"] == "POST" and scope["path"].startswith("/v1/") and kind != b"application/json":
            raise Refusal(415, "send the body as application/json")

    def _knows(self, path: str, headers: Mapping[bytes, bytes]) -> bool:
        scheme, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        if scheme.lower() == "bearer" and hmac.compare_digest(digest(token.strip()), self._token):
            return True
        return bool(FOR_A_SESSION.fullmatch(path)) and self._door.knows(session(headers))


def digest(token: str) -> bytes:
    """Of one length, so that comparing tells nothing of the other's."""
    return hashlib.sha256(token.encode()).digest()


def session(headers: Mapping[bytes, bytes]) -> str:
    try:
        cookie = SimpleCookie(headers.get(b"cookie", b"").decode("latin-1")).get(COOKIE)
    except CookieError:
        return ""
    return cookie.value if cookie else ""


def personal(scope: Scope) -> bool:
    """Whether the address holds nine digits that could be a BSN, however they are written."""
    written = f"{scope['path']}?{scope['query_string'].decode('latin-1')}"
    spellings = (written, unquote_plus(written))
    return any(looks_like_bsn(run) for text in spellings for run in NINE_DIGITS.findall(text))


def dress(scope: Scope, headers: MutableHeaders) -> None:
    for name, value in HEADERS.items():
        headers.setdefault(name, value)
    if scope["path"].startswith("/assets/"):
        headers["Cache-Control"] = "no-cache"  # Kept, but asked after: a new version shows at once.
    if scope["path"] == "/v1/openapi.json":
        headers["Access-Control-Allow-Origin"] = "*"
    if scope["scheme"] == "https":
        headers["Strict-Transport-Security"] = "max-age=31536000"


async def buffered(scope: Scope, receive: Receive) -> Receive:
    """The whole body, if it is not too long and not too slow. Raises `Refusal`."""
    if scope["method"] in {"GET", "HEAD"}:
        return receive
    try:
        async with asyncio.timeout(BODY_S_MAX):
            body = await whole(receive)
    except TimeoutError:
        raise Refusal(408, f"the body did not come within {BODY_S_MAX:.0f} seconds", {"Connection": "close"}) from None
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return waiting.pop() if waiting else await receive()

    return replayed


async def whole(receive: Callable[[], Awaitable[Any]]) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > BODY_BYTES_MAX:
            raise Refusal(413, f"the body is larger than {BODY_BYTES_MAX} bytes", {"Connection": "close"})
        if not message.get("more_body", False):
            return bytes(body)
