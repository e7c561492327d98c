"""The pages, as text. What anybody wrote is escaped by the templates, and no page fetches anything from elsewhere."""

from collections.abc import Mapping
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any, Final

from babel.dates import format_date, format_time
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from channels.days import ZONE
from services.resident.known import Municipality, Visit
from services.resident.wording import LANGUAGES, NAMES, WORDS

PAGES: Final = Path(__file__).parent / "pages"
SENTENCES: Final[Mapping[int, str]] = {
    403: "failed_foreign",
    404: "failed_gone",
    405: "failed_gone",
    413: "failed_large",
    429: "failed_often",
}


class Page:
    """Everything that a resident can be shown behind a link."""

    def __init__(self, municipality: Municipality) -> None:
        self.municipality = municipality
        loader = FileSystemLoader(PAGES)
        self._pages = Environment(
            loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )

    def shown(self, name: str, language: str, path: str = "", status: int = 200, **values: Any) -> HTMLResponse:  # noqa: ANN401  # What its template asks for.
        """`path`: of the thing itself, such as /a/…, to which its buttons and links lead."""
        shared = {
            "words": WORDS[language],
            "language": language,
            "other": next(one for one in LANGUAGES if one != language),
            "organisation": self.municipality.organisation,
            "phone": self.municipality.phone,
            "path": path,
            "names": NAMES,
            "said": f"?lang={language}",
        }
        return HTMLResponse(self._pages.get_template(name).render(shared | values), status)

    def when(self, visit: Visit, language: str) -> Mapping[str, str]:
        """The day, the hour and the place of an appointment, as people read them."""
        return self.at(visit.branch, visit.starts_at, language)

    def at(self, branch: str, moment: datetime, language: str) -> Mapping[str, str]:
        place, zone = self.municipality.places.get(branch), self.zone(branch)
        return {
            "day": day(moment, language, zone),
            "hour": hour(moment, language, zone),
            "place": place.title if place else branch,
        }

    def zone(self, branch: str) -> tzinfo:
        """What the clocks show there."""
        place = self.municipality.places.get(branch)
        return place.here if place else ZONE

    def failure(self, status: int, language: str, headers: Mapping[str, str] | None = None) -> HTMLResponse:
        """The same words for every link that opens nothing: nobody learns why it does not."""
        sentence = WORDS[language][SENTENCES.get(status, "failed")]
        page = self.shown("failure.html", language, "", status, sentence=sentence)
        page.headers.update(headers or {})
        return page


def day(moment: datetime, language: str, zone: Any = ZONE) -> str:  # noqa: ANN401  # A zone, by whatever library.
    return format_date(moment.astimezone(zone), "EEEE d MMMM y", language)


def date(moment: datetime, language: str) -> str:
    return format_date(moment.astimezone(ZONE), "d MMMM y", language)


def hour(moment: datetime, language: str, zone: Any = ZONE) -> str:  # noqa: ANN401  # As above.
    return format_time(moment.astimezone(zone), "HH:mm", locale=language)
