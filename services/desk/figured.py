"""Figures as people read them, in Dutch and in English: a number with its unit, a change, and the days of a period."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Final, NamedTuple, Protocol

from babel.dates import format_date, format_skeleton
from babel.numbers import format_decimal, format_percent

LANGUAGES: Final = ("nl", "en")
SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
NOTHING: Final = "\N{EN DASH}"
UNITS: Final[Mapping[str, Mapping[str, str]]] = {
    "nl": {"of": "van", "second": "s", "minute": "min", "hour": "u", "day": "dagen", "points": "procentpunt"},
    "en": {"of": "of", "second": "s", "minute": "min", "hour": "h", "day": "days", "points": "percentage points"},
}
CHANGES: Final[Mapping[str, Mapping[str, str]]] = {
    "nl": {"more": "▲ {by} hoger", "less": "▼ {by} lager", "same": "= gelijk", "none": "niet te vergelijken"},
    "en": {"more": "▲ {by} higher", "less": "▼ {by} lower", "same": "= the same", "none": "nothing to compare"},
}


class Figure(Protocol):
    """One value, and what it is a share or a mean of."""

    @property
    def value(self) -> float | None: ...
    @property
    def part(self) -> int | None: ...
    @property
    def whole(self) -> int | None: ...
    @property
    def late(self) -> int: ...


class Line(Protocol):
    @property
    def period(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def figures(self) -> Mapping[str, Figure]: ...


class Side(Protocol):
    @property
    def first(self) -> date: ...
    @property
    def last(self) -> date: ...
    @property
    def lines(self) -> Sequence[Line]: ...


class Report(Side, Protocol):
    @property
    def against(self) -> Side | None: ...


class Meaning(Protocol):
    """What a figure is."""

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def title(self) -> str: ...
    @property
    def nl(self) -> str: ...
    @property
    def en(self) -> str: ...
    @property
    def unit(self) -> str: ...


class Shown(NamedTuple):
    """A figure, ready to show."""

    text: str
    raw: str  # As a chart reads it; empty where it is unknown.
    of: str  # What it is a share or a mean of.


def title(meaning: Meaning, language: str) -> str:
    return meaning.title if language == "nl" else meaning.name.replace("-", " ").capitalize()


def shown(figure: Figure | None, unit: str, language: str) -> Shown:
    if figure is None or figure.value is None:
        return Shown(NOTHING, "", "")
    return Shown(number(figure.value, unit, language), f"{figure.value}", of(figure, language))


def of(figure: Figure, language: str) -> str:
    if figure.whole is None:
        return ""
    whole = format_decimal(figure.whole, locale=language)
    part = UNITS[language]["of"] if figure.part is None else f"{format_decimal(figure.part, locale=language)} /"
    return f"{part} {whole}"


def number(value: float, unit: str, language: str) -> str:
    match unit:
        case "share":
            return format_percent(value, "#,##0.0 %" if language == "nl" else "#,##0.0%", locale=language)
        case "milliseconds":
            return span(int(value), language)
        case "mark":
            return format_decimal(value, "#,##0.0", locale=language)
        case _:
            return format_decimal(value, locale=language)


def span(ms: int, language: str) -> str:
    """A length of time: no more than two units of it."""
    words = UNITS[language]
    if ms < MINUTE:
        return f"{format_decimal(ms // SECOND, locale=language)} {words['second']}"
    if ms >= 2 * DAY:
        return f"{format_decimal(ms / DAY, '#,##0.0', locale=language)} {words['day']}"
    large, small, name, rest = (
        (HOUR, MINUTE, "hour", "minute") if ms >= HOUR else (MINUTE, SECOND, "minute", "second")
    )  # fmt: skip
    return f"{ms // large} {words[name]} {ms % large // small} {words[rest]}"


def change(now: Figure | None, then: Figure | None, unit: str, language: str) -> str:
    """What it is more or less than it was, in words beside a sign: a colour would say it to some only."""
    words = CHANGES[language]
    if now is None or then is None or now.value is None or then.value is None:
        return words["none"]
    more = now.value - then.value
    if not more:
        return words["same"]
    if unit == "share":
        by = f"{format_decimal(abs(more) * 100, '#,##0.0', locale=language)} {UNITS[language]['points']}"
    elif unit == "count":
        if not then.value:
            return words["none"]
        by = format_percent(abs(more) / then.value, locale=language)
    else:
        by = number(abs(more), unit, language)
    return words["more" if more > 0 else "less"].format(by=by)


def days(side: Side, language: str) -> str:
    first, last = (format_date(day, "d MMM y", language) for day in (side.first, side.last))
    return first if first == last else f"{first} {NOTHING} {last}"


def period(name: str, language: str) -> str:
    """A day, a week or a month, as a column of a table is headed by it."""
    if "-W" in name:
        return f"week {int(name[-2:])}, {name[:4]}"
    if len(name) == len("2026-03"):
        return format_date(datetime.strptime(name, "%Y-%m").date(), "LLL y", language)  # noqa: DTZ007  # A month.
    return str(format_skeleton("EdMMM", date.fromisoformat(name), locale=language)) if name else ""
