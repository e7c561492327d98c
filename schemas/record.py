"""Record: who looked at whose story, which is kept as long as that story; and who was refused what."""

from typing import ClassVar

from schemas.event import About, Event, Id, Word


class RecordOpened(Event):
    """An agent opened the story of this subject, and saw what is personal in it; `why` is open, search or answer."""

    type: ClassVar[str] = "record.opened"

    about: About
    agent_id: Id
    why: Word = "open"

    @property
    def subject(self) -> str:
        return self.about


class RecordRefused(Event):
    """An agent asked for what is not for their role; `what` says what: figures."""

    type: ClassVar[str] = "record.refused"

    agent_id: Id
    what: Word

    @property
    def subject(self) -> str:
        return f"agent/{self.agent_id}"
