"""The case system over its API: one try for each question, at addresses that we know, within limits.

Nothing that it names is fetched from elsewhere: what begins with no address of ours is refused before it is asked for,
a redirect is not followed, and the pages of a list are asked for by their number.
"""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

import httpx
from joserfc import jwt
from joserfc.jwk import OctKey

from channels.outward import BROKEN, LATER
from schemas.errors import Refused, Unavailable
from services.zaken.settings import ZakenSettings
from services.zaken.words import Read

CONNECT_S_MAX: Final = 5.0
ANSWER_S_MAX: Final = 20.0
ANSWER_BYTES_MAX: Final = 8_000_000  # A page of a hundred cases has some hundred thousand.
PAGES_MAX: Final = 10_000
CONNECTIONS_MAX: Final = 8
KEPT: Final = timedelta(minutes=10)  # What a type says hardly ever changes.
KEPT_MAX: Final = 2_000
NOT_FOUND: Final = 404
FORBIDDEN: Final = frozenset({401, 403})
WHO: Final = "draad"
MAP: Final = "EPSG:4326"  # No question about a case is answered without it.

Kind = TypeVar("Kind", bound=Read)
Clock = Callable[[], datetime]


class Gone(Refused):
    """It is not there, says the case system itself."""


class Forbidden(Unavailable):
    """We may not see it, for now."""


class Register:
    """The three APIs, as one client of them."""

    def __init__(
        self, settings: ZakenSettings, clock: Clock, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        waits = httpx.Timeout(ANSWER_S_MAX, connect=CONNECT_S_MAX)
        limits = httpx.Limits(max_connections=CONNECTIONS_MAX)
        self.settings, self._clock = settings, clock
        self._bases = (settings.zaken_url, settings.catalogi_url, settings.notificaties_url)
        self._key = OctKey.import_key(settings.secret.get_secret_value())
        self._client = httpx.AsyncClient(timeout=waits, limits=limits, follow_redirects=False, transport=transport)
        self._kept: dict[str, tuple[datetime, Any]] = {}

    async def one(self, kind: type[Kind], url: str) -> Kind:
        """Raises `Gone`, `Forbidden`, `Unavailable` or `Refused`, none of which quotes anything."""
        return kind.of(await self.ask("GET", url))

    async def kind_of(self, kind: type[Kind], url: str) -> Kind:
        """A type, which is asked for once in a while."""
        known = self._kept.get(url)
        if known and self._clock() - known[0] < KEPT and isinstance(known[1], kind):
            return known[1]
        found = await self.one(kind, url)
        if len(self._kept) >= KEPT_MAX:
            self._kept.clear()
        self._kept[url] = (self._clock(), found)
        return found

    async def pages(self, kind: type[Kind], url: str, asked: Mapping[str, str]) -> AsyncIterator[list[Kind]]:
        """A list, page by page."""
        for number in range(1, PAGES_MAX + 1):
            page = await self.ask("GET", url, params={**asked, "page": str(number)})
            listed = page.get("results") if isinstance(page, dict) else None
            if not isinstance(listed, list):
                raise Refused("the case system gives no list where its API has one")
            yield [kind.of(one) for one in listed]
            if not page.get("next"):
                return
        raise Refused(f"the case system has a list of more than {PAGES_MAX} pages")

    async def every(self, kind: type[Kind], url: str, asked: Mapping[str, str]) -> list[Kind]:
        return [one async for page in self.pages(kind, url, asked) for one in page]

    async def ask(self, method: str, url: str, **more: Any) -> Any:  # noqa: ANN401  # JSON.
        """What it answers. Raises as `one` does."""
        if not url.startswith(self._bases):
            raise Refused("this address is not one of the case system that we know")
        headers = {"Authorization": f"Bearer {self._token()}", "Accept": "application/json"}
        if url.startswith(self.settings.zaken_url):
            headers |= {"Accept-Crs": MAP, "Content-Crs": MAP}
        try:
            async with self._client.stream(method, url, headers=headers, **more) as answer:
                body = await whole(answer)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unavailable(f"the case system gives no answer ({type(error).__name__})") from None
        return understood(answer.status_code, body)

    def _token(self) -> str:
        """Who we are, from this moment on for as long as the other side believes it."""
        client = self.settings.client_id
        said = {"iss": client, "iat": int(self._clock().timestamp()), "client_id": client}
        return jwt.encode({"alg": "HS256"}, said | {"user_id": WHO, "user_representation": WHO}, self._key)

    async def close(self) -> None:
        await self._client.aclose()


async def whole(answer: httpx.Response) -> bytes:
    body = bytearray()
    async for piece in answer.aiter_bytes():
        body += piece
        if len(body) > ANSWER_BYTES_MAX:
            raise Refused(f"the case system's answer is larger than {ANSWER_BYTES_MAX} bytes")
    return bytes(body)


def understood(status: int, body: bytes) -> Any:  # noqa: ANN401  # JSON.
    try:
        said = json.loads(body) if body else None
    except (ValueError, RecursionError):
        said = None
    if status in FORBIDDEN:
        raise Forbidden(f"the case system does not let us see this ({status})")
    if status in LATER or status >= BROKEN:
        raise Unavailable(f"the case system gives no answer now ({status})")
    if status == NOT_FOUND and isinstance(said, dict) and said.get("status") == NOT_FOUND:
        raise Gone("the case system has this no more")  # It says so itself, and not a proxy before it.
    if not 200 <= status < 300:  # noqa: PLR2004  # The class of "done" in HTTP.
        raise Refused(f"the case system answers something that its API does not have ({status})")
    if said is None:
        raise Refused("the case system's answer is no JSON")
    return said
