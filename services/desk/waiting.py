"""Reading the work list: newest need first, each with how many may be behind its address."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, FromClause, Select, Table, case, func, select

from engine.ask import Row, ask
from engine.engine import Engine
from engine.values import number, text
from services.desk.addresses import addresses
from services.desk.identity import claims
from services.desk.tasks import tasks
from services.desk.work import work_list

WAITING_MAX: Final = 200
# A person holds the line, then somebody on a chat; what is too late comes before what is not.
NEEDS: Final = (("ringing", "transferred"), ("overdue", "missed", "undelivered", "unknown"))


async def waiting(engine: Engine, limit: int = WAITING_MAX) -> Sequence[Row]:
    """What waits, the most urgent first: the columns of `desk.work`, and `candidates`, `value`, `profile`."""
    return await ask(engine, most_urgent, [work_list, claims, addresses], (), {"most": limit})


def most_urgent(work: Table, claim: Table, address: Table) -> Select[Any]:
    """Those first, and then what is known of their addresses: joined, all addresses there are would be gone through."""
    most = select(work).order_by(*by_need(work)).limit(number("most")).subquery("most")
    behind = select(func.count()).where(claim.c.address_id == most.c.address_id, most.c.address_id != "")
    known = (
        select(address.c[name]).where(address.c.address_id == most.c.address_id).scalar_subquery().label(name)
        for name in ("value", "profile")
    )
    return select(most, behind.scalar_subquery().label("candidates"), *known).order_by(*by_need(most))


def by_need(item: FromClause) -> tuple[ColumnElement[Any], ...]:
    ranks = ((item.c.why.in_(words), rank) for rank, words in enumerate(NEEDS))
    urgency = case(*ranks, (item.c.channel == "chat", len(NEEDS) - 1), else_=len(NEEDS))
    return urgency, item.c.since.desc(), item.c.item_id


async def waiting_of(engine: Engine, address_id: str) -> Sequence[Row]:
    """What waits of one address."""
    return await ask(engine, of_address, [work_list], (), {"address": address_id})


def of_address(work: Table) -> Select[Any]:
    mine = work.c.address_id == text("address")
    return select(work).where(mine).order_by(work.c.since.desc()).limit(WAITING_MAX)


async def address_of(engine: Engine, address_id: str) -> Row | None:
    """How one address stands now: the columns of `desk.addresses`."""
    return next(iter(await ask(engine, one_address, [addresses], (), {"address": address_id})), None)


def one_address(address: Table) -> Select[Any]:
    return select(address).where(address.c.address_id == text("address"))


async def tasks_about(engine: Engine, about: str) -> Sequence[Row]:
    """The tasks of this subject (address/…, case/…), those that are open first: the columns of `desk.tasks`."""
    return await ask(engine, of_subject, [tasks], (), {"about": about})


def of_subject(task: Table) -> Select[Any]:
    found = select(task).where(task.c.about == text("about"))
    return found.order_by(task.c.state.desc(), task.c.due).limit(WAITING_MAX)
