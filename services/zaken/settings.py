"""Where the case system is, who we are there, and where it tells us that something changed."""

from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, StringConstraints

HERE: Final = frozenset({"127.0.0.1", "::1", "localhost"})
POLL_MINUTES_MIN: Final = 5
POLL_MINUTES_MAX: Final = 1_440


def safe(url: str) -> str:
    """An address that nobody on the way can read, or one of this machine. Raises `ValueError`."""
    parts = urlsplit(url)
    secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in HERE)
    if not (secure and parts.hostname) or parts.query or parts.fragment or parts.username:
        raise ValueError("an https address without a user, a query or a fragment")
    return url


def rooted(url: str) -> str:
    """The same, as other addresses begin with it."""
    return f"{safe(url).rstrip('/')}/"


Base = Annotated[str, StringConstraints(max_length=200), AfterValidator(rooted)]
Callback = Annotated[str, StringConstraints(max_length=200), AfterValidator(safe)]
Name = Annotated[str, StringConstraints(pattern=r"^[!-~]+$", max_length=50)]
Secret = Annotated[SecretStr, Field(min_length=1, max_length=1_000)]


class ZakenSettings(BaseModel):
    """Cases come in only where this is filled in."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    zaken_url: Base  # As the case system itself begins the addresses of its cases.
    catalogi_url: Base
    notificaties_url: Base
    client_id: Name  # As it and the Notificaties API know us.
    secret: Secret
    callback_url: Callback  # Where the Notificaties API reaches us, up to and with /zgw/notificaties.
    callback_token: Secret  # A token of ours with the scope notices.write.
    poll_minutes: Annotated[int, Field(ge=POLL_MINUTES_MIN, le=POLL_MINUTES_MAX)] = 60
