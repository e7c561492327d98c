"""Notice: a case system's hint that something of a case changed. What changed is asked there: only that is believed."""

from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict

from schemas.event import DIRECT, Digest, Event, Id, Line, NoDigest, NoId, NoLine, NoWhen, Text, When, Word, Yes


class Stage(BaseModel):
    """A status that the case was given, and what it means to whoever asked."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", hide_input_in_errors=True)

    stage_id: Id
    at: When
    status: Word
    named: NoLine = ""  # As the case system calls it.
    says: Text = ""
    inform: Yes = True
    ends: Yes = False  # The case is done by it.


class Asker(BaseModel):
    """Whose case it is, by a register's number, of which `digest` is the keyed hash."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", hide_input_in_errors=True)

    party_id: Id
    kind: Word
    name: Line
    scheme: Word
    digest: Digest
    known: Yes = False  # There was a party of this number already.


class Notice(Event):
    """What the facts about notices share: the case that they are about."""

    case_id: Id

    @property
    def subject(self) -> str:
        return f"case/{self.case_id}"


class NoticeReceived(Notice):
    """Something of this case changed in its case system; `what` is that system's word for it."""

    type: ClassVar[str] = "notice.received"

    what: Word = "unknown"


class NoticeDue(Notice):
    """The case system is to be asked once more, for it gave no answer before."""

    type: ClassVar[str] = "notice.due"


class NoticePostponed(Notice):
    """The case system gave no answer; `reason` says why: unavailable, forbidden, unreadable."""

    type: ClassVar[str] = "notice.postponed"

    reason: Word


class NoticeFollowed(Notice):
    """The case as its case system had it at `at`; `gone` where it is there no more."""

    type: ClassVar[str] = "notice.followed"

    gone: Yes = False
    kind: Word = "unknown"
    title: NoLine = ""
    main_id: NoId = ""
    asker: Annotated[Asker | None, DIRECT] = None
    stages: Annotated[tuple[Stage, ...], DIRECT] = ()  # The oldest first.
    due: NoWhen = None
    still: Yes = False  # Its time stands still.
    ended: Yes = False
    outcome: Word = "unknown"
    ending: NoLine = ""  # The outcome as the case system calls it.
    digest: NoDigest = ""  # Of what a list of cases shows of it, to see whether it changed.
