"""The way to one subscriber: one try at its webhook, and what that came to.

Of an answer only the status counts; its words are thrown away. No redirect is followed, and no proxy, cookie or setting
of this machine is asked.
"""

import asyncio
import socket
import ssl
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, NamedTuple

from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    TCPConnector,
)
from aiohttp.abc import AbstractResolver, ResolveResult

from schemas.errors import Refused, Unavailable
from services.status.outside import V6, Outside, literal, written_well

PARALLEL_MAX: Final = 16  # Connections to one subscriber.
IDLE_S_MAX: Final = 15.0  # For so long a connection is kept that nobody uses.
CONNECT_S_MAX: Final = 5.0
ANSWER_S_MAX: Final = 15.0  # Until the status is here, connecting included.
DRAIN_S_MAX: Final = 2.0  # For the rest of an answer, so that the connection can be used again;
DRAIN_BYTES_MAX: Final = 65_536  # what is longer costs the connection.
WAIT_S_MAX: Final = 6 * 60 * 60
GONE: Final = 410
MEDIA_TYPE: Final = "application/cloudevents+json; charset=UTF-8"


class Answer(NamedTuple):
    """What became of it: told, gone, or else why not; and how long it asked to be left alone."""

    word: str
    wait_s: int = 0
    silent: bool = False  # It took its time and said nothing.


TOLD: Final = Answer("told")


class Names(AbstractResolver):
    """Leads to addresses that were looked at, and nowhere else."""

    def __init__(self, outside: Outside, url: str) -> None:
        self._outside, self._url = outside, url

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_INET,  # noqa: ARG002  # As aiohttp has it.
    ) -> list[ResolveResult]:
        """Before each connection. Raises as `Outside.checked` does."""
        return [
            ResolveResult(
                hostname=host,
                host=str(address),
                port=port,
                family=socket.AF_INET6 if address.version == V6 else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in await self._outside.checked(self._url)
        ]

    async def close(self) -> None:
        """There is nothing to close."""


class Way:
    """Connections to one subscriber."""

    def __init__(self, outside: Outside, url: str, context: ssl.SSLContext) -> None:
        self._outside, self._url = outside, url
        self._literal = literal(written_well(url).hostname or "")
        connector = TCPConnector(
            resolver=Names(outside, url),
            use_dns_cache=False,
            limit=PARALLEL_MAX,
            ssl=context,
            keepalive_timeout=IDLE_S_MAX,
        )
        self._session = ClientSession(
            connector=connector,
            cookie_jar=DummyCookieJar(),
            auto_decompress=False,
            timeout=ClientTimeout(total=None, connect=CONNECT_S_MAX),
            skip_auto_headers=("Accept", "Accept-Encoding"),
        )

    async def tried(self, headers: dict[str, str], body: bytes, now: datetime) -> Answer:
        """Whatever the other end does, there is an answer, and soon."""
        try:
            return await self._posted(headers, body, now)
        except Refused:
            return Answer("not-open")  # It leads to where nobody may be told, or nowhere.
        except TimeoutError:
            return Answer("too-slow", silent=True)
        except (ClientConnectorError, Unavailable):
            return Answer("unreachable", silent=True)
        except (ClientError, OSError):
            return Answer("broke-off", silent=True)

    async def close(self) -> None:
        await self._session.close()

    async def _posted(self, headers: dict[str, str], body: bytes, now: datetime) -> Answer:
        if self._literal:  # Nobody looks up what is no name.
            await self._outside.checked(self._url)
        async with asyncio.timeout(ANSWER_S_MAX):
            response = await self._session.post(self._url, data=body, headers=headers, allow_redirects=False)
        try:
            await drained(response)
        finally:
            response.release()
        return meaning(response.status, response.headers.get("retry-after", ""), now)


async def drained(response: ClientResponse) -> None:
    """Read the rest, if it is short. What is wrong with it changes nothing: the status is known."""
    with suppress(TimeoutError, ClientError):
        async with asyncio.timeout(DRAIN_S_MAX):
            taken = 0
            async for chunk in response.content.iter_any():
                taken += len(chunk)
                if taken > DRAIN_BYTES_MAX:
                    break


def meaning(status: int, retry_after: str, now: datetime) -> Answer:
    match status // 100:
        case 2:
            return TOLD
        case 3:
            return Answer("redirects", patience(retry_after, now))
    return Answer("gone") if status == GONE else Answer(f"status-{status}", patience(retry_after, now))


def patience(said: str, now: datetime) -> int:
    """The seconds that `Retry-After` asks for, within bounds; 0 where it asks for nothing that can be read."""
    if said.isascii() and said.isdigit():
        return min(int(said[:9]), WAIT_S_MAX)
    try:
        until = parsedate_to_datetime(said)
        wait = (until if until.tzinfo else until.replace(tzinfo=UTC)) - now
    except (ValueError, TypeError, OverflowError):
        return 0
    return max(0, min(round(wait.total_seconds()), WAIT_S_MAX))
