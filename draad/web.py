"""Every service's routes under one roof, with one set of manners."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from draad import health
from draad.keys import Keys
from draad.manners import API_VERSION, Manners
from draad.problem import PROBLEM, Answers
from engine.engine import Engine
from schemas.errors import DraadError
from services.desk import api as desk
from services.desk.door import Door
from services.desk.feed import Feed
from services.desk.page import Page
from services.intake import api as intake

Clock = Callable[[], datetime]

TITLE: Final = "Draad"
OPEN: Final = frozenset({"/health/live", "/health/ready"})


@dataclass(frozen=True)
class House:
    """The application, and what has to run beside it."""

    app: ASGIApp
    feed: Feed
    door: Door


def house(engine: Engine, keys: Keys, token: str, watch: health.Watch, clock: Clock) -> House:
    page = Page()
    feed, door, answers = Feed(engine, page), Door(keys.door, clock), Answers(page)
    app = FastAPI(
        title=TITLE,
        version=API_VERSION,
        license_info={"name": "EUPL-1.2", "identifier": "EUPL-1.2"},
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    app.add_exception_handler(DraadError, answers.of_ours)
    app.add_exception_handler(HTTPException, answers.of_http)
    app.add_exception_handler(RequestValidationError, answers.of_request)
    app.add_exception_handler(Exception, answers.of_bug)
    app.include_router(intake.router(engine, keys.addresses, clock))
    app.include_router(desk.router(engine, feed, page, clock))
    app.include_router(desk.entrance(door, page))
    app.include_router(health.router(engine, watch, clock))
    app.mount("/assets", desk.assets())
    described = description(app)

    @app.get("/v1/openapi.json", include_in_schema=False)
    async def openapi() -> dict[str, Any]:
        return described

    return House(Manners(app, token=token, door=door, answers=answers), feed, door)


def description(app: FastAPI) -> dict[str, Any]:
    """What the API takes and answers: what every route shares is said here, once."""
    document = app.openapi()
    document["components"].setdefault("schemas", {})["Problem"] = dict(PROBLEM)
    document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    document["security"] = [{"token": []}]
    told = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for path, methods in document["paths"].items():
        for method in methods.values():
            method["responses"].setdefault("default", {"description": "What went wrong", "content": told})
            method["responses"].pop("422", None)
            if path in OPEN:
                method["security"] = []
            for answer in method["responses"].values():
                answer.setdefault("headers", {})["API-Version"] = {"schema": {"type": "string"}}
    return document
