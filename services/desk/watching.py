"""The desk as server-sent events, to one page that is open."""

from collections.abc import Callable
from datetime import datetime
from typing import Final, NamedTuple

from starlette.types import Receive, Scope, Send

from engine.engine import Engine
from services.desk import words
from services.desk.news import News
from services.desk.presence import Presence
from services.desk.stream import DeskStream, Gate, told
from services.desk.thread import KINDS
from services.desk.watched import Watched, watched
from services.desk.whose import candidates, whose

ALL: Final = "all"  # Of a page that is a list: whatever happens may change it.
WHATEVER: Final = Watched(lambda _: True, lambda _: True, lambda _: False)


class Interest(NamedTuple):
    """What a page has to hear of: its story, and who is there or at a story next to it. The work list has neither."""

    story: Watched | None = None
    subject: str = ""
    around: frozenset[str] = frozenset()


async def interest(engine: Engine, about: str) -> Interest:
    kind, _, name = about.partition("/")
    if about == ALL:
        return Interest(WHATEVER)
    if kind not in KINDS:
        return Interest()
    around = {about}
    if kind == "party":
        theirs = await whose(engine, name)
        around |= {f"party/{one}" for one in theirs.parties} | {f"address/{one}" for one in theirs.addresses}
    if kind == "address":
        around |= {f"party/{one['party_id']}" for one in await candidates(engine, name)}
    return Interest(await watched(engine, about), about, frozenset(around))


class Watching(DeskStream):
    """The work list whenever it changes, a word when the story of this page moved, and who else is there."""

    def __init__(  # noqa: PLR0913, PLR0917  # All that it tells of.
        self,
        news: News,
        gate: Gate,
        clock: Callable[[], datetime],
        interest: Interest,
        presence: Presence,
        agent_id: str,
    ) -> None:
        super().__init__(news, gate, clock)
        self._interest, self._presence, self._agent_id = interest, presence, agent_id
        self._place, self._html, self._here = news.place, "", ""
        self._unsure = interest.story is not None  # Between the page and this stream something may have come.

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._interest.subject:
            await super().__call__(scope, receive, send)
            return
        with self._presence.at(self._interest.subject, self._agent_id):  # For as long as this connection lasts.
            await super().__call__(scope, receive, send)

    def fresh(self) -> str:
        parts = []
        if self._html != self._news.html:
            self._html = self._news.html
            self._unsure |= self._interest.story is WHATEVER  # What nobody could read stands in no story.
            parts.append(told("work", self._html))
        here = words.here(self._presence.others(self._interest.around, self._agent_id))
        if self._here != here:
            self._here = here
            parts.append(told("here", here))
        if self._interest.story:
            parts += self._moved(self._interest.story)
        return "".join(parts)

    def _moved(self, story: Watched) -> list[str]:
        parts = []
        found = self._news.after(self._place, story.concerns)
        self._place = self._news.place
        if self._unsure or found is None or found.rows:
            self._unsure = False
            parts.append(told("story", ""))
        if found is None or any(story.turns(row) for row in found.rows):
            parts.append(told("again", ""))  # Other facts belong to it now: it has to be watched anew.
        return parts
