"""What may be posted here. A body is looked through before it is believed; a refusal quotes none of it."""

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from schemas.errors import Refused
from schemas.event import Id, Line, NoLine, Text, Word
from schemas.reading import no_bsn

EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
AHEAD_MAX: Final = timedelta(days=1)  # Clocks differ; a fact from next year is a mistake.


Pseudonym = Annotated[Id, AfterValidator(no_bsn)]


class Posted(BaseModel):
    """Unlike an event, a request says nothing that we do not know: a misspelt field must not vanish."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", hide_input_in_errors=True)


class Address(Posted):
    """Where somebody can be reached. On the log it is known by its pseudonym, and stands in one marked field."""

    kind: Annotated[Word, Field(examples=["phone", "email"])]
    value: Annotated[Line, Field(examples=["+31 20 555 01 23"])]


class NewContact(Posted):
    """Somebody reached us."""

    channel: Annotated[Word, Field(examples=["phone", "email", "counter"])]
    text: Text = ""
    address: Address | None = None
    at: AwareDatetime | None = None
    title: NoLine = ""
    product: Word = "unknown"
    language: Word = "unknown"
    # An agent who registers it says at once what it was about, what came of it, and whose it was.
    agent_id: Pseudonym | None = None
    note: Text = ""
    result: Word = "unknown"
    party_id: Pseudonym | None = None

    @model_validator(mode="after")
    def signed(self) -> Self:
        if self.agent_id is None and (self.note or self.result != "unknown" or self.party_id):
            raise ValueError("a note, a result and a party are an agent's")
        return self


class NewAnswer(Posted):
    """An agent answered."""

    address_id: Pseudonym
    agent_id: Pseudonym
    text: Text = ""
    at: AwareDatetime | None = None


class Kept(BaseModel):
    """The fact is durable."""

    contact_id: str
    address_id: str


def moment(at: datetime | None, now: datetime) -> datetime:
    """When it happened; now, if nobody says or theirs is ahead of our clock. Raises `Refused` where it cannot be."""
    if at is None:
        return now
    if not EARLIEST <= at <= now + AHEAD_MAX:
        raise Refused("at lies before the year 2000, or more than a day ahead")
    return min(at, now)  # What is heard after it, such as that they cancel, happened later.


@cache
def described(model: type[BaseModel]) -> dict[str, Any]:
    """What OpenAPI says of a body, with every part spelled out where it stands."""
    schema = model.model_json_schema()
    parts = schema.pop("$defs", {})

    def inline(node: Any) -> Any:  # noqa: ANN401  # Whatever JSON Schema can say.
        match node:
            case {"$ref": str(name)}:
                return inline(parts[name.rpartition("/")[2]])
            case dict():
                return {key: inline(value) for key, value in node.items() if key != "personal"}
            case list():
                return [inline(item) for item in node]
        return node

    return {"required": True, "content": {"application/json": {"schema": inline(schema)}}}
