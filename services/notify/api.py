"""HTTP: the proof of one notification, for whoever may read records."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, HTTPException, Path
from sqlalchemy import select

from engine.engine import Engine
from services.notify.evidence import evidence
from services.notify.proof import dossier

FACTS_MAX: Final = 500  # Of one notification: there are a dozen.
Name = Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._~-]*$", max_length=120)]


async def proof(engine: Engine, notification_id: str) -> dict[str, Any] | None:
    """Its dossier, made anew from the log; none of a notification that is not known. Raises `Unavailable`."""
    table = await engine.table(evidence)
    query = select(table).where(table.c.notification_id == notification_id)
    rows = await engine.fetch(query.order_by(table.c.first, table.c.position).limit(FACTS_MAX))
    facts = [(await engine.read(row["position"] - 1, 1, row["partition"]))[0] for row in rows]
    return dossier(notification_id, facts) if facts else None


def router(engine: Engine) -> APIRouter:
    routes = APIRouter(prefix="/v1", tags=["notifications"])

    @routes.get("/notifications/{notification_id}/proof", summary="What can be proved of a notification")
    async def show(notification_id: Name) -> dict[str, Any]:
        """A dossier of entries, each with the hash of the one before it. It names nobody."""
        found = await proof(engine, notification_id)
        if found is None:
            raise HTTPException(404)
        return found

    return routes
