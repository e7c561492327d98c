"""A mail on its way out: frozen bytes, and one try at the relay that knows how far it came."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from email.utils import format_datetime
from hashlib import sha256
from html import escape
from typing import Final, NamedTuple

from aiosmtplib import SMTP, SMTPException, SMTPResponseException

from channels.channel import Message, Undeliverable
from channels.mime import line
from channels.robot import reason
from schemas.errors import Ambiguous, Unavailable

STEP_S_MAX: Final = 30.0
TAKEN_S_MAX: Final = 600.0  # After the final dot: RFC 5321, 4.5.3.2.6.
TITLE_CHARS_MAX: Final = 200
ADDRESS_CHARS_MAX: Final = 320
FROZEN: Final = WIRE.clone(cte_type="7bit")
PERMANENT: Final = 500
BOUNDARY_CHARS: Final = 32
PAGE: Final = """<!DOCTYPE html>
<html lang="{}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<style>body {{ font: 1rem/1.5 sans-serif; max-width: 36rem; margin: 1rem; }}</style></head>
<body>
{}
</body></html>
"""
NO_ADDRESS: Final = "no-such-address"
NO_RELAY: Final = "this mailbox has no relay: set smtp_host for it"


class Relay(NamedTuple):
    """Who takes our mail."""

    host: str
    port: int
    security: str
    user: str
    password: str


class Letter(NamedTuple):
    """A message, and the names that travel with it."""

    message: Message
    sender: str
    name: str
    own_id: str
    reply_to: str
    envelope: str


def written(letter: Letter) -> bytes:
    """The mail to the byte, the same each time. Raises `Undeliverable` where the address is none."""
    message = letter.message
    mail = EmailMessage(policy=FROZEN)
    try:
        mail["From"] = Address(line(letter.name), addr_spec=letter.sender)
        mail["To"] = Address(addr_spec=recipient(message.address))
        mail["Subject"] = line(message.title)[:TITLE_CHARS_MAX]
        mail["Date"] = format_datetime((message.at or datetime.fromtimestamp(0, UTC)).astimezone(UTC))
        mail["Message-ID"] = f"<{letter.own_id}>"
        mail["Reply-To"] = Address(line(letter.name), addr_spec=letter.reply_to)
        if message.reply_to:
            follows = "".join(message.reply_to.split()).strip("<>")
            mail["In-Reply-To"] = mail["References"] = f"<{follows}>"
        mail.set_content(message.text, charset="utf-8", cte="quoted-printable")
        if message.automatic:
            dress(mail, letter)
        return mail.as_bytes()
    except (ValueError, MessageError, IndexError):  # What the library says quotes the address.
        raise Undeliverable("the address or a header of this mail is written wrongly", NO_ADDRESS) from None


def dress(mail: EmailMessage, letter: Letter) -> None:
    """What nobody typed says so, and comes as a page too, and with the appointment for their calendar."""
    message = letter.message
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail.add_alternative(paged(message.text, message.language), subtype="html", charset="utf-8", cte="quoted-printable")
    if calendar := message.calendar:
        method = "CANCEL" if "\nMETHOD:CANCEL" in calendar else "REQUEST"
        mail.add_alternative(calendar, subtype="calendar", charset="utf-8", cte="base64", params={"method": method})
    mail["Content-Language"] = message.language  # Last: it is said of the whole, not of its first part.
    mail.set_boundary(f"={sha256(letter.own_id.encode()).hexdigest()[:BOUNDARY_CHARS]}")  # The same each time.


def paged(text: str, language: str) -> str:
    """The same text as a plain page: a paragraph for each, readable at any width and in any colours."""
    paragraphs = (escape(paragraph).replace("\n", "<br>\n") for paragraph in text.split("\n\n"))
    return PAGE.format(language, "\n".join(f"<p>{paragraph}</p>" for paragraph in paragraphs))


def recipient(address: str) -> str:
    """One address for the envelope, its domain as DNS spells it. Raises `Undeliverable` for all else."""
    local, _, domain = address.rpartition("@")
    try:
        spelled = f"{local}@{domain.encode('idna').decode()}"
    except UnicodeError:
        spelled = ""
    sound = spelled.isascii() and local and domain and len(spelled) <= ADDRESS_CHARS_MAX
    if not sound or any(sign <= " " or sign in '<>(),:;"[]\\\x7f' for sign in spelled):
        raise Undeliverable("the address is none that a mail can be sent to", NO_ADDRESS)
    return spelled


async def post(relay: Relay, letter: Letter) -> None:
    """One try. Raises `Undeliverable`, `Unavailable` or `Ambiguous`, by how far it came; no error quotes an address."""
    if not relay.host:
        raise Undeliverable(NO_RELAY, "no-relay")
    whom, mail = recipient(letter.message.address), written(letter)
    client = SMTP(
        hostname=relay.host,
        port=relay.port,
        use_tls=relay.security == "tls",
        start_tls=relay.security == "starttls",
        username=relay.user or None,
        password=relay.password or None,
        timeout=STEP_S_MAX,
    )
    try:
        await before(client, letter.envelope, whom)
        await handed(client, mail)
    finally:
        client.close()


async def before(client: SMTP, envelope: str, whom: str) -> None:
    """All that comes before the mail itself: whatever fails here, nothing was sent."""
    try:
        await client.connect()
    except (SMTPException, OSError, TimeoutError):  # Also a password that it does not take: somebody has to mend that.
        raise Unavailable("the relay for mail cannot be reached, or does not let us in") from None
    try:
        await client.mail(envelope)
        await client.rcpt(whom)
    except SMTPResponseException as error:
        raise answered(error.code, error.message) from None
    except (SMTPException, OSError, TimeoutError):
        raise Unavailable("the relay for mail broke off before it took anything") from None


async def handed(client: SMTP, mail: bytes) -> None:
    """The mail itself. Once its last line may have left, only an answer can say what became of it."""
    try:
        await client.data(mail, timeout=TAKEN_S_MAX)
    except SMTPResponseException as error:
        raise answered(error.code, error.message) from None
    except (SMTPException, OSError, TimeoutError):
        raise Ambiguous("the relay for mail broke off while it took the mail") from None
    with suppress(SMTPException, OSError, TimeoutError):  # It has the mail; how it says goodbye changes nothing.
        async with asyncio.timeout(1):
            await client.quit()


def answered(code: int, said: str) -> Undeliverable | Unavailable:
    """What its answer means. Its words are asked for their code only: they quote the address."""
    if code >= PERMANENT:
        word = reason(said)
        return Undeliverable(f"the relay for mail does not take it, and never will: code {code}", word)
    return Unavailable(f"the relay for mail does not take it now: code {code}")
