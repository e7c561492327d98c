"""What a page of a resident posts: read strictly, and believed only from a page of ours."""

import re
import secrets
from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from fastapi import HTTPException, Request

from channels.bsn import MASK, without_bsn
from services.resident.wording import LANGUAGES

FIELDS_MAX: Final = 20
TEXT_CHARS_MAX: Final = 5_000
KEY: Final = re.compile(r"[0-9a-f]{24}")
HERE: Final = frozenset({"same-origin", "none"})
UNWRITTEN: Final = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]+")  # Nobody types these.


class Form(NamedTuple):
    """The fields as they were filled in, without what nobody can type."""

    given: Mapping[str, str]

    def line(self, name: str) -> str:
        return " ".join(self.given.get(name, "").split())

    @property
    def key(self) -> str:
        """The page's own id of what was written, so that it is kept once. Raises 400 where no page of ours gave one."""
        found = self.line("key")
        if not KEY.fullmatch(found):
            raise HTTPException(400, "this is not the form as a page of ours has it")
        return found

    @property
    def again(self) -> str:
        """The same id, for the same words, when they are shown to be sent once more."""
        found = self.line("key")
        return found if KEY.fullmatch(found) else fresh()

    @property
    def text(self) -> str:
        """What they wrote, without a BSN."""
        return without_bsn(self.given.get("text", ""))

    @property
    def wrong(self) -> str:
        """The word of what is wrong with what they wrote."""
        written = self.given.get("text", "")
        if not written:
            return "wrong_empty"
        if len(written) > TEXT_CHARS_MAX:
            return "wrong_long"
        return "wrong_bsn" if self.text != written else ""

    @property
    def flags(self) -> tuple[str, ...]:
        return ("bsn-in-text",) if MASK in self.text else ()


def fresh() -> str:
    """An id for what somebody is about to write."""
    return secrets.token_hex(12)


async def posted(request: Request) -> Form:
    """Raises 403 where another site had it posted, and 400 where it is no form."""
    if not ours(request.headers):
        raise HTTPException(403, "this did not come from a page of ours")
    try:
        body = (await request.body()).decode()
        pairs = parse_qsl(body, keep_blank_values=True, max_num_fields=FIELDS_MAX, errors="strict")
    except ValueError:
        raise HTTPException(400, "this is not the form as a browser sends it") from None
    return Form({name: UNWRITTEN.sub(" ", value.replace("\r\n", "\n")).strip() for name, value in reversed(pairs)})


def ours(headers: Mapping[str, str]) -> bool:
    """Whether a page of ours posted it: browsers say who sent them. The link itself is what nobody else knows."""
    site, origin = headers.get("sec-fetch-site", "none"), headers.get("origin")
    if origin == "null":  # A page that tells no referrer sends a form so: then only its site says where it is from.
        return site == "same-origin"
    return site in HERE and (origin is None or urlsplit(origin).netloc == headers.get("host", ""))


def language_of(request: Request, usual: str = LANGUAGES[0]) -> str:
    """The one that they ask for, or else the one that we know they like."""
    asked = request.query_params.get("lang", usual)
    return asked if asked in LANGUAGES else LANGUAGES[0]
