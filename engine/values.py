"""Values that come with a question, whose query is compiled once."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import BigInteger, BindParameter, Text, bindparam

SLOTS_EXACT: Final = 4


def text(name: str) -> BindParameter[str]:
    return bindparam(name, type_=Text, required=False)


def number(name: str) -> BindParameter[int]:
    return bindparam(name, type_=BigInteger, required=False)


def padded(names: Sequence[str]) -> list[str]:
    """The same names, the last of them repeated until there are as many as some query was built for."""
    many = len(names)
    slots = many if many <= SLOTS_EXACT else 1 << (many - 1).bit_length()
    return [*names, *[names[-1]] * (slots - many)] if names else []


def slots(kind: str, many: int) -> list[BindParameter[Any]]:
    """Where so many names stand in a query."""
    return [text(f"{kind}_{n}") for n in range(many)]


def filled(kind: str, names: Sequence[str]) -> dict[str, Any]:
    """The values of these slots."""
    return {f"{kind}_{n}": name for n, name in enumerate(names)}
