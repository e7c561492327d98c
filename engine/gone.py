"""Whether the log is still the one that everything here was made of.

A topic that was deleted and made anew has its old name and another id. aiokafka does not ask for ids, so we do, with
Kafka's own request for metadata in its version 12.
"""

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any, Final
from uuid import UUID

from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    AbstractType,
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
    TaggedFields,
)

from engine.broker import GONE, Broker
from engine.postgres import Database
from schemas.errors import Refused

METADATA: Final = 3
WITH_IDS: Final = 12
ID_BYTES: Final = 16
NO_ID: Final = bytes(ID_BYTES)  # Asked by name.


class Id(AbstractType[bytes]):  # type: ignore[misc]  # aiokafka says nothing of its types.
    @classmethod
    def encode(cls, value: bytes) -> bytes:
        return value

    @classmethod
    def decode(cls, data: BytesIO) -> bytes:
        return data.read(ID_BYTES)


class Topics(Response):  # type: ignore[misc]  # As above.
    API_KEY = METADATA
    API_VERSION = WITH_IDS
    SCHEMA = Schema(
        ("throttle_ms", Int32),
        (
            "brokers",
            CompactArray(
                ("node", Int32), ("host", CompactString()), ("port", Int32), ("rack", CompactString()),
                ("tags", TaggedFields),
            ),
        ),
        ("cluster", CompactString()),
        ("controller", Int32),
        (
            "topics",
            CompactArray(
                ("error", Int16), ("name", CompactString()), ("id", Id), ("internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error", Int16), ("number", Int32), ("leader", Int32), ("epoch", Int32),
                        ("replicas", CompactArray(Int32)), ("in_sync", CompactArray(Int32)),
                        ("offline", CompactArray(Int32)), ("tags", TaggedFields),
                    ),
                ),
                ("allowed", Int32), ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )  # fmt: skip


class AskTopics(RequestStruct):  # type: ignore[misc]  # As above.
    API_KEY = METADATA
    API_VERSION = WITH_IDS
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = Topics
    SCHEMA = Schema(
        ("topics", CompactArray(("id", Id), ("name", CompactString()), ("tags", TaggedFields))),
        ("may_create", Boolean),
        ("with_allowed", Boolean),
        ("tags", TaggedFields),
    )


class TopicsRequest(Request[AskTopics]):  # type: ignore[misc]  # As above.
    API_KEY = METADATA

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    def build(self, request_struct_class: type[AskTopics]) -> AskTopics:
        asked: list[tuple[bytes, str, dict[int, bytes]]] = [(NO_ID, name, {}) for name in self._names]
        return request_struct_class(topics=asked, may_create=False, with_allowed=False, tags={})


def ids_in(answer: Topics) -> dict[str, str]:
    """The id of each topic that is there."""
    topics: Sequence[Mapping[str, Any]] = answer.to_object()["topics"]
    return {topic["name"]: str(UUID(bytes=topic["id"])) for topic in topics if not topic["error"]}


async def nothing_gone(broker: Broker, database: Database) -> None:
    """Raise `Refused` where the log ends before what was made of it, or is another one by the same name.

    It is asked before anybody writes behind its end.
    """
    query = "SELECT partition, max(position) FROM task WHERE partition <> '' GROUP BY partition"
    made = dict(await database.fetch(query))
    before = dict(await database.fetch("SELECT name, id FROM topic"))
    ends = await broker.ends(broker.partitions())
    names = {partition: broker.prefix + partition.rpartition("-")[0] for partition in ends}
    ids = ids_in(await broker.ask(TopicsRequest(sorted(set(names.values())))))
    for partition, end in ends.items():
        at, name = made.get(partition, 0), names[partition]
        if at and (end < at or before[name] not in {"", ids.get(name)}):
            raise Refused(GONE.format(f"topic partition {partition}", at))
    for name, found in ids.items() - before.items():
        await database.fetch("UPDATE topic SET id = $2 WHERE name = $1", name, found)
