"""How an appointment stands, as its party sees it."""

from datetime import datetime
from typing import Any, NamedTuple, Protocol

from starlette.responses import HTMLResponse

from engine.work import stamp
from services.resident.known import Visit


class Standing(NamedTuple):
    """How it stands, as people see it: open, cancelled, here or over. Only of one that is open anything can be done."""

    visit: Visit
    state: str
    confirmed: bool  # They said that they come.
    path: str
    language: str

    @property
    def open(self) -> bool:
        return self.state == "open"

    @property
    def hour(self) -> str:
        return stamp(self.visit.starts_at)


class Shows(Protocol):
    """What shows a page of an appointment."""

    def shown(self, one: Standing, name: str = ..., status: int = ..., **values: Any) -> HTMLResponse: ...  # noqa: ANN401  # What its template asks for.
    async def again(self, one: Standing) -> Standing: ...


def standing(visit: Visit, now: datetime) -> str:
    match visit.state:
        case "cancelled":
            return "cancelled"
        case "arrived" | "called":
            return "here"
        case "booked" if now < visit.starts_at:
            return "open"
    return "over"
