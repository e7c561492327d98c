"""`draad token`: what lets programs in, made and revoked beside the Draad that runs on the log, or alone with it."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final, NamedTuple

from rich.table import Table
from rich.text import Text
from sqlalchemy import select

from draad.beside import alone, beside
from draad.keys import keys_of
from draad.redo import screen
from draad.scopes import chosen
from draad.settings import Misconfigured, Settings
from engine.engine import Engine
from schemas.errors import Refused, Unavailable
from schemas.event import fact
from schemas.token import TokenIssued, TokenRevoked
from services.access.gate import ID_CHARS, LOOK_S, digest, made
from services.access.tokens import tokens
from services.desk.words import HERE

AGE_MAX: Final = timedelta(days=731)  # Nothing is let in for ever: it would outlive whoever knows what it is for.
TOKENS_MAX: Final = 500  # That hold at the same time: every node has all of them at hand.
NAME: Final = re.compile(r"[a-z][a-z0-9.-]{0,59}")
DAYS: Final = re.compile(r"([0-9]{1,4})d")
NOTICED_S: Final = 30.0
POLL_S: Final = 0.1
MISSED: Final = "it is written down, and holds as soon as the parts that run have read it: see draad doctor"

Row = Mapping[str, Any]
Say = Callable[[str], None]


class Wish(NamedTuple):
    """What somebody asked for, checked."""

    scopes: tuple[str, ...]
    due: datetime
    name: str


def until(text: str, now: datetime) -> datetime:
    """The end of that day here, or so many days from now. Raises `Misconfigured`."""
    days = DAYS.fullmatch(text)
    try:
        if days:
            due = now + timedelta(days=int(days[1]))
        else:
            day = datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007  # A day: its zone is ours.
            due = datetime.combine(day + timedelta(days=1), time(), HERE).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Misconfigured("--until takes a day such as 2027-06-30, or a number of days such as 90d") from None
    if not now < due <= now + AGE_MAX:
        raise Misconfigured(f"--until must lie ahead, and at most {AGE_MAX.days} days")
    return due


def asked(scopes: Sequence[str], end: str, name: str, now: datetime) -> Wish:
    """Raises `Misconfigured`."""
    if name and not NAME.fullmatch(name):
        raise Misconfigured("--name takes small letters, digits, dots and dashes, such as kiss or kiss.test")
    return Wish(chosen(scopes), until(end, now), name)


async def create(settings: Settings, wish: Wish, say: Say, tell: Say) -> None:
    """Make one; it is said once, and kept by nobody. `tell` gets the words around it. Raises `Refused`."""
    now, token = datetime.now(UTC), made()
    name = wish.name or f"token-{token[:ID_CHARS].lower()}"
    async with at_log(settings) as (engine, mine):
        holding = [row for row in await rows(engine) if holds(row, now)]
        if any(row["name"] == name for row in holding):
            raise Refused(f"there is a token named {name} already: revoke it first, or take another name")
        if len(holding) >= TOKENS_MAX:
            raise Refused(f"there are {TOKENS_MAX} tokens that hold already: revoke some")
        kept = digest(keys_of(settings, facts=True).programs, token)
        issued = TokenIssued(
            at=now, token_id=token[:ID_CHARS], name=name, scopes=wish.scopes, due=wish.due, digest=kept
        )
        seen = await told(engine, issued, "issued_at", mine=mine)
    tell(f"{name} opens {', '.join(wish.scopes)} until {day_of(wish.due)}. Keep this token: it is not shown again.")
    say(token)
    if not seen:
        tell(MISSED)


async def revoke(settings: Settings, name: str, say: Say) -> None:
    """Let it hold no more, by the name under which it holds, or by how it begins. Raises `Refused`."""
    now = datetime.now(UTC)
    async with at_log(settings) as (engine, mine):
        found = [row for row in await rows(engine) if holds(row, now) and name in {row["token_id"], row["name"]}]
        if not found:
            raise Refused("no token of that name holds: draad token list shows those there are")
        seen = await told(engine, TokenRevoked(at=now, token_id=found[0]["token_id"]), "revoked_at", mine=mine)
    if not seen:
        raise Unavailable(MISSED.replace("holds", "is revoked"))
    say(f"{found[0]['name']} is revoked: it opens nothing any more, on any machine.")


async def show(settings: Settings) -> None:
    """All there ever were, by name; never a token."""
    now = datetime.now(UTC)
    async with at_log(settings) as (engine, _):
        found = await rows(engine)
    if not found:
        screen.print("There are no tokens yet: draad token create makes one.")
        return
    table = Table("name", "begins with", "opens", "until", "last used", "state", box=None, pad_edge=False)
    for row in sorted(found, key=lambda row: (row["name"], row["issued_at"])):
        state = "revoked" if row["revoked_at"] else "holds" if holds(row, now) else "expired"
        used = day_of(datetime.fromisoformat(row["used_at"])) if row["used_at"] else "never"
        due = day_of(datetime.fromisoformat(row["due"]))
        table.add_row(*map(Text, (row["name"], row["token_id"], row["scopes"], due, used, state)))
    screen.print(table)


def holds(row: Row, now: datetime) -> bool:
    return not row["revoked_at"] and now < datetime.fromisoformat(row["due"])


def day_of(moment: datetime) -> str:
    """The last day here that lies before it, wholly or in part."""
    return (moment.astimezone(HERE) - timedelta(microseconds=1)).date().isoformat()


@asynccontextmanager
async def at_log(settings: Settings) -> AsyncIterator[tuple[Engine, bool]]:
    """The log, and whether it is ours alone."""
    async with alone(settings) as engine:
        if engine:
            await engine.settle(tokens)
            yield engine, True
            return
    async with beside(settings) as engine:
        yield engine, False


async def rows(engine: Engine) -> Sequence[Row]:
    return await engine.fetch(select(await engine.table(tokens)))


async def told(engine: Engine, event: TokenIssued | TokenRevoked, column: str, *, mine: bool) -> bool:
    """Write it down, and wait until every node has seen what it did; false, if that takes too long."""
    await engine.append(fact(event, key=event.type))
    if mine:
        await engine.settle(tokens)
    ends = asyncio.get_running_loop().time() + NOTICED_S
    while asyncio.get_running_loop().time() < ends:
        if any(row["token_id"] == event.token_id and row[column] for row in await rows(engine)):
            await asyncio.sleep(0 if mine else 2 * LOOK_S)  # They look that often.
            return True
        await engine.store.moved(engine.store.mark(), POLL_S)
    return False
