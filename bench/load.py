"""What the figures are measured on: contacts of 600 bytes, each subject eight times, and one small processor."""

import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final

from engine.engine import Engine, utc_now
from engine.processor import State, processor
from engine.sqlite import SqliteStore
from schemas.contact import ContactReceived
from schemas.event import DIRECT, NONE, Envelope, Event, Id, derived, fact

START: Final = datetime(2026, 1, 1, tzinfo=UTC)
TEXT: Final = "Ik wil graag weten wanneer mijn paspoort klaar is. " * 9
PER_SUBJECT: Final = 8
BATCH: Final = 1_000


class ContactNoted(Event):
    """What the processor answers: about as large as what it read."""

    type: ClassVar[str] = "contact.noted"

    contact_id: Id
    address_id: Id
    nth: Annotated[int, NONE]
    text: Annotated[str, DIRECT]

    @property
    def subject(self) -> str:
        return f"address/{self.address_id}"


class Counted(State, frozen=True):
    """What it keeps per subject."""

    contacts: int = 0
    latest: str = ""


def count(state: Counted, event: ContactReceived) -> tuple[Counted, list[Event]]:
    after = Counted(contacts=state.contacts + 1, latest=event.contact_id)
    noted = ContactNoted(
        at=event.at,
        contact_id=event.contact_id,
        address_id=event.address_id,
        nth=after.contacts,
        text=event.text,
    )
    return after, [noted]


counting = processor("bench.counting", count)


def contact(number: int) -> Envelope:
    """The contact of this number. Its subject is as random as a pseudonym, and gets eight in a row of time."""
    address = derived(f"address {number // (PER_SUBJECT * 125) * 125 + number % 125}")
    event = ContactReceived(at=START, contact_id=f"c-{number}", address_id=address, channel="phone", text=TEXT)
    return fact(event, key=str(number))


def contacts(start: int, count: int) -> Iterator[list[Envelope]]:
    """Contacts by the batch."""
    for first in range(start, start + count, BATCH):
        yield [contact(number) for number in range(first, min(first + BATCH, start + count))]


@contextmanager
def folder() -> Iterator[Path]:
    """A folder on the disk that the code is on: not a memory disk, where fsync costs nothing."""
    with tempfile.TemporaryDirectory(prefix=".bench-", dir=Path.cwd()) as name:
        yield Path(name)


@asynccontextmanager
async def engine_on(path: Path, batch_max: int = BATCH) -> AsyncIterator[Engine]:
    engine = Engine(await SqliteStore.open(str(path), utc_now), batch_max=batch_max)
    try:
        yield engine
    finally:
        engine.stop()
        await engine.close()


@contextmanager
def beside(target: Callable[[Connection], None]) -> Iterator[tuple[Any, Connection]]:
    """A process of its own: the first thing that it says, which is where it is, and the way to talk to it."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=target, args=(theirs,), daemon=True)
    process.start()
    try:
        yield ours.recv(), ours
    finally:
        process.terminate()
        process.join()
