"""What may be posted about appointments, and how it is told of them."""

from datetime import date, datetime
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, Field, NaiveDatetime, StringConstraints, model_validator

from schemas.event import NoLine, Text, Word
from schemas.reading import no_bsn
from services.intake.body import Address, Posted, Pseudonym

PEOPLE_MAX: Final = 50
MINUTES_MAX: Final = 600
PLACES_MAX: Final = 100
HOURS_MAX: Final = 288  # Of one day: one each five minutes.

Theirs = Annotated[str, StringConstraints(pattern=r"^[!-~]+$", max_length=200), AfterValidator(no_bsn)]
Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,19}$"), AfterValidator(no_bsn)]
Case = Annotated[str, StringConstraints(pattern=r"^case/[A-Za-z0-9][A-Za-z0-9._~-]{0,119}$"), AfterValidator(no_bsn)]
People = Annotated[int, Field(ge=1, le=PEOPLE_MAX)]


class Dated(Posted):
    """What happened at `at`; now, if nobody says."""

    at: AwareDatetime | None = None


class Clocked(Posted):
    """An hour: as a moment with its zone, or as the clocks of the branch show it."""

    starts_at: AwareDatetime | None = None
    starts_local: Annotated[NaiveDatetime | None, Field(examples=["2026-11-24T10:30"])] = None
    which: Annotated[
        Literal["first", "second"] | None, Field(description="Of the hour that comes twice, as the clocks go back")
    ] = None

    @model_validator(mode="after")
    def once(self) -> Self:
        if (self.starts_at is None) == (self.starts_local is None):
            raise ValueError("starts_at or starts_local: one of them")
        return self


class Hour(Dated, Clocked):
    """What is agreed on at `at`: this hour."""


class Booking(Hour):
    """Somebody comes at this hour, for this product."""

    reference: Annotated[Theirs, Field(description="Your own id of the appointment")]
    product: Word
    branch: Word = "main"
    minutes: Annotated[int, Field(ge=0, le=MINUTES_MAX)] = 0
    people: People = 1
    code: Annotated[Code | None, Field(description="What is said or scanned at the counter; made if you have none")] = (
        None
    )
    party_id: Pseudonym | None = None
    address: Annotated[Address | None, Field(description="Where to remind them")] = None
    about: Annotated[Case | None, Field(examples=["case/3f2a"])] = None
    text: Text = ""


class WalkIn(Dated):
    """Somebody came without an appointment, and waits."""

    reference: Annotated[Theirs, Field(description="Your own id of the visit")]
    product: Word
    branch: Word = "main"
    people: People = 1
    code: Code | None = None
    party_id: Pseudonym | None = None


class Which(Dated):
    """An appointment, by your own reference or by the id that you were given."""

    reference: Theirs | None = None
    appointment_id: Pseudonym | None = None

    @model_validator(mode="after")
    def one(self) -> Self:
        if (self.reference is None) == (self.appointment_id is None):
            raise ValueError("reference or appointment_id: one of them")
        return self


class Change(Which, Hour):
    """It is at another hour, or another branch, from now on."""

    branch: Word | None = None  # The same, if nobody says.


class Cancellation(Which):
    """It is off."""

    by: Literal["party", "desk"] = "party"


class Arrival(Which):
    """They are here."""


class Call(Which):
    """They are asked to come to this desk."""

    desk: Word
    agent_id: Pseudonym | None = None


class Serving(Which):
    """They have been helped."""


class FreeHour(Clocked):
    """An hour that residents may choose."""

    places: Annotated[
        int,
        Field(ge=1, le=PLACES_MAX, description="How many may come then in all, those who have an appointment included"),
    ] = 1


class Offering(Dated):
    """The hours of one day that residents may choose, in place of what was said of this day before."""

    product: Word
    branch: Word = "main"
    day: Annotated[date, Field(examples=["2026-11-24"])]
    hours: Annotated[list[FreeHour], Field(max_length=HOURS_MAX)]


class Offered(BaseModel):
    """The fact is durable."""

    hours: Annotated[int, Field(description="How many hours were offered")]


class Left(BaseModel):
    """An hour at which somebody can still come."""

    starts_at: datetime
    free: Annotated[int, Field(description="How many more")]


class FreeHours(BaseModel):
    hours: list[Left]


class Agreed(BaseModel):
    """The fact is durable."""

    appointment_id: str
    code: NoLine


class Row(BaseModel):
    """How an appointment or walk-in stands now."""

    appointment_id: str
    branch: str
    starts_at: datetime
    state: Annotated[str, Field(description="booked, arrived, called, served, cancelled or no-show")]
    code: str
    product: str
    desk: str
    party_id: str
    about: str
    people: int
    minutes: int
    waiting_since: datetime | None
    walked_in: bool
    confirmed: bool


class Rows(BaseModel):
    appointments: list[Row]
