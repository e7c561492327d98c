"""What ops can see of the engine: how far behind, how big the batches, how long a step, what is parked and due."""

from collections.abc import Iterable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from engine.store import Standing

BATCHES: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
SECONDS: Final = (1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 5e-3, 0.05)


class Meter:
    """The engine's metrics, in a registry of its own. Labels are names of parts, never subjects."""

    def __init__(self) -> None:
        self.registry = all_of = CollectorRegistry()
        part, task = ["part"], ["part", "version"]
        self._appended = Counter("draad_facts_appended_total", "Facts acknowledged, repeats included", registry=all_of)
        self._batch = Histogram("draad_batch_events", "Events per batch", part, buckets=BATCHES, registry=all_of)
        self._step = Histogram("draad_step_seconds", "Mean time per step", part, buckets=SECONDS, registry=all_of)
        self._parked = Counter("draad_parked_total", "Events set aside", part, registry=all_of)
        self._behind = Gauge("draad_behind_events", "Events on the log not yet read", task, registry=all_of)
        self._waiting = Gauge("draad_parked_events", "Events that wait aside now", task, registry=all_of)
        self._due = Gauge("draad_timers_due", "Timers past their hour", task, registry=all_of)
        self._kept = Gauge("draad_waiting_facts", "Facts acknowledged while the log is away", registry=all_of)
        self._away = Gauge("draad_log_away", "1 while facts wait for the log", registry=all_of)
        self._lent = Gauge("draad_lent_events", "Events lent, begun and not done", task, registry=all_of)

    def appended(self, facts: int) -> None:
        self._appended.inc(facts)

    def stepped(self, part: str, events: int, took_s: float) -> None:
        self._batch.labels(part).observe(events)
        self._step.labels(part).observe(took_s / events)

    def parked(self, part: str, events: int) -> None:
        if events:
            self._parked.labels(part).inc(events)

    def stand(self, standings: Iterable[Standing], waiting: int | None = None) -> None:
        """Refresh the gauges. A task that is gone is forgotten. `waiting`: facts, while the log is away."""
        self._kept.set(waiting or 0)
        self._away.set(waiting is not None)
        for gauge in (self._behind, self._waiting, self._due, self._lent):
            gauge.clear()
        for standing in sorted(standings, key=lambda standing: standing.task.active):  # Over a rebuild of the same.
            labels = (standing.task.name, str(standing.task.version))
            self._behind.labels(*labels).set(standing.behind)
            self._waiting.labels(*labels).set(standing.parked)
            self._due.labels(*labels).set(standing.timers_due)
            self._lent.labels(*labels).set(standing.lent)
