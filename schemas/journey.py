"""Journey: how people walk through the website to a product. Nobody is known or followed."""

from typing import ClassVar

from schemas.event import Event, Id, Word


class JourneyStepped(Event):
    """Somebody came to a step on the way to a product: information, started, completed."""

    type: ClassVar[str] = "journey.stepped"

    step_id: Id
    product: Word
    step: Word

    @property
    def subject(self) -> str:
        return f"journey/{self.product}"
