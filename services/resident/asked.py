"""What a page of a resident posts: read strictly, and believed only from a page of ours."""

import re
import secrets
from collections.abc import Mapping
from typing import Final, NamedTuple

from fastapi import HTTPException, Request

from channels.bsn import MASK, without_bsn
from channels.forms import fields, ours
from services.resident.wording import LANGUAGES

TEXT_CHARS_MAX: Final = 5_000
KEY: Final = re.compile(r"[0-9a-f]{24}")


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
    return Form(fields(await request.body()))


def language_of(request: Request, usual: str = LANGUAGES[0]) -> str:
    """The one that they ask for, or else the one that we know they like."""
    asked = request.query_params.get("lang", usual)
    return asked if asked in LANGUAGES else LANGUAGES[0]
