"""E-mail: raw bytes in, a plain mail out.

What travels out names its message, its address and its conversation in signed tokens: in the Message-ID, in the
envelope's sender and in Reply-To. So an answer finds its thread, and a mail that comes back its message, without a
look-up. The subject is never asked.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from email.message import Message as Parsed
from typing import Final, Literal, NamedTuple
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from channels.address import PSEUDONYM_CHARS, address
from channels.bsn import flagged
from channels.channel import Heard, Inbound, Message, Secrets, Told
from channels.mime import File, Unreadable, content, line, mailbox, message_ids, opened, value, values
from channels.posting import Letter, Post, Relay
from channels.robot import Returned, returned, robot, unverified
from channels.token import named, token
from schemas.contact import Attachment, ContactReceived
from schemas.errors import Untrusted
from schemas.event import Event, derived
from schemas.message import MessageBounced

NAME: Final = "email"
REFERS_MAX: Final = 20  # Mails that one mail says it follows: the first, and the latest.
RECIPIENTS: Final = ("Delivered-To", "X-Original-To", "Envelope-To", "Resent-To", "To", "Cc")
LANGUAGE: Final = re.compile(r"[a-z]{2}(?=$|[-,; ])")
PLAIN: Final = re.compile(r"[!-~]{1,300}")

Security = Literal["tls", "starttls", "none"]


class Inbox(BaseModel):
    """One mailbox of ours: where mail for it is fetched or taken in, and over which relay it is answered."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    address: str = Field(pattern=r"^[^\s<>@+]+@[^\s<>@+]+$")  # What residents write to. Its server must deliver info+…@
    name: str = ""  # What stands before it in what we send, such as the municipality's name.

    imap_host: str = ""  # Where it is fetched; empty where nothing is.
    imap_port: int = 993
    imap_security: Security = "tls"  # none only for a server on this same machine.
    imap_user: str = ""
    imap_password: SecretStr = SecretStr("")
    imap_folder: str = "INBOX"
    poll_s: int = Field(default=15, ge=1, le=600)  # Between two looks, where the server cannot tell us of news.

    lmtp_listen: str = Field(default="", pattern=r"^([^\s:]+:\d{1,5})?$")  # host:port where mail is handed to us.

    smtp_host: str = ""  # The relay that takes what we send; empty where nobody is answered.
    smtp_port: int = 587
    smtp_security: Security = "starttls"
    smtp_user: str = ""
    smtp_password: SecretStr = SecretStr("")

    trusted_authserv: str = ""  # The name by which our own server signs its Authentication-Results.


class Named(NamedTuple):
    """What a Message-ID of ours says."""

    message_id: str
    address_id: str
    thread_id: str


def open_channel(inboxes: Mapping[str, Inbox], secrets: Secrets, public_url: str) -> "Email":
    """Nothing is opened before there is a mail to send. `public_url` is not ours to use: mail has its own."""
    del public_url
    return Email(inboxes, secrets)


class Email:
    """All mailboxes of ours."""

    name = NAME

    def __init__(self, inboxes: Mapping[str, Inbox], secrets: Secrets) -> None:
        self.inboxes, self._secrets = inboxes, secrets
        self._posts = {name: Post(relay(inbox)) for name, inbox in inboxes.items()}

    def read(self, inbound: Inbound) -> Heard:
        """One mail, as its bytes; a mail that came over LMTP has its envelope on top. Pure. Raises `Unreadable`.

        Mail has no signature of a provider: over HTTP it is never believed.
        """
        if inbound.url:
            raise Untrusted("mail comes in over IMAP and LMTP only")
        inbox = self.inboxes[inbound.inbox]
        mail = opened(inbound.body)
        said = content(mail)
        name = contact_id(inbound.inbox, inbound.body, mail)
        profile, written = mailbox(value(mail, "From"))
        sender = address(NAME, written) if written else None
        back = returned(mail, said.text)
        threads = [found.thread_id for found in self._ours(mail) if found.thread_id]
        thread = next(iter((*self._plus(mail, inbox, "conversation"), *threads)), "")
        raw = digest_of(inbound.body)
        html = [File("text/html", "", said.html)] if said.html else []
        along = {digest_of(each.data): each for each in (*html, *said.files)}
        own, *_ = [*message_ids(mail, "Message-ID"), ""]
        follows = message_ids(mail, "References", "In-Reply-To")
        event = ContactReceived(
            at=inbound.at,
            contact_id=name,
            address_id=sender.pseudonym(self._secrets.pepper) if sender else f"unknown.{name}",
            channel=NAME,
            text=said.text,
            kind=NAME,
            address=sender.value if sender else "",
            profile=profile[:200],
            inbox=inbound.inbox,
            title=line(value(mail, "Subject"))[:300],
            language=language(mail),
            reference=own if PLAIN.fullmatch(own) else "",
            thread_id=thread,
            digest=self.message_digest(own) if own else "",
            refers_to=tuple(self.message_digest(each) for each in follows[:1] + follows[1:][1 - REFERS_MAX :]),
            robot="bounce" if back else robot(mail),
            flags=tuple(flags(mail, inbox, said.text, back, cut=said.cut)),
            attachments=tuple(attached(each) for each in (*html, *said.files)),
            raw=raw,
        )
        facts: list[Event] = [event, *self._bounced(mail, inbound, inbox, back)]
        files = {raw: inbound.body} | {digest: each.data for digest, each in along.items()}
        return Heard([Told(each, name) for each in facts], files=files)

    async def send(self, message: Message) -> str:
        """Hand it to the relay: the same bytes each time. Returns its Message-ID, without the brackets."""
        letter = self.letter(message)
        await self._posts[message.inbox].send(letter)
        return letter.own_id

    async def close(self) -> None:
        """Let go of the relays."""
        for post in self._posts.values():
            await post.close()

    def letter(self, message: Message) -> Letter:
        """The message with all its names: what an answer to it, and what comes back of it, is known by."""
        inbox = self.inboxes[message.inbox]
        return Letter(
            message=message,
            sender=inbox.address,
            name=inbox.name,
            own_id=f"{self._own_id(message)}@{inbox.address.rpartition('@')[2]}",
            reply_to=self._with(inbox, "conversation", message.thread_id) if message.thread_id else inbox.address,
            envelope=self._with(inbox, "message", message.message_id),
        )

    def message_digest(self, message_id: str) -> str:
        """What stands for a Message-ID on the log: keyed, for it often names its sender's own machine."""
        text = f"message-id\0{message_id}".encode("utf-8", "replace")
        return hmac.new(self._secrets.pepper, text, hashlib.sha256).hexdigest()[:PSEUDONYM_CHARS]

    def _with(self, inbox: Inbox, kind: str, name: str) -> str:
        """`info+<token>@…`: at most 64 characters before the @ where the name is an id of ours."""
        local, _, domain = inbox.address.rpartition("@")
        return f"{local}+{token(kind, short(name), self._secrets.tokens)}@{domain}"

    def _plus(self, mail: Parsed, inbox: Inbox, kind: str) -> list[str]:
        """What the tokens in our own address name, of those that it was sent to."""
        local, _, domain = inbox.address.rpartition("@")
        ours = re.compile(rf"{re.escape(local)}\+([A-Za-z0-9._~-]{{1,160}})@{re.escape(domain)}", re.IGNORECASE)
        written = (each for value in values(mail, *RECIPIENTS) for each in ours.findall(value))
        found = (named(kind, each.lower(), self._secrets.tokens) for each in written)
        return [long(each) for each in found if each]

    def _own_id(self, message: Message) -> str:
        name = f"{short(message.message_id)}~{message.address_id}~{short(message.thread_id)}"
        return token("mail", name, self._secrets.tokens)

    def _named(self, message_id: str) -> Named | None:
        """What a Message-ID of ours says; none if it is not."""
        found = named("mail", message_id.rpartition("@")[0], self._secrets.tokens)
        if found is None:
            return None
        message, _, rest = found.partition("~")
        address_id, _, thread = rest.rpartition("~")
        return Named(long(message), address_id, long(thread))

    def _ours(self, mail: Parsed) -> list[Named]:
        """Our own mails, of those that it follows: the latest first."""
        follows = message_ids(mail, "In-Reply-To") + message_ids(mail, "References")[::-1]
        return [found for each in follows if (found := self._named(each))]

    def _bounced(self, mail: Parsed, inbound: Inbound, inbox: Inbox, back: list[Returned]) -> list[Event]:
        """That a mail of ours came back for good. Its own header says which; else the address that it came back to."""
        final = [each for each in back if each.final]
        if not final:
            return []
        original = self._named(final[0].message_id)
        known = self._plus(mail, inbox, "message")
        if original is not None and known[:1] in ([], [original.message_id]):
            message_id, address_id = original.message_id, original.address_id
        elif known and final[0].recipient:
            whom = address(NAME, final[0].recipient)
            message_id, address_id = known[0], whom.pseudonym(self._secrets.pepper)
        else:
            return []  # Not of a mail of ours, or nobody can tell of which: the contact shows it.
        event = MessageBounced(
            at=inbound.at, message_id=message_id, address_id=address_id, channel=NAME, reason=final[0].reason
        )
        return [event]


def relay(inbox: Inbox) -> Relay:
    password = inbox.smtp_password.get_secret_value()
    return Relay(inbox.smtp_host, inbox.smtp_port, inbox.smtp_security, inbox.smtp_user, password)


def contact_id(inbox: str, raw: bytes, mail: Parsed) -> str:
    """The same mail in the same mailbox has the same id, however often and by whatever road it came.

    Servers on the way add headers of their own, so it is known by its Message-ID and what it says. A mail that has no
    such id, or shares it with another one that says something else, is known by all its bytes.
    """
    own = message_ids(mail, "Message-ID")
    if not own:
        return derived(f"{NAME} {inbox} {digest_of(raw)}")
    _, _, body = raw.replace(b"\r\n", b"\n").partition(b"\n\n")
    said = "\0".join([own[0], *values(mail, "From", "To", "Date", "Subject")]).encode("utf-8", "replace")
    return derived(f"{NAME} {inbox} {digest_of(said + body)}")


def attached(file: File) -> Attachment:
    size = len(file.data)
    return Attachment(media_type=file.media_type, size_bytes=size, digest=digest_of(file.data), name=file.name)


def digest_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def language(mail: Parsed) -> str:
    found = LANGUAGE.match(value(mail, "Content-Language").lower())
    return found[0] if found else "unknown"


def flags(mail: Parsed, inbox: Inbox, text: str, back: list[Returned], *, cut: bool) -> list[str]:
    """What an agent should know before believing or answering it."""
    sender, elsewhere = mailbox(value(mail, "From"))[1], mailbox(value(mail, "Reply-To"))[1]
    told = {
        "cut-off": cut,
        "unverified-sender": unverified(mail, inbox.trusted_authserv),
        "reply-elsewhere": bool(elsewhere) and elsewhere.casefold() != sender.casefold(),
        "several-senders": len(values(mail, "From")) > 1,
        "temporary": bool(back) and not any(each.final for each in back),
        "bsn": bool(flagged(text)),
    }
    return [flag for flag, holds in told.items() if holds]


def short(name: str) -> str:
    """An id in as few letters as a mail address has room for, and in no capitals: some servers lose them."""
    if not name:
        return ""
    try:
        number = UUID(name)
    except ValueError:
        number = None
    if number is not None and str(number) == name:
        return base32(number.bytes)
    return f"1{base32(name.encode())}"


def base32(data: bytes) -> str:
    return base64.b32encode(data).decode().rstrip("=").lower()


def long(name: str) -> str:
    """The id that `short` shortened. Only of a name whose signature holds."""
    if not name:
        return ""
    bare = name.removeprefix("1").upper()
    data = base64.b32decode(bare + "=" * (-len(bare) % 8))
    return data.decode() if name.startswith("1") else str(UUID(bytes=data))


__all__ = ["Email", "Inbox", "Unreadable", "open_channel"]
