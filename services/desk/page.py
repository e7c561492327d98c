"""The pages, as text. Everything that a resident wrote is escaped by the templates."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any, Final, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from services.desk import words
from services.desk.reading import Row

PAGES: Final = Path(__file__).parent / "pages"
EXCERPT_CHARS: Final = 280
LONG_CHARS: Final = 400  # From here on a text is folded.
ENTRIES_MAX: Final = 500  # On a page that stays open all day.


class Entry(NamedTuple):
    """One row of the timeline, ready to show."""

    position: int
    at: str
    hour: str
    day: str
    day_said: str
    tone: str
    icon: str
    title: str
    sender: str
    number: str
    detail: str
    text: str
    excerpt: str


class Page:
    """Everything that the desk can show."""

    def __init__(self) -> None:
        loader = FileSystemLoader(PAGES)
        self._pages = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
        self._entry = self._pages.get_template("entry.html")

    def entry(self, row: Row) -> str:
        return self._entry.render(entry=shown(row))

    def timeline(self, rows: Sequence[Row], *, place: str, older: bool, live: bool, now: datetime) -> str:
        entries = [shown(row) for row in rows]
        days = [(day, list(group)) for day, group in groupby(entries, key=lambda entry: entry.day)]
        last = f"{entries[-1].at}p{entries[-1].position}" if older else ""
        return self._page(
            "timeline.html",
            days=days,
            place=place,
            before=last,
            live=live,
            today=today(now),
            entries_max=ENTRIES_MAX,
        )

    def open(self, token: str) -> str:
        return self._page("open.html", token=token)

    def closed(self, why: str) -> str:
        """The door stays shut: `none` without a session, `used` for a link that no longer works, `left` on leaving."""
        return self._page("closed.html", why=why)

    def failure(self, status: int) -> str:
        return self._page("failure.html", status=status)

    def _page(self, name: str, **values: Any) -> str:  # noqa: ANN401  # What its template asks for.
        return self._pages.get_template(name).render(values)


def today(now: datetime) -> str:
    return now.astimezone(words.HERE).date().isoformat()


def shown(row: Row) -> Entry:
    at = datetime.fromisoformat(row["at"])
    said = TOLD[row["type"]](row)
    text: str = row["text"]
    folded = len(text) > LONG_CHARS
    return Entry(
        position=row["position"],
        at=row["at"],
        hour=words.hour(at),
        day=today(at),
        day_said=words.day(at),
        sender=words.sender(row["address_id"]),
        number=words.number(row["contact_id"]),
        text=text,
        excerpt=f"{text[:EXCERPT_CHARS].rsplit(maxsplit=1)[0]} …" if folded else "",
        **said,
    )


def received(row: Row) -> dict[str, str]:
    channel = words.channel(row["word"])
    return {"tone": "in", "icon": channel.icon, "title": channel.label, "detail": ""}


def answered(_: Row) -> dict[str, str]:
    return {"tone": "done", "icon": "answered", "title": "Beantwoord", "detail": ""}


def missed(row: Row) -> dict[str, str]:
    reason = words.REASONS.get(row["word"], "")
    return {"tone": "missed", "icon": "missed", "title": "Gemist", "detail": reason}


def overdue(row: Row) -> dict[str, str]:
    due = datetime.fromisoformat(row["word"])
    detail = f"Nog geen antwoord. Dat moest er zijn op {words.day(due)} om {words.hour(due)} uur."
    return {"tone": "late", "icon": "late", "title": "Te laat", "detail": detail}


TOLD: Final[Mapping[str, Any]] = {
    "contact.received": received,
    "contact.answered": answered,
    "contact.missed": missed,
    "contact.overdue": overdue,
}
