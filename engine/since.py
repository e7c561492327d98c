"""What was put into a view since: a stretch of each partition where something came in, and no look at any other."""

from collections import Counter
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import Select, Table, and_, select, union

from engine.ask import Row, ask
from engine.engine import Engine
from engine.processor import Projection
from engine.values import filled, number, padded, slots


async def since(
    engine: Engine, view: Projection, after: Mapping[str, int], upto: Mapping[str, int], most: int
) -> tuple[Sequence[Row], Mapping[str, int]]:
    """Rows of a view whose key is where they stand on the log: those after these positions, and up to these.

    About as many as `most`, in order within each partition; and up to where they are all, on each.
    """
    names, share = padded([*upto]), max(1, most // len(upto))
    values = filled("partition", names)
    values |= {f"after_{n}": after.get(name, 0) for n, name in enumerate(names)}
    values |= {f"upto_{n}": upto[name] for n, name in enumerate(names)}
    found = await ask(engine, stretches, [view], [len(names)], values | {"share": share})
    rows = sorted(found, key=itemgetter("partition", "position"))
    many, last = Counter(row["partition"] for row in rows), {row["partition"]: row["position"] for row in rows}
    return rows, {name: last[name] if many[name] == share else at for name, at in upto.items()}


def stretches(row: Table, many: int) -> Select[Any]:
    """A short stretch of the key for each partition, whatever the database guesses."""
    key = row.c.partition, row.c.position
    each = (
        select(*key)
        .where(key[0] == where, key[1] > number(f"after_{n}"), key[1] <= number(f"upto_{n}"))
        .order_by(key[1])
        .limit(number("share"))
        .subquery()
        for n, where in enumerate(slots("partition", many))
    )
    keys = union(*(select(one) for one in each)).subquery("keys")
    both = keys.join(row, and_(row.c.partition == keys.c.partition, row.c.position == keys.c.position))
    return select(row).select_from(both)
