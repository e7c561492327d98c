"""Whether a machine wrote a mail (RFC 3834), and what it says of a mail of ours that came back (RFC 3464). Pure."""

import re
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from typing import Final, NamedTuple

from channels.mime import POLICY, data, mailbox, message_ids, parts, value, values

RECIPIENTS_MAX: Final = 20  # Of one report.
STATUS: Final = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
IN_BULK: Final = frozenset({"bulk", "list", "junk"})
POSTMASTERS: Final = frozenset({"mailer-daemon", "postmaster"})
COMMENT: Final = re.compile(r"\([^()]*\)|\"[^\"]*\"")
VERDICT: Final = re.compile(r"\s*(spf|dkim|dmarc)\s*=\s*([a-z]+)", re.IGNORECASE)
NOT_PASSED: Final = frozenset({"fail", "softfail", "permerror"})


class Returned(NamedTuple):
    """What a report says of one recipient. `reason` is our word; `final` is false while it is still being tried."""

    reason: str
    final: bool
    message_id: str = ""  # Of the mail that came back, by its own header.
    recipient: str = ""


def robot(mail: Message) -> str:
    """`none` for a person; else `auto-reply` or `list`. RFC 3834: `Auto-Submitted: no` is a person."""
    submitted = value(mail, "Auto-Submitted").partition(";")[0].partition("(")[0].strip().lower()
    precedence = value(mail, "Precedence").lower()
    answers_itself = (
        submitted not in {"", "no"}
        or precedence == "auto_reply"
        or any(value(mail, name) for name in ("X-Autoreply", "X-Autorespond", "X-Auto-Response-Suppress"))
    )
    if answers_itself:
        return "auto-reply"
    if precedence in IN_BULK or any(value(mail, name) for name in ("List-Id", "List-Unsubscribe")):
        return "list"
    return "auto-reply" if from_nobody(mail) else "none"


def from_nobody(mail: Message) -> bool:
    return value(mail, "Return-Path").replace(" ", "") == "<>"


def returned(mail: Message, text: str) -> list[Returned]:
    """What it reports of mail that did not arrive, per recipient; nothing if it is no such report.

    An out-of-office reply with a postmaster's envelope, as Microsoft 365 sends, has no report in it, and is none.
    """
    if mail.get_content_type() == "multipart/report":
        reports = [part for part, _ in parts(mail) if part.get_content_type() == "message/delivery-status"]
        if reports:
            original = original_id(mail)
            return [each._replace(message_id=original) for each in per_recipient(reports[0])]
    local = mailbox(value(mail, "From"))[1].partition("@")[0].lower()
    found = STATUS.search(text)
    told = value(mail, "Auto-Submitted").lower().startswith("auto-replied")
    if local in POSTMASTERS and from_nobody(mail) and not told and found and found[1] != "2":
        return [Returned(reason(found[0]), found[1] == "5", original_id(mail))]
    return []


def per_recipient(report: Message) -> Iterator[Returned]:
    """The blocks that name a recipient. The parser makes each block a message of its own."""
    blocks = report.get_payload()
    for block in (blocks if isinstance(blocks, list) else [])[:RECIPIENTS_MAX]:
        if not isinstance(block, Message) or not value(block, "Action"):
            continue
        action, status = value(block, "Action").lower(), value(block, "Status")
        if action in {"failed", "delayed"}:
            whom = value(block, "Original-Recipient") or value(block, "Final-Recipient")
            yield Returned(reason(status), action == "failed", recipient=whom.rpartition(";")[2].strip())


def reason(status: str) -> str:
    """Our word for an enhanced status code (RFC 3463)."""
    found = STATUS.search(status)
    kind, subject, detail = found.groups() if found else ("", "", "")
    if (subject, detail) == ("2", "2"):
        return "mailbox-full"
    if (kind, subject) == ("5", "1"):
        return "no-such-address"
    if (kind, subject) == ("5", "7"):
        return "refused"
    return "not-reached" if kind == "4" else "refused"


def original_id(mail: Message) -> str:
    """The Message-ID of what came back: of the mail or the headers that the report has with it."""
    for part, _ in parts(mail):
        inner = part.get_payload()
        if part.get_content_type() == "text/rfc822-headers":
            inner = [message_from_bytes(data(part), policy=POLICY)]
        elif part.get_content_type() != "message/rfc822":
            continue
        for each in inner if isinstance(inner, list) else []:
            if isinstance(each, Message) and (found := message_ids(each, "Message-ID")):
                return found[0]
    return ""


def unverified(mail: Message, trusted: str) -> bool:
    """Whether the server that we trust, and nobody else, found that the sender is not who it says.

    Its own result stands on top; the same header further down may be anybody's.
    """
    for written in values(mail, "Authentication-Results"):
        bare = COMMENT.sub("", written)
        name, _, results = bare.partition(";")
        if not trusted or name.split()[:1] != [trusted]:
            continue
        found = {m[1].lower(): m[2].lower() for each in results.split(";") if (m := VERDICT.match(each))}
        if "dmarc" in found and found["dmarc"] in {"pass", "fail"}:
            return found["dmarc"] == "fail"
        return bool(NOT_PASSED.intersection(found.values()))
    return False
