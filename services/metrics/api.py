"""HTTP: reports of any days, as JSON or CSV, and what each figure means."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Final, Literal

from fastapi import APIRouter, HTTPException, Path, Query
from pydantic import BaseModel
from starlette.responses import Response

from engine.engine import Engine
from schemas.errors import Refused
from services.metrics.days import By, Days
from services.metrics.definitions import Definition, definitions
from services.metrics.report import Asked, Per, Report, report
from services.metrics.settings import MetricsSettings
from services.metrics.sheet import sheet
from services.metrics.standing import Standing, standing

Day = Annotated[date, Query(examples=["2026-11-01"])]
NoDay = Annotated[date | None, Query()]
Name = Annotated[str, Path(pattern=r"^[a-z][a-z0-9-]*$", max_length=60)]
Label = Annotated[str, Query(pattern=r"^([A-Za-z0-9][A-Za-z0-9._~-]*)?$", max_length=120)]
Figures = Annotated[str, Query(description="Names of definitions, with commas between them", max_length=1_000)]
CSV: Final = "text/csv; charset=utf-8"


class Listed(BaseModel):
    """All definitions, in the order in which they are read."""

    definitions: list[Definition]


def router(engine: Engine, settings: MetricsSettings) -> APIRouter:
    routes = APIRouter(prefix="/v1", tags=["reports"])

    @routes.get("/definitions", summary="What the figures mean")
    async def meanings() -> Listed:
        return Listed(definitions=list(definitions().values()))

    @routes.get("/definitions/{name}", summary="What one figure means")
    async def meaning(name: Name) -> Definition:
        if name not in definitions():
            raise HTTPException(404)
        return definitions()[name]

    @routes.get(
        "/reports",
        summary="Figures of some days, and beside them of others",
        response_model=Report,
        responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
    )
    async def reports(  # noqa: PLR0913, PLR0917  # As many as can be asked.
        figures: Figures,
        first: Day,
        last: Day,
        by: By = "total",
        per: Per = "",
        channel: Label = "",
        product: Label = "",
        team: Label = "",
        against_first: NoDay = None,
        against_last: NoDay = None,
        format: Literal["json", "csv"] = "json",
    ) -> Response:
        """The first day and the last are included, as the days are here. A share of nothing is null, and not 0."""
        if (against_first is None) != (against_last is None):
            raise Refused("against_first and against_last come together")
        against = Days(against_first, against_last) if against_first and against_last else None
        only = {"channel": channel, "product": product, "team": team}
        chosen = tuple((label, value) for label, value in only.items() if value)
        asked = Asked(tuple(figures.split(",")), Days(first, last), by, per, chosen, against)
        made = await report(engine, asked, settings)
        if format == "csv":
            return Response(sheet(made), media_type=CSV, headers=saved(made))
        return Response(made.model_dump_json(), media_type="application/json")  # Of thousands of lines, in one go.

    @routes.get("/reports/now", summary="What stands open now, and since when")
    async def now() -> Standing:
        """By channel, product or team, whichever it is told apart by."""
        return await standing(engine)

    return routes


def saved(made: Report) -> Mapping[str, str]:
    """Under which name a browser keeps it."""
    return {"Content-Disposition": f'attachment; filename="{"-".join(made.figures)[:80]}-{made.first}-{made.last}.csv"'}
