"""How Kafka is found and lets us in: addresses, TLS, a user; and one sentence for each way in which it does not."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import (
    IllegalSaslStateError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.helpers import create_ssl_context
from aiokafka.protocol.admin import ApiVersionRequest, SaslHandShakeRequest
from pydantic import BaseModel, ConfigDict, SecretStr

from schemas.errors import DraadError, Refused, Unavailable

ANSWER_S_MAX: Final = 5.0  # For all questions to one server; and as long again to find out why it is silent.
CLOSE_S_MAX: Final = 0.5  # What was never open does not say that it is closed.
SERVERS_MAX: Final = 20
MECHANISM: Final = "SCRAM-SHA-512"
ADDRESS: Final = re.compile(r"(?P<host>[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]):(?P<port>[0-9]{1,5})")
PORT_MAX: Final = 65_535

FETCH: Final = 1  # The number of this request in Kafka's protocol.
FETCH_SINCE_4: Final = 4  # Kafka 4.0 took away what is older (KIP-896). Versions never come back.
NO_ERROR: Final = 0
OTHER_MECHANISMS: Final = 33
OTHER_NAMES: Final = frozenset({62, 64})  # OpenSSL's, of a host and of an address.

FAILURES: Final = (KafkaError, OSError, TimeoutError, NotImplementedError)  # The last: a request nobody answers now.


class Security(BaseModel):
    """Who we are to Kafka, and whose certificates we trust. No user and no `ca`: a plain connection."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    user: str | None = None
    password: SecretStr | None = None
    ca: Path | None = None  # Absent, with a user: the authorities that this machine trusts.

    def options(self) -> dict[str, Any]:
        """As aiokafka's clients take them. Raises `Refused`. They hold the password: show them to nobody."""
        if (self.user is None) != (self.password is None):
            raise Refused("set DRAAD_KAFKA_USER and DRAAD_KAFKA_PASSWORD both, or neither")
        if self.user is None and self.ca is None:
            return {"security_protocol": "PLAINTEXT"}
        tls = {"security_protocol": "SSL", "ssl_context": self._context()}
        if self.user is None or self.password is None:
            return tls
        secret = self.password.get_secret_value()
        user = {"sasl_mechanism": MECHANISM, "sasl_plain_username": self.user, "sasl_plain_password": secret}
        return {**tls, **user, "security_protocol": "SASL_SSL"}

    def _context(self) -> ssl.SSLContext:
        try:
            context: ssl.SSLContext = create_ssl_context(cafile=self.ca)
        except ssl.SSLError:
            raise Refused("the file in DRAAD_KAFKA_CA holds no certificate: it must be in PEM format") from None
        except OSError:
            raise Refused("the file in DRAAD_KAFKA_CA cannot be read: give its path, and let Draad read it") from None
        return context


class Address(NamedTuple):
    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Server(NamedTuple):
    """A server that answered."""

    address: Address
    since_4: bool


def addresses(servers: str) -> list[Address]:
    """From `host:port,host:port`. Raises `Refused`."""
    found = []
    for part in servers.split(",", SERVERS_MAX - 1):
        match = ADDRESS.fullmatch(part.strip())
        if not match or not 0 < int(match["port"]) <= PORT_MAX:
            raise Refused(f"Kafka's servers must be named host:port, at most {SERVERS_MAX}, with commas between them")
        found.append(Address(match["host"].strip("[]"), int(match["port"])))
    return found


async def knock(servers: str, security: Security) -> list[Server]:
    """Those that answer, if one does. Raises `Unavailable`, or `Refused` with what to set, within some ten seconds.

    aiokafka's own clients say of every failure that they were "unable to bootstrap".
    """
    options, wanted = security.options(), addresses(servers)
    answers = await asyncio.gather(*(visit(address, options) for address in wanted), return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException) and not isinstance(answer, Unavailable):
            raise answer
    found = [answer for answer in answers if isinstance(answer, Server)]
    if not found:
        raise Unavailable(f"Kafka at {', '.join(map(str, wanted))} does not answer")
    return found


async def visit(address: Address, options: Mapping[str, Any]) -> Server:
    try:
        async with asyncio.timeout(ANSWER_S_MAX):
            return await ask(address, options)
    except ssl.SSLCertVerificationError as error:
        raise untrusted(address, error) from None
    except SaslAuthenticationFailed:
        raise Refused("Kafka refuses the user in DRAAD_KAFKA_USER or its password") from None
    except (UnsupportedSaslMechanismError, IllegalSaslStateError):
        sentence = "let it, or unset DRAAD_KAFKA_USER and DRAAD_KAFKA_PASSWORD and set DRAAD_KAFKA_CA"
        raise Refused(f"Kafka at {address} knows no users by {MECHANISM}: {sentence}") from None
    except FAILURES:
        raise await reason(address, options) from None


def untrusted(address: Address, error: ssl.SSLCertVerificationError) -> Refused:
    sentence = "set DRAAD_KAFKA_CA to the certificate of the authority that signed its own"
    if error.verify_code in OTHER_NAMES:
        sentence = "name it as its certificate does"
    return Refused(f"Kafka at {address} is not trusted, says TLS ({error.verify_message.rstrip('.')}): {sentence}")


@asynccontextmanager
async def connected(address: Address, options: Mapping[str, Any]) -> AsyncIterator[AIOKafkaConnection]:
    connection = AIOKafkaConnection(*address, **options)
    try:
        await connection.connect()
        yield connection
    finally:
        await asyncio.wait([connection.close()], timeout=CLOSE_S_MAX)


async def ask(address: Address, options: Mapping[str, Any]) -> Server:
    async with connected(address, options) as connection:
        answer = await connection.send(ApiVersionRequest())  # Connecting asked it too: again, only who is let in may.
        oldest = {key: first for key, first, _ in answer.api_versions}
    return Server(address, oldest.get(FETCH, 0) >= FETCH_SINCE_4)


async def reason(address: Address, options: Mapping[str, Any]) -> DraadError:
    """Why it hung up or is silent: perhaps it speaks, but not in the way we are set to."""
    with suppress(*FAILURES):
        async with asyncio.timeout(ANSWER_S_MAX):
            if "ssl_context" in options and await speaks_plain(address):
                sentence = "name its TLS port, or unset DRAAD_KAFKA_CA, DRAAD_KAFKA_USER and DRAAD_KAFKA_PASSWORD"
                return Refused(f"Kafka at {address} does not speak TLS: {sentence}")
            if "ssl_context" not in options and await speaks_tls(address):
                sentence = "set DRAAD_KAFKA_CA to the certificate of the authority that signed its own"
                return Refused(f"Kafka at {address} asks for TLS: {sentence}")
            if "sasl_mechanism" not in options and await asks_who(address, options):
                return Refused(f"Kafka at {address} asks for a user: set DRAAD_KAFKA_USER and DRAAD_KAFKA_PASSWORD")
    return Unavailable(f"Kafka at {address} does not answer")


async def speaks_plain(address: Address) -> bool:
    try:
        async with connected(address, {}):
            return True
    except FAILURES:
        return False


async def speaks_tls(address: Address) -> bool:
    """Nothing is said there, so nobody needs to be trusted."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        _, writer = await asyncio.open_connection(*address, ssl=context)
    except OSError:
        return False
    writer.transport.abort()
    with suppress(OSError):
        await writer.wait_closed()
    return True


async def asks_who(address: Address, options: Mapping[str, Any]) -> bool:
    async with connected(address, options) as connection:
        answer = await connection.send(SaslHandShakeRequest(MECHANISM))
    return answer.error_code in {NO_ERROR, OTHER_MECHANISMS}
