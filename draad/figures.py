"""Figures for the pages of the desk: what they ask for is a report."""

from functools import partial

from engine.engine import Engine
from services.desk.figures import Figures, Wish
from services.metrics.days import Days
from services.metrics.definitions import definitions
from services.metrics.report import Asked, Report, report
from services.metrics.settings import MetricsSettings
from services.metrics.sheet import sheet


def figures(engine: Engine, settings: MetricsSettings) -> Figures:
    return Figures(partial(made, engine, settings), definitions, partial(written, engine, settings))


async def made(engine: Engine, settings: MetricsSettings, wish: Wish) -> Report:
    against = Days(*wish.against) if wish.against else None
    asked = Asked(tuple(wish.figures), Days(*wish.days), wish.by, wish.per, against=against)
    return await report(engine, asked, settings)


async def written(engine: Engine, settings: MetricsSettings, wish: Wish) -> str:
    return sheet(await made(engine, settings, wish))
