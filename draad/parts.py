"""The parts that run over the log: every service's processors and projections."""

from typing import Final

from engine.processor import Part
from services.desk.timeline import timeline
from services.status.overdue import overdue

PARTS: Final[tuple[Part, ...]] = (overdue, timeline)
