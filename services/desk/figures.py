"""Pages of figures, for a team lead: this week beside others, any two periods beside each other, and what each means.

What is counted and how, other parts of the house know: here it is asked for, and shown.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final, Literal, NamedTuple

from fastapi import APIRouter, HTTPException, Request
from starlette.responses import HTMLResponse, Response

from engine.ask import shown_soon
from schemas.errors import Refused
from schemas.event import fact
from schemas.record import RecordRefused
from services.desk.door import Session
from services.desk.entrance import who
from services.desk.figured import (
    LANGUAGES,
    Figure,
    Line,
    Meaning,
    Report,
    Shown,
    Side,
    change,
    days,
    period,
    shown,
    title,
)
from services.desk.figures_words import SPLITS, WORDS
from services.desk.forms import Desk
from services.desk.page import Page
from services.desk.words import HERE, hour, product

COUNTED: Final = "metrics."  # As which the parts are named that count.
WEEK: Final = timedelta(days=7)
YEAR: Final = timedelta(days=364)  # The same days of the week.
BY_DAY_MAX: Final = 35
BY_WEEK_MAX: Final = 200
FIGURES_MAX: Final = 20  # Of one sheet.
# What stands on a card, in a chart, and beside each other; what nobody counts here is left out.
CARDS: Final = (
    "contacts", "service-level", "time-to-answer", "abandonment", "first-response", "responded-in-time", "backlog",
    "repeat-contacts", "cases-closed", "cases-in-time", "time-to-resolution", "delivered", "visits", "no-show",
    "satisfaction",
)  # fmt: skip
CHARTS: Final = ("contacts", "service-level", "first-response", "no-show", "satisfaction")
JOURNEY: Final = ("journey-information", "journey-started", "journey-completed", "start-ratio", "success-ratio")
ABSENT: Final = ("visits", "no-shows", "no-show")
RESPONSE: Final[Mapping[str, str]] = {"satisfaction": "opinion-response"}  # How many answered, beside each score.
TODAY: Final = ("contacts", "calls-answered", "backlog", "visits")

By = Literal["total", "day", "week", "month"]
Days = tuple[date, date]


NONE: Final = Shown("0", "0", "")


class Wish(NamedTuple):
    """What is asked of a report."""

    figures: Sequence[str]
    days: Days
    by: By = "total"
    per: Literal["", "channel", "product", "split"] = ""
    against: Days | None = None


class Figures(NamedTuple):
    """Who counts: a report, which raises `Refused`; what each figure means; and a report as a sheet."""

    report: Callable[[Wish], Awaitable[Report]]
    meanings: Callable[[], Mapping[str, Meaning]]
    sheet: Callable[[Wish], Awaitable[str]]


class Asked(NamedTuple):
    """What the address of the page asks for."""

    days: Days
    against: Days
    language: str
    wrong: str = ""


class Card(NamedTuple):
    """One figure of this week, and how it was."""

    name: str
    title: str
    now: Shown
    since_week: str
    since_year: str
    response: Shown | None  # How many answered, where it is a score.


class Row(NamedTuple):
    """One period, or one label, beside the other."""

    head: str
    here: Shown
    other_head: str
    there: Shown


class Chart(NamedTuple):
    """A figure over time. A chart of it is drawn from its table, and shows no more than that."""

    name: str
    title: str
    unit: str
    rows: Sequence[Row]
    response: Sequence[tuple[Shown, Shown]]


class Funnel(NamedTuple):
    """How many went how far on the way to a product."""

    product: str
    steps: Sequence[tuple[str, Shown, int]]  # The name of a step, how many, and how many in a hundred of the most.
    started: Shown
    completed: Shown


def router(desk: Desk, page: Page, figures: Figures) -> APIRouter:
    routes = APIRouter(prefix="/figures", include_in_schema=False)
    room = Room(desk, page, figures)

    @routes.get("")
    async def show(request: Request) -> HTMLResponse:
        session = await room.lead(request, "figures")
        return await room.all(session, asked(request.query_params, room.today()))

    @routes.get("/today")
    async def now(request: Request) -> HTMLResponse:
        """The part of the page that refreshes itself."""
        await room.lead(request, "figures")
        language = language_of(request.query_params)
        return HTMLResponse(page.part("figures_today.html", **await room.live(language)))

    @routes.get("/meanings")
    async def meanings(request: Request) -> HTMLResponse:
        session = await room.lead(request, "figures")
        return room.meanings(session, language_of(request.query_params))

    @routes.get("/sheet.csv")
    async def sheet(request: Request) -> Response:
        await room.lead(request, "figures")
        wish = asked(request.query_params, room.today())
        if wish.wrong:
            raise Refused("the days of this sheet are none: open the page of figures, and choose them there")
        return await room.sheet(wish)

    return routes


class Room:
    """What the pages are made of."""

    def __init__(self, desk: Desk, page: Page, figures: Figures) -> None:
        self._desk, self._page, self._figures = desk, page, figures

    def today(self) -> date:
        return self._desk.clock().astimezone(HERE).date()

    async def lead(self, request: Request, what: str) -> Session:
        """Who asks, if it is a team lead. It is written down who is not: raises 403."""
        session = who(self._desk.door, request)
        if session.leads:
            return session
        now = self._desk.clock()
        refused = RecordRefused(at=now, agent_id=session.agent_id, what=what)
        await self._desk.engine.append(fact(refused, key=f"{session.agent_id} {what} {now:%Y-%m-%dT%H}"))
        raise HTTPException(403, "this is for a team lead")

    def named(self, names: Sequence[str]) -> list[str]:
        """Those of these figures that are counted here."""
        known = self._figures.meanings()
        return [name for name in names if name in known]

    async def all(self, session: Session, wish: Asked) -> HTMLResponse:
        try:
            values: Mapping[str, Any] = await self.chosen(wish)
        except Refused:
            wish = wish._replace(wrong="wrong_days")
            values = {"charts": (), "funnels": (), "absent": (), "sides": (), "empty": False}
        status = 400 if wish.wrong else 200
        cards, live = await self.cards(wish.language), await self.live(wish.language)
        said = {**self.shared(wish.language), **values, **live, "cards": cards, "wish": wish, "chosen": query(wish)}
        html = self._page.desk("figures.html", session, self._desk.clock(), here="figures", **said)
        return HTMLResponse(html, status)

    def shared(self, language: str) -> Mapping[str, Any]:
        other = next(one for one in LANGUAGES if one != language)
        return {"said": WORDS[language], "language": language, "other": other}

    async def live(self, language: str) -> Mapping[str, Any]:
        """Today, as soon as it is counted."""
        await shown_soon(self._desk.engine, COUNTED)
        names, day, now = self.named(TODAY), self.today(), self._desk.clock()
        line = one(await self._figures.report(Wish(names, (day, day))))
        known = self._figures.meanings()
        counted = [
            (name, title(known[name], language), shown(line.get(name), known[name].unit, language)) for name in names
        ]
        return {**self.shared(language), "counted": counted, "at": hour(now)}

    async def cards(self, language: str) -> Sequence[Card]:
        """This week as far as it is, beside as much of last week and of the same week last year."""
        day, known = self.today(), self._figures.meanings()
        first = day - timedelta(days=day.weekday())
        names = self.named(CARDS)
        every = [*names, *self.named([*RESPONSE.values()])]
        before = await self._figures.report(Wish(every, (first, day), against=(first - WEEK, day - WEEK)))
        ago = await self._figures.report(Wish(every, (first - YEAR, day - YEAR)))
        now, then, once = one(before), one(before.against), one(ago)
        return [
            Card(
                name,
                title(known[name], language),
                shown(now.get(name), known[name].unit, language),
                change(now.get(name), then.get(name), known[name].unit, language),
                change(now.get(name), once.get(name), known[name].unit, language),
                shown(now.get(RESPONSE[name]), "share", language) if name in RESPONSE else None,
            )
            for name in names
        ]

    async def chosen(self, wish: Asked) -> Mapping[str, Any]:
        """The two periods that were asked for. Raises `Refused`."""
        if wish.wrong:
            raise Refused("these are no days")
        language, by = wish.language, grain(wish)
        names = self.named([*CHARTS, *RESPONSE.values()])
        made = await self._figures.report(Wish(names, wish.days, by, against=wish.against))
        journey = await self.told_apart(wish, JOURNEY, "product")
        absent = await self.told_apart(wish, ABSENT, "split")
        assert made.against, "asked for"
        return {
            "charts": [self.chart(name, made, language) for name in self.named(CHARTS)],
            "funnels": funnels(journey, language) if journey else (),
            "absent": self.beside(absent, language) if absent else (),
            "absent_names": [title(self._figures.meanings()[name], language) for name in self.named(ABSENT)],
            "sides": (days(made, language), days(made.against, language)),
            "empty": not any(map(anything, (made, journey, absent))),
        }

    async def told_apart(self, wish: Asked, names: Sequence[str], per: Literal["product", "split"]) -> Report | None:
        there = self.named(names)
        if len(there) < len(names):
            return None
        return await self._figures.report(Wish(there, wish.days, per=per, against=wish.against))

    def chart(self, name: str, made: Report, language: str) -> Chart:
        meaning = self._figures.meanings()[name]
        pairs = list(paired(made))
        rows = [row(name, meaning.unit, here, there, language) for here, there in pairs]
        answered = RESPONSE.get(name, "")
        response = [
            (each(answered, "share", here, language), each(answered, "share", there, language)) for here, there in pairs
        ]
        return Chart(name, title(meaning, language), meaning.unit, rows, response if answered else ())

    def beside(self, made: Report, language: str) -> Sequence[tuple[str, Sequence[Shown], Sequence[Shown]]]:
        """How many appeared and did not, told apart by what became of their reminder."""
        known = self._figures.meanings()
        here, there = ({line.label: line for line in side.lines} if side else {} for side in (made, made.against))
        order = [label for label in SPLITS[language] if label in {*here, *there}]
        return [
            (
                SPLITS[language][label],
                [each(name, known[name].unit, here.get(label), language, NONE) for name in ABSENT],
                [each(name, known[name].unit, there.get(label), language, NONE) for name in ABSENT],
            )
            for label in order
        ]

    def meanings(self, session: Session, language: str) -> HTMLResponse:
        every = [
            (one.name, title(one, language), one.nl if language == "nl" else one.en, one.version)
            for one in self._figures.meanings().values()
        ]
        said = {**self.shared(language), "every": every}
        html = self._page.desk("meanings.html", session, self._desk.clock(), here="figures", **said)
        return HTMLResponse(html)

    async def sheet(self, wish: Asked) -> Response:
        names = self.named([*dict.fromkeys((*CARDS, *RESPONSE.values(), *JOURNEY))])
        text = await self._figures.sheet(Wish(names[:FIGURES_MAX], wish.days, grain(wish), against=wish.against))
        first, last = wish.days
        headers = {"Content-Disposition": f'attachment; filename="draad-{first}-{last}.csv"'}
        return Response(text, headers=headers, media_type="text/csv; charset=utf-8")


def asked(query: Mapping[str, str], today: date) -> Asked:
    """The days that an address names; else this week and the one before it."""
    first = today - timedelta(days=today.weekday())
    usual = Asked((first, today), (first - WEEK, today - WEEK), language_of(query))
    try:
        given = [date.fromisoformat(query[name]) if query.get(name) else None for name in DAYS]
    except ValueError:
        return usual._replace(wrong="wrong_days")
    here, there = given[:2], given[2:]
    if any(here) != all(here) or any(there) != all(there):
        return usual._replace(wrong="wrong_days")
    chosen = (given[0] or usual.days[0], given[1] or usual.days[1])
    try:
        before = as_long_before(chosen) if any(here) else usual.against
    except OverflowError:
        return usual._replace(wrong="wrong_days")
    return usual._replace(days=chosen, against=(given[2] or before[0], given[3] or before[1]))


def as_long_before(days: Days) -> Days:
    """As many days, right before these. Raises `OverflowError`."""
    back = days[1] - days[0] + timedelta(days=1)
    return days[0] - back, days[1] - back


DAYS: Final = ("first", "last", "against_first", "against_last")


def query(wish: Asked) -> Mapping[str, str]:
    return dict(zip(DAYS, map(str, (*wish.days, *wish.against)), strict=True))


def language_of(query: Mapping[str, str]) -> str:
    given = query.get("lang", LANGUAGES[0])
    return given if given in LANGUAGES else LANGUAGES[0]


def grain(wish: Asked) -> By:
    many = max((last - first).days for first, last in (wish.days, wish.against))
    return "day" if many < BY_DAY_MAX else "week" if many < BY_WEEK_MAX else "month"


def anything(made: Report | None) -> bool:
    """Whether it has anything but nothing."""
    sides = (made, made.against) if made else ()
    lines = (line for side in sides if side for line in side.lines)
    return any(figure.value for line in lines for figure in line.figures.values())


def one(side: Side | None) -> Mapping[str, Figure]:
    """The figures of a report that tells nothing apart."""
    return side.lines[0].figures if side and side.lines else {}


def paired(made: Report) -> Sequence[tuple[Line | None, Line | None]]:
    """The first period beside the first of the others, and so on, though one has more of them."""
    here, there = made.lines, made.against.lines if made.against else []
    many = range(max(len(here), len(there)))
    return [(here[n] if n < len(here) else None, there[n] if n < len(there) else None) for n in many]


def each(name: str, unit: str, line: Line | None, language: str, without: Shown | None = None) -> Shown:
    """`without`: how many there are where there is no line of them."""
    if line is None and without and unit == "count":
        return without
    return shown(line.figures.get(name) if line else None, unit, language)


def row(name: str, unit: str, here: Line | None, there: Line | None, language: str) -> Row:
    heads = [period(line.period, language) if line else "" for line in (here, there)]
    return Row(heads[0], each(name, unit, here, language), heads[1], each(name, unit, there, language))


def funnels(made: Report, language: str) -> Sequence[Funnel]:
    return [funnel(line, language) for line in made.lines if any(one.value for one in line.figures.values())]


def funnel(line: Line, language: str) -> Funnel:
    values = [int(line.figures[name].value or 0) for name in JOURNEY[:3]]
    most = max(*values, 1)
    steps = [
        (WORDS[language][name], each(name, "count", line, language), value * 100 // most)
        for name, value in zip(JOURNEY[:3], values, strict=True)
    ]
    label = product(line.label) if language == "nl" else line.label.replace("-", " ")
    rates = [each(name, "share", line, language) for name in JOURNEY[3:]]
    return Funnel(label, steps, *rates)
