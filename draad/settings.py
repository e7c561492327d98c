"""What can be set, by names that begin with DRAAD_. A misspelt name or wrong value fails at start, in a sentence."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, ValidationError

from schemas.errors import Refused

PREFIX: Final = "DRAAD_"
SECRET_CHARS_MIN: Final = 32
LOG: Final = "sqlite:///var/draad.db"
HOST: Final = "127.0.0.1"
PORT: Final = 8000
LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})

WRONG: Final[Mapping[str, str]] = {
    "log": "must be memory: or sqlite:///path (four slashes for an absolute path)",
    "host": "must be a host name or address, such as 127.0.0.1",
    "port": "must be a port number from 0 to 65535",
    "token": f"must be at least {SECRET_CHARS_MIN} plain characters without spaces",
    "pepper": f"must be at least {SECRET_CHARS_MIN} plain characters without spaces",
}


class Misconfigured(Refused):
    """A setting is wrong: mend it, and start again."""


Secret = Annotated[SecretStr, Field(min_length=SECRET_CHARS_MIN, max_length=500)]


class Settings(BaseModel):
    """All there is to set."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    log: Annotated[str, StringConstraints(pattern=r"^(memory:|sqlite:///.+)$")] = LOG
    host: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.:-]+$", max_length=253)] = HOST
    port: Annotated[int, Field(ge=0, le=65535)] = PORT
    token: Secret | None = None  # What the API asks for. Absent: a new one per start, printed.
    pepper: Secret | None = None  # What pseudonyms are made with. Absent: kept in a file beside the log.

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
            return cls.model_validate({known[name]: value for name, value in given.items()})
        except ValidationError as error:
            name = str(error.errors()[0]["loc"][0])
            raise Misconfigured(f"{PREFIX}{name.upper()} {WRONG[name]}") from None

    @property
    def path(self) -> str | None:
        """The file of the log, if it is in one."""
        return self.log.removeprefix("sqlite:///") if self.log.startswith("sqlite:") else None

    @property
    def address(self) -> str:
        """Where a browser on this machine finds it."""
        host = HOST if self.host in {"0.0.0.0", "::"} else self.host  # noqa: S104  # Only to be shown.
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"


def meant(name: str, known: Mapping[str, str]) -> str:
    close = get_close_matches(name, known, n=1)
    if close:
        return f"did you mean {PREFIX}{close[0]}?"
    return "there are " + ", ".join(PREFIX + each for each in sorted(known))
