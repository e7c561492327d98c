"""A mail on its way out: frozen bytes, and one try at the relay that knows how far it came."""

import asyncio
import re
from contextlib import suppress
from datetime import UTC, datetime
from email.charset import QP, Charset
from email.errors import MessageError
from email.header import Header
from email.mime.multipart import MIMEMultipart
from email.mime.nonmultipart import MIMENonMultipart
from email.mime.text import MIMEText
from email.policy import compat32
from email.utils import format_datetime, formataddr
from hashlib import sha256
from html import escape
from typing import Final, NamedTuple

from aiosmtplib import SMTP, SMTPException, SMTPResponseException

from channels.channel import Message, Undeliverable
from channels.mime import line
from channels.robot import reason
from schemas.errors import Ambiguous, Unavailable

STEP_S_MAX: Final = 30.0
IDLE_S: Final = 5.0  # That a connection stays open for a next mail.
CONNECTIONS_MAX: Final = 20  # At once: relays refuse more than some fifty of one client.
TAKEN_S_MAX: Final = 600.0  # After the final dot: RFC 5321, 4.5.3.2.6.
TITLE_CHARS_MAX: Final = 200
ADDRESS_CHARS_MAX: Final = 320
FROZEN: Final = compat32.clone(linesep="\r\n")  # The library's newer policies take five times as long over a mail.
UTF_8: Final = Charset("utf-8")
UTF_8.body_encoding = QP
PERMANENT: Final = 500
BOUNDARY_CHARS: Final = 32
# Mail programs drop what stands in a head, and paint their own dark page where one says that it can be dark.
PAGE: Final = """<!DOCTYPE html>
<html{}><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark"><title>{}</title></head>
<body>
<main style="font: 1rem/1.5 sans-serif; max-width: 36rem; margin: 1rem; overflow-wrap: anywhere">
{}
</main>
</body></html>
"""
LINK: Final = re.compile(
    r"https?://[^\s<>\"]*[^\s<>\".,:;!?)'\u2019\u201d\u2026]"
)  # What ends the sentence is not of it.
SENTENCE: Final = re.compile(r"(?<=[.?!:]) ")
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
    follows = "".join(message.reply_to.split()).strip("<>")
    named = {"Message-ID": letter.own_id, "In-Reply-To": follows, "References": follows}
    named["List-Unsubscribe"] = message.unsubscribe
    try:
        mail = dressed(letter)
        mail["From"] = mailbox(letter.name, letter.sender)
        mail["To"] = recipient(message.address)
        mail["Subject"] = Header(line(message.title)[:TITLE_CHARS_MAX], header_name="Subject").encode()
        mail["Date"] = format_datetime((message.at or datetime.fromtimestamp(0, UTC)).astimezone(UTC))
        mail["Reply-To"] = mailbox(letter.name, letter.reply_to)
        # The library would begin a long one on the next line, where some servers no longer find it.
        names = "".join(f"{header}: <{name}>\r\n" for header, name in named.items() if name)
        return names.encode("ascii") + mail.as_bytes()
    except (ValueError, MessageError, IndexError):  # What the library says quotes the address.
        raise Undeliverable("the address or a header of this mail is written wrongly", NO_ADDRESS) from None


def mailbox(name: str, address: str) -> str:
    """A name and an address, as a header has them."""
    if name.isascii():
        return formataddr((line(name), address))
    header = Header(line(name), UTF_8, header_name="Reply-To")
    header.append(f"<{address}>", "us-ascii")
    return header.encode()


def dressed(letter: Letter) -> MIMEMultipart:
    """As text and as a page, with the appointment for their calendar. What nobody typed says so."""
    message = letter.message
    boundary = f"={sha256(letter.own_id.encode()).hexdigest()[:BOUNDARY_CHARS]}"  # The same each time.
    mail = MIMEMultipart("alternative", boundary, policy=FROZEN)
    if message.automatic:
        mail["Auto-Submitted"] = "auto-replied" if message.reply_to else "auto-generated"
        mail["X-Auto-Response-Suppress"] = "All"
    if message.language != "unknown":
        mail["Content-Language"] = message.language
    if message.unsubscribe:  # RFC 8058: one press in the mail program is enough.
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.attach(words("plain", message.text))
    mail.attach(words("html", paged(message.text, message.language, message.title)))
    if calendar := message.calendar:
        appointment = MIMEText(calendar, "calendar", "utf-8", policy=FROZEN)
        appointment.set_param("method", "CANCEL" if "\nMETHOD:CANCEL" in calendar else "REQUEST")
        mail.attach(appointment)
    return mail


def words(kind: str, text: str) -> MIMENonMultipart:
    part = MIMENonMultipart("text", kind, policy=FROZEN)
    part.set_payload(text, UTF_8)
    return part


def paged(text: str, language: str, title: str = "") -> str:
    """The same text as a plain page: a paragraph for each, readable at any width and in any colours.

    Where a line ends with the address to which its words lead, the words are the link, with whose it is.
    """
    paragraphs = re.split(r"\n\s*\n", text.replace("\r\n", "\n").strip())
    written = ("<br>\n".join(map(linked, paragraph.split("\n"))) for paragraph in paragraphs)
    spoken = f' lang="{escape(language)}"' if language != "unknown" else ""
    return PAGE.format(spoken, escape(line(title)), "\n".join(f"<p>{paragraph}</p>" for paragraph in written))


def linked(said: str) -> str:
    """One line, with its links."""
    words, _, link = said.rpartition(" ")
    if words.endswith(("?", ":")) and LINK.fullmatch(link):
        *before, words = SENTENCE.split(words)
        host = link.split("/")[2]
        return "".join(f"{linked(each)} " for each in before) + anchor(link, f"{words.removesuffix(':')} ({host})")
    at, parts = 0, []
    for found in LINK.finditer(said):
        parts += [escape(said[at : found.start()]), anchor(found[0], found[0])]
        at = found.end()
    return "".join([*parts, escape(said[at:])])


def anchor(link: str, shown: str) -> str:
    return f'<a href="{escape(link)}">{escape(shown)}</a>'


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


class Post:
    """The way to one relay. A connection stays for a moment after a mail, for the next one."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._room = asyncio.Semaphore(CONNECTIONS_MAX)
        self._idle: list[SMTP] = []
        self._leaving: set[asyncio.Task[None]] = set()

    async def send(self, letter: Letter) -> None:
        """One try. Raises `Undeliverable`, `Unavailable` or `Ambiguous`, by how far it came, and quotes no address."""
        if not self._relay.host:
            raise Undeliverable(NO_RELAY, "no-relay")
        whom, mail = recipient(letter.message.address), written(letter)
        async with self._room:
            client = await self._begun(letter.envelope, whom)
            try:
                await handed(client, mail)
            except BaseException:
                client.close()
                raise
            self._idle.append(client)
            asyncio.get_running_loop().call_later(IDLE_S, self._leave, client)

    async def close(self) -> None:
        for client in [*self._idle]:
            self._leave(client)
        await asyncio.gather(*self._leaving)

    async def _begun(self, envelope: str, whom: str) -> SMTP:
        """A connection at which the relay awaits the mail. One that stayed may be gone: then a new one is tried."""
        while self._idle:
            client = self._idle.pop()
            try:
                await addressed(client, envelope, whom)
            except Unavailable:
                client.close()
                continue
            except BaseException:
                client.close()
                raise
            return client
        client = SMTP(
            hostname=self._relay.host,
            port=self._relay.port,
            use_tls=self._relay.security == "tls",
            start_tls=self._relay.security == "starttls",
            username=self._relay.user or None,
            password=self._relay.password or None,
            timeout=STEP_S_MAX,
        )
        try:
            await connected(client)
            await addressed(client, envelope, whom)
        except BaseException:
            client.close()
            raise
        return client

    def _leave(self, client: SMTP) -> None:
        """Not while a mail is on its way."""
        if client in self._idle:
            self._idle.remove(client)
            leaving = asyncio.create_task(left(client))
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)


async def connected(client: SMTP) -> None:
    try:
        await client.connect()
    except (SMTPException, OSError, TimeoutError):  # Also a password that it does not take: somebody has to mend that.
        raise Unavailable("the relay for mail cannot be reached, or does not let us in") from None


async def addressed(client: SMTP, envelope: str, whom: str) -> None:
    """All that comes before the mail itself: whatever fails here, nothing was sent."""
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


async def left(client: SMTP) -> None:
    """How we part changes nothing."""
    with suppress(SMTPException, OSError, TimeoutError):
        async with asyncio.timeout(1):
            await client.quit()
    client.close()


def answered(code: int, said: str) -> Undeliverable | Unavailable:
    """What its answer means. Its words are asked for their code only: they quote the address."""
    if code >= PERMANENT:
        word = reason(said)
        return Undeliverable(f"the relay for mail does not take it, and never will: code {code}", word)
    return Unavailable(f"the relay for mail does not take it now: code {code}")
