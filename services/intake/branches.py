"""Where people come: the branches of the municipality, and what o'clock it is there."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from schemas.errors import Refused
from schemas.event import Line, Word

YEARS: Final = range(2000, 9000)  # Outside of them a zone may lead beyond what a date can hold.


def known_zone(name: str) -> str:
    """The zone itself, if there is one of that name. Raises `ValueError`."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError):
        raise ValueError("not a zone") from None
    return name


class Branch(BaseModel):
    """A place with a counter. Its name is the one that appointment systems use."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    title: Line  # As people read it: Stadhuis.
    zone: Annotated[str, AfterValidator(known_zone)] = "Europe/Amsterdam"
    grace_minutes: Annotated[int, Field(ge=0, le=240)] = 15  # How late somebody may be before it is a no-show.

    @property
    def here(self) -> ZoneInfo:
        return ZoneInfo(self.zone)


Branches = Mapping[str, Branch]
DEFAULT: Final[Branches] = {"main": Branch(title="Stadhuis")}
READS: Final = TypeAdapter(dict[Word, Branch])


def branches(table: Mapping[str, Any]) -> Branches:
    """The branches that a configuration names, one table each; one by the name of `main` if it names none.

    Raises `Refused`, and says which one is wrong and in what.
    """
    try:
        return READS.validate_python(table) or DEFAULT
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise Refused(
            f"a branch has a title, a zone such as Europe/Amsterdam and grace_minutes: mend {where}"
        ) from None


def branch_of(every: Branches, name: str) -> Branch:
    """The branch of this name. Raises `Refused`."""
    if name not in every:
        raise Refused("branch is none of ours: the configuration of Draad names them")
    return every[name]


def moment_there(local: datetime, which: Literal["first", "second"] | None, zone: ZoneInfo) -> datetime:
    """The moment when clocks at the branch show this. Raises `Refused` where they never do, or do so twice."""
    if local.year not in YEARS:
        raise Refused("starts_local lies before the year 2000, or too far ahead")
    first, second = (local.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if first.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != local:
        raise Refused("starts_local is an hour that is skipped there, as the clocks go forward: choose another")
    twice = first.utcoffset() != second.utcoffset()
    if twice and which is None:
        raise Refused("starts_local comes twice there, as the clocks go back: say which, first or second")
    return (second if which == "second" else first).astimezone(UTC)
