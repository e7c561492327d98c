"""Mailbox: where mail is fetched, and how far we are. A place is written down after all that lies before it."""

from typing import ClassVar

from schemas.event import Count, Event, Word


class MailboxRead(Event):
    """All mail up to and with `uid` is taken in. Under another `validity` the server counts anew, and so do we."""

    type: ClassVar[str] = "mailbox.read"

    inbox: Word
    validity: Count
    uid: Count

    @property
    def subject(self) -> str:
        return f"mailbox/{self.inbox}"
