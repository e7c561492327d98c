"""How much of what costs money may leave on one day: a mistake costs no money all night."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

import structlog
from prometheus_client import CollectorRegistry, Counter
from sqlalchemy import Select, Table, bindparam, func, select

from channels.channel import Undeliverable
from channels.days import day_of
from engine.ask import ask
from engine.engine import Engine
from services.intake.spent import spent

OVER: Final = "over-budget"

log = structlog.get_logger("courier")


class Budget:
    """How many messages may leave a day on each of these channels; all others cost nothing that is counted."""

    def __init__(
        self,
        engine: Engine,
        per_day: Mapping[str, int],
        clock: Callable[[], datetime],
        registry: CollectorRegistry | None = None,
    ) -> None:
        self._engine, self._per_day, self._clock = engine, per_day, clock
        self._over = Counter(
            "draad_over_budget_total", "Messages that would have cost too much that day", ["channel"], registry=registry
        )
        for channel in per_day:
            self._over.labels(channel)  # Shown before it happens, as zero.

    async def ask(self, channel: str) -> None:
        """Whether one more may leave today; what is on its way at this moment is not counted yet.

        Raises `Undeliverable` where it may not, and `Unavailable` where nobody can say.
        """
        if channel not in self._per_day:
            return
        [found] = await ask(
            self._engine, counted, [spent], (), {"channel": channel, "day": day_of(self._clock()).isoformat()}
        )
        if found["left_us"] >= self._per_day[channel]:
            log.error("courier.over-budget", channel=channel)
            self._over.labels(channel).inc()
            raise Undeliverable("as many left today as a day may cost: what nobody typed goes another way", OVER)


def counted(table: Table) -> Select[Any]:
    today = select(func.count().label("left_us")).select_from(table)
    return today.where(table.c.day == bindparam("day"), table.c.channel == bindparam("channel"))
