"""Hour: an hour at a branch that residents may choose for a product, and who has it.

What is told of the hours of one day, at one branch and for one product, has one order: of two who ask for the same
hour, the first has it. The day is the one that calendars in Amsterdam show.
"""

from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from schemas.event import NONE, Count, Event, Id, When, Word

Day = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", max_length=10), NONE]


class Offer(BaseModel):
    """An hour, and how many may come then in all, whoever has it already among them."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", hide_input_in_errors=True)

    starts_at: When
    places: Annotated[int, Field(ge=1), NONE] = 1


class OfDay(Event):
    """What the facts about the hours of a day share."""

    branch: Word
    product: Word
    day: Day

    @property
    def subject(self) -> str:
        return f"hour/{self.branch}/{self.product}/{self.day}"


class HourOffered(OfDay):
    """From `since` to before `until` residents may choose these hours, and no others."""

    type: ClassVar[str] = "hour.offered"

    since: When
    until: When
    hours: Annotated[tuple[Offer, ...], NONE] = ()


class HourAsked(OfDay):
    """The party wants its appointment at this hour, in place of the one that they saw."""

    type: ClassVar[str] = "hour.asked"

    ask_id: Id
    appointment_id: Id
    starts_at: When
    instead_of: When
    grace_minutes: Count = 15  # As the branch has it.


class HourTaken(OfDay):
    """An appointment has this hour, by agreement and not by asking here."""

    type: ClassVar[str] = "hour.taken"

    appointment_id: Id
    hold_id: Id  # What is left again under the same name.
    starts_at: When


class HourLeft(OfDay):
    """What this appointment held by this name, the id of what was asked too, is free for others."""

    type: ClassVar[str] = "hour.left"

    appointment_id: Id
    hold_id: Id


class OfAsk(Event):
    """What is answered to whoever asked for an hour."""

    appointment_id: Id
    ask_id: Id

    @property
    def subject(self) -> str:
        return f"appointment/{self.appointment_id}"


class HourGiven(OfAsk):
    """The hour is kept for this appointment: it is moved to it, if it still stands as they saw it."""

    type: ClassVar[str] = "hour.given"

    branch: Word
    product: Word
    starts_at: When
    instead_of: When
    grace_minutes: Count = 15


class HourRefused(OfAsk):
    """The hour is not to be had; `reason` says why: gone (others have it, or it was never offered), past."""

    type: ClassVar[str] = "hour.refused"

    reason: Word
