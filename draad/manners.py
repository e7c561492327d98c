"""How every request is met, whatever it asks: known or not, how large, and what every answer carries.

Nothing is open but what is listed here. What looks like a BSN in an address is refused before anybody can log it.
"""

import asyncio
import math
import re
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from http.cookies import CookieError, SimpleCookie
from ipaddress import IPv6Address
from time import perf_counter
from typing import Any, Final, NamedTuple
from urllib.parse import unquote_plus

import structlog
from starlette.datastructures import MutableHeaders
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from channels.link import APPOINTMENT, OPINION, PARTY, UNSUBSCRIBE
from draad.problem import RETRY_AFTER_S, Answers
from draad.rates import GUESS, OPEN, PROGRAM, SESSION, SOCKET, STRANGER, VISITOR, Rates
from draad.scopes import needed
from engine.work import reason
from schemas.errors import Unavailable
from schemas.event import EVENT_BYTES_MAX, holds_bsn
from services.access.gate import Gate, Program
from services.desk.door import Door
from services.desk.entrance import COOKIE

API_VERSION: Final = "1.0.0"
UNAUTHORIZED: Final = 401
BODY_BYTES_MAX: Final = EVENT_BYTES_MAX
BODY_S_MAX: Final = 10.0  # A body that comes drop by drop holds a place that others need.
SOCKETS_MAX: Final = 2_000  # Open at once, of one node.
HEALTH: Final = re.compile(r"/health/(live|ready)")
BAD: Final = 400  # The first status that says that something is wrong.
LINK: Final = re.compile(r"/open/([^/]*)")
FOR_A_SESSION: Final = re.compile(
    r"/|/(live|threads|register|tasks|counter|quarantine|search|figures|outbox)(/.*)?|/looked"
    r"|/notifications/[^/]+/proof"
)  # The rest is for programs, with a token.

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


class Opening(NamedTuple):
    """What stands open to all, each remote address within a limit."""

    path: re.Pattern[str]
    kind: str  # Of limit.
    headers: Mapping[str, str] = {}  # Said in place of those above.
    sockets: bool = False  # Whether a WebSocket may be opened there, from our own pages and the sites we know.
    body_bytes_max: int = BODY_BYTES_MAX


ANYWHERE: Final = {"Cross-Origin-Resource-Policy": "cross-origin", "Access-Control-Allow-Origin": "*"}
KEPT: Final = {"Cache-Control": "no-cache"}  # Kept, but asked after: a new version shows at once.

UNLISTED: Final = {"X-Robots-Tag": "noindex, nofollow"}

# To open something else to all is a line here. Webhooks are met before, by a door of their own.
OPENINGS: Final = (
    Opening(re.compile(r"/assets/[^/]+"), OPEN, KEPT),
    Opening(re.compile(r"/v1/openapi\.json"), OPEN, {"Access-Control-Allow-Origin": "*"}),
    Opening(re.compile(r"/close"), OPEN),
    Opening(re.compile(r"/login(/back)?"), VISITOR),
    Opening(re.compile(r"/chat/[^/]+\.(js|css|svg)"), OPEN, ANYWHERE | KEPT),  # The widget, on pages of others.
    Opening(re.compile(r"/chat(/.*)?"), VISITOR, sockets=True),
    Opening(re.compile(r"/contact(/.*)?"), VISITOR),
    Opening(re.compile(r"/journey(/.*)?"), VISITOR, ANYWHERE),  # Told by pages of others.
    Opening(
        re.compile(rf"/({APPOINTMENT}|{PARTY}|{OPINION}|{UNSUBSCRIBE})/.+"), VISITOR, UNLISTED
    ),  # By whoever was sent a link.
)
UNKNOWN: Final = frozenset({GUESS, STRANGER})
OFTEN: Final = "these are too many requests at once: send the rest after the seconds in Retry-After"
STRANGE: Final = "too many requests without a valid token or link came from this address: wait, and send a valid one"
TOO_MANY: Final[Mapping[str, str]] = {
    PROGRAM: OFTEN,
    SESSION: OFTEN,
    OPEN: OFTEN,
    VISITOR: OFTEN,
    GUESS: STRANGE,
    STRANGER: STRANGE,
}

REFUSALS: Final[Mapping[str, tuple[int, str]]] = {
    "expired": (401, "this token has expired: ask who runs Draad for another"),
    "revoked": (401, "this token was revoked: ask who runs Draad for another"),
    "scope": (403, "this token does not open this: ask who runs Draad for one with the scope"),
}

log = structlog.get_logger("http")


class Refusal(Exception):
    """This request is not met."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, headers


class Caller(NamedTuple):
    """Who asks, and which limit is theirs."""

    kind: str
    who: str
    program: Program | None = None


class Manners:
    """Stands around the whole application."""

    def __init__(  # noqa: PLR0913  # All that it stands on.
        self,
        app: ASGIApp,
        *,
        door: Door,
        answers: Answers,
        gate: Gate,
        rates: Rates | None = None,
        origins: Collection[str] = (),
    ) -> None:
        """`origins`: the sites, such as https://www.example.nl, whose pages may open a WebSocket to us."""
        self._app, self._door, self._answers, self._gate = app, door, answers, gate
        self._rates = rates or Rates()
        self._origins, self._sockets = frozenset(origins), 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._socket(scope, receive, send)
            return
        assert scope["type"] == "http", "served without lifespan"
        began, status = perf_counter(), 0

        async def dressed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                dress(scope, MutableHeaders(scope=message))
            await send(message)

        try:
            await self._check(scope)
            await self._app(scope, await buffered(scope, receive), dressed)
        except Refusal as refusal:
            answer = self._answers.told(scope, refusal.status, refusal.detail, refusal.headers)
            await answer(scope, receive, dressed)
        except Exception as error:  # Whatever breaks: the answer is a problem, and the log quotes nothing.
            log.error("http.failed", error=reason(error))  # noqa: TRY400  # A traceback quotes values.
            if not status:
                raise
        if status < BAD and HEALTH.fullmatch(scope["path"]):
            return  # It is asked every few seconds, and says nothing new.
        route, took_ms = self._route(scope), round((perf_counter() - began) * 1000, 1)
        caller = scope.get("state", {}).get("caller", "")
        log.info("http.answered", method=scope["method"], route=route, status=status, caller=caller, took_ms=took_ms)

    def _route(self, scope: Scope) -> str:
        """Its template; also of what was refused before anything was looked for. Empty where there is none."""
        met = scope.get("route") or route_of(getattr(self._app, "routes", ()), {**scope})
        return str(getattr(met, "path", ""))

    async def _check(self, scope: Scope) -> None:
        if personal(scope):
            raise Refusal(400, "the address holds what looks like a BSN: send it in no address, ever")
        path, headers = scope["path"], dict(scope["headers"])
        if not HEALTH.fullmatch(path):
            caller = self._who(path, headers, remote(scope))
            scope.setdefault("state", {})["caller"] = caller.kind  # For the line in the log.
            wait = await self._rates.take(caller.kind, caller.who)
            if wait is not None:
                raise Refusal(429, TOO_MANY[caller.kind], {"Retry-After": str(max(1, math.ceil(wait)))})
            if caller.kind in UNKNOWN and not LINK.fullmatch(path):
                raise Refusal(401, "send the token that Draad printed when it started", {"WWW-Authenticate": "Bearer"})
            if caller.program:
                self._let_in(caller.program, scope)
        sent = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if scope["method"] == "POST" and path.startswith("/v1/") and sent != b"application/json":
            raise Refusal(415, "send the body as application/json")

    def _let_in(self, program: Program, scope: Scope) -> None:
        """Raises `Refusal` where its token does not hold, or does not open this."""
        if why := self._gate.refusal(program, needed(scope["method"], scope["path"])):
            status, detail = REFUSALS[why]
            raise Refusal(status, detail, {"WWW-Authenticate": "Bearer"} if status == UNAUTHORIZED else None)
        scope.setdefault("state", {})["program"] = program.name  # For whoever writes down who looked.

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A WebSocket: open where that is allowed, and from a page that we know; refused before it is opened."""
        opening = opening_of(scope["path"])
        known = opening is not None and opening.sockets and not personal(scope)
        if not (known and self._from_here(scope)) or self._sockets >= SOCKETS_MAX:
            await refuse(receive, send)
            return
        if await self._rates.take(SOCKET, remote(scope)) is not None:
            await refuse(receive, send)
            return
        self._sockets += 1
        try:
            await self._app(scope, receive, send)
        except Exception as error:  # As above.
            log.error("socket.failed", error=reason(error))  # noqa: TRY400
            raise
        finally:
            self._sockets -= 1

    def _from_here(self, scope: Scope) -> bool:
        """Whether it comes from a page of ours or of a site that we know. A program says no origin: it has a token."""
        headers = dict(scope["headers"])
        origin = headers.get(b"origin", b"").decode("latin-1")
        own = f"//{headers.get(b'host', b'').decode('latin-1')}"
        return origin in self._origins or (origin.startswith("http") and origin.endswith(own))

    def _who(self, path: str, headers: Mapping[bytes, bytes], address: str) -> Caller:
        """Who asks, and which limit is theirs. What is good is counted by itself, and only the rest by its address."""
        if link := LINK.fullmatch(path):
            return Caller(SESSION, link[1]) if self._door.welcomes(link[1]) else Caller(STRANGER, address)
        scheme, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        if scheme.lower() == "bearer" and (program := self._program(token.strip())):
            return program
        to_all = opening_of(path)
        if (to_all or FOR_A_SESSION.fullmatch(path)) and self._door.knows(cookie := session(headers)):
            return Caller(SESSION, cookie)
        if to_all:
            return Caller(to_all.kind, address)
        return Caller(GUESS if scheme else STRANGER, address)

    def _program(self, token: str) -> Caller | None:
        """Who brings a token that we know; one that holds no more is known too, and so is no guess."""
        try:
            program = self._gate.whose(token)
        except Unavailable as error:
            raise Refusal(503, str(error), {"Retry-After": str(RETRY_AFTER_S)}) from None
        return Caller(PROGRAM, program.token_id, program) if program else None


def route_of(routes: Sequence[BaseRoute], scope: Scope) -> BaseRoute | None:
    """The first that would take it, also within routers that FastAPI keeps whole."""
    for route in routes:
        if route.matches(scope)[0] is not Match.NONE:
            within = getattr(route, "original_router", None)
            return route_of(within.routes, scope) if within else route
    return None


def opening_of(path: str) -> Opening | None:
    return next((opening for opening in OPENINGS if opening.path.fullmatch(path)), None)


async def refuse(receive: Receive, send: Send) -> None:
    """Before it is opened: the server answers 403."""
    await receive()
    await send({"type": "websocket.close", "code": 1008})


def remote(scope: Scope) -> str:
    """Who is at the other end of the connection; of IPv6 the network, as one machine has all its addresses."""
    # Behind a proxy this is the proxy, for everybody, unless it is trusted to say for whom it asks
    # (`DRAAD_TRUSTED_PROXIES`). What anybody else says of its sender is not believed, or a guesser would come from
    # elsewhere each time. And whoever brings what is good is never counted by address, so no stranger shuts them out.
    host: str = (scope.get("client") or ("",))[0]
    try:
        address = IPv6Address(host)
    except ValueError:
        return host
    return str(address.ipv4_mapped or IPv6Address(int(address) >> 64 << 64))


def session(headers: Mapping[bytes, bytes]) -> str:
    try:
        cookie = SimpleCookie(headers.get(b"cookie", b"").decode("latin-1")).get(COOKIE)
    except CookieError:
        return ""
    return cookie.value if cookie else ""


def personal(scope: Scope) -> bool:
    """Whether the address holds nine digits that could be a BSN, however they are written."""
    written = f"{scope['path']}?{scope['query_string'].decode('latin-1')}"
    return holds_bsn(written) or holds_bsn(unquote_plus(written))


def dress(scope: Scope, headers: MutableHeaders) -> None:
    opening = opening_of(scope["path"])
    for name, value in (opening.headers if opening else {}).items():
        headers[name] = value
    for name, value in HEADERS.items():
        headers.setdefault(name, value)
    if scope["scheme"] == "https":
        headers["Strict-Transport-Security"] = "max-age=31536000"


async def buffered(scope: Scope, receive: Receive) -> Receive:
    """The whole body, if it is not too long and not too slow. Raises `Refusal`."""
    if scope["method"] in {"GET", "HEAD"}:
        return receive
    try:
        async with asyncio.timeout(BODY_S_MAX):
            opening = opening_of(scope["path"])
            body = await whole(receive, opening.body_bytes_max if opening else BODY_BYTES_MAX)
    except TimeoutError:
        raise Refusal(408, f"the body did not come within {BODY_S_MAX:.0f} seconds", {"Connection": "close"}) from None
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return waiting.pop() if waiting else await receive()

    return replayed


async def whole(receive: Callable[[], Awaitable[Any]], bytes_max: int) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > bytes_max:
            raise Refusal(413, f"the body is larger than {bytes_max} bytes", {"Connection": "close"})
        if not message.get("more_body", False):
            return bytes(body)
