"""Steps on the way to a product, told by pages of the municipality. Nobody is known or followed.

A page tells which step was reached, under a name that it rolled itself and forgets. No cookie is set or read, no
address is kept. Whoever asks not to be tracked is not counted. The answer is always the same empty one, so that a page
never waits for us and a stranger learns nothing: it promises nothing either.
"""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

import structlog
from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError
from starlette.responses import FileResponse, Response

from engine.engine import Engine
from schemas.errors import DraadError, Refused
from schemas.event import Word, derived, fact
from schemas.journey import JourneyStepped
from schemas.reading import look_through, parsed

BEACON_BYTES_MAX: Final = 1_000
PRODUCTS_MAX: Final = 500
SCRIPT: Final = Path(__file__).parent / "assets" / "journey.js"
STEPS: Final = frozenset({"information", "started", "completed"})  # As VNG counts the digital journey.
TAKEN: Final = 204
DAY_S: Final = 86_400

Rolled = Annotated[str, StringConstraints(pattern=r"^[0-9a-f][0-9a-f-]{15,63}$")]
Origin = Annotated[str, StringConstraints(pattern=r"^https?://[A-Za-z0-9.:\[\]-]+$", max_length=200)]

log = structlog.get_logger("intake")


class JourneySettings(BaseModel):
    """Whose pages may tell, and of what."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    origins: tuple[Origin, ...] = ()  # Such as https://www.gouda.nl. Our own pages always may.
    products: Annotated[tuple[Word, ...], Field(max_length=PRODUCTS_MAX)] = ()  # Empty: nothing is counted.


class Beacon(BaseModel):
    """What a page tells."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", hide_input_in_errors=True)

    product: Word
    step: Word
    id: Rolled


def router(engine: Engine, clock: Callable[[], datetime], settings: JourneySettings) -> APIRouter:
    routes = APIRouter(include_in_schema=False)

    @routes.post("/journey")
    async def stepped(request: Request) -> Response:
        headers = request.headers
        if declined(headers):
            return Response(status_code=TAKEN)
        if from_here(headers, settings):
            await keep(engine, await request.body(), clock(), settings)
        else:
            log.info("journey.dropped", error="elsewhere")
        return Response(status_code=TAKEN)

    @routes.api_route("/journey/journey.js", methods=["GET", "HEAD"])
    async def script() -> Response:
        """For pages of others, which is why it may be taken across."""
        across = {"Cross-Origin-Resource-Policy": "cross-origin", "Cache-Control": f"public, max-age={DAY_S}"}
        return FileResponse(SCRIPT, media_type="text/javascript", headers=across)

    return routes


def declined(headers: Mapping[str, str]) -> bool:
    """Whether its visitor asks not to be tracked. Of them nothing is kept, not even that they did."""
    return headers.get("sec-gpc") == "1" or headers.get("dnt") == "1"


def from_here(headers: Mapping[str, str], settings: JourneySettings) -> bool:
    """Whether this page may tell."""
    origin = headers.get("origin", "")
    return origin in settings.origins or (bool(origin) and urlsplit(origin).netloc == headers.get("host"))


async def keep(engine: Engine, raw: bytes, now: datetime, settings: JourneySettings) -> None:
    """Write the step down, once, if it is one of ours. What is not kept is a line in the log, and told to nobody."""
    try:
        beacon = told(raw)
        if beacon.product not in settings.products or beacon.step not in STEPS:
            log.info("journey.dropped", error="unknown")
            return
        step = derived(f"journey {beacon.id}")
        event = JourneyStepped(at=now, step_id=step, product=beacon.product, step=beacon.step)
        await engine.append(fact(event, key=f"{step} {beacon.step}"))
    except DraadError as error:
        log.info("journey.dropped", error=type(error).__name__)


def told(raw: bytes) -> Beacon:
    """What was told. Raises `Refused`."""
    if len(raw) > BEACON_BYTES_MAX:
        raise Refused("a step is told in fewer bytes")
    try:
        said = parsed(raw.decode())
        look_through(said)
        return Beacon.model_validate_json(json.dumps(said))
    except (UnicodeDecodeError, ValidationError):
        raise Refused("this is not a step as our script tells it") from None
