"""A request that is sent again: known by the id that its sender gave it. Pure."""

import re
from collections.abc import Mapping
from typing import Any, Final

from channels.blind import keyed
from schemas.errors import Refused
from schemas.event import derived

KEY: Final = re.compile(r"[\x21-\x7e]{1,200}")
KEY_PARAMETER: Final[Mapping[str, Any]] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "Your own id of this request. The same key and body again change nothing and get the same answer.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"},
}


def named(headers: Mapping[str, str], room: str, what: str, body: str, pepper: bytes) -> str:
    """The id of this request, from its key and what it says: a key that is used again for other words loses none.

    Raises `Refused` where it has no key.
    """
    key = headers.get("idempotency-key", "")
    if not KEY.fullmatch(key):
        raise Refused("send an Idempotency-Key header: your own id of this request, of 1 to 200 plain characters")
    return derived(f"{room} {keyed(pepper, what, key, body)}")
