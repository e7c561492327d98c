"""The Klantinteracties API as an ASGI application, without a framework between: thousands may come in a second.

It has that API's manners and not those of /v1, for real clients depend on them: its own token, its own errors, and
a BSN in an address, which is written to no log. `_zoek` asks the same without one.
"""

import asyncio
import hashlib
import json
import math
import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from time import perf_counter
from typing import Any, Final

import structlog
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from channels.repeat import KEY
from engine.engine import Engine
from engine.work import reason
from schemas.errors import Conflict, Refused, Unavailable
from services.klantinteracties.acts import Acts, Answer
from services.klantinteracties.asked import pairs_in, pairs_of
from services.klantinteracties.door import Klant
from services.klantinteracties.every import BASE, EVERY
from services.klantinteracties.fields import Doc, Fault
from services.klantinteracties.openapi import described
from services.klantinteracties.problems import PARSE, Problem
from services.klantinteracties.resource import Resource

PREFIX: Final = "/klantinteracties/api/v1"
VERSION: Final = "0.9.0"
BODY_BYTES_MAX: Final = 262_144
BODY_S_MAX: Final = 10.0
NESTING_CHARS_MAX: Final = 200
SEARCH: Final = "_zoek"
SEVERAL: Final = "maak-klantcontact"
TAKE: Final = "neem-over"
DOCUMENT: Final = "openapi.json"
HOST: Final = re.compile(r"[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{1,5})?")
INDEX: Final = "{" + ",".join(f'"{name}":"{BASE}{name}"' for name in (*EVERY, SEVERAL)) + "}"
ON_INDEX: Final = "GET, HEAD, OPTIONS"
ON_LIST: Final = "GET, POST, HEAD, OPTIONS"
ON_ONE: Final = "GET, PUT, PATCH, DELETE, HEAD, OPTIONS"
ON_POST: Final = "POST, OPTIONS"
RETRY_AFTER_S: Final = "5"
HEADERS: Final = (
    ("API-version", VERSION),
    ("Content-Type", "application/json"),
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
)

log = structlog.get_logger("http")

Limit = Callable[[Scope, bool], Awaitable[float | None]]


class Klantinteracties:
    def __init__(
        self, engine: Engine, pepper: bytes, clock: Callable[[], datetime], klant: Klant, limit: Limit
    ) -> None:
        """`limit` counts a request, of whoever was let in or not: the seconds to wait, if it is one too many."""
        self.acts = Acts(engine, pepper, clock)
        self._klant, self._limit = klant, limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began, request = perf_counter(), Request(scope)
        headers, text, status, allow = list(HEADERS), b"", 500, ""
        origin = origin_of(request)
        try:
            names = scope["path"].removeprefix(PREFIX).strip("/").split("/")
            allow = allowed(scope["path"], names)
            await self._let_in(request, names)
            answer = await self._met(request, names, await body_of(request, receive))
            status = answer.status
            text = answer.text.replace(BASE, f"{origin}{PREFIX}/").encode()
            if answer.location:
                headers.append(("Location", answer.location.replace(BASE, f"{origin}{PREFIX}/")))
            if request.method in {"GET", "HEAD"} and status == 200:  # noqa: PLR2004
                status, text = tagged(request, headers, text)
        except Exception as error:  # noqa: BLE001  # Whatever breaks is answered as that API answers.
            problem = told(error)
            status, text = problem.status, problem.body(origin)
            headers += problem.headers
        headers += [("Allow", allow), ("Content-Length", str(len(text)))]
        if status == 204:  # noqa: PLR2004
            headers = [(name, value) for name, value in headers if name != "Content-Type"]
        sent = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers if value]
        await send({"type": "http.response.start", "status": status, "headers": sent})
        await send({"type": "http.response.body", "body": b"" if request.method == "HEAD" else text})
        took_ms = round((perf_counter() - began) * 1000, 1)
        route = f"{PREFIX}/{names[0]}" if names[0] in EVERY or names[0] in {SEVERAL, TAKE} else PREFIX
        log.info("http.answered", method=request.method, route=route, status=status, took_ms=took_ms)

    async def _let_in(self, request: Request, names: list[str]) -> None:
        """Raises `Problem` for whoever may not come in, or comes too often."""
        refused: Problem | None = None
        if names != [DOCUMENT]:
            try:
                self._klant(request)
            except Problem as problem:
                refused = problem
        wait = await self._limit(request.scope, refused is None)
        if wait is not None:
            raise Problem(429, headers=[("Retry-After", str(max(1, math.ceil(wait))))])
        if refused:
            raise refused

    async def _met(self, request: Request, names: list[str], body: bytes) -> Answer:
        method, key = request.method, request.headers.get("idempotency-key", "")
        if key and not KEY.fullmatch(key):
            raise Problem(400, faults=[Fault("Idempotency-Key", "invalid", "1 tot 200 gewone tekens.")])
        if method == "OPTIONS" and (names == [""] or names[0] in EVERY or names in ([SEVERAL], [TAKE])):
            return Answer(200, "{}")
        if len(names) > 1 or names[0] in EVERY:
            return await self._on_resource(request, names, body, key)
        match names, method:
            case [""], "GET" | "HEAD":
                return Answer(200, INDEX)
            case ["openapi.json"], "GET" | "HEAD":
                return Answer(200, described())
            case ["maak-klantcontact"], "POST":
                return await self.acts.several(parsed(request, body), key)
            case ["neem-over"], "POST":
                return await self.acts.take(parsed(request, body))
        raise Problem(405 if names in ([""], [SEVERAL], [TAKE]) else 404)

    async def _on_resource(self, request: Request, names: list[str], body: bytes, key: str) -> Answer:
        match names, request.method:
            case [kind], "GET" | "HEAD" if kind in EVERY:
                return await self.acts.many(EVERY[kind], pairs_of(request.scope["query_string"]), kind)
            case [kind], "POST" if kind in EVERY:
                return await self.acts.create(EVERY[kind], parsed(request, body), key)
            case [kind, "_zoek"], "POST" if kind in EVERY:
                pairs = [*pairs_of(request.scope["query_string"]), *pairs_in(parsed(request, body))]
                return await self.acts.many(EVERY[kind], pairs, f"{kind}/{SEARCH}", hidden=True)
            case [kind, name], _ if kind in EVERY and name != SEARCH:
                return await self._on_one(request, EVERY[kind], name, body, key)
        raise Problem(405 if names[0] in EVERY and len(names) <= 2 else 404)  # noqa: PLR2004  # A list, or one of it.

    async def _on_one(self, request: Request, resource: Resource, name: str, body: bytes, key: str) -> Answer:
        pairs = pairs_of(request.scope["query_string"])
        match request.method:
            case "GET" | "HEAD":
                return await self.acts.one(resource, name, pairs)
            case "PUT" | "PATCH":
                await self._unchanged(request, resource, name)
                given, partly = parsed(request, body), request.method == "PATCH"
                return await self.acts.change(resource, name, given, key, partly=partly)
            case "DELETE":
                await self._unchanged(request, resource, name)
                cascade = resource.kind == "onderwerpobjecten" and dict(pairs).get("cascade", "").lower() == "true"
                return await self.acts.remove(resource, name, key, cascade=cascade)
        raise Problem(405)

    async def _unchanged(self, request: Request, resource: Resource, name: str) -> None:
        """Whoever says which version they saw changes no other."""
        if expected := request.headers.get("if-match", ""):
            now = await self.acts.one(resource, name, [])
            text = now.text.replace(BASE, f"{origin_of(request)}{PREFIX}/").encode()
            if expected != "*" and tag_of(text) not in [one.strip() for one in expected.split(",")]:
                raise Problem(412)


def origin_of(request: Request) -> str:
    """Where whoever asks found us; what is no host is not repeated."""
    host = request.headers.get("host", "")
    return f"{request.scope['scheme']}://{host if HOST.fullmatch(host) else 'localhost'}"


def allowed(path: str, names: list[str]) -> str:
    """Raises `Problem` for an address that nobody has: with a slash at its end, or with more behind it."""
    if names == [""]:
        return ON_INDEX
    if path.endswith("/"):
        raise Problem(404)
    if names in ([SEVERAL], [TAKE]) or names[1:] == [SEARCH]:
        return ON_POST
    return ON_ONE if names[1:] else ON_LIST


async def body_of(request: Request, receive: Receive) -> bytes:
    """All of it. Raises `Problem` where it is too long or too slow."""
    if request.method in {"GET", "HEAD"}:
        return b""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_S_MAX):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Problem(400)
                body += message.get("body", b"")
                if len(body) > BODY_BYTES_MAX:
                    raise Problem(413, headers=[("Connection", "close")])
                if not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError:
        raise Problem(408, headers=[("Connection", "close")]) from None


def parsed(request: Request, body: bytes) -> Doc:
    """The body as an object; one that is not there is empty. Raises `Problem`."""
    if not body:
        return {}
    sent = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if sent != "application/json":
        raise Problem(415)
    try:
        found = DECODER.decode(body.decode())
    except (ValueError, RecursionError):
        raise Problem(400, "JSON parse error", sort=PARSE) from None
    if not isinstance(found, dict):
        raise Problem(400, faults=[Fault("nonFieldErrors", "invalid", "Ongeldige data. Verwacht een object.")])
    return found


def refuse(_constant: str) -> Any:  # noqa: ANN401  # As `json` has it.
    raise ValueError("no number")


DECODER: Final = json.JSONDecoder(parse_constant=refuse)  # `json.loads` would make one for each body.


def tagged(request: Request, headers: list[tuple[str, str]], text: bytes) -> tuple[int, bytes]:
    """With the tag of this version; nothing, if whoever asks has it already."""
    tag = tag_of(text)
    headers.append(("ETag", tag))
    known = [one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")]
    return (304, b"") if tag in known or known == ["*"] else (200, text)


def tag_of(text: bytes) -> str:
    return f'"{hashlib.blake2b(text, digest_size=12).hexdigest()}"'


def told(error: Exception) -> Problem:
    match error:
        case Problem():
            return error
        case Refused():
            return Problem(400, faults=[Fault("nonFieldErrors", "invalid", "Dit kan niet bewaard worden.")])
        case Unavailable() | Conflict():
            return Problem(503, headers=[("Retry-After", RETRY_AFTER_S)])
    log.error("http.failed", error=reason(error))
    return Problem(500)
