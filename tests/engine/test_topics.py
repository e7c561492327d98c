"""Topics on a real Kafka: every rule is seen to be broken, said, and mended; what cannot be mended is left alone."""

import itertools
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import RequestTimedOutError, TopicAuthorizationFailedError
from pydantic import SecretStr

from draad import topics as command
from draad.settings import Misconfigured, Settings
from engine import topics
from engine.door import Security
from engine.topics import Found, Topic, Wanted, apply, check, faults, harms, kafka_settings, load, settle
from infra.broker import Kafka
from schemas.errors import Refused, Unavailable
from schemas.jsonschema import topics as topics_of_all
from tests.engine.strangers import answering, old

PLAIN = Security()
PREFIXES = (f"test-{number}." for number in itertools.count())
HARMS: list[tuple[str, str, str]] = [
    ("cleanup.policy", "compact", "forgets all but the last fact"),
    ("cleanup.policy", "compact,delete", "forgets all but the last fact"),
    ("retention.ms", "604800000", "facts are deleted when they are older"),
    ("retention.bytes", "1073741824", "facts are deleted when there are more"),
    ("min.insync.replicas", "2", "no fact is taken while one broker is away"),
    ("max.message.bytes", "1048587", "larger batches of facts are refused"),
    ("message.timestamp.type", "CreateTime", "a machine whose clock is an hour ahead are refused"),
    ("unclean.leader.election.enable", "true", "a copy that lags may take over"),
]

STAMPED = {"message.timestamp.type": "LogAppendTime"}  # What no broker does unless it is asked.

on_kafka = pytest.mark.xdist_group("kafka")  # Its broker is started once, by one of the test processes.


@pytest.fixture(scope="module")
def kafka() -> Iterator[Kafka]:
    """It makes a topic for whoever asks after one: we may not."""
    with Kafka(safe=True, overrides={"auto.create.topics.enable": "true"}) as kafka:
        yield kafka


@pytest.fixture
def prefix() -> str:
    return next(PREFIXES)


def case(partitions: int = 3, replication: int = 1) -> Wanted:
    """One topic, for one broker."""
    wanted = load(partitions=partitions, replication=replication)
    return wanted.model_copy(update={"topics": {"case": wanted.topics["case"]}})


CASE: Topic = case().topics["case"]
THREE: Topic = load().topics["case"]


@asynccontextmanager
async def asking(kafka: Kafka) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.address)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


async def made(kafka: Kafka, name: str, settings: Mapping[str, str], partitions: int = 3) -> None:
    """By somebody else, in another way than ours."""
    settings = STAMPED | dict(settings)
    async with asking(kafka) as admin:
        answer = await admin.create_topics([NewTopic(name, partitions, 1, topic_configs=settings)])
        assert [code for _, code, _ in answer.topic_errors] == [0], answer


async def told(kafka: Kafka, prefix: str, wanted: Wanted) -> list[str]:
    said: list[str] = []
    await apply(kafka.address, PLAIN, prefix, wanted, said.append)
    return said


@on_kafka
async def test_what_is_missing_is_said_and_made_and_then_all_is_well(kafka: Kafka, prefix: str) -> None:
    wanted = load(replication=1)
    us = Security(user=kafka.user, password=SecretStr(kafka.password), ca=kafka.certificate)
    names = list(wanted.under(prefix))
    missing = [f"Topic {name} does not exist: run `draad topics apply`." for name in names]
    assert await check(kafka.safe_address, us, prefix, wanted) == missing
    said: list[str] = []
    await apply(kafka.safe_address, us, prefix, wanted, said.append)
    assert said == [f"Topic {name} is made, with partitions 6 and replication 1." for name in names]
    assert await check(kafka.address, PLAIN, prefix, wanted) == []
    assert await told(kafka, prefix, wanted) == [f"Topic {name} is as it should be." for name in names]


@on_kafka
async def test_a_topic_is_made_with_all_its_settings(kafka: Kafka, prefix: str) -> None:
    await told(kafka, prefix, case())
    async with asking(kafka) as admin:
        found = (await topics.look(admin, {f"{prefix}case": CASE}))[f"{prefix}case"]
    assert (found.partitions, found.copies) == (3, 1)
    assert found.own == kafka_settings(CASE)


@on_kafka
async def test_checking_makes_no_topic(kafka: Kafka, prefix: str) -> None:
    await check(kafka.address, PLAIN, prefix, case())
    async with asking(kafka) as admin:
        assert f"{prefix}case" not in await admin.list_topics()


@on_kafka
@pytest.mark.parametrize(("setting", "value", "so"), HARMS)
async def test_a_harmful_setting_is_said_and_mended(
    kafka: Kafka, prefix: str, setting: str, value: str, so: str
) -> None:
    name, wanted = f"{prefix}case", kafka_settings(CASE)[setting]
    await made(kafka, name, {setting: value})
    [fault] = await check(kafka.address, PLAIN, prefix, case())
    assert fault.startswith(f"Topic {name} has {setting} {value}, so ")
    assert so in fault
    assert fault.endswith(f": run `draad topics apply`, which sets it to {wanted}.")
    assert await told(kafka, prefix, case()) == [f"Topic {name} has now {setting} {wanted}."]
    assert await check(kafka.address, PLAIN, prefix, case()) == []
    assert await told(kafka, prefix, case()) == [f"Topic {name} is as it should be."]


@on_kafka
async def test_what_else_was_set_on_a_topic_stays_set(kafka: Kafka, prefix: str) -> None:
    own = {"segment.ms": "7200000", "compression.type": "zstd"}
    await made(kafka, f"{prefix}case", {**own, "retention.ms": "604800000"})
    assert await told(kafka, prefix, case()) == [f"Topic {prefix}case has now retention.ms -1."]
    async with asking(kafka) as admin:
        found = (await topics.look(admin, {f"{prefix}case": CASE}))[f"{prefix}case"]
    assert found.own == {**own, **STAMPED, "retention.ms": "-1"}


@on_kafka
@pytest.mark.parametrize("partitions", [2, 4])
async def test_the_number_of_partitions_is_never_changed(kafka: Kafka, prefix: str, partitions: int) -> None:
    name = f"{prefix}case"
    await made(kafka, name, {"retention.ms": "604800000"}, partitions)
    wrong, mendable = await check(kafka.address, PLAIN, prefix, case())
    assert f"Topic {name} has {partitions} partitions where 3 are wanted" in wrong
    assert f"set partitions to {partitions} in topics.yaml" in wrong
    assert "another DRAAD_PREFIX" in wrong
    with pytest.raises(Refused, match=f"Topic {name} has {partitions} partitions"):
        await told(kafka, prefix, load(replication=1, partitions=3))
    assert await check(kafka.address, PLAIN, prefix, case()) == [wrong, mendable]
    async with asking(kafka) as admin:
        assert f"{prefix}party" not in await admin.list_topics()
    assert await check(kafka.address, PLAIN, prefix, case(partitions=partitions)) == [mendable]


@on_kafka
async def test_too_few_copies_are_said_and_not_changed(kafka: Kafka, prefix: str) -> None:
    await told(kafka, prefix, case())
    wrong, in_sync = await check(kafka.address, PLAIN, prefix, case(replication=3))
    assert f"Topic {prefix}case has 1 copies of each fact where 3 are wanted" in wrong
    assert "kafka-reassign-partitions.sh, or accept this with DRAAD_TOPICS_REPLICATION=1." in wrong
    assert "min.insync.replicas 1, so facts are acknowledged that too few brokers have" in in_sync
    with pytest.raises(Refused, match="has 1 copies of each fact"):
        await told(kafka, prefix, case(replication=3))


@on_kafka
async def test_more_copies_than_brokers_are_refused(kafka: Kafka, prefix: str) -> None:
    with pytest.raises(Refused, match=f"topic {prefix}case: Kafka has too few brokers for so many copies"):
        await told(kafka, prefix, case(replication=3))


@on_kafka
async def test_a_broker_that_names_another_address_is_said_so(kafka: Kafka, prefix: str) -> None:
    with pytest.raises(Unavailable, match=r"sends us on to a broker that does not: mend advertised\.listeners"):
        await check(f"127.0.0.1:{kafka.brokers[0].back}", PLAIN, prefix, case())


@on_kafka
async def test_a_broker_that_falls_silent_half_way_is_not_waited_for(
    kafka: Kafka, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        with monkeypatch.context() as hurried:
            hurried.setattr(topics, "WORK_S_MAX", 2)
            with pytest.raises(Unavailable, match=r"did not go through with it .*: do it again"):
                await apply(kafka.address, PLAIN, prefix, load(replication=1), lambda _: kafka.pause())
    finally:
        kafka.resume()
    await told(kafka, prefix, load(replication=1))
    assert await check(kafka.address, PLAIN, prefix, load(replication=1)) == []


async def test_a_broker_that_is_too_old_is_named_and_not_touched() -> None:
    async with answering(old) as servers:
        sentence = f"Kafka at {servers} is older than 4.0: Draad needs Apache Kafka 4.0 or newer."
        assert await check(servers, PLAIN, "", case()) == [sentence]
        with pytest.raises(Refused) as caught:
            await apply(servers, PLAIN, "", case(), pytest.fail)
        assert str(caught.value) == sentence


def found(copies: int = 3, **settings: str) -> Found:
    given = {key.replace("_", "."): value for key, value in settings.items()}
    return Found(THREE.partitions, copies, kafka_settings(THREE) | given, {})


@pytest.mark.parametrize(
    "careful",
    [
        found(),
        found(copies=5),
        found(copies=5, min_insync_replicas="4"),
        found(max_message_bytes="2000000"),
        found(segment_ms="1"),
        found(cleanup_policy=""),
    ],
)
def test_what_is_more_careful_than_was_asked_is_no_fault(careful: Found) -> None:
    assert faults({"case": THREE}, {"case": careful}) == []


def test_where_facts_may_go_they_may_also_stay_longer() -> None:
    rules = THREE.settings.model_copy(update={"retention_ms": 10**9, "retention_bytes": 10**10})
    mortal = THREE.model_copy(update={"settings": rules})
    for kept in (found(), found(retention_ms=str(10**9)), found(retention_bytes=str(10**10 + 1))):
        assert list(harms(mortal, kept)) == []
    for less in (found(retention_ms=str(10**9 - 1)), found(retention_bytes=str(10**10 - 1))):
        assert len(list(harms(mortal, less))) == 1


@pytest.mark.parametrize(("copies", "in_sync"), [(3, "1"), (3, "3"), (3, "4"), (4, "4")])
def test_the_copies_that_must_be_in_sync_leave_one_to_spare(copies: int, in_sync: str) -> None:
    [(setting, _)] = harms(THREE, found(copies=copies, min_insync_replicas=in_sync))
    assert setting == "min.insync.replicas"


def test_what_kafka_does_not_allow_is_refused_and_names_the_topic() -> None:
    for code in topics.REFUSALS:
        with pytest.raises(Refused, match=r"^topic case: "):
            settle(code, "case")
    settle(0, "case")
    with pytest.raises(RequestTimedOutError):
        settle(RequestTimedOutError.errno, "case")
    assert TopicAuthorizationFailedError.errno in topics.REFUSALS


def on(address: str, prefix: str) -> Settings:
    secret = "x" * 32
    return Settings.from_env(
        {
            "DRAAD_LOG": f"kafka://{address}",
            "DRAAD_DATABASE": "postgresql://draad@127.0.0.1/draad",
            "DRAAD_PEPPER": secret,
            "DRAAD_TOKEN": secret,
            "DRAAD_PREFIX": prefix,
            "DRAAD_TOPICS_REPLICATION": "1",
        }
    )


@on_kafka
async def test_the_command_says_what_is_wrong_until_nothing_is(kafka: Kafka, prefix: str) -> None:
    where, said = on(kafka.address, prefix), list[str]()
    assert not await command.check(where, said.append)
    assert len(said) == len(topics_of_all())
    assert await command.apply(where, said.append)
    assert await command.check(where, said.append)
    assert said[-1] == f"All {len(topics_of_all())} topics are as they should be."


async def test_the_command_needs_the_kafka_engine() -> None:
    for verb in (command.apply, command.check):
        with pytest.raises(Misconfigured, match="only the Kafka engine has them"):
            await verb(Settings(), pytest.fail)
