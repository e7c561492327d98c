"""What changes of rows come to: in a table of the moment, and for a database."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import Table

from engine.processor import Add, Change, Drop, Put
from engine.tables import VIEWS_MAX

Name = tuple[Any, ...]


def fold(rows: dict[Name, dict[str, Any]], change: Change, table: Table) -> None:
    """Change these rows, each filed under the values of its key."""
    key, rest = shape(table)
    match change:
        case Put(row):
            rows[name_of(key, row)] = dict(row)
        case Add(amounts=amounts):
            for where in (change.key, *change.also):
                name = name_of(key, where)
                before = rows.setdefault(name, dict(zip((*key, *rest), (*name, *(0 for _ in rest)), strict=True)))
                before |= {column: before[column] + amount for column, amount in amounts.items()}
        case Drop():
            rows.pop(name_of(key, change.key), None)


def name_of(key: Sequence[str], said: Mapping[str, Any]) -> Name:
    return tuple(said[column] for column in key)


def runs(table: Table, changes: Sequence[Change]) -> Iterator[tuple[type[Change], Sequence[Name]]]:
    """Changes of a kind that follow each other, as values: those of the key first, where the change has more."""
    key, rest = shape(table)
    each: Sequence[Any] = changes  # Told apart by kind, which the type checker does not see.
    for kind, run in groupby(each, type):
        if kind is Add:
            yield Add, summed(key, rest, run)
        elif kind is Put:
            names = (*key, *rest)
            yield Put, [tuple([put.row[name] for name in names]) for put in run]
        else:
            yield Drop, [tuple([drop.key[name] for name in key]) for drop in run]


def summed(key: Sequence[str], rest: Sequence[str], adds: Iterable[Any]) -> list[Name]:
    """What is added to one row, at once. Always in the order of the key, so that who adds never waits in a ring."""
    named, every = itemgetter(*key), [*adds]
    each = {id(add): add for add in every}  # Who says the same often may say it by one object,
    grown: dict[int, tuple[Sequence[Mapping[str, Any]], dict[str, int]]] = {}  # and of the same rows by the same keys.
    for one, times in Counter(map(id, every)).items():
        add = each[one]
        for same, wheres in ((id(add.key), (add.key,)), (id(add.also), add.also)):
            _, more = grown.setdefault(same, (wheres, {}))
            for column, amount in add.amounts.items():
                more[column] = more.get(column, 0) + times * amount
    sums: dict[Any, dict[str, int]] = {}
    for wheres, more in grown.values():
        for where in wheres:
            name = named(where)
            amounts = sums.get(name)
            if amounts is None:
                amounts = sums[name] = dict.fromkeys(rest, 0)
            for column, amount in more.items():
                amounts[column] += amount
    whole = len(key) > 1  # Else a name is its only value.
    return [(*(name if whole else (name,)), *sums[name].values()) for name in sorted(sums)]


@lru_cache(VIEWS_MAX)
def shape(table: Table) -> tuple[Sequence[str], Sequence[str]]:
    """The columns of its key, and the others."""
    key = [column.name for column in table.primary_key.columns]
    return key, [column.name for column in table.columns if column.name not in key]
