"""Quarantine: an inbound item that nobody could read, kept whole and shown until somebody deals with it."""

from typing import ClassVar

from schemas.event import Count, Digest, Event, Id, NoId, NoReference, Text, Word


class Quarantine(Event):
    """What the facts about an item share."""

    item_id: Id

    @property
    def subject(self) -> str:
        return f"quarantine/{self.item_id}"


class QuarantineEntered(Quarantine):
    """It came in over this channel and could not be read; `cause` says why. Its bytes are kept under `digest`."""

    type: ClassVar[str] = "quarantine.entered"

    channel: Word
    cause: Word
    digest: Digest
    size_bytes: Count
    inbox: Word = "main"
    reference: NoReference = ""


class QuarantineMended(Quarantine):
    """It was read after all, and is this contact."""

    type: ClassVar[str] = "quarantine.mended"

    contact_id: Id
    agent_id: NoId = ""


class QuarantineDiscarded(Quarantine):
    """An agent looked, and wants nothing of it; `text` says why."""

    type: ClassVar[str] = "quarantine.discarded"

    agent_id: Id
    text: Text
