"""Leaves a provider alone that takes nothing from anybody, and has one message find out whether it is back.

Meanwhile what is to go there is postponed without a try: it is surely not sent, and goes out again at the outbox's
times, or on its next road where it would be too late. Nothing of this is kept: whoever starts anew tries anew.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import structlog

from schemas.errors import Ambiguous, Unavailable

FAILED_MAX: Final = 5  # Addresses in a row: one alone may have troubles of its own.
PAUSES_S: Final = (15.0, 30.0, 60.0, 120.0, 300.0)  # Before each next try; the last one again and again.

log = structlog.get_logger("courier")

Road = tuple[str, str]  # A channel, and an inbox of it.


@dataclass
class Standing:
    """How one road has been lately."""

    failed: set[str] = field(default_factory=set)  # Addresses, since it took something last.
    pauses: int = 0
    until: float = 0.0
    trying: bool = False  # Somebody finds out whether it is back.

    @property
    def rests(self) -> bool:
        return self.pauses > 0


class Breaker:
    """Of each road, whether it may be tried now."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._standings: dict[Road, Standing] = {}

    @contextmanager
    def passing(self, road: Road, address_id: str) -> Iterator[None]:
        """One try on this road. Raises `Unavailable` where it rests, before anything was tried.

        What is refused for good says nothing of the road: it may have been refused before the provider heard of it.
        """
        standing = self._standings.setdefault(road, Standing())
        if standing.rests and (standing.trying or self._now() < standing.until):
            raise Unavailable("this road takes nothing now, and is left alone for a while")
        standing.trying = probe = standing.rests
        try:
            yield
        except (Unavailable, Ambiguous):
            standing.failed.add(address_id)
            if probe or (not standing.rests and len(standing.failed) >= FAILED_MAX):
                self._rest(road, standing)
            raise
        else:
            self._back(road, standing)
        finally:
            if probe:
                standing.trying = False

    def resting(self) -> list[str]:
        """The roads that rest, a sentence each."""
        return [
            f"nothing leaves by [{channel}.{inbox}]: it is tried again within {round(PAUSES_S[-1] / 60)} minutes"
            for (channel, inbox), standing in sorted(self._standings.items())
            if standing.rests
        ]

    def _rest(self, road: Road, standing: Standing) -> None:
        pause_s = PAUSES_S[min(standing.pauses, len(PAUSES_S) - 1)]
        standing.pauses, standing.until = standing.pauses + 1, self._now() + pause_s
        log.error("courier.road-rests", channel=road[0], inbox=road[1], pause_s=pause_s)

    def _back(self, road: Road, standing: Standing) -> None:
        if standing.rests:
            log.info("courier.road-back", channel=road[0], inbox=road[1])
        standing.failed.clear()
        standing.pauses = 0
