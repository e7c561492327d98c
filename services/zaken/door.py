"""Where the Notificaties API tells that something of a case changed. It is believed in which case, and nothing else.

A token of ours with its scope lets it in, as every program. The answer leaves after the notice is durable.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import structlog
from fastapi import APIRouter, Request, Response

from engine.engine import Engine
from schemas.errors import Refused
from schemas.event import Envelope, fact
from schemas.notice import NoticeReceived
from schemas.reading import decoded, look_through, parsed
from services.zaken.settings import ZakenSettings
from services.zaken.words import Hint, uuid_of, word

PATH: Final = "/zgw/notificaties"
CHANNEL: Final = "zaken"
TAKEN: Final = 204
HINT_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "required": ["kanaal", "hoofdObject", "resource", "resourceUrl", "actie", "aanmaakdatum"],
    "properties": {name: {"type": "string"} for name in ("kanaal", "hoofdObject", "resource", "resourceUrl", "actie")}
    | {"aanmaakdatum": {"type": "string", "format": "date-time"}, "kenmerken": {"type": "object"}},
}
DOCUMENTED: Final = {"requestBody": {"required": True, "content": {"application/json": {"schema": HINT_SCHEMA}}}}

log = structlog.get_logger("zaken")


def router(engine: Engine, clock: Callable[[], datetime], settings: ZakenSettings) -> APIRouter:
    routes = APIRouter(tags=["notices"])

    @routes.post(PATH, status_code=TAKEN, summary="Tell that a case changed", openapi_extra=DOCUMENTED)
    async def notified(request: Request) -> Response:
        """A notice of the Notificaties API. What is about no case of ours is answered the same, and dropped."""
        notice = heard(await request.body(), clock(), settings.zaken_url)
        if notice:
            await engine.append(notice)
        return Response(status_code=TAKEN)

    return routes


def heard(raw: bytes, now: datetime, zaken_url: str) -> Envelope | None:
    """The fact that it is; nothing where it is about something else. Raises `Refused`."""
    said = parsed(decoded(raw))
    look_through(said)
    hint = Hint.of(said)
    if hint.kanaal != CHANNEL:
        return None
    try:
        case = uuid_of(hint.hoofd_object, f"{zaken_url}zaken/")
    except Refused:
        log.warning("zaken.elsewhere")  # Another case system; or zaken_url is not what this one calls itself.
        return None
    what = word(f"{hint.resource} {hint.actie}")
    notice = NoticeReceived(at=min(hint.aanmaakdatum, now), case_id=case, what=what)
    return fact(notice, key=f"{hint.resource_url} {hint.actie} {hint.aanmaakdatum.isoformat()}")
