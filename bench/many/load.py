"""What the figures are measured on: the contacts of `bench/load.py`, answered on another topic than they come from."""

import os
from typing import Annotated, ClassVar, Final

from bench.load import Counted
from engine.processor import Processor, processor
from schemas.contact import ContactReceived
from schemas.event import DIRECT, NONE, Event, Id

SOURCE: Final = "address"
TARGET: Final = "party"
EVENTS_MAX: Final = int(os.environ.get("DRAAD_BENCH_EVENTS_MAX", "1_000_000_000"))  # To try a bench in less time.


class PartyNoted(Event):
    """What the processor answers: about as large as what it read, and not to be read by itself."""

    type: ClassVar[str] = "party.noted"

    contact_id: Id
    party_id: Id
    nth: Annotated[int, NONE]
    text: Annotated[str, DIRECT]

    @property
    def subject(self) -> str:
        return f"{TARGET}/{self.party_id}"


def count(state: Counted, event: ContactReceived) -> tuple[Counted, list[Event]]:
    after = Counted(contacts=state.contacts + 1, latest=event.contact_id)
    noted = PartyNoted(
        at=event.at,
        contact_id=event.contact_id,
        party_id=event.address_id,
        nth=after.contacts,
        text=event.text,
    )
    return after, [noted]


def counting(nth: int = 0) -> Processor[Counted]:
    """The processor under a name of its own: so it reads the same contacts from the first one on."""
    return processor(f"bench.counting-{nth}", count)


def cut(events: int) -> int:
    """So many, or as many as whoever measures has time for."""
    return min(events, EVENTS_MAX)
