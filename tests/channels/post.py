"""A mailbox of a made-up municipality, for tests of what mail means."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from channels.channel import Heard, Inbound, Secrets
from channels.email import Email, Inbox, open_channel
from schemas.contact import ContactReceived

NOW: Final = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ADDRESS: Final = "info@gemeente.example"
SECRETS: Final = Secrets(b"pepper", b"tokens")
SAMPLES: Final = Path(__file__).parents[1] / "samples" / "email"


def email(**settings: Any) -> Email:
    given = {"address": ADDRESS, "name": "Gemeente Voorbeeld", "trusted_authserv": "mx.gemeente.example"} | settings
    return open_channel({name: Inbox(**given) for name in ("info", "other")}, SECRETS, "https://draad.example")


def sample(name: str) -> bytes:
    return (SAMPLES / f"{name}.eml").read_bytes()


def heard(raw: bytes, inbox: str = "info", **settings: Any) -> Heard:
    return email(**settings).read(Inbound(inbox, "", {}, raw, NOW))


def contact(raw: bytes, inbox: str = "info", **settings: Any) -> ContactReceived:
    """The contact that it comes to. Beside it there may be other facts."""
    first = heard(raw, inbox, **settings).facts[0].event
    assert isinstance(first, ContactReceived)
    return first


def plain(text: str = "Dag", **headers: str) -> bytes:
    """A small mail. Names of headers with _ for -."""
    given = {"From": "Jan <jan@mail.example>", "To": ADDRESS, "Subject": "Vraag", "Message_ID": "<a@mail.example>"}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in (given | headers).items() if value]
    return "\r\n".join([*lines, "Content-Type: text/plain; charset=utf-8", "", text, ""]).encode()
