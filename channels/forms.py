"""A form as a browser posts it: its fields, and whether a page of ours posted it. Pure."""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from schemas.errors import Refused

FIELDS_MAX: Final = 20
HERE: Final = frozenset({"same-origin", "none"})
UNWRITTEN: Final = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]+")  # Nobody types these.


def fields(raw: bytes) -> Mapping[str, str]:
    """As they were filled in, without what nobody can type. Raises `Refused` where that is no form."""
    try:
        pairs = parse_qsl(raw.decode(), keep_blank_values=True, max_num_fields=FIELDS_MAX, errors="strict")
    except ValueError:
        raise Refused("this is not the form as a browser sends it") from None
    return {name: UNWRITTEN.sub(" ", value.replace("\r\n", "\n")).strip() for name, value in reversed(pairs)}


def ours(headers: Mapping[str, str]) -> bool:
    """Whether a page of this site posted it, as far as browsers say who sent them."""
    site, origin = headers.get("sec-fetch-site", "none"), headers.get("origin")
    if origin == "null":  # A page that tells no referrer sends a form so: then only its site says where it is from.
        return site == "same-origin"
    return site in HERE and (origin is None or urlsplit(origin).netloc == headers.get("host", ""))
