"""Kafka's doors: who fits comes in, and who does not is told in one sentence what to set, and waits for nothing."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from engine import door
from engine.door import Address, Security, Server, addresses, knock
from infra.broker import Kafka
from schemas.errors import Refused, Unavailable
from tests.engine.strangers import Answer, another, answering, old, rude, silent

PLAIN = Security()
NOBODY = "127.0.0.1:1"
HIDDEN = "the-word-nobody-may-read"


@pytest.fixture(scope="module")
def kafka() -> Iterator[Kafka]:
    """Three doors: a plain one, one with TLS and users, and one with TLS alone."""
    kafka = Kafka(safe=True)
    keys = {name.replace(".safe.", ".proxied."): value for name, value in kafka._safe_settings().items()}
    protocols = "CONTROLLER:PLAINTEXT,PLAIN:PLAINTEXT,PROXIED:SSL,SAFE:SASL_SSL"
    kafka._overrides = {"listener.security.protocol.map": protocols, **keys}
    with kafka:
        yield kafka


@pytest.fixture
def us(kafka: Kafka) -> Security:
    return Security(user=kafka.user, password=SecretStr(kafka.password), ca=kafka.certificate)


def tls_alone(kafka: Kafka) -> str:
    return f"127.0.0.1:{kafka.brokers[0].back}"


async def refused(servers: str, security: Security) -> str:
    async with asyncio.timeout(15):
        with pytest.raises(Refused) as caught:
            await knock(servers, security)
    if security.password:
        assert security.password.get_secret_value() not in str(caught.value)
    return str(caught.value)


@pytest.mark.xdist_group("kafka")
class TestRealKafka:
    async def test_who_fits_comes_in(self, kafka: Kafka, us: Security) -> None:
        for servers, security in [
            (kafka.address, PLAIN),
            (kafka.safe_address, us),
            (tls_alone(kafka), Security(ca=kafka.certificate)),
        ]:
            assert await knock(servers, security) == [Server(addresses(servers)[0], since_4=True)]

    async def test_one_server_of_several_is_enough(self, kafka: Kafka) -> None:
        [server] = await knock(f"{NOBODY},{kafka.address}", PLAIN)
        assert str(server.address) == kafka.address

    async def test_a_wrong_password_and_a_wrong_user_are_refused(self, kafka: Kafka, us: Security) -> None:
        for change in ({"password": SecretStr(HIDDEN)}, {"user": "stranger"}):
            said = await refused(kafka.safe_address, us.model_copy(update=change))
            assert said == "Kafka refuses the user in DRAAD_KAFKA_USER or its password"

    async def test_a_certificate_that_nobody_vouches_for_is_not_trusted(self, kafka: Kafka, us: Security) -> None:
        said = await refused(kafka.safe_address, us.model_copy(update={"ca": None}))
        assert "is not trusted" in said
        assert "set DRAAD_KAFKA_CA" in said

    async def test_a_certificate_for_another_name_is_not_trusted(self, kafka: Kafka, us: Security) -> None:
        said = await refused(kafka.safe_address.replace("127.0.0.1", "localhost"), us)
        assert said.endswith("name it as its certificate does")

    async def test_a_plain_client_at_a_door_with_tls_is_told(self, kafka: Kafka) -> None:
        for servers in (kafka.safe_address, tls_alone(kafka)):
            assert "asks for TLS: set DRAAD_KAFKA_CA" in await refused(servers, PLAIN)

    async def test_a_client_with_tls_at_a_plain_door_is_told(self, kafka: Kafka, us: Security) -> None:
        for security in (us, Security(ca=kafka.certificate)):
            assert "does not speak TLS: name its TLS port" in await refused(kafka.address, security)

    async def test_who_has_no_user_where_one_is_asked_for_is_told(self, kafka: Kafka) -> None:
        said = await refused(kafka.safe_address, Security(ca=kafka.certificate))
        assert "asks for a user: set DRAAD_KAFKA_USER and DRAAD_KAFKA_PASSWORD" in said

    async def test_who_has_a_user_where_none_is_known_is_told(self, kafka: Kafka, us: Security) -> None:
        said = await refused(tls_alone(kafka), us)
        assert "knows no users by SCRAM-SHA-512: let it, or unset DRAAD_KAFKA_USER" in said

    async def test_a_held_server_is_not_waited_for(self, kafka: Kafka, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(door, "ANSWER_S_MAX", 0.5)
        kafka.pause()
        try:
            with pytest.raises(Unavailable, match=f"^Kafka at {kafka.address} does not answer$"):
                await asyncio.wait_for(knock(kafka.address, PLAIN), 10)
        finally:
            kafka.resume()


async def test_nobody_at_the_address_is_said_so() -> None:
    for servers in (NOBODY, f"{NOBODY},no-such-host.invalid:9092"):
        with pytest.raises(Unavailable) as caught:
            await knock(servers, PLAIN)
        assert str(caught.value) == f"Kafka at {servers.replace(',', ', ')} does not answer"


async def test_a_broker_that_is_too_old_is_recognised() -> None:
    async with answering(old) as servers:
        assert await knock(servers, PLAIN) == [Server(addresses(servers)[0], since_4=False)]


@pytest.mark.parametrize("answer", [silent, rude, another])
@pytest.mark.parametrize("safe", [False, True], ids=["plain", "TLS"])
async def test_what_is_no_kafka_does_not_hold_us(answer: Answer, safe: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "ANSWER_S_MAX", 0.5)
    security = Security(user="draad", password=SecretStr(HIDDEN)) if safe else PLAIN
    async with answering(answer) as servers:
        with pytest.raises(Unavailable, match=r"does not answer$"):
            await asyncio.wait_for(knock(servers, security), 10)


@pytest.mark.parametrize(
    ("servers", "found"),
    [
        ("kafka:9092", [Address("kafka", 9092)]),
        ("a.example:1, b-2:65535", [Address("a.example", 1), Address("b-2", 65535)]),
        ("[::1]:9092", [Address("::1", 9092)]),
    ],
)
def test_addresses_are_read(servers: str, found: list[Address]) -> None:
    assert addresses(servers) == found
    assert ", ".join(map(str, found)) == servers


@pytest.mark.parametrize(
    "servers",
    [
        *("", "kafka", "kafka:", ":9092", "kafka:0", "kafka:65536", "kafka:9092,", "kafka:٩", "a b:1", "::1:9092"),
        *("kafka://kafka:9092", f"user:{HIDDEN}@kafka:9092", "kafka:9092\n,", "[zz]:1", "a" * 254 + ":1"),
        "k:1," * 20 + "k:1",
    ],
)
def test_broken_addresses_are_refused_and_not_quoted(servers: str) -> None:
    with pytest.raises(Refused, match=r"^Kafka's servers must be named host:port, at most 20"):
        addresses(servers)


def test_the_password_is_shown_to_nobody(tmp_path: Path) -> None:
    security = Security(user="draad", password=SecretStr(HIDDEN), ca=tmp_path / "none.pem")
    for shown in (repr(security), str(security), security.model_dump_json(), str(security.model_dump())):
        assert HIDDEN not in shown
    with pytest.raises(ValidationError) as caught:
        Security.model_validate({"user": 7, "password": [HIDDEN], "ca": 1})
    assert HIDDEN not in str(caught.value)


@pytest.mark.parametrize("given", [{"user": "draad"}, {"password": SecretStr(HIDDEN)}])
def test_a_user_without_a_password_is_refused_and_the_reverse(given: dict[str, object]) -> None:
    with pytest.raises(Refused, match="DRAAD_KAFKA_USER and DRAAD_KAFKA_PASSWORD both, or neither"):
        PLAIN.model_copy(update=given).options()


def test_a_certificate_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    empty = tmp_path / "ca.pem"
    empty.write_text("no certificate")
    for path, words in ((tmp_path / "none.pem", "cannot be read"), (tmp_path, "cannot be read"), (empty, "PEM")):
        with pytest.raises(Refused, match=f"^the file in DRAAD_KAFKA_CA .*{words}"):
            Security(ca=path).options()


def test_what_the_clients_are_given_follows_from_what_is_set(tmp_path: Path) -> None:
    assert PLAIN.options() == {"security_protocol": "PLAINTEXT"}
    options = Security(user="draad", password=SecretStr(HIDDEN)).options()
    assert options.pop("ssl_context").check_hostname
    assert options == {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "draad",
        "sasl_plain_password": HIDDEN,
    }
