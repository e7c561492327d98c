"""What residents and programs send, as bytes: the same whether somebody sends it now or a year is played. Pure."""

import json
from collections.abc import Mapping
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final, NamedTuple

from channels import signed
from simulation.people import Resident

FORMS: Final = "whsec_ZWVuIGdlaGVpbSBkYXQgbmVyZ2VucyBnZWxkdA=="  # As the form tool signs.
INFO: Final = "info@oefenstad.example"  # Our mailbox.
JSON: Final = {"content-type": "application/json"}


class Letter(NamedTuple):
    """A body, and the headers that prove who sent it."""

    headers: Mapping[str, str]
    body: bytes


def form(who: Resident, product: str, text: str, name: str, at: datetime) -> Letter:
    """A form of the website, by a tool that signs as Standard Webhooks has it. `name` is its id of this one."""
    fields = {"naam": who.name, "vraag": text, "product": product, "formulier": "Stel uw vraag"}
    where = {"email": who.email} if who.email else {"telefoon": who.phone}
    return by_form_tool(json.dumps(fields | where).encode(), name, at)


def garbled(name: str, at: datetime) -> Letter:
    """What that tool sends on a bad day: signed well, and nobody can read it."""
    return by_form_tool(b'{"vraag": "Wanneer is mijn \xff\xfe', name, at)


def by_form_tool(body: bytes, name: str, at: datetime) -> Letter:
    now = str(int(at.timestamp()))
    signature = signed.sign(signed.secret(FORMS), name, now, body)
    proof = {"webhook-id": name, "webhook-timestamp": now, "webhook-signature": signature}
    return Letter(JSON | proof, body)


def mail(who: Resident, title: str, text: str, name: str, at: datetime) -> EmailMessage:
    """A mail to our mailbox."""
    written = EmailMessage()
    written["From"] = f"{who.name} <{who.email}>"
    written["To"], written["Subject"], written["Date"] = INFO, title, format_datetime(at)
    written["Message-ID"] = f"<{name}@post.example>"
    written.set_content(text)
    return written


def step(visit: str, product: str, reached: str) -> bytes:
    """A page of the website tells how far a visitor came."""
    return json.dumps({"product": product, "step": reached, "id": visit}).encode()
