"""HTTP in for what nobody could read: see it, read it again, or discard it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Final

from fastapi import APIRouter, HTTPException, Query, Request
from pydantic import BaseModel

from schemas.event import Line
from schemas.reading import posted
from services.intake.body import Posted, Pseudonym, described
from services.intake.mend import PAGE_MAX, Mender, Unknown
from services.intake.quarantine import DISCARDED, MENDED, WAITING

STATES: Final = f"^({WAITING}|{MENDED}|{DISCARDED})$"


class Retry(Posted):
    """Read it again."""

    agent_id: Pseudonym


class Discard(Posted):
    """Nothing of it is wanted, and `text` says why."""

    agent_id: Pseudonym
    text: Line


class Shown(BaseModel):
    """One item. Its bytes are kept under `digest`; nothing of what it says is shown here."""

    item_id: str
    at: str
    state: str
    channel: str
    inbox: str
    cause: str
    digest: str
    size_bytes: int
    contact_id: str
    agent_id: str


class Page(BaseModel):
    """The oldest first. `next` is the `after` of the next page; empty on the last."""

    items: list[Shown]
    next: str = ""


class Mended(BaseModel):
    """It was read after all, and is this contact."""

    item_id: str
    contact_id: str


class Discarded(BaseModel):
    """It is gone from the list. Its bytes are kept."""

    item_id: str


def documented(model: type[Posted]) -> dict[str, Any]:
    return {"requestBody": described(model)}


@contextmanager
def known() -> Iterator[None]:
    """Answers 404 where there is no such item."""
    try:
        yield
    except Unknown:
        raise HTTPException(404) from None


def router(mender: Mender) -> APIRouter:
    routes = APIRouter(prefix="/v1/quarantine", tags=["quarantine"])

    @routes.get("", summary="List what nobody could read")
    async def items(
        state: Annotated[str, Query(pattern=STATES)] = WAITING,
        after: Annotated[str, Query(pattern=r"^[A-Za-z0-9._~-]*$", max_length=120)] = "",
        limit: Annotated[int, Query(ge=1, le=PAGE_MAX)] = 50,
    ) -> Page:
        """Items in one state."""
        rows = await mender.items(state, after, limit)
        shown = [Shown.model_validate(dict(row)) for row in rows]
        return Page(items=shown, next=shown[-1].item_id if len(shown) == limit else "")

    @routes.post("/{item_id}/retry", summary="Read an item again", openapi_extra=documented(Retry))
    async def retry(item_id: str, request: Request) -> Mended:
        """Done twice it is done once. 400 means that it still cannot be read, and why."""
        body = posted(Retry, await request.body())
        with known():
            return Mended(item_id=item_id, contact_id=await mender.retry(item_id, body.agent_id))

    @routes.post("/{item_id}/discard", summary="Discard an item", openapi_extra=documented(Discard))
    async def discard(item_id: str, request: Request) -> Discarded:
        """400 means that somebody dealt with it already."""
        body = posted(Discard, await request.body())
        with known():
            await mender.discard(item_id, body.agent_id, body.text)
        return Discarded(item_id=item_id)

    return routes
