"""What changes of rows come to: in a table of the moment, and for a database."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from typing import Any

from sqlalchemy import Table

from engine.processor import Add, Change, Drop, Put
from engine.tables import VIEWS_MAX

Name = tuple[Any, ...]


def fold(rows: dict[Name, dict[str, Any]], change: Change, table: Table) -> None:
    """Change these rows, each filed under the values of its key."""
    key, rest = shape(table)
    values = said(change)
    name = tuple(values[column] for column in key)
    match change:
        case Put():
            rows[name] = dict(values)
        case Add():
            before = rows.get(name, {})
            rows[name] = dict(zip(key, name, strict=True)) | {n: before.get(n, 0) + values.get(n, 0) for n in rest}
        case Drop():
            rows.pop(name, None)


def runs(table: Table, changes: Sequence[Change]) -> Iterator[tuple[type[Change], Sequence[Name]]]:
    """Changes of a kind that follow each other, as values: those of the key first, where the change has more."""
    key, rest = shape(table)
    for kind, run in groupby(changes, type):
        if kind is Add:
            yield Add, summed(key, rest, run)
        else:
            names = key if kind is Drop else (*key, *rest)
            yield kind, [tuple([said(change)[name] for name in names]) for change in run]


def said(change: Change) -> Mapping[str, Any]:
    return change.key if isinstance(change, Drop) else change.row


def summed(key: Sequence[str], rest: Sequence[str], adds: Iterator[Change]) -> list[Name]:
    """What is added to one row, at once. Always in the order of the key, so that who adds never waits in a ring."""
    sums: dict[Name, dict[str, int]] = {}
    for add in adds:
        row = said(add)
        amounts = sums.setdefault(tuple([row[name] for name in key]), dict.fromkeys(rest, 0))
        for name, amount in row.items():
            if name in amounts:
                amounts[name] += amount
    return [(*name, *sums[name].values()) for name in sorted(sums)]


@lru_cache(VIEWS_MAX)
def shape(table: Table) -> tuple[Sequence[str], Sequence[str]]:
    """The columns of its key, and the others."""
    key = [column.name for column in table.primary_key.columns]
    return key, [column.name for column in table.columns if column.name not in key]
