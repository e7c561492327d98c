"""What calls and SMS by Twilio share: who signed it, and what the form says.

Twilio signs the address that it called and every parameter that it sent. The address is therefore the one that was
configured, whatever a proxy made of it, and each parameter is kept as received: repeated, blank, or not yet known.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from pydantic import SecretStr
from twilio.request_validator import RequestValidator

from channels.channel import Inbound, Reply
from schemas.errors import Refused, Untrusted

BODY_BYTES_MAX: Final = 65_536  # An SMS of 1,600 characters and ten pictures comes to under 10,000.
SID: Final = re.compile(r"[A-Za-z0-9]{1,64}")
AuthTokens = tuple[SecretStr, ...]  # Twilio's Auth Tokens of an account: two while one is being replaced.
SILENCE: Final = Reply(body='<?xml version="1.0" encoding="UTF-8"?><Response />', media_type="text/xml")


class Form(dict[str, list[str]]):
    """Parameters as they were received. `getall` is the name by which Twilio's validator asks for repeated ones."""

    def getall(self, name: str) -> list[str]:
        return self[name]

    def first(self, name: str) -> str:
        """The first value, or an empty text. NUL, which no text of ours may hold, becomes a space."""
        return self.get(name, [""])[0].replace("\x00", " ")


def form(pairs: Iterable[tuple[str, str]]) -> Form:
    made = Form()
    for name, value in pairs:
        made.setdefault(name, []).append(value)
    return made


def query(inbound: Inbound) -> Form:
    """What we wrote into the address ourselves, and gets back as it was."""
    return form(parse_qsl(urlsplit(inbound.url).query, keep_blank_values=True))


def configured(public_url: str, channel: str, inbound: Inbound) -> tuple[str, str]:
    """The address as Twilio knows it, and what stands behind the inbox in its path."""
    home = f"/webhooks/{channel}/{inbound.inbox}"
    _, found, rest = inbound.url.partition(home)
    if not found or (rest and rest[0] not in "/?"):
        raise Untrusted("this address belongs to another inbox")
    return f"{public_url.rstrip('/')}{home}{rest}", rest.partition("?")[0].strip("/")


def believed(auth_tokens: AuthTokens, url: str, inbound: Inbound) -> Form:
    """What Twilio sent. Raises `Untrusted` if it was not Twilio, and `Refused` for what it sent that cannot be read."""
    signature = inbound.headers.get("x-twilio-signature", "")
    if not signature or inbound.method != "POST":
        raise Untrusted("Twilio calls this with POST and an X-Twilio-Signature")
    text = inbound.body.decode(errors="replace")
    as_json = inbound.headers.get("content-type", "").startswith("application/json")
    if as_json and "bodySHA256" not in query(inbound):
        raise Untrusted("a JSON body comes with its bodySHA256")  # Else the body is not covered by the signature.
    fields = Form() if as_json else form(parse_qsl(text, keep_blank_values=True))
    if not any(valid(token, url, text if as_json else fields, signature) for token in auth_tokens):
        raise Untrusted("the X-Twilio-Signature is not right")
    if len(inbound.body) > BODY_BYTES_MAX:
        raise Refused(f"the body is larger than {BODY_BYTES_MAX} bytes")
    try:
        return flat(text) if as_json else fields
    except (ValueError, RecursionError) as error:
        raise Refused(f"the body cannot be read ({type(error).__name__})") from None


def valid(token: SecretStr, url: str, signed: Form | str, signature: str) -> bool:
    try:
        return bool(RequestValidator(token.get_secret_value()).validate(url, signed, signature))
    except UnicodeEncodeError:
        return False  # A lone surrogate cannot have been signed.


def flat(text: str) -> Form:
    """A JSON object as a form: what is no text is kept as JSON."""
    read = json.loads(text)
    if not isinstance(read, Mapping):
        raise ValueError("no object")  # noqa: TRY004  # What is wrong is the value, as with all other broken JSON.
    json.dumps(read, ensure_ascii=False).encode()  # A lone surrogate is no text.
    return form((name, value if isinstance(value, str) else json.dumps(value)) for name, value in read.items())


def checked(sid: str) -> str:
    """Twilio's id of a call or message, if it is one. Raises `Refused`."""
    if not SID.fullmatch(sid):
        raise Refused("a call or message has its Sid")
    return sid


def count(text: str, digits_max: int) -> int:
    """The number in it, if it is one of at most so many digits; else 0."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= digits_max else 0
