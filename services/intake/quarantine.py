"""What nobody could read: how each item stands now. Read after all is final; so is discarded, until it is read."""

from typing import Final

from msgspec.structs import asdict
from sqlalchemy import BigInteger, Column, Index, MetaData, String, Table, Text

from engine.processor import Put, State, register
from engine.work import stamp
from schemas.event import Envelope
from schemas.quarantine import QuarantineDiscarded, QuarantineEntered, QuarantineMended

WAITING: Final = "waiting"
MENDED: Final = "mended"
DISCARDED: Final = "discarded"


table: Final = Table(
    "quarantine",
    MetaData(),
    Column("item_id", Text, primary_key=True),
    Column("at", String(27), nullable=False),
    Column("state", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("inbox", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("contact_id", Text, nullable=False),  # What it was after all.
    Column("agent_id", Text, nullable=False),  # Who dealt with it,
    Column("text", Text, nullable=False),  # and why it was discarded.
    Index(None, "state", "at", "item_id"),
)


class Item(State, frozen=True):
    """One item, as its row has it."""

    at: str = ""
    state: str = WAITING
    channel: str = ""
    inbox: str = ""
    cause: str = ""
    digest: str = ""
    size_bytes: int = 0
    contact_id: str = ""
    agent_id: str = ""
    text: str = ""


def keep(
    item: Item, event: QuarantineEntered | QuarantineMended | QuarantineDiscarded, cause: Envelope
) -> tuple[Item, list[Put]]:
    del cause
    match event:
        case QuarantineEntered() if item.at:
            return item, []  # It came again.
        case QuarantineEntered():
            after = Item(
                at=stamp(event.at),
                channel=event.channel,
                inbox=event.inbox,
                cause=event.cause,
                digest=event.digest,
                size_bytes=event.size_bytes,
            )
        case QuarantineMended() if item.state != MENDED:
            changes = {"state": MENDED, "contact_id": event.contact_id, "agent_id": event.agent_id, "text": ""}
            after = item.but(**changes)
        case QuarantineDiscarded() if item.state == WAITING:
            after = item.but(state=DISCARDED, agent_id=event.agent_id, text=event.text)
        case _:
            return item, []
    return after, [Put({"item_id": event.item_id, **asdict(after)})]


quarantine = register("intake.quarantine", table, keep)
