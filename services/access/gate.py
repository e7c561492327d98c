"""What a token opens, told within microseconds: all of them are at hand, and looked up again about once a second.

What came of it is written down beside the request: on which days a token was used, and that it was refused.
"""

import asyncio
import hmac
import secrets
import string
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final, NamedTuple

import structlog
from sqlalchemy import select

from engine.engine import Engine
from schemas.errors import Unavailable
from schemas.event import Envelope, fact
from schemas.token import TokenRefused, TokenUsed
from services.access.tokens import tokens

SIGNS: Final = string.ascii_letters + string.digits
TOKEN_CHARS: Final = 40  # As Open Klant's have: some tools take no longer ones.
ID_CHARS: Final = 8  # Of these, by which it is looked up and listed. The other 32 are the secret: 190 bits.
TOLD_AT: Final = 2  # Looks that failed, one after the other.
LOOK_S: Final = 0.5  # Between two looks: within so long a revocation holds on every node.
STALE_S_MAX: Final = 30.0  # After so long without a look, nobody is let in: it might have been revoked.
UNSEEN: Final = "whether this token still holds cannot be seen now: send it again later"
NOTED_MAX: Final = 10_000  # Of what was written down, so that it is not written again. Forgotten, it is a repeat.

log = structlog.get_logger("access")


class Program(NamedTuple):
    """Who brings a token, and what it opens. Without an id it is whoever brings the one that opens everything."""

    token_id: str
    name: str
    scopes: frozenset[str]
    digest: str
    due: datetime
    revoked: bool


EVERYTHING: Final = Program("", "program", frozenset(), "", datetime.max.replace(tzinfo=UTC), revoked=False)
SCRAPER: Final = Program("scraper", "scraper", frozenset({"metrics.read"}), "", EVERYTHING.due, revoked=False)


def made() -> str:
    """A new token, which is random through and through."""
    return "".join(secrets.choice(SIGNS) for _ in range(TOKEN_CHARS))


def digest(key: bytes, token: str) -> str:
    """What is kept of a token. Keyed and fast on purpose.

    A slow hash makes guesses at a *password* dear. Nobody guesses 190 random bits, so it would only make every request
    dear; and without the key, which is not on the log, a stolen log does not even tell whether a guess was right.
    """
    return hmac.digest(key, token.encode("utf-8", "surrogatepass"), "sha256").hex()


class Gate:
    """Knows every token, and the one that opens everything. It has to run beside, to see those that are made."""

    def __init__(  # noqa: PLR0913  # All that it stands on.
        self,
        engine: Engine,
        key: bytes,
        everything: str,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
        *,
        scraper: str = "",
    ) -> None:
        """`scraper`: a token of the settings, as the one that opens everything is, that opens the figures alone."""
        self._engine, self._key, self._clock, self._monotonic = engine, key, clock, monotonic
        self._everything = digest(key, everything)
        self._scraper = SCRAPER._replace(digest=digest(key, scraper) if scraper else "")
        self._programs: Mapping[str, Program] = {}
        self._looked: float | None = None
        self._noted: set[tuple[str, str, str, int]] = set()
        self._untold: list[Envelope] = []
        self._closing = asyncio.Event()

    def whose(self, token: str) -> Program | None:
        """Who brings this; nothing, if it is none of ours. Raises `Unavailable` where that cannot be told."""
        found = digest(self._key, token)
        if hmac.compare_digest(found, self._everything):
            return EVERYTHING
        if hmac.compare_digest(found, self._scraper.digest):
            return self._scraper
        if len(token) != TOKEN_CHARS:
            return None
        if self._looked is None or self._monotonic() - self._looked > STALE_S_MAX:
            raise Unavailable(UNSEEN)
        program = self._programs.get(token[:ID_CHARS])
        return program if program and hmac.compare_digest(found, program.digest) else None

    def refusal(self, program: Program, scope: str) -> str:
        """Why it is not let in there: expired, revoked or scope; empty, if it is. Either way it is written down."""
        if program is EVERYTHING:
            return ""
        if program is self._scraper:
            return "" if scope in program.scopes else "scope"
        now = self._clock()
        why = "revoked" if program.revoked else "expired" if now >= program.due else ""
        if not why and scope not in program.scopes:
            why = "scope"
        if why:
            self._note_refused(program, why, scope, now)
        else:
            self._note_used(program, now)
        return why

    async def run(self) -> None:
        """Look again and again, until it is closed. What is away at two looks is told: at a start it comes to be."""
        away = 0
        while not self._closing.is_set():
            try:
                await self.look()
                away = 0
            except Unavailable as error:
                away += 1
                if away == TOLD_AT:
                    log.warning("access.away", error=str(error))
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._closing.wait()
        with suppress(Unavailable):  # What came of the last ones.
            await self.look()

    async def look(self) -> None:
        """See how every token stands now, and write down what came of them. Raises `Unavailable`."""
        now = self._monotonic()
        rows = await self._engine.fetch(select(await self._engine.table(tokens)))
        self._programs = {row["token_id"]: program(row) for row in rows}
        self._looked = now
        if self._untold:
            telling = tuple(self._untold)
            await self._engine.append(*telling)
            del self._untold[: len(telling)]

    def close(self) -> None:
        """End after what is at hand."""
        self._closing.set()

    def _note_used(self, program: Program, now: datetime) -> None:
        if self._new((program.token_id, "", "", now.toordinal())):
            used = TokenUsed(at=now, token_id=program.token_id)
            self._untold.append(fact(used, key=now.date().isoformat()))  # On whichever node: it is one fact a day.

    def _note_refused(self, program: Program, why: str, scope: str, now: datetime) -> None:
        if self._new((program.token_id, why, scope, now.toordinal() * 24 + now.hour)):
            refused = TokenRefused(at=now, token_id=program.token_id, name=program.name, why=why, scope=scope)
            self._untold.append(fact(refused, key=f"{why} {scope} {now:%Y-%m-%dT%H}"))

    def _new(self, mark: tuple[str, str, str, int]) -> bool:
        """Whether this was not noted yet."""
        if mark in self._noted:
            return False
        if len(self._noted) >= NOTED_MAX:
            self._noted.clear()
        self._noted.add(mark)
        return True


def program(row: Mapping[str, str]) -> Program:
    return Program(
        token_id=row["token_id"],
        name=row["name"],
        scopes=frozenset(row["scopes"].split()),
        digest=row["digest"],
        due=datetime.fromisoformat(row["due"]),
        revoked=bool(row["revoked_at"]),
    )
