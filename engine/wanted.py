"""What `infra/kafka/topics.yaml` asks of each topic, read with distrust."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from schemas.errors import Refused

TOPICS_YAML: Final = Path(__file__).parent.parent / "infra" / "kafka" / "topics.yaml"
FILE_BYTES_MAX: Final = 16 * 1024
DEPTH_MAX: Final = 6
OPENS: Final = (
    yaml.BlockMappingStartToken,
    yaml.BlockSequenceStartToken,
    yaml.FlowMappingStartToken,
    yaml.FlowSequenceStartToken,
)
CLOSES: Final = (yaml.BlockEndToken, yaml.FlowMappingEndToken, yaml.FlowSequenceEndToken)
WORD_CHARS_MAX: Final = 60  # Of a wrong name that is quoted.
TOPICS_MAX: Final = 100
PARTITIONS_MAX: Final = 1_000
REPLICATION_MAX: Final = 10
RETENTION_MS_MIN: Final = 24 * 60 * 60 * 1000  # Less is a number in another unit.
RETENTION_BYTES_MIN: Final = 2**30  # Kafka deletes whole segments, and they are so large.
MESSAGE_BYTES_MIN: Final = 1_048_588
MESSAGE_BYTES_MAX: Final = 100 * 2**20
FOREVER: Final = -1
PREFIX: Final = re.compile(r"[A-Za-z0-9._-]{0,100}")

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z-]{0,60}$")]


def at_least(smallest: int) -> AfterValidator:
    def judge(number: int) -> int:
        if number != FOREVER and number < smallest:
            raise ValueError(f"must be {FOREVER}, for ever, or at least {smallest}")
        return number

    return AfterValidator(judge)


class Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)


class Rules(Model):
    """The settings of a topic, under Kafka's own names."""

    cleanup: Literal["delete"] = Field(alias="cleanup.policy")
    retention_ms: Annotated[int, at_least(RETENTION_MS_MIN)] = Field(alias="retention.ms")
    retention_bytes: Annotated[int, at_least(RETENTION_BYTES_MIN)] = Field(alias="retention.bytes")
    in_sync: Annotated[int, Field(ge=1)] = Field(alias="min.insync.replicas")
    message_bytes: Annotated[int, Field(ge=MESSAGE_BYTES_MIN, le=MESSAGE_BYTES_MAX)] = Field(alias="max.message.bytes")
    stamped: Literal["LogAppendTime"] = Field(alias="message.timestamp.type")
    unclean: Literal[False] = Field(alias="unclean.leader.election.enable")


class Topic(Model):
    partitions: Annotated[int, Field(ge=1, le=PARTITIONS_MAX)]
    replication: Annotated[int, Field(ge=1, le=REPLICATION_MAX)]
    settings: Rules


class Wanted(Model):
    """What is asked of each topic, by its first word."""

    topics: Annotated[dict[Name, Topic], Field(min_length=1, max_length=TOPICS_MAX)]

    def under(self, prefix: str) -> dict[str, Topic]:
        """By their names in Kafka. Raises `Refused`."""
        if not PREFIX.fullmatch(prefix):
            raise Refused("DRAAD_PREFIX must be at most 100 letters, digits, dots, dashes and underscores")
        return {prefix + name: topic for name, topic in self.topics.items()}


def load(path: Path = TOPICS_YAML, *, replication: int | None = None, partitions: int | None = None) -> Wanted:
    """Read it, with these numbers over those of the file. Raises `Refused`."""
    sheet = read(path)
    each, topics = sheet.get("each"), sheet.get("topics")
    if set(sheet) != {"each", "topics"} or not isinstance(each, dict) or not isinstance(topics, dict):
        raise Refused(f"{path.name} must have two parts, `each` and `topics`, and a name for everything in them")
    over = {"replication": replication, "partitions": partitions}
    given = {name: value for name, value in over.items() if value is not None}
    try:
        wanted = Wanted.model_validate({"topics": {name: merged(each, own, given) for name, own in topics.items()}})
    except ValidationError as error:
        first = error.errors()[0]
        where = " ".join(str(part)[:WORD_CHARS_MAX] for part in first["loc"] if part != "[key]")
        raise Refused(f"{path.name} is wrong at {where!a}: {first['msg'].removeprefix('Value error, ')}") from None
    for name, topic in wanted.topics.items():
        if topic.settings.in_sync >= topic.replication > 1:
            sentence = f"must be less than replication, {topic.replication}, so that a broker may be away"
            raise Refused(f"{path.name} is wrong at {name}: min.insync.replicas {sentence}")
    return wanted


def read(path: Path) -> dict[Any, Any]:
    try:
        with path.open("rb") as file:
            text = file.read(FILE_BYTES_MAX + 1)
        if len(text) > FILE_BYTES_MAX:
            raise Refused(f"{path.name} is larger than {FILE_BYTES_MAX} bytes")
        survey(path, text)
        sheet = yaml.safe_load(text)
    except OSError:
        raise Refused(f"{path.name} cannot be read: it belongs in infra/kafka") from None
    except (yaml.YAMLError, ValueError):
        raise Refused(f"{path.name} is not YAML") from None
    return sheet if isinstance(sheet, dict) else {}


def survey(path: Path, text: bytes) -> None:
    """Raises `Refused` for what is small to write and large to read."""
    depth = 0
    for token in yaml.scan(text):
        if isinstance(token, yaml.AnchorToken | yaml.AliasToken):
            raise Refused(f"{path.name} may not use & and *: they make much of little")
        depth += isinstance(token, OPENS) - isinstance(token, CLOSES)
        if depth > DEPTH_MAX:
            raise Refused(f"{path.name} is nested deeper than {DEPTH_MAX}")


def merged(each: Mapping[Any, Any], own: object, given: Mapping[str, int]) -> object:
    """What is asked of each topic, what is asked of this one, and what is asked of us, the last word first."""
    if not isinstance(own, dict):
        return own
    topic = {**each, **own, **given}
    settings = [part.get("settings", {}) for part in (each, own)]
    if all(isinstance(part, dict) for part in settings):
        topic["settings"] = settings[0] | settings[1]
        if topic.get("replication") == 1:  # There is no second copy to wait for.
            topic["settings"] |= {"min.insync.replicas": 1}
    return topic
