"""The story of a case in sentences that residents read."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from services.resident.known import Municipality, Said
from services.resident.matters import Matter, Step
from services.resident.page import date
from services.resident.told_words import BY, TOLD
from services.resident.wording import WORDS

STEPS: Final = ("asked", "busy", "done")


class Line(NamedTuple):
    """What happened on a day."""

    at: str
    day: str
    text: str


class Told(NamedTuple):
    """One case, ready to show."""

    case_id: str
    title: str
    steps: Sequence[tuple[str, str, str]]  # The word of each, how it stands, and its day.
    state: str
    says: str
    next: str
    by: str
    lines: Sequence[Line]


def moment(stamp: str) -> datetime:
    return datetime.fromisoformat(stamp)


class Teller:
    """Tells in one language, in the words of one municipality."""

    def __init__(self, municipality: Municipality, language: str, now: datetime) -> None:
        self._statuses, self._language, self._now = municipality.statuses, language, now
        self._words: Mapping[str, str] = WORDS[language]

    def case(self, matter: Matter) -> Told:
        word = matter.outcome if matter.closed_at else matter.status
        status = self._status(matter.kind, word)
        lines = [self.line(step, matter.kind) for step in reversed(matter.steps)]
        return Told(
            matter.case_id,
            matter.title,
            self._steps(matter),
            self._called(matter.kind, word, matter.named) or ("" if matter.closed_at else self._words["busy"]),
            (status.says if status else "") or matter.says,
            status.next if status else "",
            self._by(matter),
            lines,
        )

    def line(self, step: Step, kind: str = "", of: str = "") -> Line:
        """`kind`: of the case that it is about; `of`: what that is called, where it stands among those of others."""
        word = step.word
        if step.what == "due":
            said = self._words["said_due"].format(day=date(moment(word), self._language))
        elif step.what in {"told", "lost"}:
            what = TOLD[self._language].get(word) or TOLD[self._language][""]
            said = self._words[f"said_{step.what}"].format(road=self._road(step.road), what=what)
        else:
            called = self._called(kind, word, step.named) if step.what in {"status", "closed"} else ""
            said = self._words[f"said_{step.what}"].format(word=called, road=self._road(step.road)).rstrip(" :")
        text = f"{said} ({of})" if of else said
        return Line(step.at, date(moment(step.at), self._language), text.replace(" :", ":"))

    def _steps(self, matter: Matter) -> Sequence[tuple[str, str, str]]:
        at = 2 if matter.closed_at else 1
        days = (matter.opened_at, "", matter.closed_at)
        states = [
            "past" if n < at or (matter.closed_at and n == at) else "now" if n == at else "next" for n in range(3)
        ]
        return [
            (self._words[f"step_{name}"], state, date(moment(day), self._language) if day else "")
            for name, state, day in zip(STEPS, states, days, strict=True)
        ]

    def _by(self, matter: Matter) -> str:
        """By when, or that it is late, or that the time stands still; nothing where it is done."""
        if matter.closed_at:
            return ""
        if matter.waits:
            return self._words["waits"]
        if not matter.due:
            return ""
        due = moment(matter.due)
        return self._words["due" if self._now <= due else "late"].format(day=date(due, self._language))

    def _status(self, kind: str, word: str) -> Said | None:
        status = self._statuses.get(kind, {}).get(word)
        return status.said(self._language) if status else None

    def _called(self, kind: str, word: str, named: str) -> str:
        status = self._status(kind, word)
        return (status.title if status else "") or named or word.replace("-", " ")

    def _road(self, channel: str) -> str:
        return BY[self._language].get(channel, "")
