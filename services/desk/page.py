"""The pages, as text. Everything that a resident wrote is escaped by the templates."""

import secrets
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.staticfiles import StaticFiles

from services.desk import words
from services.desk.door import Session

PAGES: Final = Path(__file__).parent / "pages"
ASSETS: Final = Path(__file__).parent / "assets"


class Page:
    """Everything that the desk can show."""

    def __init__(self, *, accounts: bool = False, more: Path | None = None) -> None:
        """With `accounts`, colleagues log in with those of their organisation, and else with a link.

        With `more` pages, in a folder of their own, this is a town that is only played.
        """
        self._accounts = accounts
        loader = FileSystemLoader([PAGES, more] if more else PAGES)
        self._pages = Environment(
            loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
        )
        self._pages.globals |= {"fresh": fresh, "words": words, "played": more is not None}
        self._pages.filters["combined"] = combined

    def part(self, name: str, /, **values: Any) -> str:  # noqa: ANN401  # What its template asks for.
        """A piece of a page, which a page that is open asks for."""
        return self._page(name, **values)

    def desk(self, name: str, /, session: Session, now: datetime, **values: Any) -> str:  # noqa: ANN401  # As above.
        """A page for who works here."""
        return self._page(name, session=session, now=now, today=today(now), **values)

    def open(self, token: str) -> str:
        return self._page("open.html", token=token)

    def closed(self, why: str) -> str:
        """The door stays shut.

        `none` without a session, `used` for a link that no longer works, `left` on leaving; after a log-in elsewhere
        `refused` if it is not believed, `role` without work here, and `away` if the provider does not answer.
        """
        return self._page("closed.html", why=why, accounts=self._accounts)

    def failure(self, status: int) -> str:
        return self._page("failure.html", status=status)

    def _page(self, name: str, /, **values: Any) -> str:  # noqa: ANN401  # What its template asks for.
        return self._pages.get_template(name).render(values)


def fresh() -> str:
    """An id for what somebody is about to write, so that it is kept once however often it is sent."""
    return secrets.token_hex(12)


def combined(fields: Mapping[str, str], more: Mapping[str, str]) -> dict[str, str]:
    """What an address asks for, with this changed; what is empty is not said."""
    return {name: value for name, value in {**fields, **more}.items() if value}


def today(now: datetime) -> str:
    return now.astimezone(words.HERE).date().isoformat()


def assets() -> StaticFiles:
    """What the desk's pages look like, and what they share with those of residents."""
    return StaticFiles(directory=ASSETS, packages=[("services", "assets")])
