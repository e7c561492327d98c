"""Places among what is new, as text that means the same on every machine.

It comes back from browsers, so it is read strictly: as it was written here, or not at all.
"""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple, Self

from schemas.errors import Refused

PLACE_CHARS_MAX: Final = 8_192  # Some four hundred partitions; twice in the head of a request.
SPOT: Final = r"((?:[a-z][a-z-]{0,59}-(?:0|[1-9][0-9]{0,5}))?)p([0-9]{1,18})"
SPOTS: Final = re.compile(SPOT)
SEEN: Final = re.compile(rf"e([0-9]{{1,10}}\.[0-9]{{1,10}})((?:{SPOT})*)")
ENTRY: Final = re.compile(rf"([0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}\.[0-9]{{6}}Z){SPOT}")


class Place(NamedTuple):
    """How far somebody has seen what is new: of which edition, and up to which position on each partition."""

    edition: str
    reached: Mapping[str, int]  # Nothing was seen yet of a partition that is not named.

    def __str__(self) -> str:
        return f"e{self.edition}" + "".join(spot(name, self.reached[name]) for name in sorted(self.reached))

    @classmethod
    def read(cls, text: str) -> Self | None:
        """The place that this text names; nothing where it names none, such as one of an older Draad."""
        found = SEEN.fullmatch(text) if len(text) <= PLACE_CHARS_MAX else None
        if found is None:
            return None
        place = cls(found[1], {name: int(position) for name, position in SPOTS.findall(found[2])})
        return place if str(place) == text else None

    def past(self, partition: str, position: int) -> Self:
        """The place of who has seen this entry too."""
        return self._replace(reached={**self.reached, partition: position})

    def joined(self, other: Self) -> Self:
        """The place of who has seen what either of these has seen. Both are of one edition."""
        every = {**other.reached, **self.reached}
        return self._replace(reached={name: max(at, other.reached.get(name, 0)) for name, at in every.items()})

    def saw(self, partition: str, position: int) -> bool:
        return self.reached.get(partition, 0) >= position


def spot(partition: str, position: int) -> str:
    """Where an entry stands on the log. One machine has one partition, without a name."""
    return f"{partition}p{position}"


def entry_of(before: str) -> tuple[str, str, int]:
    """The entry that a page ended with: when it happened, its partition and its position. Raises `Refused`."""
    found = ENTRY.fullmatch(before) if len(before) <= PLACE_CHARS_MAX else None
    if found is None:
        raise Refused("before is the place of an entry, as the page itself links to it")
    return found[1], found[2], int(found[3])
