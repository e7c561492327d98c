"""Record: who looked at whose story. It is kept as long as that story."""

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
