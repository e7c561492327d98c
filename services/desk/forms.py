"""What a page posts: read strictly, and believed only from a page of ours."""

import hmac
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, NamedTuple
from urllib.parse import parse_qsl

from fastapi import HTTPException, Request
from starlette.responses import RedirectResponse, Response

from channels.forms import ours
from engine.ask import shown_soon
from engine.engine import Engine
from schemas.errors import Refused
from schemas.event import Event, fact
from services.desk.door import Door, Session
from services.desk.entrance import PROGRAM, who
from services.desk.presence import Presence

FIELDS_MAX: Final = 40
DESK: Final = "desk."  # As which its views are named.
QUIET: Final = "draad-desk"  # A header of our own script: it wants to know that it is done, and no page.
TEXT_CHARS_MAX: Final = 10_000
KEY_CHARS_MAX: Final = 80


class Desk(NamedTuple):
    """What every page of the desk stands on."""

    engine: Engine
    door: Door
    clock: Callable[[], datetime]
    pepper: bytes
    presence: Presence

    async def read(self, request: Request) -> "Form":
        """What was posted, and by whom. Raises 403 where it did not come from a page of ours."""
        session = who(self.door, request)
        given = dict(parse_qsl((await request.body()).decode("utf-8", "replace"), max_num_fields=FIELDS_MAX))
        if session is not PROGRAM and not by_this_desk(request, session, given.get("csrf", "")):
            raise HTTPException(403, "this did not come from a page of the desk: open the page again")
        return Form(session, given, self.pepper)

    async def keep(self, form: "Form", *events: Event) -> None:
        """Write these down, once, however often the form comes. Returns when they are durable, and mostly shown too."""
        for nth, event in enumerate(events):
            said = event.model_dump_json(exclude={"at"})  # Other words under the same key are not lost.
            await self.engine.append(fact(event, key=f"desk {form.session.agent_id} {form.key} {nth} {said}"))
        await shown_soon(self.engine, DESK)  # Or the page shows it a moment later by itself.


class Form(NamedTuple):
    """Who posted it, and what; and the secret by which names are hidden."""

    session: Session
    given: Mapping[str, str]
    pepper: bytes

    def text(self, name: str, *, needed: bool = False, most: int = TEXT_CHARS_MAX) -> str:
        """Raises `Refused`, and quotes nothing."""
        found = self.given.get(name, "").replace("\r\n", "\n").replace("\x00", "").strip()
        if needed and not found:
            raise Refused(f"{name} is empty: fill it in")
        if len(found) > most:
            raise Refused(f"{name} is longer than {most} characters")
        return found

    def line(self, name: str, *, needed: bool = False, most: int = 200) -> str:
        """A text on one line."""
        return " ".join(self.text(name, needed=needed, most=most).split())

    @property
    def key(self) -> str:
        """The page's own id of what was written, so that it is kept once."""
        return self.text("key", needed=True, most=KEY_CHARS_MAX)


def by_this_desk(request: Request, session: Session, csrf: str) -> bool:
    """Whether a page of this desk posted it: no other site knows the token, and browsers say who sent them."""
    return ours(request.headers) and hmac.compare_digest(csrf.encode(), session.csrf.encode())


def done(request: Request, path: str) -> Response:
    """To the page that shows what came of it; our script stays where it is."""
    return Response(status_code=204) if QUIET in request.headers else RedirectResponse(path, 303)
