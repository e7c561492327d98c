"""How much anybody may ask for in a while. Nodes share the count in Redis, and each goes on alone while it is away.

A node counts for itself first: what it refuses never reaches Redis, and when Redis goes nobody begins anew.
"""

import asyncio
import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Final, Self

import structlog
from limits import RateLimitItem, RateLimitItemPerMinute, RateLimitItemPerSecond
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from prometheus_client import CollectorRegistry, Counter, Gauge
from redis.asyncio import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from engine.client import ended

PROGRAM: Final = "program"  # Whoever brings an API token that we know.
SESSION: Final = "session"  # A person at the desk, or before it with a link that opens it.
OPEN: Final = "open"  # What stands open to all, such as the style of a page; per remote address.
GUESS: Final = "guess"  # Wrong tokens from one remote address.
STRANGER: Final = "stranger"  # No token, an ended session, a link that no longer opens; per remote address.
VISITOR: Final = "visitor"  # Who fills in a form of ours, or whose page tells of a step; per remote address.
SOCKET: Final = "socket"  # WebSockets that are opened; per remote address.
FORGER: Final = "forger"  # Webhooks whose signature is wrong; per remote address. A right one is never counted.
CHAT_SESSION: Final = "chat-session"  # Messages of one chat. What is over is not lost: the browser says it again.
CHAT_REMOTE: Final = "chat-remote"  # Messages of all chats from one remote address.

LIMITS: Final[Mapping[str, RateLimitItem]] = {
    PROGRAM: RateLimitItemPerSecond(6_000, namespace=PROGRAM),  # One program gets half of what we aim to carry.
    SESSION: RateLimitItemPerSecond(50, namespace=SESSION),
    OPEN: RateLimitItemPerSecond(300, namespace=OPEN),  # A whole desk may sit behind one address.
    GUESS: RateLimitItemPerMinute(10, namespace=GUESS),
    STRANGER: RateLimitItemPerMinute(600, namespace=STRANGER),  # And lose its sessions in the same minute.
    VISITOR: RateLimitItemPerMinute(1_200, namespace=VISITOR),  # Residents behind one proxy may share an address.
    SOCKET: RateLimitItemPerMinute(600, namespace=SOCKET),
    FORGER: RateLimitItemPerMinute(60, namespace=FORGER),
    CHAT_SESSION: RateLimitItemPerMinute(30, namespace=CHAT_SESSION),
    CHAT_REMOTE: RateLimitItemPerMinute(1_200, namespace=CHAT_REMOTE),  # As above.
}
TRIAL: Final = RateLimitItemPerSecond(1_000_000, namespace="trial")
PREFIX: Final = "draad:rates"
ANSWER_S_MAX: Final = 0.1  # What a request waits for Redis at most; twice, if it came while another waited.
LOOK_S_MAX: Final = 1.0
ALONE_S: Final = 1.0  # How long Redis is left alone after it failed.
CONNECTIONS_MAX: Final = 8
WHO_MAX: Final = 20_000  # Of one kind, in the memory of one node: a flood of addresses costs no more than this.
AWAY: Final = (RedisError, OSError)

log = structlog.get_logger("rates")


class Bucket:
    """What one node has handed out of one limit. What was taken comes back evenly, until the whole amount is there."""

    def __init__(self, limit: RateLimitItem) -> None:
        self._period = limit.get_expiry()
        self._each = self._period / limit.amount
        self._full: dict[str, float] = {}  # When everything will have come back to whom.

    def take(self, who: str, now: float) -> float | None:
        full = max(self._full.get(who, now), now) + self._each
        wait = full - now - self._period
        if wait > self._each / 10:  # Less than that may be rounding: thousands of parts make up a second.
            return wait
        if len(self._full) >= WHO_MAX and who not in self._full:
            self._forget(now)
        self._full[who] = full
        return None

    def _forget(self, now: float) -> None:
        """Let go of whoever has everything back, and of the oldest where that frees too little."""
        owing = [(who, full) for who, full in self._full.items() if full > now]
        self._full = dict(owing[-WHO_MAX // 2 :])


class Rates:
    """Every limit, for everybody. `key` makes the pseudonyms, and is the same on all nodes that share a Redis."""

    def __init__(
        self,
        key: bytes | None = None,
        url: str | None = None,
        *,
        limits: Mapping[str, RateLimitItem] = LIMITS,
        registry: CollectorRegistry | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        assert key or not url, "nodes that share must make the same pseudonyms"
        self._key = key or secrets.token_bytes(32)
        self._limits, self._clock = limits, clock
        self._buckets = {kind: Bucket(limit) for kind, limit in limits.items()}
        self._limited = Counter(
            "draad_rate_limited_total", "Requests refused for a limit", ["limit"], registry=registry
        )
        self._sharing = Gauge(
            "draad_rates_shared", "1 while nodes share their limits", registry=registry if url else None
        )
        for kind in limits:
            self._limited.labels(kind)  # Shown before it happens, as zero.
        self.shared = False
        self._there = Shared(url) if url else None
        self._said: bool | None = None
        self._look_from = 0.0
        self._looking: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.look()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await ended(self._looking)
        if self._there:
            await self._there.close()

    async def take(self, kind: str, who: str) -> float | None:
        """Take one of this kind. Returns nothing where that is fine, and else the seconds to wait."""
        name = hmac.digest(self._key, who.encode("utf-8", "surrogatepass"), "sha256").hex()
        wait = self._buckets[kind].take(name, self._clock())
        if wait is None and self._there:
            wait = await self._take_there(self._there, self._limits[kind], name)
        if wait is not None:
            self._limited.labels(kind).inc()
        return wait

    async def _take_there(self, there: "Shared", limit: RateLimitItem, name: str) -> float | None:
        if self.shared:
            try:
                return await there.take(limit, name)
            except AWAY as error:
                self._turn(shared=False, why=type(error).__name__)
        elif self._clock() >= self._look_from and (self._looking is None or self._looking.done()):
            self._looking = asyncio.create_task(self.look())  # Beside the request: that waits for nothing.
        return None

    async def look(self) -> None:
        """See whether Redis counts, by counting: one that is full or only reads answers a ping."""
        if self._there is None:
            return
        try:
            async with asyncio.timeout(LOOK_S_MAX):
                await self._there.limiter.hit(TRIAL)
        except AWAY as error:
            self._turn(shared=False, why=type(error).__name__)
        else:
            self._turn(shared=True)

    def _turn(self, *, shared: bool, why: str = "") -> None:
        self.shared = shared
        self._sharing.set(shared)
        self._look_from = self._clock() + ALONE_S
        if self._said is not shared:
            self._said = shared
            if shared:
                log.info("rates.shared")
            else:
                log.warning("rates.alone", error=why)  # Never its words: they may hold the address.


class Shared:
    """The count in Redis. Those who ask for the same while an answer is under way are asked for together, after it."""

    def __init__(self, url: str) -> None:
        at_once = Retry(NoBackoff(), 0)  # Who waits here is a request.
        self._pool = ConnectionPool.from_url(url, retry=at_once)
        self._turns = asyncio.Semaphore(CONNECTIONS_MAX)  # In order of arrival: a pool that blocks lets others pass.
        storage = RedisStorage(
            f"async+{url}",
            implementation="redispy",
            key_prefix=PREFIX,
            connection_pool=self._pool,  # type: ignore[arg-type]  # It is handed to the client as it is.
        )
        # Redis keeps the time of this one, so that nodes whose clocks differ agree; and two numbers per limit.
        self.limiter = SlidingWindowCounterRateLimiter(storage)
        self._waiting: dict[str, list[asyncio.Future[float | None]]] = {}
        self._asking: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        await asyncio.gather(*self._asking, return_exceptions=True)  # Not for long: each has its time-out.
        await self._pool.disconnect()

    async def take(self, limit: RateLimitItem, name: str) -> float | None:
        """Raises one of `AWAY`."""
        mine: asyncio.Future[float | None] = asyncio.get_running_loop().create_future()
        key = limit.key_for(name)
        waiting = self._waiting.get(key)
        if waiting is None:
            waiting = self._waiting[key] = []
            task = asyncio.create_task(self._ask(limit, name, waiting))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)
        waiting.append(mine)
        return await mine

    async def _ask(self, limit: RateLimitItem, name: str, waiting: list[asyncio.Future[float | None]]) -> None:
        """Until nobody waits for this any more."""
        together: list[asyncio.Future[float | None]] = []
        failure: BaseException = ConnectionAbortedError()
        try:
            while waiting:
                together[:], waiting[:] = waiting, []
                async with asyncio.timeout(ANSWER_S_MAX), self._turns:
                    granted, wait = await self._granted(limit, name, len(together))
                for n, one in enumerate(together):
                    if not one.done():
                        one.set_result(None if n < granted else wait)
        except AWAY as error:
            failure = error
        finally:  # Whatever broke: nobody is left waiting.
            del self._waiting[limit.key_for(name)]
            for one in (*together, *waiting):
                if not one.done():
                    one.set_exception(failure)

    async def _granted(self, limit: RateLimitItem, name: str, asked: int) -> tuple[int, float]:
        """How many of so many may go ahead, and how long the others wait."""
        if await self.limiter.hit(limit, name, cost=asked):
            return asked, 0.0
        reset, left = await self.limiter.get_window_stats(limit, name)
        granted = min(left, asked)
        if granted and not await self.limiter.hit(limit, name, cost=granted):
            granted = 0  # Another node was first.
        wait = reset - time.time()
        return granted, wait if wait > 0 else limit.get_expiry()  # Of a window just begun, `limits` says: over now.
