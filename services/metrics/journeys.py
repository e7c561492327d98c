"""The steps on the way to a product, counted."""

from typing import Final

from engine.processor import Add, projection
from schemas.event import Envelope
from schemas.journey import JourneyStepped
from services.metrics.tally import VERSION, Count, changed, tally

STEPS: Final = ("information", "started", "completed")


def step(event: JourneyStepped, cause: Envelope) -> list[Add]:
    if event.step not in STEPS:
        return []
    return changed((), [Count(event.step, event.at, "web", event.product)], event.at, cause)


journeys: Final = projection("metrics.journeys", tally("tally_journeys", spread=False), step, VERSION)
