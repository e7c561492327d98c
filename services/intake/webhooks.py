"""Webhooks: `/webhooks/<channel>/<inbox>`, and whatever a provider is told to put behind it.

The signature is checked first, and nobody who signs well is ever turned away for a limit. The answer leaves after the
facts are durable, and their files before them. Nothing of the request is logged but the channel and the inbox.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final, NamedTuple

import structlog
from prometheus_client import CollectorRegistry, Counter
from starlette.types import Receive, Scope, Send

from channels.channel import Channel, Heard, Inbound, Reply, Told
from engine.blobs import BLOB_BYTES_MAX, Blobs
from engine.engine import Engine
from engine.work import reason
from schemas.contact import ContactAttachmentAwaited, ContactReceived
from schemas.errors import Ambiguous, Refused, Unavailable, Untrusted
from schemas.event import Envelope, derived, fact
from schemas.quarantine import QuarantineEntered

PREFIX: Final = "/webhooks/"
BODY_BYTES_MAX: Final = 3 * 2**20  # Of a channel that says nothing of its own: Meta's largest.
BODY_S_MAX: Final = 10.0
RETRY_AFTER_S: Final = 5
READING_BYTES_MAX: Final = 256 * 2**20  # Of all bodies at once; who comes then is asked to come again.
METHODS: Final = frozenset({"GET", "POST"})
OUTCOMES: Final = ("taken", "unreadable", "untrusted", "unavailable", "failed")

# What every answer carries: it is for a program, and neither kept, framed nor guessed at.
HEADERS: Final = (
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
)

log = structlog.get_logger("webhooks")

Headers = list[tuple[bytes, bytes]]


class Answer(NamedTuple):
    status: int
    headers: Headers
    body: bytes = b""


class Road(NamedTuple):
    """One inbox, and what is counted of it."""

    channel: Channel
    name: str
    inbox: str
    body_bytes_max: int
    counted: Mapping[str, Any]


class NotMet(Exception):
    """The body is too long or too slow."""

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail


class Webhooks:
    """All of them, as an ASGI application without a framework between: some thousand come in each second."""

    def __init__(  # noqa: PLR0913  # All that it stands on.
        self,
        engine: Engine,
        blobs: Blobs,
        channels: Mapping[str, tuple[Channel, Collection[str]]],
        *,
        public_url: str,
        version: str,
        clock: Callable[[], datetime],
        forged: Callable[[Scope], Awaitable[float | None]],
        registry: CollectorRegistry | None = None,
    ) -> None:
        """`channels` by name, each with its inboxes. `forged` counts a wrong signature: the seconds to wait, if any."""
        self._engine, self._blobs, self._url = engine, blobs, public_url
        self._clock, self._forged = clock, forged
        self._headers: Headers = [(b"api-version", version.encode()), *HEADERS]
        self._reading = 0
        counter = Counter(
            "draad_webhooks_total", "What became of webhooks", ["channel", "inbox", "outcome"], registry=registry
        )
        self._roads = {
            (name, inbox): Road(
                channel,
                name,
                inbox,
                getattr(channel, "body_bytes_max", BODY_BYTES_MAX),
                {outcome: counter.labels(name, inbox, outcome) for outcome in OUTCOMES},
            )
            for name, (channel, inboxes) in channels.items()
            for inbox in inboxes
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        name, _, rest = scope["path"].removeprefix(PREFIX).partition("/")
        road = self._roads.get((name, rest.partition("/")[0]))
        if road is None:
            answer = self._problem(HTTPStatus.NOT_FOUND, "there is nothing at this address")
        elif scope["method"] not in METHODS:
            answer = self._problem(HTTPStatus.METHOD_NOT_ALLOWED, "send GET or POST", (b"allow", b"GET, POST"))
        else:
            answer = await self._met(road, scope, receive)
        await send({"type": "http.response.start", "status": answer.status, "headers": answer.headers})
        await send({"type": "http.response.body", "body": answer.body})

    async def _met(self, road: Road, scope: Scope, receive: Receive) -> Answer:
        """What it comes to. Whatever breaks, the provider is asked to send it again."""
        try:
            inbound = Inbound(
                inbox=road.inbox,
                url=self._called(scope),
                headers={name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
                body=await self._body(receive, road.body_bytes_max),
                at=self._clock(),
                method=scope["method"],
            )
            outcome, answer = await self._taken(road, inbound, scope)
        except NotMet as error:
            return self._problem(error.status, error.detail, (b"connection", b"close"))
        except (Unavailable, Ambiguous) as error:
            outcome, answer = "unavailable", self._later(str(error))
        except Exception as error:  # noqa: BLE001  # A bug of a channel: named here, and sent again by the provider.
            log.error("webhook.failed", channel=road.name, inbox=road.inbox, error=reason(error))  # noqa: TRY400
            outcome = "failed"
            answer = self._problem(HTTPStatus.INTERNAL_SERVER_ERROR, "something broke here: send it again")
        road.counted[outcome].inc()
        return answer

    def _called(self, scope: Scope) -> str:
        """The address as the provider wrote it: what it signed, whatever a proxy made of it."""
        url: str = self._url + scope["raw_path"].decode("latin-1")
        query: bytes = scope["query_string"]
        return f"{url}?{query.decode('latin-1')}" if query else url

    async def _taken(self, road: Road, inbound: Inbound, scope: Scope) -> tuple[str, Answer]:
        try:
            heard = road.channel.read(inbound)
            facts = [one for told in heard.facts for one in envelopes(told)]
            await self._keep(heard)
            if facts:
                await self._engine.append(*facts)
        except Untrusted as error:
            return "untrusted", await self._untrusted(road, str(error), scope)
        except Refused as error:
            return "unreadable", await self._set_aside(road, inbound, str(error))
        return "taken", self._said(heard.reply)

    async def _keep(self, heard: Heard) -> None:
        for digest, data in heard.files.items():
            kept = await self._blobs.put(data)
            assert kept == digest, "a channel names its files by their SHA-256"

    async def _untrusted(self, road: Road, why: str, scope: Scope) -> Answer:
        """Nothing is kept of it but a count."""
        wait = await self._forged(scope)
        if wait is not None:
            later = (b"retry-after", str(max(1, round(wait))).encode())
            return self._problem(HTTPStatus.TOO_MANY_REQUESTS, "too many signatures were wrong", later)
        log.warning("webhook.untrusted", channel=road.name, inbox=road.inbox)
        return self._problem(HTTPStatus.FORBIDDEN, why)

    async def _set_aside(self, road: Road, inbound: Inbound, why: str) -> Answer:
        """It is signed, so it may be a contact: it is kept whole for a person, and the provider need not repeat it."""
        if inbound.method == "GET" or not 0 < len(inbound.body) <= BLOB_BYTES_MAX:
            return self._problem(HTTPStatus.BAD_REQUEST, why)
        digest = await self._blobs.put(inbound.body)
        entered = QuarantineEntered(
            at=inbound.at,
            item_id=derived(f"{road.name} {road.inbox} {digest}"),
            channel=road.name,
            cause="unreadable",
            digest=digest,
            size_bytes=len(inbound.body),
            inbox=road.inbox,
        )
        await self._engine.append(fact(entered, key=digest))
        log.warning("webhook.unreadable", channel=road.name, inbox=road.inbox, item=entered.item_id)
        return self._said(Reply())

    async def _body(self, receive: Receive, bytes_max: int) -> bytes:
        """All of it. Raises `NotMet`, and `Unavailable` where too many are being read already."""
        message = await receive_in_time(receive, BODY_S_MAX)
        first: bytes = message.get("body", b"")
        if not message.get("more_body", False):
            if len(first) > bytes_max:
                raise too_long(bytes_max)
            return first
        read, ends = bytearray(first), asyncio.get_running_loop().time() + BODY_S_MAX
        self._reading += len(first)
        try:
            while message.get("more_body", False):
                message = await receive_in_time(receive, ends - asyncio.get_running_loop().time())
                piece = message.get("body", b"")
                read += piece
                self._reading += len(piece)
                if len(read) > bytes_max:
                    raise too_long(bytes_max)
                if self._reading > READING_BYTES_MAX:
                    raise Unavailable("too much is being sent at once: send it again")
            return bytes(read)
        finally:
            self._reading -= len(read)

    def _said(self, reply: Reply) -> Answer:
        body = reply.body.encode()
        kind = f"{reply.media_type}; charset=utf-8" if reply.media_type.startswith("text/") else reply.media_type
        headers = [*self._headers, (b"content-type", kind.encode()), (b"content-length", str(len(body)).encode())]
        return Answer(reply.status, headers, body)

    def _later(self, why: str) -> Answer:
        return self._problem(HTTPStatus.SERVICE_UNAVAILABLE, why, (b"retry-after", str(RETRY_AFTER_S).encode()))

    def _problem(self, status: HTTPStatus, detail: str, *more: tuple[bytes, bytes]) -> Answer:
        body = json.dumps({"status": status, "title": status.phrase, "detail": detail}).encode()
        length = (b"content-length", str(len(body)).encode())
        return Answer(status, [*self._headers, (b"content-type", b"application/problem+json"), length, *more], body)


def envelopes(told: Told) -> Iterator[Envelope]:
    """The fact; and of each file that is still with the provider, that it is awaited."""
    event = told.event
    yield fact(event, key=told.key)
    if isinstance(event, ContactReceived):
        for nth, attachment in enumerate(event.attachments):
            if attachment.reference and not attachment.digest:
                awaited = ContactAttachmentAwaited(
                    at=event.at,
                    contact_id=event.contact_id,
                    address_id=event.address_id,
                    channel=event.channel,
                    attachment=attachment,
                )
                yield fact(awaited, key=f"{told.key} {nth}")


async def receive_in_time(receive: Receive, seconds: float) -> Mapping[str, Any]:
    """What comes next. Raises `NotMet` where it does not come, or the other end is gone."""
    try:
        async with asyncio.timeout(seconds):
            message = await receive()
    except TimeoutError:
        detail = f"the body did not come within {BODY_S_MAX:.0f} seconds"
        raise NotMet(HTTPStatus.REQUEST_TIMEOUT, detail) from None
    if message["type"] == "http.disconnect":
        raise NotMet(HTTPStatus.BAD_REQUEST, "the other end is gone")
    return message


def too_long(bytes_max: int) -> NotMet:
    return NotMet(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is larger than {bytes_max} bytes")
