"""A party's cases as short stories, worked out of what happened: where each stands, by when, and what was said of it.

Nothing is kept here: it is read anew each time, so a page never tells another story than the desk.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from services.resident.known import Row

UNKNOWN: Final = "unknown"
MOVES: Final[Mapping[str, str]] = {
    "case.status-changed": "status",
    "case.due-set": "due",
    "case.suspended": "suspended",
    "case.resumed": "resumed",
    "case.closed": "closed",
    "case.reopened": "reopened",
}
SAID: Final[Mapping[str, str]] = {"contact.received": "asked", "contact.answered": "answered"}
LOST: Final = frozenset({"notification.bounced", "notification.failed"})
# Whether residents hear of this status of this kind of case, which its case system says they do, or do not.
Informed = Callable[[str, str, bool], bool]


class Step(NamedTuple):
    """Something that happened, as far as it is theirs to know."""

    at: str
    what: str  # opened, status, due, suspended, resumed, closed, reopened, asked, answered, told, lost.
    word: str = ""  # A status, an outcome, a date, or what was told.
    road: str = ""
    about: str = ""  # The case.
    named: str = ""  # The status or outcome in the words of its case system.


class Matter(NamedTuple):
    """How one case stands."""

    case_id: str
    kind: str
    title: str
    opened_at: str
    status: str = ""
    due: str = ""
    waits: bool = False
    closed_at: str = ""
    outcome: str = ""
    named: str = ""  # The status or outcome in the words of its case system,
    says: str = ""  # and what it means.
    steps: tuple[Step, ...] = ()

    @property
    def changed_at(self) -> str:
        return max((step.at for step in self.steps), default=self.opened_at)


def matters(rows: Sequence[Row], contacts: Sequence[Row], informed: Informed) -> Sequence[Matter]:
    """Each case that was opened for them: those that are open first, and of those what changed last."""
    cases: dict[str, Matter] = {}
    for row in rows:
        name = row["case_id"]
        if row["type"] == "case.opened" and name not in cases:
            opened = Step(row["at"], "opened", about=name)
            cases[name] = Matter(name, row["word"], row["title"], row["at"], steps=(opened,))
        elif row["type"] in MOVES and name in cases:
            cases[name] = moved(cases[name], row, informed)
    for step in (*told(rows), *said(contacts)):
        if step.about in cases:
            cases[step.about] = with_step(cases[step.about], step)
    ordered = (one._replace(steps=tuple(sorted(one.steps))) for one in cases.values())
    return sorted(ordered, key=lambda one: (not one.closed_at, one.changed_at), reverse=True)


def moved(case: Matter, row: Row, informed: Informed) -> Matter:
    what, word, said = MOVES[row["type"]], row["word"], json.loads(row["detail"])
    hidden = what in {"status", "closed"} and not informed(case.kind, word, said.get("inform", True))
    named, says = ("", "") if hidden else (said.get("named", ""), said.get("says", ""))
    match what:
        case "status" if hidden:
            return case
        case "status":
            case = case._replace(status=word, named=named, says=says)
        case "due":
            word = row["due"]
            case = case._replace(due=word)
        case "suspended" | "resumed":
            word = ""  # What is waited for is the desk's own word.
            case = case._replace(waits=what == "suspended")
        case "closed":
            word = "" if hidden else word
            case = case._replace(closed_at=row["at"], outcome=word, named=named, says=says, waits=False)
        case "reopened":
            case = case._replace(closed_at="", outcome="", named="", says="")
    return with_step(case, Step(row["at"], what, word, about=case.case_id, named=named))


def with_step(case: Matter, step: Step) -> Matter:
    return case._replace(steps=(*case.steps, step))


def told(rows: Sequence[Row]) -> Sequence[Step]:
    """What was sent to them, over which road, and whether it came back. Its words are in their mailbox."""
    found: dict[tuple[str, str], Step] = {}
    templates: dict[str, str] = {}
    for row in rows:
        if not row["type"].startswith("notification."):
            continue
        name, road = json.loads(row["detail"]).get("notification_id", ""), row["channel"]
        if row["type"] == "notification.requested":
            templates[name] = json.loads(row["detail"]).get("template", "")
        elif row["type"] == "notification.sent" and (name, road) not in found:
            found[name, road] = Step(row["at"], "told", templates.get(name, ""), road, row["case_id"])
        elif row["type"] in LOST and (name, road) in found:
            found[name, road] = found[name, road]._replace(what="lost")
    return list(found.values())


def said(contacts: Sequence[Row]) -> Iterable[Step]:
    """What they asked, and that we answered; not what a program wrote for them."""
    for row in contacts:
        if "robot" not in json.loads(row["detail"]):
            yield Step(row["at"], SAID[row["type"]], road=row["channel"], about=row["case_id"])


def preference(rows: Sequence[Row]) -> tuple[str, str]:
    """The channel that they prefer, and the language; as it is where nobody said anything."""
    chosen = [row for row in rows if row["type"] == "party.preference-set"]
    if not chosen:
        return UNKNOWN, "nl"
    return chosen[-1]["channel"], json.loads(chosen[-1]["detail"]).get("language", "nl")


def shut_at(rows: Sequence[Row]) -> str:
    """When an address was last taken from them: links that were made before may be in somebody else's hands."""
    return max((row["at"] for row in rows if row["type"] == "party.address-unlinked"), default="")
