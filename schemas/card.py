"""Card: what a desk tool keeps of something, in that tool's own words. What it means to us are facts beside it."""

from typing import Annotated, ClassVar, Final

from pydantic import BaseModel, ConfigDict, StringConstraints

from schemas.event import DIRECT, PSEUDONYMOUS, About, Event, Id, NoId, When, Word

CARD_CHARS_MAX: Final = 60_000
DESK_TOOL: Final = "desk-tool"  # Who did it, as `agent_id`, where a desk tool wrote a card of the same.

Body = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$", max_length=CARD_CHARS_MAX), DIRECT]


class Card(BaseModel):
    """One card as it stands from now on. What it looks up by number is sealed in its body."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", hide_input_in_errors=True)

    card_id: Id
    kind: Word  # As the tool calls it.
    since: When  # When it was first written: lists are in that order.
    body: Body  # A JSON object.
    address_id: NoId = ""  # The pseudonym of the address that it holds.
    native: NoId = ""  # What it is a card of, where the house names that otherwise.


class OnCards(Event):
    """What the facts about cards share: `about` is the subject that they are cards of."""

    about: About

    @property
    def subject(self) -> str:
        return self.about


class CardWritten(OnCards):
    """A desk tool wrote these cards, or wrote them anew; all of them at once."""

    type: ClassVar[str] = "card.written"

    cards: Annotated[tuple[Card, ...], DIRECT]


class CardRemoved(OnCards):
    """A desk tool removed these cards."""

    type: ClassVar[str] = "card.removed"

    card_ids: Annotated[tuple[Id, ...], PSEUDONYMOUS]
