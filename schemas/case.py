"""Case: a matter with a beginning, an owner and an end."""

from typing import ClassVar

from schemas.event import Event, Id, Line, NoId, NoLine, Text, When, Word, Yes


class Case(Event):
    """What the facts about a case share."""

    case_id: Id

    @property
    def subject(self) -> str:
        return f"case/{self.case_id}"


class CaseOpened(Case):
    """A matter begins, for this party."""

    type: ClassVar[str] = "case.opened"

    party_id: Id
    kind: Word
    title: Line
    main_id: NoId = ""  # Of what it is a sub-case, if it is one.
    inform: Yes = True  # False: the party is not told.


class CaseSplit(Case):
    """It was several matters at once: one of them became a case of its own, a sub-case."""

    type: ClassVar[str] = "case.split"

    sub_id: Id
    title: Line
    agent_id: NoId = ""


class CaseAssigned(Case):
    """This agent owns it now."""

    type: ClassVar[str] = "case.assigned"

    agent_id: Id


class CaseStatusChanged(Case):
    """It stands here now. What `status` means to a resident is data of the case's kind."""

    type: ClassVar[str] = "case.status-changed"

    status: Word
    named: NoLine = ""  # The status in the words of the case system, where one has them,
    says: Text = ""  # and what it means to the party.
    inform: Yes = True  # False: the party is not told.


class CaseDueSet(Case):
    """It should be done by `due`: promised, or moved."""

    type: ClassVar[str] = "case.due-set"

    due: When


class CaseDueSoon(Case):
    """It should be done by `due`, which is near."""

    type: ClassVar[str] = "case.due-soon"

    due: When


class CaseSuspended(Case):
    """Its time stands still, because something is waited for; `reason` says what: documents, other-case."""

    type: ClassVar[str] = "case.suspended"

    reason: Word


class CaseResumed(Case):
    """Its time runs again."""

    type: ClassVar[str] = "case.resumed"

    dated: Yes = False  # By when it is due is said beside this: what it stood still does not come on top.


class CaseOverdue(Case):
    """It should have been done by `due`, and is not."""

    type: ClassVar[str] = "case.overdue"

    due: When


class CaseClosed(Case):
    """It is done; `outcome` says how it ended."""

    type: ClassVar[str] = "case.closed"

    outcome: Word
    named: NoLine = ""  # The outcome in the words of the case system, where one has them,
    says: Text = ""  # and what it means to the party.
    inform: Yes = True  # False: the party is not told.


class CaseReopened(Case):
    """It was not done after all."""

    type: ClassVar[str] = "case.reopened"

    inform: Yes = True  # False: the party is not told.
