"""Answering: what an agent writes becomes one fact, and a courier carries it."""

from datetime import datetime
from typing import Final

from sqlalchemy import select, tuple_

from engine.ask import Row
from engine.engine import Engine
from schemas.contact import ContactAnswered, ContactReceived
from schemas.errors import Refused
from schemas.event import derived
from services.desk.addresses import addresses as addresses_view
from services.desk.entry import KEY, entry
from services.desk.filed import threads
from services.desk.forms import Form
from services.desk.place import entry_of
from services.desk.thread import of_address, rows_in

REPLY: Final = "Re: "
TITLE_CHARS_MAX: Final = 200


async def answered(engine: Engine, form: Form, now: datetime) -> ContactAnswered:
    """The answer that this form asks for. Raises `Refused` where that road is closed or nothing is there to answer."""
    channel, _, address_id = form.line("way", needed=True, most=200).partition(" ")
    text = form.text("text", needed=True)
    [*known] = await rows_in(engine, addresses_view, "address_id", [address_id])
    way = next((way for row in known for way in of_address(row, now) if way.channel == channel), None)
    if way is None or way.shut:
        raise Refused("this road is closed now: choose another one")
    contact = await last_of(engine, address_id, channel) or await last_of(engine, address_id, "")
    if contact is None:
        raise Refused("nothing came in from this address yet: there is nothing to answer")
    asked = await original(engine, contact)
    same = asked.channel == channel
    return ContactAnswered(
        at=now,
        contact_id=asked.contact_id,
        address_id=address_id,
        agent_id=form.session.agent_id,
        text=text,
        channel=channel,
        message_id=derived(f"desk answer {form.session.agent_id} {form.key} {channel} {text}"),
        address=asked.address or known[0]["value"],
        inbox=asked.inbox if same else "main",
        title=re(asked.title) if channel == "email" and asked.title else "",
        thread_id=await thread_of(engine, asked.contact_id),
        reply_to=asked.reference if same else "",
    )


async def overtaken(engine: Engine, answer: ContactAnswered, seen: str) -> bool:
    """Whether a colleague answered this address since the place that the writer had seen. Raises `Refused`."""
    if not seen:
        return False  # It was written on no page of ours.
    table = await engine.table(entry)
    theirs = (
        table.c.address_id == answer.address_id,
        table.c.type == ContactAnswered.type,
        table.c.message_id != "",
        table.c.agent_id != answer.agent_id,
        tuple_(*(table.c[name] for name in KEY)) > entry_of(seen),
    )
    return bool(await engine.fetch(select(table.c.position).where(*theirs).limit(1)))


def re(title: str) -> str:
    return (title if title[:3].casefold() == "re:" else REPLY + title)[:TITLE_CHARS_MAX]


async def last_of(engine: Engine, address_id: str, channel: str) -> Row | None:
    """What came in last from this address, over this channel or over any."""
    table = await engine.table(entry)
    query = select(table).where(table.c.address_id == address_id, table.c.type == ContactReceived.type)
    if channel:
        query = query.where(table.c.channel == channel)
    order = (table.c.at.desc(), table.c.partition.desc(), table.c.position.desc())
    return next(iter(await engine.fetch(query.order_by(*order).limit(1))), None)


async def original(engine: Engine, row: Row) -> ContactReceived:
    """The fact itself, with what no page shows: where it came from, and the provider's id of it."""
    [envelope] = await engine.read(row["position"] - 1, 1, row["partition"])
    return ContactReceived.model_validate_json(envelope.data)


async def thread_of(engine: Engine, contact_id: str) -> str:
    table = await engine.table(threads)
    rows = await engine.fetch(select(table.c.conversation_id).where(table.c.contact_id == contact_id))
    return str(rows[0]["conversation_id"]) if rows else ""
