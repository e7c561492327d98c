"""One try at a webhook, and what it came to. Of an answer only its status counts; its words are thrown away."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, NamedTuple

import httpx

from schemas.errors import Refused, Unavailable

CONNECT_S_MAX: Final = 5.0
ANSWER_S_MAX: Final = 15.0  # Until the status is here, connecting included.
DRAIN_S_MAX: Final = 2.0  # For the rest of an answer, so that the connection can be used again;
DRAIN_BYTES_MAX: Final = 65_536  # what is longer costs the connection.
WAIT_S_MAX: Final = 6 * 60 * 60
GONE: Final = 410
TIMEOUT: Final = httpx.Timeout(ANSWER_S_MAX, connect=CONNECT_S_MAX).as_dict()
MEDIA_TYPE: Final = "application/cloudevents+json; charset=UTF-8"


class Answer(NamedTuple):
    """What became of it: told, gone, or else why not; and how long it asked to be left alone."""

    word: str
    wait_s: int = 0
    silent: bool = False  # It took its time and said nothing.


TOLD: Final = Answer("told")


async def tried(way: httpx.AsyncBaseTransport, url: str, headers: dict[str, str], body: bytes, now: datetime) -> Answer:
    """Whatever the other end does, there is an answer, and soon."""
    try:
        request = httpx.Request("POST", url, headers=headers, content=body, extensions={"timeout": TIMEOUT})
        async with asyncio.timeout(ANSWER_S_MAX):
            response = await way.handle_async_request(request)
        await drained(response)
    except Refused:
        return Answer("not-open")  # It leads to where nobody may be told, or nowhere.
    except (httpx.TimeoutException, TimeoutError):
        return Answer("too-slow", silent=True)
    except (httpx.ConnectError, Unavailable):
        return Answer("unreachable", silent=True)
    except (httpx.HTTPError, httpx.InvalidURL):
        return Answer("broke-off", silent=True)
    return meaning(response, now)


async def drained(response: httpx.Response) -> None:
    """Read the rest, if it is short. What is wrong with it changes nothing: the status is known."""
    try:
        with suppress(TimeoutError, httpx.HTTPError):
            async with asyncio.timeout(DRAIN_S_MAX):
                taken = 0
                async for chunk in response.aiter_raw():
                    taken += len(chunk)
                    if taken > DRAIN_BYTES_MAX:
                        break
    finally:
        await response.aclose()


def meaning(response: httpx.Response, now: datetime) -> Answer:
    if response.is_success:
        return TOLD
    if response.status_code == GONE:
        return Answer("gone")
    word = "redirects" if response.is_redirect else f"status-{response.status_code}"
    return Answer(word, patience(response.headers.get("retry-after", ""), now))


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
