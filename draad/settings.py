"""What can be set, by names that begin with DRAAD_. A misspelt name or wrong value fails at start, in a sentence."""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Final, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, StringConstraints, ValidationError

from schemas.errors import Refused

PREFIX: Final = "DRAAD_"
SECRET_CHARS_MIN: Final = 32
LOG: Final = "sqlite:///var/draad.db"
HOST: Final = "127.0.0.1"
PORT: Final = 8000
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})

OIDC: Final = ("oidc_issuer", "oidc_client_id")
SECRETS: Final = ("oidc_client_secret", "oidc_client_secret_file")

WRONG: Final[Mapping[str, str]] = {
    "log": "must be memory:, sqlite:///path (four slashes for an absolute path) or kafka://host:port,host:port",
    "database": "must be postgresql://user:password@host:port/name",
    "redis": "must be redis://user:password@host:port/0, or rediss:// for TLS",
    "prefix": "must be at most 60 letters, digits, dots and dashes, such as gouda.",
    "oin": "must be the twenty digits of the organisation's OIN",
    "kafka_user": "must be a user's name without spaces",
    "kafka_password": "must be a password",
    "kafka_ca": "must be the path of a file of certificates",
    "desk_url": "must be https://, or http:// on this machine, and a host without a path: where browsers find the desk",
    "oidc_issuer": "must be the https address of the provider of accounts, as it calls itself",
    "oidc_client_id": "must be the name that the provider knows Draad by",
    "oidc_client_secret": "must be the secret that the provider gave",
    "oidc_client_secret_file": "must be the path of a file with the secret that the provider gave",
    "oidc_role_claim": "must be the name of the claim that says what somebody may do",
    "oidc_agent": "must be the provider's word for an agent",
    "oidc_team_lead": "must be the provider's word for a team lead",
    "topics_replication": "must be a number from 1 to 9",
    "host": "must be a host name or address, such as 127.0.0.1",
    "port": "must be a port number from 0 to 65535",
    "trusted_proxies": "must be addresses or networks such as 10.0.0.5 or 10.0.0.0/24, with commas between them",
    "token": f"must be at least {SECRET_CHARS_MIN} plain characters without spaces",
    "metrics_token_file": f"must be the path of a file with {SECRET_CHARS_MIN} plain characters or more",
    "channels": "must be the path of a TOML file, such as infra/channels.toml",
    "site": "must be the path of a TOML file, such as infra/site.toml",
    "pepper": f"must be at least {SECRET_CHARS_MIN} plain characters without spaces",
}


class Misconfigured(Refused):
    """A setting is wrong: mend it, and start again."""


Secret = Annotated[SecretStr, Field(min_length=SECRET_CHARS_MIN, max_length=500)]
Plain = Annotated[str, StringConstraints(pattern=r"^[!-~]+$", max_length=200)]


def an_address_of(*schemes: str) -> Callable[[SecretStr], SecretStr]:
    """Such an address, whole enough to be tried."""

    def checked(given: SecretStr) -> SecretStr:
        parts = urlsplit(given.get_secret_value())
        if parts.scheme not in schemes or not parts.hostname or (parts.port is not None and parts.port < 1):
            raise ValueError("another kind of address")
        return given

    return checked


def secure(given: str) -> bool:
    """Whether it is an address that nobody on the way can read; on this machine nobody is."""
    parts = urlsplit(given)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)


def a_provider(given: str) -> str:
    if not secure(given) or not urlsplit(given).hostname or urlsplit(given).query or urlsplit(given).fragment:
        raise ValueError("another kind of address")
    return given


def a_place(given: str) -> str:
    if not secure(given) or not urlsplit(given).hostname or urlsplit(given).path.strip("/"):
        raise ValueError("another kind of address")
    return given.rstrip("/")


def networks(given: str) -> str:
    """Addresses and networks, each as it is written in full."""
    named = [each.strip() for each in given.split(",") if each.strip()]
    return ",".join(str(ip_network(each) if "/" in each else ip_address(each)) for each in named)


class Settings(BaseModel):
    """All there is to set."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    log: Annotated[str, StringConstraints(pattern=r"^(memory:|sqlite:///.+|kafka://[^/@?#\s]+)$")] = LOG
    host: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.:-]+$", max_length=253)] = HOST
    port: Annotated[int, Field(ge=0, le=65535)] = PORT
    trusted_proxies: Annotated[str, AfterValidator(networks)] = ""  # Who may say for whom it asks. Absent: nobody.
    token: Secret | None = None  # What the API asks for. Absent: a new one per start, printed.
    metrics_token_file: Path | None = None  # Holds what opens /metrics and nothing else, for Prometheus.
    pepper: Secret | None = None  # What pseudonyms are made with. Absent: kept in a file beside the log.
    channels: Path | None = None  # The file that says which channels there are. Absent: none, and no webhooks.
    site: Path | None = None  # The file that says what residents meet: branches, the form. Absent: what it begins with.
    oin: Annotated[str, StringConstraints(pattern=r"^[0-9]{20}$")] = "0" * 20  # Whose facts these are.
    desk_url: Annotated[str, AfterValidator(a_place)] | None = None  # Absent: this machine's own address.
    # Accounts of the organisation, for who works at the desk. Without them only a printed link opens it.
    oidc_issuer: Annotated[str, AfterValidator(a_provider)] | None = None
    oidc_client_id: Plain | None = None
    oidc_client_secret: Annotated[SecretStr, Field(min_length=1, max_length=2_000)] | None = None
    oidc_client_secret_file: Path | None = None  # Instead of the secret itself.
    oidc_role_claim: Plain = "roles"
    oidc_agent: Plain = "agent"
    oidc_team_lead: Plain = "team-lead"
    # What follows is for a log of many machines only.
    database: Annotated[SecretStr, AfterValidator(an_address_of("postgresql"))] | None = None
    redis: Annotated[SecretStr, AfterValidator(an_address_of("redis", "rediss"))] | None = None
    prefix: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.-]*$", max_length=60)] = ""
    kafka_user: Plain | None = None
    kafka_password: SecretStr | None = None
    kafka_ca: Path | None = None  # Whose certificates are trusted, where this machine's authorities are not enough.
    topics_replication: Annotated[int, Field(ge=1, le=9)] | None = None  # Else what infra/kafka/topics.yaml says.

    @classmethod
    def from_env(cls, environ: Mapping[str, str]) -> Self:
        """Raises `Misconfigured`, and quotes no value: it may be a secret."""
        given = {name.removeprefix(PREFIX): value for name, value in environ.items() if name.startswith(PREFIX)}
        known = {name.upper(): name for name in cls.model_fields}
        for name in given:
            if name not in known:
                raise Misconfigured(f"{PREFIX}{name} is not a setting: {meant(name, known)}")
        for name in ("TOKEN", "PEPPER"):
            if not all("!" <= character <= "~" for character in given.get(name, "")):
                raise Misconfigured(f"{PREFIX}{name} {WRONG[name.lower()]}")
        try:
            chosen = cls.model_validate({known[name]: value for name, value in given.items()})
        except ValidationError as error:
            name = str(error.errors()[0]["loc"][0])
            raise Misconfigured(f"{PREFIX}{name.upper()} {WRONG[name]}") from None
        return chosen.whole()

    def whole(self) -> Self:
        """Itself, if it is enough to begin with. Raises `Misconfigured`."""
        for name in ("database", "pepper", "token"):
            if self.servers and getattr(self, name) is None:
                what = "where what is known of the log is kept" if name == "database" else "the same on every machine"
                raise Misconfigured(f"set {PREFIX}{name.upper()} too, {what}: the log is on Kafka")
        if (self.kafka_user is None) != (self.kafka_password is None):
            raise Misconfigured(f"set {PREFIX}KAFKA_USER and {PREFIX}KAFKA_PASSWORD both, or neither")
        given = [name for name in OIDC if getattr(self, name) is not None]
        secrets = [name for name in SECRETS if getattr(self, name) is not None]
        if (given or secrets) and (len(given) < len(OIDC) or len(secrets) != 1):
            raise Misconfigured(
                f"set {PREFIX}OIDC_ISSUER, {PREFIX}OIDC_CLIENT_ID and one of {PREFIX}OIDC_CLIENT_SECRET and "
                f"{PREFIX}OIDC_CLIENT_SECRET_FILE, or none of them"
            )
        return self

    @property
    def client_secret(self) -> SecretStr:
        """Of the provider of accounts. Raises `Misconfigured` where its file cannot be read."""
        if self.oidc_client_secret_file is None:
            assert self.oidc_client_secret, "asked for where there is a provider"
            return self.oidc_client_secret
        found = contents(self.oidc_client_secret_file)
        if not found:
            raise Misconfigured(f"{PREFIX}OIDC_CLIENT_SECRET_FILE {WRONG['oidc_client_secret_file']}")
        return SecretStr(found)

    @property
    def scraper(self) -> str:
        """The token that opens the figures alone; empty where there is none. Raises `Misconfigured`."""
        if self.metrics_token_file is None:
            return ""
        found = contents(self.metrics_token_file)
        if len(found) < SECRET_CHARS_MIN or not all("!" <= character <= "~" for character in found):
            raise Misconfigured(f"{PREFIX}METRICS_TOKEN_FILE {WRONG['metrics_token_file']}")
        return found

    @property
    def source(self) -> str:
        """Who we are, to those who read our events."""
        return f"urn:nld:oin:{self.oin}:systeem:draad"

    @property
    def path(self) -> str | None:
        """The file of the log, if it is in one."""
        return self.log.removeprefix("sqlite:///") if self.log.startswith("sqlite:") else None

    @property
    def servers(self) -> str | None:
        """Kafka's addresses, if the log is there."""
        return self.log.removeprefix("kafka://") if self.log.startswith("kafka:") else None

    @property
    def address(self) -> str:
        """Where a browser on this machine finds it."""
        host = HOST if self.host in {"0.0.0.0", "::"} else self.host  # noqa: S104  # Only to be shown.
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def desk(self) -> str:
        """Where browsers find it, on whatever machine."""
        return self.desk_url or self.address


def contents(path: Path) -> str:
    """What stands in it; nothing where it cannot be read."""
    try:
        return path.read_text().strip()
    except (OSError, ValueError):
        return ""


def meant(name: str, known: Mapping[str, str]) -> str:
    close = get_close_matches(name, known, n=1)
    if close:
        return f"did you mean {PREFIX}{close[0]}?"
    return "there are " + ", ".join(PREFIX + each for each in sorted(known))
