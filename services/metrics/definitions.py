"""What each figure means: data, so that a report, a page and a document say the same. The data is in definitions.toml.

Where the whole of a share is nothing, the share is unknown and not 0.
"""

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

DATA: Final = Path(__file__).parent / "definitions.toml"
STRICT: Final = ConfigDict(frozen=True, extra="forbid")

Unit = Literal["count", "share", "milliseconds", "mark"]


class Term(BaseModel):
    """How much of a measure: of these splits, and of the values up to one threshold, or beyond another."""

    model_config = STRICT

    measure: str
    splits: tuple[str, ...] = ()  # All of them, if none is named.
    within: str = ""
    beyond: str = ""


Terms = Annotated[tuple[Term, ...], Field(min_length=1)]


class Share(BaseModel):
    """How large a part is of its whole."""

    model_config = STRICT

    part: Terms
    whole: Terms


class Stock(BaseModel):
    """What there is at the end of a period: all that ever came, without all that went."""

    model_config = STRICT

    came: tuple[str, ...]
    went: tuple[str, ...]


class Definition(BaseModel):
    """A figure: exactly one of `sum`, `share`, `mean` and `stock` says how it is made."""

    model_config = STRICT

    name: str
    version: int = 1
    title: str
    nl: str
    en: str
    sum: tuple[Term, ...] = ()
    share: Share | None = None
    mean: str = ""
    stock: Stock | None = None

    @property
    def terms(self) -> Sequence[Term]:
        share = (*self.share.part, *self.share.whole) if self.share else ()
        return (*self.sum, *share)

    @cached_property
    def measures(self) -> Sequence[str]:
        stock = (*self.stock.came, *self.stock.went) if self.stock else ()
        named = (*(term.measure for term in self.terms), self.mean, *stock)
        return tuple(dict.fromkeys(filter(None, named)))

    @property
    def thresholds(self) -> Sequence[str]:
        """The names of those that it hangs on."""
        named = (name for term in self.terms for name in (term.within, term.beyond))
        return tuple(dict.fromkeys(filter(None, named)))

    @property
    def unit(self) -> Unit:
        if self.mean:
            return "mark" if self.mean == "opinion" else "milliseconds"
        return "share" if self.share else "count"


@cache
def definitions() -> Mapping[str, Definition]:
    """All of them by name, in the order in which they are read."""
    said = tomllib.loads(DATA.read_text())
    return MappingProxyType({name: Definition(name=name, **one) for name, one in said.items()})
