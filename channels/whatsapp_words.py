"""What each kind of message on WhatsApp says, as text that an agent can read. A kind that nobody knows says so."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from channels.bsn import flagged
from schemas.contact import Attachment
from schemas.event import TEXT_CHARS_MAX
from schemas.reading import NO_TEXT

LINE_CHARS_MAX: Final = 500
ITEMS_MAX: Final = 100  # Cards of a contact message, or lines of an order, that are written out.
CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]+")
MEDIA_TYPE: Final = re.compile(r"[!-~]{1,100}")
REFERENCE: Final = re.compile(r"[A-Za-z0-9_-]{1,200}")
SECONDS: Final = re.compile(r"[0-9]{1,11}")
BYTES: Final = "application/octet-stream"
# Why Meta carries or carried something not, in our words. Others are `refused`.
WHY: Final[Mapping[int, str]] = {
    131026: "not-on-whatsapp",
    131030: "not-allowed",
    131045: "number-not-registered",
    131047: "window-closed",
    131049: "held-back",
    131050: "opted-out",
    131062: "needs-number",
    130472: "held-back",
    132000: "template-mismatch",
    132001: "no-template",
    132005: "too-long",
    132007: "template-refused",
    132012: "template-mismatch",
    132015: "template-paused",
    132016: "template-disabled",
    132018: "template-values",
}


@dataclass(frozen=True)
class Words:
    """What a message comes to."""

    text: str = ""
    flags: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    refers_to: tuple[str, ...] = ()
    robot: str = "none"
    new_number: str = ""
    strange: bool = False  # Its bytes are worth keeping: somebody may read more in them than we do.


def at_path(item: object, *path: str) -> Any:  # noqa: ANN401  # Whatever JSON can say.
    """What stands there, or nothing: no item of theirs has to look as we expect."""
    for name in path:
        match item:
            case dict():
                item = item.get(name)
            case list() if name.isdecimal():
                item = item[int(name)] if int(name) < len(item) else None
            case _:
                return None
    return item


def said(item: object, *path: str) -> str:
    """The text or number that stands there, as text that can be kept; else nothing."""
    found = at_path(item, *path)
    return NO_TEXT.sub("\ufffd", str(found)) if isinstance(found, str | int | float) else ""


def several(item: object, *path: str) -> Sequence[Any]:
    found = at_path(item, *path)
    return found[:ITEMS_MAX] if isinstance(found, list) else ()


def line(text: str) -> str:
    return CONTROL.sub(" ", text).strip()[:LINE_CHARS_MAX]


def moment(item: object, otherwise: datetime) -> datetime:
    """When Meta says that it happened, in seconds."""
    stamp = said(item, "timestamp")
    return datetime.fromtimestamp(int(stamp), UTC) if SECONDS.fullmatch(stamp) else otherwise


def words(message: Mapping[str, Any], inbox: str) -> Words:
    """What this message says, whatever kind it is. A file is named with the inbox whose key fetches it."""
    kind = said(message, "type")
    told = KINDS.get(kind, strange)(message)
    flags = list(told.flags)
    if at_path(message, "context", "forwarded") or at_path(message, "context", "frequently_forwarded"):
        flags.append("forwarded")
    if at_path(message, "referral"):
        flags.append("from-advert")
    if said(message, "group_id"):
        flags.append("from-group")
    if len(told.text) > TEXT_CHARS_MAX:
        flags.append("cut-off")
    follows = [*told.refers_to, said(message, "context", "id")]
    return Words(
        text=told.text[:TEXT_CHARS_MAX],
        flags=(*flags, *flagged(told.text)),
        attachments=tuple(
            file.model_copy(update={"reference": f"{inbox}/{file.reference}"}) for file in told.attachments
        ),
        refers_to=tuple(dict.fromkeys(one for one in follows if one)),
        robot=told.robot,
        new_number=told.new_number,
        strange=told.strange,
    )


def text(message: Mapping[str, Any]) -> Words:
    return Words(said(message, "text", "body"))


def media(message: Mapping[str, Any]) -> Words:
    """A file by the name under which Meta keeps it for us."""
    kind = said(message, "type")
    file, caption = at_path(message, kind), said(message, kind, "caption")
    reference = said(file, "id")
    if not REFERENCE.fullmatch(reference):
        return Words(caption, flags=("without-file",), strange=True)
    given = said(file, "mime_type").partition(";")[0].strip()
    attachment = Attachment(
        media_type=given if MEDIA_TYPE.fullmatch(given) else BYTES,
        name=line(said(file, "filename")),
        reference=reference,
    )
    flags = ("voice",) if at_path(file, "voice") is True else ()
    return Words(caption, flags=flags, attachments=(attachment,))


def location(message: Mapping[str, Any]) -> Words:
    place = at_path(message, "location")
    spot = ", ".join(filter(None, (said(place, "latitude"), said(place, "longitude"))))
    return Words("\n".join(filter(None, (said(place, "name"), said(place, "address"), spot))), flags=("location",))


def cards(message: Mapping[str, Any]) -> Words:
    """People or firms that they passed on: a name, and how to reach it."""
    lines = []
    for card in several(message, "contacts"):
        phones = [said(phone, "phone") for phone in several(card, "phones")]
        mails = [said(mail, "email") for mail in several(card, "emails")]
        lines.append(", ".join(filter(None, (said(card, "name", "formatted_name"), *phones, *mails))))
    return Words("\n".join(lines), flags=("cards",))


def reaction(message: Mapping[str, Any]) -> Words:
    """A sign under another message; without one it was taken back."""
    sign = said(message, "reaction", "emoji")
    flag = "reaction" if sign else "reaction-removed"
    return Words(sign, flags=(flag,), refers_to=(said(message, "reaction", "message_id"),))


def interactive(message: Mapping[str, Any]) -> Words:
    """What they chose from what we offered, or filled in."""
    kind = said(message, "interactive", "type")
    reply = at_path(message, "interactive", kind)
    known = kind in {"button_reply", "list_reply"}
    chosen = said(reply, "title") or said(reply, "body") or said(reply, "name")
    detail = said(reply, "description")
    return Words("\n".join(filter(None, (chosen, detail))), flags=("choice",), strange=not known)


def button(message: Mapping[str, Any]) -> Words:
    return Words(said(message, "button", "text") or said(message, "button", "payload"), flags=("choice",))


def order(message: Mapping[str, Any]) -> Words:
    lines = [
        f"{said(item, 'quantity') or '1'} x {said(item, 'product_retailer_id')}"
        for item in several(message, "order", "product_items")
    ]
    return Words("\n".join(filter(None, (said(message, "order", "text"), *lines))), flags=("order",), strange=True)


def system(message: Mapping[str, Any]) -> Words:
    """WhatsApp itself speaks. That they have a new number it says to the old one."""
    kind = said(message, "system", "type")
    changed = kind in {"user_changed_number", "customer_changed_number"}
    new = (said(message, "system", "wa_id") or said(message, "system", "new_wa_id")) if changed else ""
    flags = ("number-changed",) if changed else ("system",)
    return Words(said(message, "system", "body"), flags=flags, robot="system", new_number=new, strange=not changed)


def unsupported(message: Mapping[str, Any]) -> Words:
    """Something that Meta does not pass on, such as a poll: an agent may ask for it in another way."""
    return Words(said(message, "errors", "0", "title"), flags=("unsupported",), strange=True)


def strange(message: Mapping[str, Any]) -> Words:
    """A kind that came after us. A caption or body is found where Meta always puts it."""
    kind = said(message, "type")
    return Words(said(message, kind, "body") or said(message, kind, "caption"), flags=("unknown-kind",), strange=True)


KINDS: Final[Mapping[str, Callable[[Mapping[str, Any]], Words]]] = {
    "text": text,
    "image": media,
    "audio": media,
    "video": media,
    "document": media,
    "sticker": media,
    "location": location,
    "contacts": cards,
    "reaction": reaction,
    "interactive": interactive,
    "button": button,
    "order": order,
    "system": system,
    "unsupported": unsupported,
    "unknown": unsupported,  # As it was called before.
}


def failed_for(status: Mapping[str, Any]) -> str:
    """Why it did not arrive, in our words."""
    number = said(status, "errors", "0", "code")
    return refused_for(int(number)) if number.isdecimal() else "refused"


def refused_for(code: int) -> str:
    return WHY.get(code, "refused")


def packed(item: object) -> bytes:
    return json.dumps(item, sort_keys=True).encode()


def name_digest(reference: str) -> str:
    return hashlib.sha256(reference.encode()).hexdigest()
