"""The topics of the Kafka engine: what `infra/kafka/topics.yaml` asks of each, what Kafka has, and how to mend it."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Final, NamedTuple

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import NodeNotReadyError, for_code

from engine.door import FAILURES, Security, Server, knock
from engine.wanted import FOREVER, TOPICS_YAML, Topic, Wanted, load
from schemas.errors import Refused, Unavailable

__all__ = ["TOPICS_YAML", "Security", "Topic", "Wanted", "apply", "check", "load"]

WORK_S_MAX: Final = 60
REQUEST_MS_MAX: Final = 15_000
LOOK_S: Final = 0.1  # Between two looks at whether every broker has heard.
SET_ON_TOPIC: Final = 1  # Kafka's number for a setting that the topic itself has.
UNKNOWN: Final = 3
EXISTS: Final = 36
REFUSALS: Final[Mapping[int, str]] = {
    17: "Kafka does not accept this name: set another DRAAD_PREFIX",
    29: "Kafka does not allow it: let our user describe, create and alter this topic and its settings",
    31: "Kafka does not allow it: let our user create topics",
    37: "Kafka does not accept so many partitions: set partitions in topics.yaml",
    38: "Kafka has too few brokers for so many copies: add brokers, or set DRAAD_TOPICS_REPLICATION",
    40: "Kafka does not accept a setting of it: mend topics.yaml",
    44: "a policy of this Kafka forbids it: ask whoever runs it",
}

Say = Callable[[str], None]


class Found(NamedTuple):
    """A topic as it is: its settings, and which of them are its own and no default of the broker."""

    partitions: int
    copies: int
    settings: dict[str, str]
    own: dict[str, str]


async def check(servers: str, security: Security, prefix: str, wanted: Wanted) -> list[str]:
    """What is wrong, a sentence each, with how to mend it. Raises `Refused` and `Unavailable` as `knock` does."""
    topics, found = wanted.under(prefix), await knock(servers, security)
    if old := too_old(found):
        return old
    async with administering(found, security) as admin:
        return faults(topics, await look(admin, topics))


async def apply(servers: str, security: Security, prefix: str, wanted: Wanted, say: Say) -> None:
    """Make what is missing and mend settings, until `check` finds nothing. Done again, it changes nothing.

    What cannot be mended in place raises `Refused` before anything is changed.
    """
    topics, found = wanted.under(prefix), await knock(servers, security)
    if old := too_old(found):
        raise Refused(old[0])
    async with administering(found, security) as admin:
        there = await look(admin, topics)
        if stuck := [fault for name in there for fault in lasting(name, topics[name], there[name])]:
            raise Refused(" ".join(stuck))
        for name, topic in topics.items():
            if name not in there:
                await create(admin, name, topic)
                say(f"Topic {name} is made, with partitions {topic.partitions} and replication {topic.replication}.")
            elif harmful := [setting for setting, _ in harms(topic, there[name])]:
                changed = {setting: kafka_settings(topic)[setting] for setting in harmful}
                await alter(admin, name, there[name].own | changed)
                say(f"Topic {name} has now {', '.join(f'{key} {value}' for key, value in changed.items())}.")
            else:
                say(f"Topic {name} is as it should be.")
        while True:
            if not faults(topics, await look(admin, topics)):
                return
            await asyncio.sleep(LOOK_S)


def too_old(servers: list[Server]) -> list[str]:
    sentence = "is older than 4.0: Draad needs Apache Kafka 4.0 or newer."
    return [f"Kafka at {server.address} {sentence}" for server in servers if not server.since_4]


def faults(topics: Mapping[str, Topic], there: Mapping[str, Found]) -> list[str]:
    wrong = []
    for name, topic in topics.items():
        found = there.get(name)
        if found is None:
            wrong.append(f"Topic {name} does not exist: run `draad topics apply`.")
            continue
        wrong.extend(lasting(name, topic, found))
        for setting, so in harms(topic, found):
            mend = f"run `draad topics apply`, which sets it to {kafka_settings(topic)[setting]}"
            wrong.append(f"Topic {name} has {setting} {found.settings[setting]}, so {so}: {mend}.")
    return wrong


def lasting(name: str, topic: Topic, found: Found) -> Iterator[str]:
    """What cannot be mended in place."""
    if found.partitions != topic.partitions:
        yield (
            f"Topic {name} has {found.partitions} partitions where {topic.partitions} are wanted. Their number never "
            f"changes in place, as the order within a subject would be lost: set partitions to {found.partitions} in "
            f"topics.yaml, or make new topics under another DRAAD_PREFIX."
        )
    if found.copies < topic.replication:
        yield (
            f"Topic {name} has {found.copies} copies of each fact where {topic.replication} are wanted: add them with "
            f"Kafka's own kafka-reassign-partitions.sh, or accept this with DRAAD_TOPICS_REPLICATION={found.copies}."
        )


def harms(topic: Topic, found: Found) -> Iterator[tuple[str, str]]:
    """Settings by which facts can be lost or refused, and how. What is more careful than was asked is no fault."""
    now, wanted = found.settings, topic.settings
    if "compact" in now["cleanup.policy"]:
        yield "cleanup.policy", "compaction is on and forgets all but the last fact of a subject"
    if limit(now["retention.ms"]) < limit(wanted.retention_ms):
        yield "retention.ms", "facts are deleted when they are older"
    if limit(now["retention.bytes"]) < limit(wanted.retention_bytes):
        yield "retention.bytes", "facts are deleted when there are more"
    in_sync = int(now["min.insync.replicas"])
    if in_sync < wanted.in_sync:
        yield "min.insync.replicas", "facts are acknowledged that too few brokers have"
    if in_sync > wanted.in_sync and in_sync >= found.copies:
        yield "min.insync.replicas", "no fact is taken while one broker is away"
    if int(now["max.message.bytes"]) < wanted.message_bytes:
        yield "max.message.bytes", "larger batches of facts are refused"
    if now["message.timestamp.type"] != wanted.stamped:
        yield "message.timestamp.type", "facts of a machine whose clock is an hour ahead are refused"
    if now["unclean.leader.election.enable"] != "false":
        yield "unclean.leader.election.enable", "a copy that lags may take over and lose what was acknowledged"


def limit(number: str | int) -> float:
    return math.inf if int(number) == FOREVER else int(number)


def kafka_settings(topic: Topic) -> dict[str, str]:
    settings = topic.settings.model_dump(by_alias=True)
    return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in settings.items()}


@asynccontextmanager
async def administering(servers: list[Server], security: Security) -> AsyncIterator[AIOKafkaAdminClient]:
    where = [str(server.address) for server in servers]
    admin = AIOKafkaAdminClient(bootstrap_servers=where, request_timeout_ms=REQUEST_MS_MAX, **security.options())
    try:
        async with asyncio.timeout(WORK_S_MAX):
            await admin.start()
            yield admin
    except NodeNotReadyError:
        sentence = "sends us on to a broker that does not: mend advertised.listeners there"
        raise Unavailable(f"Kafka at {', '.join(where)} answers, but {sentence}") from None
    except FAILURES as error:
        kind = type(error).__name__
        raise Unavailable(f"Kafka at {', '.join(where)} did not go through with it ({kind}): do it again") from None
    finally:
        await admin.close()


async def look(admin: AIOKafkaAdminClient, topics: Mapping[str, Topic]) -> dict[str, Found]:
    """Those of them that are there. All are listed: who asks for one by its name may have it made by mistake."""
    listed = {topic["topic"]: topic["partitions"] for topic in await admin.describe_topics()}
    names = [name for name in topics if listed.get(name)]
    if not names:
        return {}
    [answer] = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in names])
    there = {}
    for code, _, _, name, entries in answer.resources:
        if code == UNKNOWN:  # One broker has heard of it, and another has not.
            continue
        settle(code, name)
        settings = {entry[0]: entry[1] for entry in entries}
        own = {entry[0]: entry[1] for entry in entries if entry[3] == SET_ON_TOPIC}
        copies = min(len(partition["replicas"]) for partition in listed[name])
        there[name] = Found(len(listed[name]), copies, settings, own)
    return there


async def create(admin: AIOKafkaAdminClient, name: str, topic: Topic) -> None:
    new = NewTopic(name, topic.partitions, topic.replication, topic_configs=kafka_settings(topic))
    answer = await admin.create_topics([new], timeout_ms=REQUEST_MS_MAX)
    for _, code, _ in answer.topic_errors:
        if code != EXISTS:  # Made by somebody else since we looked.
            settle(code, name)


async def alter(admin: AIOKafkaAdminClient, name: str, settings: Mapping[str, str]) -> None:
    """The settings are all that the topic has of its own: what is not named goes back to the broker's default."""
    [answer] = await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, dict(settings))])
    for code, *_ in answer.resources:
        settle(code, name)


def settle(code: int, name: str) -> None:
    """Raises what Kafka's answer means."""
    if code in REFUSALS:
        raise Refused(f"topic {name}: {REFUSALS[code]}")
    if code:
        raise for_code(code)
