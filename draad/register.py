"""A register of the Klantinteracties API, as `draad import` speaks to it: another's, or our own."""

from asyncio import sleep
from collections.abc import Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

import httpx

from schemas.errors import Refused, Unavailable
from services.klantinteracties.every import EVERY
from services.klantinteracties.fields import Doc
from services.klantinteracties.taking import PREFERRED, own

PAGE: Final = 100
TRIES: Final = 8
WAIT_S_MAX: Final = 60.0
ANSWER_S_MAX: Final = 60.0
BUSY: Final = frozenset({408, 429, 500, 502, 503, 504})
GONE: Final = 404
OTHER: Final = 412  # Another version than the one that was seen.
LISTS: Final = frozenset(one.name for resource in EVERY.values() for one in resource.lists)  # Cards of their own.


class Refusal(NamedTuple):
    """A card that is not taken: its name, and which fields are wrong in which way."""

    kind: str
    uuid: str
    why: str


class Register:
    """One side: a server that speaks this API."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        """The address of `client` is that of the API."""
        self._client = client

    async def page(self, kind: str, number: int) -> tuple[int, list[Doc]]:
        """How many cards there are, and those of one page. There is no page after the last."""
        answer = await self._asked("GET", kind, params={"page": number, "pageSize": PAGE})
        if answer.status_code == GONE:
            return 0, []
        found = self._told(answer)
        try:
            return int(found["count"]), [{**card, "uuid": str(UUID(card["uuid"]))} for card in found["results"]]
        except (KeyError, TypeError, ValueError, AttributeError):
            raise Refused(f"{kind} is no list of the Klantinteracties API there") from None

    async def one(self, kind: str, uuid: str) -> Doc | None:
        return (await self.version(kind, uuid))[0]

    async def version(self, kind: str, uuid: str) -> tuple[Doc | None, str]:
        """A card, and the tag of the version that it is."""
        answer = await self._asked("GET", f"{kind}/{uuid}")
        if answer.status_code == GONE:
            return None, ""
        return self._told(answer), answer.headers.get("etag", "")

    async def take(self, kind: str, cards: Sequence[Doc]) -> tuple[int, list[Refusal]]:
        """So many it has taken now, and those that it refuses: each alone, where it refuses them together."""
        answer = await self._asked("POST", "neem-over", json={kind: [own(kind, card) for card in cards]})
        if answer.status_code == httpx.codes.OK:
            return int(self._told(answer)["overgenomen"]), []
        if answer.status_code not in {httpx.codes.BAD_REQUEST, httpx.codes.REQUEST_ENTITY_TOO_LARGE}:
            self._told(answer)
        if len(cards) > 1:
            alone = [await self.take(kind, [card]) for card in cards]
            return sum(taken for taken, _ in alone), [refusal for _, some in alone for refusal in some]
        return 0, [Refusal(kind, cards[0]["uuid"], why(answer))]

    async def prefer(self, uuid: str, said: Doc) -> Refusal | None:
        """What a party prefers, once that is there."""
        answer = await self._asked("PATCH", f"partijen/{uuid}", json=said)
        return None if answer.status_code == httpx.codes.OK else Refusal("partijen", uuid, why(answer))

    async def replace(self, kind: str, card: Doc, tag: str) -> Refusal | None:
        """It says this from now on, unless it is another version by now."""
        said = own(kind, card) | {name: card[name] for name in PREFERRED if name in card}
        body = {name: value for name, value in said.items() if name not in LISTS}
        answer = await self._asked("PUT", f"{kind}/{card['uuid']}", json=body, headers={"If-Match": tag})
        return None if answer.status_code in {httpx.codes.OK, OTHER} else Refusal(kind, card["uuid"], why(answer))

    async def remove(self, kind: str, uuid: str, tag: str) -> Refusal | None:
        """It goes, with what belongs to it, unless it is another version by now, or gone."""
        answer = await self._asked("DELETE", f"{kind}/{uuid}", headers={"If-Match": tag})
        return None if answer.status_code in {httpx.codes.NO_CONTENT, GONE, OTHER} else Refusal(kind, uuid, why(answer))

    async def _asked(self, method: str, path: str, **said: Any) -> httpx.Response:  # noqa: ANN401  # As httpx has it.
        """An answer, after some patience. Raises `Unavailable`, or `Refused` for a token that opens nothing."""
        for nth in range(TRIES):
            wait = min(WAIT_S_MAX, 2.0**nth)
            try:
                answer = await self._client.request(method, path, **said)
            except httpx.HTTPError:
                pass
            else:
                if answer.status_code in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
                    raise Refused(f"the token opens nothing at {self._client.base_url.host}: it answers 401 or 403")
                if answer.status_code not in BUSY:
                    return answer
                wait = patience(answer, wait)
            await sleep(wait)
        raise Unavailable(f"{self._client.base_url.host} does not answer: run it again, it goes on where it was")

    def _told(self, answer: httpx.Response) -> Doc:
        try:
            found = answer.json()
        except ValueError:
            found = None
        if answer.status_code != httpx.codes.OK or not isinstance(found, dict):
            raise Refused(f"{self._client.base_url.host} answers {answer.status_code}, which is no answer of that API")
        return found


def patience(answer: httpx.Response, otherwise: float) -> float:
    try:
        return min(WAIT_S_MAX, max(0.0, float(answer.headers["retry-after"])))
    except (KeyError, ValueError):
        return otherwise


def why(answer: httpx.Response) -> str:
    """Which fields are wrong, and how: words of that API, and nothing of what they hold."""
    try:
        faults = [f"{one['name'].rpartition('.')[2]} {one['code']}" for one in answer.json()["invalidParams"]]
    except (ValueError, KeyError, TypeError, AttributeError):
        faults = []
    return ", ".join(faults) or str(answer.status_code)


def client(address: str, token: str) -> httpx.AsyncClient:
    """Raises `Refused` for what is no address of such an API."""
    url = httpx.URL(address if "://" in address else "")
    if url.scheme not in {"http", "https"} or not url.host or url.query:
        raise Refused("the register has an address such as https://openklant.example.nl/klantinteracties/api/v1")
    headers = {"Authorization": f"Token {token}", "Accept": "application/json"}
    return httpx.AsyncClient(base_url=url, headers=headers, timeout=ANSWER_S_MAX, trust_env=False)
