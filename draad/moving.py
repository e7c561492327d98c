"""`draad import`: all that another register of the Klantinteracties API holds, moved over its API and ours.

Both may be at work meanwhile, and it may be broken off and begun again at any time: what is here is left as it is.
"""

import json
from asyncio import sleep
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import UUID

import httpx
from pydantic import SecretStr
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from draad.settings import Misconfigured
from schemas.errors import Refused, Unavailable
from services.klantinteracties.every import EVERY
from services.klantinteracties.fields import Doc, Reading
from services.klantinteracties.taking import MOMENTS, ORDER, PREFERRED, own, since
from services.klantinteracties.writing import read

PAGE: Final = 100
CARDS_MAX: Final = 50  # In one request, and of so many bytes at most.
CHARS_MAX: Final = 200_000
TRIES: Final = 8
WAIT_S_MAX: Final = 60.0
ANSWER_S_MAX: Final = 60.0
DIGEST_BYTES: Final = 16
BUSY: Final = frozenset({408, 429, 500, 502, 503, 504})
GONE: Final = 404
TOLD_MAX: Final = 50  # Cards that are named one by one.

Digests = dict[str, bytes]


class Pass(NamedTuple):
    """One walk through the cards of a kind: those that others of their own kind name come first."""

    name: str
    kind: str
    wanted: Callable[[Doc], bool]


def passes() -> Iterator[Pass]:
    firsts: Mapping[str, Callable[[Doc], bool]] = {
        "partijen": lambda card: card.get("soortPartij") != "contactpersoon",
        "partij-identificatoren": lambda card: not card.get("subIdentificatorVan"),
    }
    for kind in ORDER:
        if first := firsts.get(kind):
            yield Pass(f"{kind} (1)", kind, first)
            yield Pass(f"{kind} (2)", kind, lambda card, first=first: not first(card))  # type: ignore[misc]
        else:
            yield Pass(kind, kind, lambda _: True)


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
        answer = await self._asked("GET", f"{kind}/{uuid}")
        return None if answer.status_code == GONE else self._told(answer)

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


class Progressed:
    """How many cards each pass has seen, from the oldest on: what comes in meanwhile changes nothing of that."""

    def __init__(self, path: Path | None) -> None:
        """Raises `Refused` for a file that is none of ours."""
        self._path = path
        self._seen: dict[str, int] = {}
        if path and path.exists():
            try:
                self._seen = {str(name): int(seen) for name, seen in json.loads(path.read_text()).items()}
            except (ValueError, AttributeError, TypeError, OSError):
                raise Refused("the file of --progress is not one that an import wrote: name another") from None

    def seen(self, name: str) -> int:
        return self._seen.get(name, 0)

    def reached(self, name: str, seen: int) -> None:
        self._seen[name] = seen
        if self._path:
            fresh = self._path.with_suffix(".new")
            fresh.write_text(json.dumps(self._seen))
            fresh.replace(self._path)


class Difference(NamedTuple):
    kind: str
    there: int
    here: int
    missing: list[str]
    other: list[str]


class Move:
    """From one register to another."""

    def __init__(self, there: Register, here: Register, progressed: Progressed, bar: Progress) -> None:
        self._there, self._here, self._progressed, self._bar = there, here, progressed, bar
        self.taken: Counter[str] = Counter()
        self.refused: list[Refusal] = []

    async def run(self) -> None:
        for one in passes():
            await self._walk(one.name, one.kind, partial(self._take, one))
        await self._walk("preferences", "partijen", self._prefer)

    async def _walk(self, name: str, kind: str, each: Callable[[list[Doc]], Any]) -> None:
        """From the last page, the oldest cards, to the first. A card that is new there moves all others by a place."""
        seen = self._progressed.seen(name)
        count, _ = await self._there.page(kind, 1)
        task = self._bar.add_task(name, total=count, completed=min(count, seen))
        while seen < count:
            number = -(-(count - seen) // PAGE)
            count, cards = await self._there.page(kind, number)
            if count - number * PAGE > seen:
                continue  # Some have just moved behind this page.
            await each(cards)
            seen = count - (number - 1) * PAGE
            self._progressed.reached(name, seen)
            self._bar.update(task, total=count, completed=seen)

    async def _take(self, one: Pass, cards: list[Doc]) -> None:
        for some in bundled([card for card in reversed(cards) if one.wanted(card)]):
            taken, refused = await self._here.take(one.kind, some)
            self.taken[one.kind] += taken
            self.refused += refused

    async def mend(self, found: Sequence[Difference]) -> bool:
        """Take what was not met on the way. True where there was any."""
        refused = {refusal.uuid for refusal in self.refused}
        lost = [(one.kind, name) for one in found for name in one.missing if name not in refused]
        for kind, name in lost:
            card = await self._there.one(kind, name)
            await self._take(Pass(kind, kind, lambda _: True), [card] if card else [])
        return bool(lost)

    async def _prefer(self, parties: list[Doc]) -> None:
        for party in parties:
            wished = {name: {"uuid": party[name]["uuid"]} for name in PREFERRED if party.get(name)}
            mine = await self._here.one("partijen", party["uuid"]) if wished else None
            if mine and any((mine.get(name) or {}).get("uuid") != wished[name]["uuid"] for name in wished):
                refused = await self._here.prefer(party["uuid"], wished)
                self.refused += filter(None, [refused])


def bundled(cards: Sequence[Doc]) -> Iterator[list[Doc]]:
    """Few enough for one request."""
    some: list[Doc] = []
    size = 0
    for card in cards:
        length = len(json.dumps(card))  # Never less than its bytes.
        if some and (len(some) >= CARDS_MAX or size + length > CHARS_MAX):
            yield some
            some, size = [], 0
        some.append(card)
        size += length
    if some:
        yield some


def digest(kind: str, card: Doc) -> bytes:
    """Of what a card says itself, however either side spells it."""
    both = {MOMENTS[kind]: since(card, kind)} if kind in MOMENTS else {}
    preferred = {name: (card.get(name) or {}).get("uuid") for name in PREFERRED}
    said = read(EVERY[kind], own(kind, card), None, Reading(), partly=True) | both | preferred
    text = json.dumps(bare(said), sort_keys=True, default=str)
    return blake2b(text.encode(errors="surrogatepass"), digest_size=DIGEST_BYTES).digest()


def bare(node: Any) -> Any:  # noqa: ANN401  # Whatever a card holds.
    """Without what is empty: some write null, some nothing at all."""
    match node:
        case dict():
            inner = {name: bare(value) for name, value in node.items()}
            return {name: value for name, value in inner.items() if value not in (None, "", {}, [])}
        case list() | tuple():
            return [bare(value) for value in node]
    return node


async def compared(there: Register, here: Register, bar: Progress) -> list[Difference]:
    """Kind by kind: how many each has, which of theirs are not here, and which say something else here."""
    found = []
    for kind in ORDER:
        task = bar.add_task(f"compare {kind}", total=None)
        theirs, ours = await digests(there, kind), await digests(here, kind)
        missing = sorted(theirs.keys() - ours.keys())
        other = sorted(name for name in theirs.keys() & ours.keys() if theirs[name] != ours[name])
        found.append(Difference(kind, len(theirs), len(ours), missing, other))
        bar.update(task, total=1, completed=1)
    return found


async def digests(register: Register, kind: str) -> Digests:
    found: Digests = {}
    count, number = 1, 0
    while number * PAGE < count:
        number += 1
        count, cards = await register.page(kind, number)
        found |= {card["uuid"]: digest(kind, card) for card in cards}
    return found


def secret(path: Path | None, otherwise: SecretStr | None, name: str) -> str:
    """The token in a file, or the other one. Raises `Misconfigured` where there is neither."""
    try:
        found = path.read_text().strip() if path else otherwise.get_secret_value() if otherwise else ""
    except (OSError, ValueError):
        found = ""
    if not found.isascii() or not found.isprintable() or not found:
        raise Misconfigured(f"{name} must hold a token")
    return found


def client(address: str, token: str) -> httpx.AsyncClient:
    """Raises `Refused` for what is no address of such an API."""
    url = httpx.URL(address if "://" in address else "")
    if url.scheme not in {"http", "https"} or not url.host or url.query:
        raise Refused("the register has an address such as https://openklant.example.nl/klantinteracties/api/v1")
    headers = {"Authorization": f"Token {token}", "Accept": "application/json"}
    return httpx.AsyncClient(base_url=url, headers=headers, timeout=ANSWER_S_MAX, trust_env=False)


async def moved(there: httpx.AsyncClient, here: httpx.AsyncClient, kept: Path | None, *, only_compare: bool) -> bool:
    """Move, then compare, and print what came of it. True where all of theirs is here, and says the same."""
    async with there as theirs, here as ours:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True)) as bar:
            one, other = Register(theirs), Register(ours)
            moving = Move(one, other, Progressed(kept), bar)
            if not only_compare:
                await moving.run()
            found = await compared(one, other, bar)
            if not only_compare and await moving.mend(found):
                found = await compared(one, other, bar)
    return report(moving, found)


def report(moving: Move, found: Sequence[Difference]) -> bool:
    screen = Console(markup=False, highlight=False)
    for refusal in moving.refused[:TOLD_MAX]:
        screen.print(f"Not taken: {refusal.kind} {refusal.uuid}: {refusal.why}.")
    if len(moving.refused) > TOLD_MAX:
        screen.print(f"Not taken, and not named here: {len(moving.refused) - TOLD_MAX} more.")
    table = Table("kind", "there", "here", "taken now", "missing here", "says something else")
    for one in found:
        counts = (one.there, one.here, moving.taken[one.kind], len(one.missing), len(one.other))
        table.add_row(one.kind, *map(str, counts))
    screen.print(table)
    for one in found:
        for name in [*one.missing, *one.other][:TOLD_MAX]:
            screen.print(f"Look at: {one.kind} {name}")
    return not any(one.missing or one.other for one in found)
